//! Ends another account's follow of the caller.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{RemoveFollowerRequest, RemoveFollowerResponse};

use super::{Handler, relationship};
use crate::domain::Action;

pub(crate) async fn remove_follower(
    h: &Handler,
    cx: &Cx,
    req: RemoveFollowerRequest,
) -> Result<RemoveFollowerResponse> {
    let write = h.end_of(cx, req.account_id)?;
    let written = h.store.change(cx, Action::RemoveFollower, write).await?;
    Ok(RemoveFollowerResponse { relationship: Some(relationship::after(cx, write, written)) })
}
