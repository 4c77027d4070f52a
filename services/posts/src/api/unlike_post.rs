//! Takes the caller's like of a post back.

use plaza_core::{Cx, Result};
use plaza_proto::posts::v1::{UnlikePostRequest, UnlikePostResponse};

use super::{Handler, marking};
use crate::domain::Mark;

pub(crate) async fn unlike_post(h: &Handler, cx: &Cx, req: UnlikePostRequest) -> Result<UnlikePostResponse> {
    let marked = marking::set_mark(h, cx, Mark::Like, req.post_id, false).await?;
    Ok(UnlikePostResponse { like_count: marked.count })
}
