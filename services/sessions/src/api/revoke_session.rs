//! Ends one of the caller's sessions.

use plaza_core::{Cx, Error, Result, SessionId, reason};
use plaza_proto::sessions::v1::{RevokeSessionRequest, RevokeSessionResponse};

use super::Handler;

pub(crate) async fn revoke_session(h: &Handler, cx: &Cx, req: RevokeSessionRequest) -> Result<RevokeSessionResponse> {
    // Somebody else's session is none of this account's: the answer tells nothing of it.
    if h.store.end(cx, cx.account()?, SessionId(req.session_id)).await? {
        Ok(RevokeSessionResponse {})
    } else {
        Err(Error::new(reason::SESSION_NOT_FOUND))
    }
}
