//! Signs in and opens a session, or asks for the second factor.

use plaza_core::text::{self, Lines};
use plaza_core::{Cx, Result, Violations};
use plaza_proto::sessions::v1::{SignInRequest, SignInResponse};

use super::open::{Opening, open};
use super::{Handler, app_password, password, present};
use crate::domain::SignedIn;

pub(crate) async fn sign_in(h: &Handler, cx: &Cx, req: SignInRequest) -> Result<SignInResponse> {
    let mut violations = Violations::default();
    text::check("device_name", &req.device_name, Lines::Single, &mut violations);
    violations.into_result()?;
    let device_name = req.device_name.clone();
    // A repeated request is answered without checking the password again: it is part of what makes it the same.
    let signed_in = match h.store.recall_opened(cx).await? {
        Some(signed_in) => signed_in,
        None => {
            let opening = prove(h, cx, req).await?;
            open(h, cx, opening).await?
        }
    };
    match signed_in {
        SignedIn::Opened(grant) => {
            let (tokens, session) = (h.keys.tokens(&grant)?, present::granted(&grant, device_name));
            Ok(SignInResponse { session: Some(session), tokens: Some(tokens), ..SignInResponse::default() })
        }
        SignedIn::Challenged(challenge) => {
            let challenge_expire_time = present::time(challenge.expires().0);
            let challenge = h.challenges.seal(&challenge, &device_name);
            Ok(SignInResponse { challenge, challenge_expire_time, ..SignInResponse::default() })
        }
    }
}

/// Who signs in, by their password or by an app password.
async fn prove(h: &Handler, cx: &Cx, req: SignInRequest) -> Result<Opening> {
    let SignInRequest { login, password, device_name, .. } = req;
    let proved_at = h.env.now();
    let (account, app) = match h.apps.open(&password) {
        Some((account, id)) => (account, Some(app_password::check(h, cx, account, id, &login).await?)),
        None => (password::check(h, cx, login, password).await?, None),
    };
    Ok(Opening { account, device_name, proved_at, proof: None, app })
}
