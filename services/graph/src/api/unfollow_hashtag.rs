//! Follows a hashtag no more.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{UnfollowHashtagRequest, UnfollowHashtagResponse};

use super::{Handler, shelf};
use crate::domain::Own;

pub(crate) async fn unfollow_hashtag(
    h: &Handler,
    cx: &Cx,
    req: UnfollowHashtagRequest,
) -> Result<UnfollowHashtagResponse> {
    let hashtag = shelf::hashtag(&req.hashtag)?;
    shelf::write(h, cx, Own::UnfollowTag(hashtag.clone())).await?;
    Ok(UnfollowHashtagResponse { hashtag })
}
