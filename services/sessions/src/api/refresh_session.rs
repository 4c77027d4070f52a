//! Trades a refresh token for a new pair of tokens.

use plaza_core::{Cx, Error, Result, reason};
use plaza_proto::sessions::v1::{RefreshSessionRequest, RefreshSessionResponse};

use super::{Handler, present};
use crate::domain::Use;
use crate::store::Refreshed;

pub(crate) async fn refresh_session(
    h: &Handler,
    cx: &Cx,
    req: RefreshSessionRequest,
) -> Result<RefreshSessionResponse> {
    let invalid = || Error::new(reason::REFRESH_TOKEN_INVALID);
    let presented = h.keys.refresh().open(&req.refresh_token).ok_or_else(invalid)?;
    let (refreshed, device_name) =
        h.store.refresh(cx, Use { presented, address: present::address(cx) }, &h.keys.kid(h.env.now())?).await?;
    let grant = match refreshed {
        Refreshed::Granted(grant) => grant,
        Refreshed::Reused => {
            tracing::warn!(session = %presented.session, "a used refresh token came back; its session is ended");
            return Err(Error::new(reason::REFRESH_TOKEN_REUSED));
        }
    };
    let tokens = h.keys.tokens(&grant)?;
    Ok(RefreshSessionResponse { session: Some(present::granted(&grant, device_name)), tokens: Some(tokens) })
}
