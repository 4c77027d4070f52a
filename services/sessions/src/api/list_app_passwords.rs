//! Lists the caller's app passwords, newest first.

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, Result};
use plaza_proto::sessions::v1::{ListAppPasswordsRequest, ListAppPasswordsResponse};

use super::{Handler, app_password};

pub(crate) async fn list_app_passwords(
    h: &Handler,
    cx: &Cx,
    req: ListAppPasswordsRequest,
) -> Result<ListAppPasswordsResponse> {
    let account = cx.account()?;
    let size = page::size(req.page_size)?;
    let scope = Scope { method: "ListAppPasswords", filter: &[], caller: Some(account) };
    let before = h.pager.open::<1>(scope, &req.page_token)?.map(|[id]| id);
    let mut apps = h.store.list_apps(cx, account, before, size + 1).await?;
    let more = apps.len() > size;
    apps.truncate(size);
    let last = apps.last().filter(|_| more);
    let next_page_token = last.map(|last| h.pager.seal(scope, &[last.id])).unwrap_or_default();
    let app_passwords = apps.into_iter().map(app_password::shown).collect();
    Ok(ListAppPasswordsResponse { app_passwords, next_page_token })
}
