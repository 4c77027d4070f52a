//! Deletes the caller's account.

use plaza_core::{AccountId, Cx, Result};
use plaza_proto::accounts::v1::{DeleteAccountRequest, DeleteAccountResponse};

use super::Handler;
use crate::SOURCE;

pub(crate) async fn delete_account(h: &Handler, cx: &Cx, req: DeleteAccountRequest) -> Result<DeleteAccountResponse> {
    let handle_free_at = h.env.now().plus_ms(h.rules.deleted_handle_kept_ms);
    let written = h.store.delete(cx, AccountId(req.account_id), handle_free_at).await?;
    cx.wrote(SOURCE, written.position);
    Ok(DeleteAccountResponse {})
}
