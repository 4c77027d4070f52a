//! Deletes one of the caller's posts.

use plaza_core::{Cx, PostId, Result};
use plaza_proto::posts::v1::{DeletePostRequest, DeletePostResponse};

use super::Handler;
use crate::NAME;

pub(crate) async fn delete_post(h: &Handler, cx: &Cx, req: DeletePostRequest) -> Result<DeletePostResponse> {
    let deleted = h.store.delete(cx, cx.account()?, PostId(req.post_id)).await?;
    cx.wrote(NAME, deleted.position);
    Ok(DeletePostResponse {})
}
