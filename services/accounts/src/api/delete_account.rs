//! Deletes the caller's account, at once or after the time that the settings give it.

use plaza_core::{AccountId, Cx, Result, Timestamp};
use plaza_proto::accounts::v1::{DeleteAccountRequest, DeleteAccountResponse};

use super::{Handler, present};
use crate::SOURCE;
use crate::domain::{Change, Deletion, Edit};

pub(crate) async fn delete_account(h: &Handler, cx: &Cx, req: DeleteAccountRequest) -> Result<DeleteAccountResponse> {
    let (id, now) = (AccountId(req.account_id), h.env.now());
    let receipt_token = h.tokens.seal_receipt(id);
    if h.rules.delete_after_ms > 0 {
        let edit = Edit::DeleteAt(now.plus_ms(h.rules.delete_after_ms));
        let written = h.store.change(cx, Change::new(id, edit, now)).await?;
        cx.wrote(SOURCE, written.position);
        let delete_time = written.value.delete_at.map(present::time);
        return Ok(DeleteAccountResponse { delete_time, receipt_token });
    }
    let handle_free_at = now.plus_ms(h.rules.deleted_handle_kept_ms);
    let written = h.store.delete(cx, Deletion { id, handle_free_at, only_if_due: false }).await?;
    cx.wrote(SOURCE, written.position);
    Ok(DeleteAccountResponse { delete_time: None, receipt_token })
}

/// Deletes up to `limit` accounts whose time has come; returns how many.
///
/// # Errors
/// The store's.
pub(crate) async fn delete_due(h: &Handler, cx: &Cx, limit: usize) -> Result<usize> {
    let now = h.env.now();
    let due = h.store.due_deletions(cx, now, limit).await?;
    let handle_free_at = Timestamp(now.0).plus_ms(h.rules.deleted_handle_kept_ms);
    let mut deleted = 0;
    for id in due {
        match h.store.delete(cx, Deletion { id, handle_free_at, only_if_due: true }).await {
            Ok(_) => deleted += 1,
            // Another replica was quicker, or its owner has come back.
            Err(error) if error.is(plaza_core::reason::ACCOUNT_NOT_FOUND) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(deleted)
}
