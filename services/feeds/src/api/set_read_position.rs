//! `SetReadPosition`: says how far the caller has read in a feed.

use plaza_core::{Cx, PostId, Result};
use plaza_proto::feeds::v1::{SetReadPositionRequest, SetReadPositionResponse};

use super::Handler;
use super::positions::{kind, present};
use crate::domain::ReadTo;

pub(crate) async fn set_read_position(
    h: &Handler,
    cx: &Cx,
    req: SetReadPositionRequest,
) -> Result<SetReadPositionResponse> {
    let (account, feed, at) = (cx.account()?, kind(req.feed())?, h.env.now());
    let to = ReadTo { account, feed, place: PostId(req.place), force: req.force, at };
    to.check()?;
    let position = h.positions.set(cx, to).await?;
    Ok(SetReadPositionResponse { position: Some(present(feed, position)) })
}
