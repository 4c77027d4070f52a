//! Reposts a post.

use plaza_core::{Cx, Result};
use plaza_proto::posts::v1::{RepostRequest, RepostResponse};

use super::{Handler, marking};
use crate::domain::Mark;

pub(crate) async fn repost(h: &Handler, cx: &Cx, req: RepostRequest) -> Result<RepostResponse> {
    let marked = marking::set_mark(h, cx, Mark::Repost, req.post_id, true).await?;
    Ok(RepostResponse { repost_count: marked.count, repost_id: marked.id })
}
