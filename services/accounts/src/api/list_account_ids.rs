//! Lists the ids of all accounts by rising id.

use plaza_core::{AccountId, Cx, Result, page};
use plaza_proto::accounts::v1::{ListAccountIdsRequest, ListAccountIdsResponse};

use super::Handler;

/// Rebuilds walk all accounts: larger pages than people get.
const MAX_SIZE: usize = 1_000;

pub(crate) async fn list_account_ids(
    h: &Handler,
    cx: &Cx,
    req: ListAccountIdsRequest,
) -> Result<ListAccountIdsResponse> {
    let size = page::size_up_to(req.page_size, MAX_SIZE)?;
    let ids = h.store.list_ids(cx, AccountId(req.after_id), size).await?;
    Ok(ListAccountIdsResponse { account_ids: ids.into_iter().map(AccountId::get).collect() })
}
