//! Publishes one of the caller's drafts now.

use plaza_core::{Cx, Error, Result, reason};
use plaza_proto::posts::v1::{PublishDraftRequest, PublishDraftResponse};

use super::{Handler, create_post, drafts};
use crate::NAME;

pub(crate) async fn publish_draft(h: &Handler, cx: &Cx, req: PublishDraftRequest) -> Result<PublishDraftResponse> {
    let published = match drafts::find(h, cx, req.draft_id).await? {
        Some(draft) => create_post::publish(h, cx, drafts::fit(h, &draft)?).await?.1,
        // What was published already is answered again, though the draft is gone by now.
        None => h.store.answered_publish(cx).await?.ok_or_else(|| Error::new(reason::DRAFT_NOT_FOUND))?,
    };
    cx.wrote(NAME, published.position);
    Ok(PublishDraftResponse { post_id: published.post.get() })
}
