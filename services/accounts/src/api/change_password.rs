//! Changes the caller's password.

use plaza_core::{AccountId, Cx, Error, Result, reason};
use plaza_proto::accounts::v1::{ChangePasswordRequest, ChangePasswordResponse};

use super::Handler;
use crate::SOURCE;
use crate::domain::{Account, Change, Edit, PasswordEdit};
use crate::store::Written;

pub(crate) async fn change_password(
    h: &Handler,
    cx: &Cx,
    req: ChangePasswordRequest,
) -> Result<ChangePasswordResponse> {
    // Made again, the request names a password that is the old one no more.
    let written = match h.store.recall_changed(cx).await? {
        Some(written) => written,
        None => change(h, cx, req).await?,
    };
    cx.wrote(SOURCE, written.position);
    Ok(ChangePasswordResponse {})
}

async fn change(h: &Handler, cx: &Cx, req: ChangePasswordRequest) -> Result<Written<Account>> {
    let id = AccountId(req.account_id);
    let old = h.store.credential_of(cx, id).await?.ok_or_else(|| Error::new(reason::ACCOUNT_NOT_FOUND))?;
    if !h.passwords.verify(cx, req.old_password, Some(old.clone())).await? {
        return Err(Error::new(reason::PASSWORD_WRONG));
    }
    let new = h.passwords.hash(cx, req.new_password).await?;
    let (end_sessions, keep_session) = (req.end_other_sessions, cx.caller().session);
    let edit = PasswordEdit { old, new, end_sessions, keep_session };
    h.store.change(cx, Change::new(id, Edit::Password(edit), h.env.now())).await
}
