//! Brings back the caller's account that is out of sight.

use plaza_core::{AccountId, Cx, Result};
use plaza_proto::accounts::v1::{ReactivateAccountRequest, ReactivateAccountResponse};

use super::{Handler, present};
use crate::SOURCE;
use crate::domain::{Change, Edit};

pub(crate) async fn reactivate_account(
    h: &Handler,
    cx: &Cx,
    req: ReactivateAccountRequest,
) -> Result<ReactivateAccountResponse> {
    let change = Change::new(AccountId(req.account_id), Edit::Reactivate, h.env.now());
    let written = h.store.change(cx, change).await?;
    cx.wrote(SOURCE, written.position);
    Ok(ReactivateAccountResponse { account: Some(present::account(&written.value, cx.viewer())) })
}
