//! Checks a code of a second factor, no oftener than it may be guessed.

use plaza_core::{AccountId, Cx, Error, Reason, Result};
use plaza_rpc::limit::network;

use super::Handler;
use crate::domain::{Factor, Guessed, Proof};
use crate::store::code_invalid;

/// What a code proves; it is not spent by this. Errors: `CODE_INVALID`, `TOO_MANY_GUESSES`, or `missing` if the account has
/// no second factor.
pub(crate) async fn check(h: &Handler, cx: &Cx, account: AccountId, code: &str, missing: Reason) -> Result<Proof> {
    let guess = h.guesses.at_factor(account, cx.remote().map(network));
    let at = h.store.guess(cx, guess).await?;
    let proof = match h.store.factor(cx, account).await {
        Ok(factor) => proof(h, account, factor, code, missing),
        Err(error) => Err(error),
    };
    let outcome = match &proof {
        Ok(Some(_)) => Guessed::Right(guess.at),
        Ok(None) => Guessed::Wrong(account, guess.at),
        Err(_) => Guessed::Unseen,
    };
    let told = h.store.guessed(cx, guess, at, outcome).await;
    // What was counted stays counted; the first error tells more.
    let proof = proof?.ok_or_else(code_invalid)?;
    told.map(|()| proof)
}

fn proof(
    h: &Handler,
    account: AccountId,
    factor: Option<Factor>,
    code: &str,
    missing: Reason,
) -> Result<Option<Proof>> {
    let factor = factor.filter(|factor| factor.confirmed).ok_or_else(|| Error::new(missing))?;
    h.totp.check(account, &factor, code, h.env.now())
}
