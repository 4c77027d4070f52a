//! Asks for another e-mail address, which is the account's once it is verified.

use plaza_core::{AccountId, Cx, Error, Result, Violations, reason};
use plaza_proto::accounts::v1::{ChangeEmailRequest, ChangeEmailResponse};

use super::Handler;
use super::request_email_verification::send_to;
use crate::SOURCE;
use crate::domain::Email;

pub(crate) async fn change_email(h: &Handler, cx: &Cx, req: ChangeEmailRequest) -> Result<ChangeEmailResponse> {
    h.check_mailer()?;
    let email = Email::new(&req.email);
    let mut violations = Violations::default();
    email.check("email", &mut violations);
    violations.into_result()?;
    let id = AccountId(req.account_id);
    let credential = h.store.credential_of(cx, id).await?.ok_or_else(|| Error::new(reason::ACCOUNT_NOT_FOUND))?;
    if !h.passwords.verify(cx, req.password, Some(credential)).await? {
        return Err(Error::new(reason::PASSWORD_WRONG));
    }
    // Whether it is another's is told to whoever reads mail there, and to nobody else.
    let position = send_to(h, cx, id, email).await?;
    cx.wrote(SOURCE, position);
    Ok(ChangeEmailResponse {})
}
