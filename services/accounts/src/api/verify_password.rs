//! Tells whose login and password these are.

use plaza_core::{Cx, Error, Result, reason};
use plaza_proto::accounts::v1::{VerifyPasswordRequest, VerifyPasswordResponse};

use super::Handler;
use crate::domain::Login;

pub(crate) async fn verify_password(
    h: &Handler,
    cx: &Cx,
    req: VerifyPasswordRequest,
) -> Result<VerifyPasswordResponse> {
    let (id, credential) = h.store.credential(cx, &Login::parse(&req.login)).await?.unzip();
    // Runs for an unknown login too, so that the time tells nothing.
    let matches = h.passwords.verify(cx, req.password, credential).await?;
    let id = id.filter(|_| matches).ok_or_else(|| Error::new(reason::SIGN_IN_FAILED))?;
    Ok(VerifyPasswordResponse { account_id: id.get() })
}
