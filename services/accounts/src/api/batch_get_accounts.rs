//! Reads many accounts.

use std::collections::HashMap;
use std::sync::Arc;

use plaza_core::{AccountId, Cx, Error, Result, reason};
use plaza_proto::accounts::v1::{BatchGetAccountsRequest, BatchGetAccountsResponse};

use super::{Handler, present};
use crate::domain::Account;

pub(crate) async fn batch_get_accounts(
    h: &Handler,
    cx: &Cx,
    req: BatchGetAccountsRequest,
) -> Result<BatchGetAccountsResponse> {
    if req.include_hidden && cx.caller().service.is_none() {
        return Err(Error::new(reason::PERMISSION_DENIED).message("`include_hidden` is for services"));
    }
    let is_shown = |account: &&Arc<Account>| req.include_hidden || account.is_visible_to(cx.viewer());
    let ids: Vec<AccountId> = req.account_ids.into_iter().map(AccountId).collect();
    let found: HashMap<_, _> = h.store.batch_get(cx, &ids).await?.into_iter().map(|a| (a.id, a)).collect();
    let accounts = ids.iter().filter_map(|id| found.get(id)).filter(is_shown);
    let accounts = accounts.map(|a| present::account(a, cx.viewer())).collect();
    Ok(BatchGetAccountsResponse { accounts })
}
