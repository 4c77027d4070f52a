//! Suggests an account to the caller no more.

use plaza_core::{Cx, Error, Result, reason};
use plaza_proto::graph::v1::{DismissSuggestionRequest, DismissSuggestionResponse};

use super::{Handler, shelf};
use crate::domain::Own;

pub(crate) async fn dismiss_suggestion(
    h: &Handler,
    cx: &Cx,
    req: DismissSuggestionRequest,
) -> Result<DismissSuggestionResponse> {
    let about = h.write_to(cx, req.account_id).await?;
    if !about.target_exists {
        return Err(Error::new(reason::ACCOUNT_NOT_FOUND).with("account_id", about.target));
    }
    shelf::write(h, cx, Own::Dismiss(about.target)).await?;
    Ok(DismissSuggestionResponse {})
}
