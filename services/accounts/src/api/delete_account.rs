//! Deletes the caller's account, at once or after the time that the settings give it.

use plaza_core::{AccountId, Cx, Result, Timestamp};
use plaza_proto::accounts::v1::{DeleteAccountRequest, DeleteAccountResponse};

use super::{Handler, present};
use crate::SOURCE;
use crate::domain::{Change, Deletion, Edit};
use crate::store::Ended;

pub(crate) async fn delete_account(h: &Handler, cx: &Cx, req: DeleteAccountRequest) -> Result<DeleteAccountResponse> {
    let id = AccountId(req.account_id);
    // What was answered stays so, also if the setting is another by now.
    let ended = match h.store.recall_deleted(cx).await? {
        Some(ended) => ended,
        None => delete(h, cx, id).await?,
    };
    let (delete_at, position) = match ended {
        Ended::Later(written) => (written.value.delete_at, written.position),
        Ended::Now(written) => (None, written.position),
    };
    cx.wrote(SOURCE, position);
    let receipt_token = h.tokens.seal_receipt(id);
    Ok(DeleteAccountResponse { delete_time: delete_at.map(present::time), receipt_token })
}

async fn delete(h: &Handler, cx: &Cx, id: AccountId) -> Result<Ended> {
    let now = h.env.now();
    if h.rules.delete_after_ms > 0 {
        let edit = Edit::DeleteAt(now.plus_ms(h.rules.delete_after_ms));
        let written = h.store.change(cx, Change::new(id, edit, now)).await?;
        return Ok(Ended::Later(Box::new(written)));
    }
    let handle_free_at = now.plus_ms(h.rules.deleted_handle_kept_ms);
    h.store.delete(cx, Deletion { id, handle_free_at, only_if_due: false }).await.map(Ended::Now)
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
