//! Confirms a second factor by its first code.

use plaza_core::{AccountId, Cx, Error, Result, reason};
use plaza_proto::sessions::v1::{ConfirmTotpRequest, ConfirmTotpResponse};

use super::Handler;
use crate::domain::{Code, Nonce};
use crate::store::code_invalid;

pub(crate) async fn confirm_totp(h: &Handler, cx: &Cx, req: ConfirmTotpRequest) -> Result<ConfirmTotpResponse> {
    let account = cx.account()?;
    let nonce = match h.store.recall_factor(cx).await? {
        Some(nonce) => nonce,
        None => confirm(h, cx, account, &req.code).await?,
    };
    Ok(ConfirmTotpResponse { recovery_codes: h.totp.recovery_codes(account, &nonce) })
}

/// Who sets a factor up has its secret, so there is nothing to guess.
async fn confirm(h: &Handler, cx: &Cx, account: AccountId, code: &str) -> Result<Nonce> {
    let missing = || Error::new(reason::SECOND_FACTOR_NOT_FOUND);
    let factor = h.store.factor(cx, account).await?.ok_or_else(missing)?;
    if factor.confirmed {
        return Err(Error::new(reason::SECOND_FACTOR_ACTIVE));
    }
    match h.totp.check(account, &factor, code, h.env.now())?.map(|proof| proof.code) {
        Some(Code::Step(step)) => h.store.confirm_factor(cx, account, factor.nonce, step).await,
        _ => Err(code_invalid()),
    }
}
