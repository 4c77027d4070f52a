//! Takes an app password away.

use plaza_core::{Cx, Error, Result, reason};
use plaza_proto::sessions::v1::{RevokeAppPasswordRequest, RevokeAppPasswordResponse};

use super::Handler;

pub(crate) async fn revoke_app_password(
    h: &Handler,
    cx: &Cx,
    req: RevokeAppPasswordRequest,
) -> Result<RevokeAppPasswordResponse> {
    // Somebody else's is none of this account's: the answer tells nothing of it.
    if h.store.revoke_app(cx, cx.account()?, req.app_password_id).await? {
        Ok(RevokeAppPasswordResponse {})
    } else {
        Err(Error::new(reason::APP_PASSWORD_NOT_FOUND))
    }
}
