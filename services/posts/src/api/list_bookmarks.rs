//! Lists the caller's bookmarks, the last one kept first.

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, PostId, Result};
use plaza_proto::posts::v1::{ListBookmarksRequest, ListBookmarksResponse};

use super::{Handler, view};
use crate::domain::Mark;
use crate::store::Place;

pub(crate) async fn list_bookmarks(h: &Handler, cx: &Cx, req: ListBookmarksRequest) -> Result<ListBookmarksResponse> {
    let (size, account) = (page::size(req.page_size)?, cx.account()?);
    let scope = Scope { method: "ListBookmarks", filter: &[], caller: Some(account) };
    let last = h.pager.open::<2>(scope, &req.page_token)?;
    let before = last.map_or(Place { id: i64::MAX, of: PostId(0) }, |[id, of]| Place { id, of: PostId(of) });
    let mut places = h.store.marked_by(cx, account, Mark::Bookmark, before, size + 1).await?;
    let more = places.len() > size;
    places.truncate(size);
    let next_page_token = match places.last() {
        Some(last) if more => h.pager.seal(scope, &[last.id, last.of.get()]),
        _ => String::new(),
    };
    let ids: Vec<PostId> = places.into_iter().map(|place| place.of).collect();
    Ok(ListBookmarksResponse { posts: view::view(h, cx, &ids).await?, next_page_token })
}
