//! Checks a password, no oftener than it may be guessed.

use plaza_core::{AccountId, Cx, Error, Result, reason};
use plaza_proto::accounts::v1::{AccountsService as _, GetAccountRequest, VerifyPasswordRequest};
use plaza_rpc::limit::network;

use super::Handler;
use crate::domain::Guessed;

/// The fact of a refusal by accounts that tells whose login it was. It is for us alone.
const ACCOUNT: &str = "account_id";

/// Whose login and password these are. Errors: `SIGN_IN_FAILED`, alike for whom there is and is not; `TOO_MANY_GUESSES`.
pub(crate) async fn check(h: &Handler, cx: &Cx, login: String, password: String) -> Result<AccountId> {
    let guess = h.guesses.at_login(&login, cx.remote().map(network));
    let at = h.store.guess(cx, guess).await?;
    let verified = h.accounts.verify_password(cx, VerifyPasswordRequest { login, password }).await;
    let (outcome, answer) = match verified {
        Ok(verified) => {
            let account = AccountId(verified.account_id);
            (Guessed::Right(h.guesses.account(account)), Ok(account))
        }
        Err(error) if error.is(reason::SIGN_IN_FAILED) => {
            let account = account_of(&error);
            // Not the peer's error, which tells more than a guest may know.
            let outcome = account.map_or(Guessed::Nobody, |id| Guessed::Wrong(id, h.guesses.account(id)));
            (outcome, Err(Error::new(reason::SIGN_IN_FAILED)))
        }
        Err(error) => (Guessed::Unseen, Err(error)),
    };
    match (h.store.guessed(cx, guess, at, outcome).await, answer) {
        // What was counted stays counted; the first error tells more.
        (_, Err(error)) => Err(error),
        (told, Ok(account)) => told.map(|()| account),
    }
}

/// Whether this is the password of `account`, whose session asks for what an open session alone must not give.
/// Answers its handle. Errors: `PASSWORD_WRONG`, `TOO_MANY_GUESSES`.
pub(crate) async fn confirm(h: &Handler, cx: &Cx, account: AccountId, password: String) -> Result<String> {
    let found = h.accounts.get_account(cx, GetAccountRequest { account_id: account.get() }).await?;
    let handle = found.account.map(|account| account.handle).unwrap_or_default();
    let wrong = || Error::new(reason::PASSWORD_WRONG).on_field("password");
    match check(h, cx, handle.clone(), password).await {
        Ok(whose) if whose == account => Ok(handle),
        Ok(_) => Err(wrong()),
        Err(error) if error.is(reason::SIGN_IN_FAILED) => Err(wrong()),
        Err(error) => Err(error),
    }
}

fn account_of(refusal: &Error) -> Option<AccountId> {
    let fact = refusal.metadata().iter().find(|(key, _)| key == ACCOUNT)?;
    fact.1.parse().ok().map(AccountId)
}
