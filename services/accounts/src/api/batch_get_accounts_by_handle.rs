//! Reads many accounts by their handles, in any letter case.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use plaza_core::{AccountId, Cx, Result};
use plaza_proto::accounts::v1::{BatchGetAccountsByHandleRequest, BatchGetAccountsByHandleResponse};

use super::{Handler, present};
use crate::domain::Handle;

/// How many handles are looked up at the same time; most are found among copies.
const AT_ONCE: usize = 16;

pub(crate) async fn batch_get_accounts_by_handle(
    h: &Handler,
    cx: &Cx,
    req: BatchGetAccountsByHandleRequest,
) -> Result<BatchGetAccountsByHandleResponse> {
    let handles = req.handles.iter().filter_map(|handle| Handle::parse(handle));
    let handles: BTreeMap<String, Handle> = handles.map(|handle| (handle.key().to_owned(), handle)).collect();
    let look_ups: Vec<_> = handles.values().map(|handle| h.store.id_by_handle(cx, handle)).collect();
    let found: Vec<Option<AccountId>> = stream::iter(look_ups).buffered(AT_ONCE).try_collect().await?;
    let ids: BTreeSet<AccountId> = found.into_iter().flatten().collect();
    if ids.is_empty() {
        return Ok(BatchGetAccountsByHandleResponse { accounts: Vec::new() });
    }
    let mut accounts = h.store.batch_get(cx, &ids.into_iter().collect::<Vec<_>>()).await?;
    // A copy may still lead from a handle to the account that had it.
    accounts.retain(|account| handles.contains_key(&account.handle.to_ascii_lowercase()));
    accounts.retain(|account| account.is_visible_to(cx.viewer()));
    let accounts = accounts.iter().map(|account| present::account(account, cx.viewer())).collect();
    Ok(BatchGetAccountsByHandleResponse { accounts })
}
