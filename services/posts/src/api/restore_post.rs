//! Brings one of the caller's posts back that they deleted a short time ago.

use plaza_core::{Cx, PostId, Result};
use plaza_proto::posts::v1::{RestorePostRequest, RestorePostResponse};

use super::Handler;
use crate::NAME;

pub(crate) async fn restore_post(h: &Handler, cx: &Cx, req: RestorePostRequest) -> Result<RestorePostResponse> {
    let restored = h.store.restore(cx, cx.account()?, PostId(req.post_id)).await?;
    cx.wrote(NAME, restored.position);
    Ok(RestorePostResponse {})
}
