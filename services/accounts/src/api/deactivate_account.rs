//! Takes the caller's account out of sight.

use plaza_core::{AccountId, Cx, Result};
use plaza_proto::accounts::v1::{DeactivateAccountRequest, DeactivateAccountResponse};

use super::{Handler, present};
use crate::SOURCE;
use crate::domain::{Change, Edit};

pub(crate) async fn deactivate_account(
    h: &Handler,
    cx: &Cx,
    req: DeactivateAccountRequest,
) -> Result<DeactivateAccountResponse> {
    let change = Change::new(AccountId(req.account_id), Edit::Deactivate, h.env.now());
    let written = h.store.change(cx, change).await?;
    cx.wrote(SOURCE, written.position);
    Ok(DeactivateAccountResponse { account: Some(present::account(&written.value, cx.viewer())) })
}
