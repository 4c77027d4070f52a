//! Deletes one of the caller's drafts.

use plaza_core::{Cx, Result};
use plaza_proto::posts::v1::{DeleteDraftRequest, DeleteDraftResponse};

use super::{Handler, drafts};
use crate::store::DraftWork;

pub(crate) async fn delete_draft(h: &Handler, cx: &Cx, req: DeleteDraftRequest) -> Result<DeleteDraftResponse> {
    drafts::change(h, cx, Ok(DraftWork::Delete(req.draft_id))).await?;
    Ok(DeleteDraftResponse {})
}
