//! Reads many accounts.

use std::collections::HashMap;

use plaza_core::{AccountId, Cx, Result};
use plaza_proto::accounts::v1::{BatchGetAccountsRequest, BatchGetAccountsResponse};

use super::{Handler, present};

pub(crate) async fn batch_get_accounts(
    h: &Handler,
    cx: &Cx,
    req: BatchGetAccountsRequest,
) -> Result<BatchGetAccountsResponse> {
    let ids: Vec<AccountId> = req.account_ids.into_iter().map(AccountId).collect();
    let found: HashMap<_, _> = h.store.batch_get(cx, &ids).await?.into_iter().map(|a| (a.id, a)).collect();
    let accounts = ids.iter().filter_map(|id| found.get(id)).map(|a| present::account(a, cx.viewer())).collect();
    Ok(BatchGetAccountsResponse { accounts })
}
