//! Sends a token to the caller's e-mail address.

use plaza_core::{AccountId, Cx, Error, Position, Result, reason};
use plaza_proto::accounts::v1::{RequestEmailVerificationRequest, RequestEmailVerificationResponse};

use super::Handler;
use crate::SOURCE;
use crate::domain::ticket::{NewTicket, Purpose};
use crate::domain::{Change, Edit, Email};

pub(crate) async fn request_email_verification(
    h: &Handler,
    cx: &Cx,
    req: RequestEmailVerificationRequest,
) -> Result<RequestEmailVerificationResponse> {
    h.check_mailer()?;
    let id = AccountId(req.account_id);
    let account = h.store.get(cx, id).await?.ok_or_else(|| Error::new(reason::ACCOUNT_NOT_FOUND))?;
    let position = send_to(h, cx, id, Email::new(&account.email)).await?;
    cx.wrote(SOURCE, position);
    Ok(RequestEmailVerificationResponse {})
}

/// Has a token sent to `email`, which makes it the account's.
pub(super) async fn send_to(h: &Handler, cx: &Cx, id: AccountId, email: Email) -> Result<Position> {
    let now = h.env.now();
    let (ticket, expires_at) = (h.env.next_id(), now.plus_ms(h.rules.verify_email_ms));
    let ticket = NewTicket { id: ticket, purpose: Purpose::VerifyEmail, email, at: now, expires_at };
    let written = h.store.change(cx, Change::new(id, Edit::Mail(ticket), now)).await?;
    Ok(written.position)
}
