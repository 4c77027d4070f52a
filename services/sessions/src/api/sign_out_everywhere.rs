//! Ends the caller's sessions on all devices.

use plaza_core::{Cx, Error, Result, reason};
use plaza_proto::sessions::v1::{SignOutEverywhereRequest, SignOutEverywhereResponse};

use super::Handler;
use crate::domain::Ending;

pub(crate) async fn sign_out_everywhere(
    h: &Handler,
    cx: &Cx,
    req: SignOutEverywhereRequest,
) -> Result<SignOutEverywhereResponse> {
    let account = cx.account()?;
    let keep = match req.keep_current {
        true => Some(cx.caller().session.ok_or_else(|| Error::new(reason::CREDENTIALS_MISSING))?),
        false => None,
    };
    let ended = h.store.end_all(cx, account, Ending { keep, before: h.env.now() }).await?;
    Ok(SignOutEverywhereResponse { ended_sessions: i32::try_from(ended).unwrap_or(i32::MAX) })
}
