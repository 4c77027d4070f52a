//! Keeps a post that is not published yet.

use plaza_core::{Cx, Result};
use plaza_proto::posts::v1::{CreateDraftRequest, CreateDraftResponse};

use super::{Handler, drafts};
use crate::store::DraftWork;

pub(crate) async fn create_draft(h: &Handler, cx: &Cx, req: CreateDraftRequest) -> Result<CreateDraftResponse> {
    let most = h.limits.drafts;
    let kept = drafts::kept(h, cx.account()?, req.post, req.publish_time).map(|kept| DraftWork::Keep(kept, most));
    Ok(CreateDraftResponse { draft_id: drafts::change(h, cx, kept).await?.id })
}
