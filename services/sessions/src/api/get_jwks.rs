//! The public keys that access tokens are verified with.

use plaza_core::{Cx, Result};
use plaza_proto::sessions::v1::{GetJwksRequest, GetJwksResponse};

use super::Handler;

pub(crate) async fn get_jwks(h: &Handler, _: &Cx, _: GetJwksRequest) -> Result<GetJwksResponse> {
    Ok(GetJwksResponse { keys: h.keys.public() })
}
