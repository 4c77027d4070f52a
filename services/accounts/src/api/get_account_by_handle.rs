//! Reads one account by its handle, in any letter case.

use std::sync::Arc;

use plaza_core::{Cx, Error, Result, reason};
use plaza_proto::accounts::v1::{GetAccountByHandleRequest, GetAccountByHandleResponse};

use super::{Handler, present};
use crate::domain::{Account, Handle};

pub(crate) async fn get_account_by_handle(
    h: &Handler,
    cx: &Cx,
    req: GetAccountByHandleRequest,
) -> Result<GetAccountByHandleResponse> {
    let not_found = || Error::new(reason::ACCOUNT_NOT_FOUND);
    let handle = Handle::parse(&req.handle).ok_or_else(not_found)?;
    let id = h.store.id_by_handle(cx, &handle).await?.ok_or_else(not_found)?;
    // A copy may still lead from a handle to the account that had it.
    let has_it = |account: &Arc<Account>| account.handle.eq_ignore_ascii_case(handle.as_str());
    let account = h.store.get(cx, id).await?.filter(has_it);
    let account = account.filter(|account| account.is_visible_to(cx.viewer())).ok_or_else(not_found)?;
    Ok(GetAccountByHandleResponse { account: Some(present::account(&account, cx.viewer())) })
}
