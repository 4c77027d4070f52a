//! Likes a post.

use plaza_core::{Cx, Error, PostId, Result, reason};
use plaza_proto::posts::v1::{LikePostRequest, LikePostResponse};

use super::{Handler, view};
use crate::NAME;
use crate::store::LikeChange;

pub(crate) async fn like_post(h: &Handler, cx: &Cx, req: LikePostRequest) -> Result<LikePostResponse> {
    Ok(LikePostResponse { like_count: set_like(h, cx, req.post_id, true).await? })
}

/// Sets the caller's like of a post that the caller may see, or takes it back; returns how many like the post.
pub(super) async fn set_like(h: &Handler, cx: &Cx, post: i64, like: bool) -> Result<i64> {
    let change = LikeChange { post: PostId(post), account: cx.account()?, like };
    let liked = match may_see(h, cx, change.post).await {
        Ok(()) => h.store.set_like(cx, change).await?,
        // What was answered already is answered again, though the post may be out of sight by now.
        Err(refusal) => h.store.answered_like(cx).await?.ok_or(refusal)?,
    };
    if let Some(position) = liked.position {
        cx.wrote(NAME, position);
    }
    Ok(liked.likes)
}

async fn may_see(h: &Handler, cx: &Cx, post: PostId) -> Result<()> {
    let missing = || Error::new(reason::POST_NOT_FOUND);
    if view::visible(h, cx, &[post]).await?.is_empty() { Err(missing()) } else { Ok(()) }
}
