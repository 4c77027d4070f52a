//! Replaces one of the caller's drafts and its time.

use plaza_core::{Cx, Result};
use plaza_proto::posts::v1::{UpdateDraftRequest, UpdateDraftResponse};

use super::{Handler, drafts};
use crate::store::DraftWork;

pub(crate) async fn update_draft(h: &Handler, cx: &Cx, req: UpdateDraftRequest) -> Result<UpdateDraftResponse> {
    let kept = drafts::kept(h, cx.account()?, req.post, req.publish_time);
    drafts::change(h, cx, kept.map(|kept| DraftWork::Replace(req.draft_id, kept))).await?;
    Ok(UpdateDraftResponse {})
}
