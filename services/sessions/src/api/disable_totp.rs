//! Takes the second factor away.

use plaza_core::{Cx, Result, reason};
use plaza_proto::sessions::v1::{DisableTotpRequest, DisableTotpResponse};

use super::{Handler, second_factor};

pub(crate) async fn disable_totp(h: &Handler, cx: &Cx, req: DisableTotpRequest) -> Result<DisableTotpResponse> {
    let account = cx.account()?;
    if h.store.recall_factor(cx).await?.is_none() {
        let proof = second_factor::check(h, cx, account, &req.code, reason::SECOND_FACTOR_NOT_FOUND).await?;
        h.store.drop_factor(cx, account, proof).await?;
    }
    Ok(DisableTotpResponse {})
}
