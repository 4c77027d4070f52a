//! Lists the newest posts of many authors, whatever their visibility, for building feeds. The reader of a feed sees its
//! posts through BatchGetPosts, which judges them.

use plaza_core::{AccountId, Cx, PostId, Result, page};
use plaza_proto::posts::v1::{ListPostRefsRequest, ListPostRefsResponse, PostRef};

use super::Handler;
use crate::store::END;

/// The largest page.
const MAX_REFS: usize = 1_000;

pub(crate) async fn list_post_refs(h: &Handler, cx: &Cx, req: ListPostRefsRequest) -> Result<ListPostRefsResponse> {
    let size = page::size_up_to(req.page_size, MAX_REFS)?;
    let before = if req.before_id == 0 { END } else { PostId(req.before_id) };
    let mut authors: Vec<AccountId> = req.author_ids.into_iter().map(AccountId).collect();
    authors.sort_unstable();
    authors.dedup();
    let refs = h.store.refs(cx, &authors, before, size).await?;
    let message = |r: &crate::domain::PostRef| PostRef { post_id: r.post.get(), author_id: r.author.get() };
    Ok(ListPostRefsResponse { refs: refs.iter().map(message).collect() })
}
