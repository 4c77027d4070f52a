//! Gets one of the caller's drafts.

use plaza_core::{Cx, Error, Result, reason};
use plaza_proto::posts::v1::{GetDraftRequest, GetDraftResponse};

use super::{Handler, drafts};

pub(crate) async fn get_draft(h: &Handler, cx: &Cx, req: GetDraftRequest) -> Result<GetDraftResponse> {
    let found = drafts::find(h, cx, req.draft_id).await?;
    let draft = found.ok_or_else(|| Error::new(reason::DRAFT_NOT_FOUND))?;
    Ok(GetDraftResponse { draft: Some(drafts::message(draft)?) })
}
