//! Blocks an account and ends follows both ways.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{BlockRequest, BlockResponse};

use super::{Handler, relationship};

pub(crate) async fn block(h: &Handler, cx: &Cx, req: BlockRequest) -> Result<BlockResponse> {
    let write = h.write_to(cx, req.account_id).await?;
    let written = h.store.block(cx, write).await?;
    Ok(BlockResponse { relationship: Some(relationship::after(cx, write, written)) })
}
