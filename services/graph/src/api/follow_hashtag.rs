//! Follows a hashtag.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{FollowHashtagRequest, FollowHashtagResponse};

use super::{Handler, shelf};
use crate::domain::Own;

pub(crate) async fn follow_hashtag(h: &Handler, cx: &Cx, req: FollowHashtagRequest) -> Result<FollowHashtagResponse> {
    let hashtag = shelf::hashtag(&req.hashtag)?;
    shelf::write(h, cx, Own::FollowTag(hashtag.clone())).await?;
    Ok(FollowHashtagResponse { hashtag })
}
