//! Ends the session that the call is made with.

use plaza_core::{Cx, Error, Result, reason};
use plaza_proto::sessions::v1::{SignOutRequest, SignOutResponse};

use super::Handler;

pub(crate) async fn sign_out(h: &Handler, cx: &Cx, _: SignOutRequest) -> Result<SignOutResponse> {
    let session = cx.caller().session.ok_or_else(|| Error::new(reason::CREDENTIALS_MISSING))?;
    // A session that is gone already is as good as ended.
    h.store.end(cx, cx.account()?, session).await?;
    Ok(SignOutResponse {})
}
