//! Reads one account.

use plaza_core::{AccountId, Cx, Error, Result, reason};
use plaza_proto::accounts::v1::{GetAccountRequest, GetAccountResponse};

use super::{Handler, present};

pub(crate) async fn get_account(h: &Handler, cx: &Cx, req: GetAccountRequest) -> Result<GetAccountResponse> {
    let account = h.store.get(cx, AccountId(req.account_id)).await?;
    let account = account.filter(|account| account.is_visible_to(cx.viewer()));
    let account = account.ok_or_else(|| Error::new(reason::ACCOUNT_NOT_FOUND))?;
    Ok(GetAccountResponse { account: Some(present::account(&account, cx.viewer())) })
}
