//! Begins to set up a second factor.

use plaza_core::{Cx, Result};
use plaza_proto::sessions::v1::{BeginTotpSetupRequest, BeginTotpSetupResponse};

use super::{Handler, password};
use crate::domain::Nonce;

pub(crate) async fn begin_totp_setup(
    h: &Handler,
    cx: &Cx,
    req: BeginTotpSetupRequest,
) -> Result<BeginTotpSetupResponse> {
    let account = cx.account()?;
    let handle = password::confirm(h, cx, account, req.password).await?;
    let mut fresh = Nonce::default();
    h.env.fill(&mut fresh);
    let nonce = h.store.begin_factor(cx, account, fresh).await?;
    let (secret, otpauth_uri) = (h.totp.shown(account, &nonce), h.totp.uri(account, &nonce, &handle));
    Ok(BeginTotpSetupResponse { secret, otpauth_uri })
}
