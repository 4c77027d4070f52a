//! Answers the challenge of a sign-in by the second factor.

use plaza_core::{Cx, Error, Result, Timestamp, reason};
use plaza_proto::sessions::v1::{CompleteSignInRequest, CompleteSignInResponse};

use super::open::{Opening, open};
use super::{Handler, present, second_factor};
use crate::domain::{Challenge, SignedIn};

pub(crate) async fn complete_sign_in(
    h: &Handler,
    cx: &Cx,
    req: CompleteSignInRequest,
) -> Result<CompleteSignInResponse> {
    let (challenge, device_name) = h.challenges.open(&req.challenge).ok_or_else(invalid)?;
    let signed_in = match h.store.recall_opened(cx).await? {
        Some(signed_in) => signed_in,
        None => complete(h, cx, challenge, device_name.clone(), &req.code).await?,
    };
    let SignedIn::Opened(grant) = signed_in else { return Err(Error::internal("a code was given and not taken")) };
    let tokens = h.keys.tokens(&grant)?;
    Ok(CompleteSignInResponse { session: Some(present::granted(&grant, device_name)), tokens: Some(tokens) })
}

async fn complete(h: &Handler, cx: &Cx, challenge: Challenge, device_name: String, code: &str) -> Result<SignedIn> {
    if challenge.expires() <= h.env.now() {
        return Err(invalid());
    }
    let account = challenge.account;
    let proof = second_factor::check(h, cx, account, code, reason::CHALLENGE_INVALID).await?;
    let proved_at = Timestamp(challenge.proved_at);
    open(h, cx, Opening { account, device_name, proved_at, proof: Some(proof), app: None }).await
}

fn invalid() -> Error {
    Error::new(reason::CHALLENGE_INVALID)
}
