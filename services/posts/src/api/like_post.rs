//! Likes a post.

use plaza_core::{Cx, Result};
use plaza_proto::posts::v1::{LikePostRequest, LikePostResponse};

use super::{Handler, marking};
use crate::domain::Mark;

pub(crate) async fn like_post(h: &Handler, cx: &Cx, req: LikePostRequest) -> Result<LikePostResponse> {
    let marked = marking::set_mark(h, cx, Mark::Like, req.post_id, true).await?;
    Ok(LikePostResponse { like_count: marked.count })
}
