//! Lifts a block.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{UnblockRequest, UnblockResponse};

use super::{Handler, relationship};

pub(crate) async fn unblock(h: &Handler, cx: &Cx, req: UnblockRequest) -> Result<UnblockResponse> {
    let write = h.end_of(cx, req.account_id)?;
    let written = h.store.unblock(cx, write).await?;
    Ok(UnblockResponse { relationship: Some(relationship::after(cx, write, written)) })
}
