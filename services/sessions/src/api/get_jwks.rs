//! The public keys that access tokens are verified with.

use plaza_core::{Cx, Result};
use plaza_proto::sessions::v1::{GetJwksRequest, GetJwksResponse};

use super::Handler;

pub(crate) async fn get_jwks(h: &Handler, cx: &Cx, _: GetJwksRequest) -> Result<GetJwksResponse> {
    // Another replica may sign with a key that this one has not met. Without the store, those it knows must do.
    if let Err(error) = h.keys.sync(cx, &*h.store).await {
        tracing::debug!(%error, "signing keys cannot be read; those known are answered");
    }
    Ok(GetJwksResponse { keys: h.keys.public() })
}
