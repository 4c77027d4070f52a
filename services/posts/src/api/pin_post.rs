//! Puts one of the caller's posts at the head of their profile.

use plaza_core::{Cx, PostId, Result};
use plaza_proto::posts::v1::{PinPostRequest, PinPostResponse};

use super::Handler;
use crate::NAME;
use crate::store::PinChange;

pub(crate) async fn pin_post(h: &Handler, cx: &Cx, req: PinPostRequest) -> Result<PinPostResponse> {
    set_pin(h, cx, req.post_id, true).await?;
    Ok(PinPostResponse {})
}

/// Pins one of the caller's posts, or unpins it.
pub(super) async fn set_pin(h: &Handler, cx: &Cx, post: i64, set: bool) -> Result<()> {
    let pinned = h.store.set_pin(cx, PinChange { post: PostId(post), author: cx.account()?, set }).await?;
    if let Some(position) = pinned.position {
        cx.wrote(NAME, position);
    }
    Ok(())
}
