//! Takes the caller's like of a post back.

use plaza_core::{Cx, Result};
use plaza_proto::posts::v1::{UnlikePostRequest, UnlikePostResponse};

use super::{Handler, like_post};

pub(crate) async fn unlike_post(h: &Handler, cx: &Cx, req: UnlikePostRequest) -> Result<UnlikePostResponse> {
    Ok(UnlikePostResponse { like_count: like_post::set_like(h, cx, req.post_id, false).await? })
}
