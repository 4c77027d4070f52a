//! Lists the newest posts of many authors, whatever their visibility, for building feeds. The reader of a feed sees its
//! posts through BatchGetPosts, which judges them.

use std::cmp::Reverse;

use plaza_core::{AccountId, Cx, PostId, Result, page};
use plaza_proto::posts::v1::{ListPostRefsRequest, ListPostRefsResponse, PostRef};

use super::Handler;
use crate::domain;
use crate::store::END;

/// The largest page.
const MAX_REFS: usize = 1_000;

pub(crate) async fn list_post_refs(h: &Handler, cx: &Cx, req: ListPostRefsRequest) -> Result<ListPostRefsResponse> {
    let size = page::size_up_to(req.page_size, MAX_REFS)?;
    let before = if req.before_id == 0 { END } else { PostId(req.before_id) };
    let mut authors: Vec<AccountId> = req.author_ids.into_iter().map(AccountId).collect();
    authors.sort_unstable();
    authors.dedup();
    let mut refs: Vec<PostRef> = h.store.refs(cx, &authors, before, size).await?.into_iter().map(post).collect();
    if req.include_reposts {
        refs.extend(h.store.repost_refs(cx, &authors, before, size).await?.into_iter().map(repost));
        refs.sort_by_key(|r| Reverse(r.post_id.max(r.repost_id)));
        refs.truncate(size);
    }
    Ok(ListPostRefsResponse { refs })
}

fn post(found: domain::PostRef) -> PostRef {
    PostRef { post_id: found.post.get(), author_id: found.author.get(), ..PostRef::default() }
}

fn repost(found: domain::RepostRef) -> PostRef {
    let (post_id, author_id) = (found.post.get(), found.author.get());
    PostRef { post_id, author_id, repost_id: found.repost, reposter_id: found.account.get() }
}
