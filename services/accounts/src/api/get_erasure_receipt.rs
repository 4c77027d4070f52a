//! Tells what was erased of a deleted account, where and when.

use plaza_core::{Cx, Result};
use plaza_proto::accounts::v1::{Erasure, GetErasureReceiptRequest, GetErasureReceiptResponse};

use super::{Handler, present};
use crate::domain::erasure::Report;

pub(crate) async fn get_erasure_receipt(
    h: &Handler,
    cx: &Cx,
    req: GetErasureReceiptRequest,
) -> Result<GetErasureReceiptResponse> {
    let account = h.tokens.open_receipt(&req.receipt_token)?;
    let receipt = h.store.receipt(cx, account).await?;
    let (delete_time, complete) = (receipt.deleted_at.map(present::time), receipt.is_complete());
    let erasure = |Report { service, kinds, at, .. }| Erasure { service, kinds, erase_time: Some(present::time(at.0)) };
    let erasures = receipt.erasures().into_iter().map(erasure).collect();
    Ok(GetErasureReceiptResponse { account_id: account.get(), delete_time, erasures, complete })
}
