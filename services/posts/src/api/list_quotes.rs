//! Lists the posts that quote a post, newest first.

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, Error, PostId, Result, reason};
use plaza_proto::posts::v1::{ListQuotesRequest, ListQuotesResponse};

use super::{Handler, view};
use crate::store::END;

pub(crate) async fn list_quotes(h: &Handler, cx: &Cx, req: ListQuotesRequest) -> Result<ListQuotesResponse> {
    let size = page::size(req.page_size)?;
    let scope = Scope { method: "ListQuotes", filter: &[req.post_id], caller: cx.viewer() };
    let before = h.pager.open::<1>(scope, &req.page_token)?.map_or(END, |[id]| PostId(id));
    let post = PostId(req.post_id);
    view::sighted(h, cx, post, &Error::new(reason::POST_NOT_FOUND)).await?;
    let mut ids = h.store.quotes(cx, post, before, size + 1).await?;
    let more = ids.len() > size;
    ids.truncate(size);
    let next_page_token = match ids.last() {
        Some(last) if more => h.pager.seal(scope, &[last.get()]),
        _ => String::new(),
    };
    Ok(ListQuotesResponse { posts: view::view(h, cx, &ids).await?, next_page_token })
}
