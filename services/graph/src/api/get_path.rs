//! Finds a shortest way from the caller to an account along follows.

use plaza_core::{AccountId, Cx, Result};
use plaza_proto::graph::v1::{GetPathRequest, GetPathResponse};

use super::Handler;
use crate::domain::{Path, refuse_self};

pub(crate) async fn get_path(h: &Handler, cx: &Cx, req: GetPathRequest) -> Result<GetPathResponse> {
    let (from, to) = (cx.account()?, AccountId(req.account_id));
    refuse_self(from, to)?;
    let (account_ids, gave_up) = match h.store.path(cx, from, to).await? {
        Path::Found(way) => (way.into_iter().map(AccountId::get).collect(), false),
        Path::None => (Vec::new(), false),
        Path::GaveUp => (Vec::new(), true),
    };
    Ok(GetPathResponse { account_ids, gave_up })
}
