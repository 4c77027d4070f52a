//! Takes the caller's repost of a post back.

use plaza_core::{Cx, Result};
use plaza_proto::posts::v1::{UndoRepostRequest, UndoRepostResponse};

use super::{Handler, marking};
use crate::domain::Mark;

pub(crate) async fn undo_repost(h: &Handler, cx: &Cx, req: UndoRepostRequest) -> Result<UndoRepostResponse> {
    let marked = marking::set_mark(h, cx, Mark::Repost, req.post_id, false).await?;
    Ok(UndoRepostResponse { repost_count: marked.count })
}
