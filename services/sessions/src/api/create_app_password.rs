//! Makes a password for a program.

use plaza_core::text::{self, Lines};
use plaza_core::{Cx, Result, Violations, reason};
use plaza_proto::sessions::v1::{CreateAppPasswordRequest, CreateAppPasswordResponse};

use super::{Handler, app_password, password};
use crate::domain::AppPassword;

/// How many ids are tried: two clashes in a row do not happen by chance.
const TRIES: usize = 3;

pub(crate) async fn create_app_password(
    h: &Handler,
    cx: &Cx,
    req: CreateAppPasswordRequest,
) -> Result<CreateAppPasswordResponse> {
    let mut violations = Violations::default();
    text::check("name", &req.name, Lines::Single, &mut violations);
    if req.name.trim().is_empty() {
        violations.push("name", "must say what the password is for");
    }
    violations.into_result()?;
    let (account, scopes) = (cx.account()?, app_password::scopes(&req.scopes)?);
    password::confirm(h, cx, account, req.password.clone()).await?;
    let mut tries = 1;
    let app = loop {
        let (id, name, created_at) = (h.env.next_id(), req.name.clone(), h.env.now().0);
        let new = AppPassword { id, name, scopes, created_at, last_used_at: 0 };
        match h.store.create_app(cx, account, new).await {
            Err(error) if error.is(reason::ID_CLASH) && tries < TRIES => tries += 1,
            outcome => break outcome?,
        }
    };
    let password = h.apps.seal(account, app.id);
    Ok(CreateAppPasswordResponse { app_password: Some(app_password::shown(app)), password })
}
