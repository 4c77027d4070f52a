//! Takes a token that was sent to an account's e-mail address, and sets a new password.

use plaza_core::{Cx, Result};
use plaza_proto::accounts::v1::{ResetPasswordRequest, ResetPasswordResponse};

use super::Handler;
use crate::SOURCE;
use crate::domain::ticket::{Effect, Purpose, Redemption};
use crate::store::Written;

pub(crate) async fn reset_password(h: &Handler, cx: &Cx, req: ResetPasswordRequest) -> Result<ResetPasswordResponse> {
    // A token that was made up is not worth a hash, nor is a request that was answered before.
    let (account, ticket) = h.tokens.open(Purpose::ResetPassword, &req.token)?;
    let written: Written<()> = match h.store.recall_redeemed(cx).await? {
        Some(written) => written,
        None => {
            let effect = Effect::SetPassword(h.passwords.hash(cx, req.new_password).await?);
            h.store.redeem(cx, Redemption { account, ticket, effect, at: h.env.now() }).await?
        }
    };
    cx.wrote(SOURCE, written.position);
    Ok(ResetPasswordResponse {})
}
