//! Sends a token to an e-mail address, if an account has it. Whether one has is not told.

use plaza_core::{Cx, Result};
use plaza_proto::accounts::v1::{RequestPasswordResetRequest, RequestPasswordResetResponse};

use super::Handler;
use crate::domain::Email;
use crate::domain::ticket::{NewTicket, Purpose, Reset};

/// How long a token that was sent stays the one, whoever asks again.
const RESEND_MS: i64 = 60_000;

pub(crate) async fn request_password_reset(
    h: &Handler,
    cx: &Cx,
    req: RequestPasswordResetRequest,
) -> Result<RequestPasswordResetResponse> {
    h.check_mailer()?;
    let now = h.env.now();
    let (id, expires_at) = (h.env.next_id(), now.plus_ms(h.rules.reset_password_ms));
    let ticket = NewTicket { id, purpose: Purpose::ResetPassword, email: Email::new(&req.email), at: now, expires_at };
    // One commit, known or not. Its place in the outbox would tell, so it is not handed out.
    h.store.request_reset(cx, Reset { ticket, not_since: now.plus_ms(-RESEND_MS) }).await?;
    Ok(RequestPasswordResetResponse {})
}
