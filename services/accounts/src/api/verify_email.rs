//! Takes a token that was sent to an e-mail address: the address is the account's, and verified.

use plaza_core::{Cx, Result};
use plaza_proto::accounts::v1::{VerifyEmailRequest, VerifyEmailResponse};

use super::Handler;
use crate::SOURCE;
use crate::domain::ticket::{Effect, Purpose, Redemption};

pub(crate) async fn verify_email(h: &Handler, cx: &Cx, req: VerifyEmailRequest) -> Result<VerifyEmailResponse> {
    let (account, ticket) = h.tokens.open(Purpose::VerifyEmail, &req.token)?;
    let redemption = Redemption { account, ticket, effect: Effect::VerifyEmail, at: h.env.now() };
    let written = h.store.redeem(cx, redemption).await?;
    cx.wrote(SOURCE, written.position);
    Ok(VerifyEmailResponse {})
}
