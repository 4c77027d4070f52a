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
    let failed = || Error::new(reason::SIGN_IN_FAILED);
    match id {
        Some(id) if matches => Ok(VerifyPasswordResponse { account_id: id.get() }),
        // Only services can call this: the one that counts guesses needs to know at whose password.
        Some(id) => Err(failed().with("account_id", id)),
        None => Err(failed()),
    }
}
