//! Notes that a service has erased all that it held of a deleted account.

use plaza_core::{AccountId, Cx, Result};
use plaza_proto::accounts::v1::{ReportErasureRequest, ReportErasureResponse};

use super::Handler;
use crate::SOURCE;
use crate::domain::erasure::Report;

pub(crate) async fn report_erasure(h: &Handler, cx: &Cx, req: ReportErasureRequest) -> Result<ReportErasureResponse> {
    let (account, service, kinds) = (AccountId(req.account_id), req.service, req.kinds);
    let written = h.store.report_erasure(cx, Report { account, service, kinds, at: h.env.now() }).await?;
    cx.wrote(SOURCE, written.position);
    Ok(ReportErasureResponse {})
}
