//! Signs in and opens a session.

use plaza_core::text::{self, Lines};
use plaza_core::{Cx, Result, SessionId, Violations, reason};
use plaza_proto::sessions::v1::{SignInRequest, SignInResponse};
use plaza_rpc::limit::network;

use super::{Handler, password, present};
use crate::domain::{Grant, NewSession};

/// How many ids are tried: two clashes in a row do not happen by chance.
const TRIES: usize = 3;

pub(crate) async fn sign_in(h: &Handler, cx: &Cx, req: SignInRequest) -> Result<SignInResponse> {
    let mut violations = Violations::default();
    text::check("device_name", &req.device_name, Lines::Single, &mut violations);
    violations.into_result()?;
    let device_name = req.device_name.clone();
    // A repeated request is answered without checking the password again: it is part of what makes it the same.
    let grant = match h.store.recall_opened(cx).await? {
        Some(grant) => grant,
        None => open(h, cx, req).await?,
    };
    let tokens = h.keys.tokens(&grant)?;
    Ok(SignInResponse { session: Some(present::granted(&grant, device_name)), tokens: Some(tokens) })
}

async fn open(h: &Handler, cx: &Cx, req: SignInRequest) -> Result<Grant> {
    let proved_at = h.env.now();
    let account = password::check(h, cx, req.login, req.password).await?;
    let kid = h.keys.kid()?;
    let device = h.devices.of(account, &req.device_name, cx.remote().map(network));
    let mut tries = 1;
    loop {
        let id = SessionId(h.env.next_id());
        let (device_name, address) = (req.device_name.clone(), present::address(cx));
        let new = NewSession { id, account, device_name, address, proved_at, device };
        match h.store.open(cx, new, &kid).await {
            Err(error) if error.is(reason::ID_CLASH) && tries < TRIES => tries += 1,
            outcome => return outcome,
        }
    }
}
