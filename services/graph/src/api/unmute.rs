//! Lifts the caller's mute of an account.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{UnmuteRequest, UnmuteResponse};

use super::{Handler, relationship};
use crate::domain::Action;

pub(crate) async fn unmute(h: &Handler, cx: &Cx, req: UnmuteRequest) -> Result<UnmuteResponse> {
    let write = h.end_of(cx, req.account_id)?;
    let written = h.store.change(cx, Action::Unmute, write).await?;
    Ok(UnmuteResponse { relationship: Some(relationship::after(cx, write, written)) })
}
