//! Gives the caller's account another handle.

use plaza_core::{AccountId, Cx, Result};
use plaza_proto::accounts::v1::{ChangeHandleRequest, ChangeHandleResponse};

use super::{Handler, present};
use crate::SOURCE;
use crate::domain::{Change, Edit, Handle, HandleEdit};

pub(crate) async fn change_handle(h: &Handler, cx: &Cx, req: ChangeHandleRequest) -> Result<ChangeHandleResponse> {
    let now = h.env.now();
    let edit = HandleEdit {
        handle: Handle::wanted(&req.handle)?,
        keep_until: now.plus_ms(h.rules.old_handle_kept_ms),
        max_kept: h.rules.max_kept_handles,
    };
    let written = h.store.change(cx, Change::new(AccountId(req.account_id), Edit::Handle(edit), now)).await?;
    cx.wrote(SOURCE, written.position);
    Ok(ChangeHandleResponse { account: Some(present::account(&written.value, cx.viewer())) })
}
