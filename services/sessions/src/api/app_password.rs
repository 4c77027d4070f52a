//! Checks an app password, and shows what is kept of one.

use plaza_core::{AccountId, Cx, Error, Result, Scope, Scopes, reason};
use plaza_proto::accounts::v1::{AccountsService as _, GetAccountRequest};
use plaza_proto::sessions::v1 as proto;

use super::{Handler, present};
use crate::domain::{App, AppPassword};

/// The app of a password that was made here, for the handle of its account. It cannot be guessed, so guesses at it are not
/// counted. Errors: `SIGN_IN_FAILED`.
pub(crate) async fn check(h: &Handler, cx: &Cx, account: AccountId, id: i64, login: &str) -> Result<App> {
    let failed = || Error::new(reason::SIGN_IN_FAILED);
    let request = GetAccountRequest { account_id: account.get() };
    let found = match h.accounts.get_account(cx, request).await {
        Ok(found) => found.account,
        Err(error) if error.is(reason::ACCOUNT_NOT_FOUND) => None,
        Err(error) => return Err(error),
    };
    found.filter(|found| found.handle.eq_ignore_ascii_case(login.trim())).ok_or_else(failed)?;
    h.store.app(cx, account, id).await?.ok_or_else(failed)
}

/// The scopes that a request names.
pub(crate) fn scopes(named: &[i32]) -> Result<Scopes> {
    let scope = |number: &i32| match proto::Scope::try_from(*number) {
        Ok(proto::Scope::Read) => Ok(Scope::Read),
        Ok(proto::Scope::Write) => Ok(Scope::Write),
        Ok(proto::Scope::Follow) => Ok(Scope::Follow),
        Ok(proto::Scope::Unspecified) | Err(_) => {
            Err(Error::invalid_field("scopes", "must be SCOPE_READ, SCOPE_WRITE or SCOPE_FOLLOW"))
        }
    };
    named.iter().map(scope).collect()
}

/// What is kept of one, as its owner sees it.
pub(crate) fn shown(app: AppPassword) -> proto::AppPassword {
    proto::AppPassword {
        app_password_id: app.id,
        name: app.name,
        scopes: present::scopes(Some(app.scopes)),
        create_time: present::time(app.created_at),
        last_use_time: (app.last_used_at > 0).then(|| present::time(app.last_used_at)).flatten(),
    }
}
