//! `GetReadPosition`: how far the caller has read in a feed.

use plaza_core::{Cx, Result};
use plaza_proto::feeds::v1::{GetReadPositionRequest, GetReadPositionResponse};

use super::Handler;
use super::positions::{kind, present};

pub(crate) async fn get_read_position(
    h: &Handler,
    cx: &Cx,
    req: GetReadPositionRequest,
) -> Result<GetReadPositionResponse> {
    let feed = kind(req.feed())?;
    let found = h.positions.get(cx, cx.account()?, feed).await?;
    Ok(GetReadPositionResponse { position: found.map(|position| present(feed, position)) })
}
