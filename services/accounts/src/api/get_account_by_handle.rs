//! Reads one account by its handle, in any letter case.

use plaza_core::{Cx, Error, Result, reason};
use plaza_proto::accounts::v1::{GetAccountByHandleRequest, GetAccountByHandleResponse};

use super::{Handler, present};
use crate::domain::Handle;

pub(crate) async fn get_account_by_handle(
    h: &Handler,
    cx: &Cx,
    req: GetAccountByHandleRequest,
) -> Result<GetAccountByHandleResponse> {
    let not_found = || Error::new(reason::ACCOUNT_NOT_FOUND);
    let handle = Handle::parse(&req.handle).ok_or_else(not_found)?;
    let id = h.store.id_by_handle(cx, &handle).await?.ok_or_else(not_found)?;
    let account = h.store.get(cx, id).await?.ok_or_else(not_found)?;
    Ok(GetAccountByHandleResponse { account: Some(present::account(&account, cx.viewer())) })
}
