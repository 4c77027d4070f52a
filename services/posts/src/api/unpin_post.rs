//! Takes a post from the head of the caller's profile.

use plaza_core::{Cx, Result};
use plaza_proto::posts::v1::{UnpinPostRequest, UnpinPostResponse};

use super::{Handler, pin_post};

pub(crate) async fn unpin_post(h: &Handler, cx: &Cx, req: UnpinPostRequest) -> Result<UnpinPostResponse> {
    pin_post::set_pin(h, cx, req.post_id, false).await?;
    Ok(UnpinPostResponse {})
}
