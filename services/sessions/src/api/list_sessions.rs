//! Lists the caller's live sessions, newest first.

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, Result, SessionId};
use plaza_proto::sessions::v1::{ListSessionsRequest, ListSessionsResponse};

use super::{Handler, present};

pub(crate) async fn list_sessions(h: &Handler, cx: &Cx, req: ListSessionsRequest) -> Result<ListSessionsResponse> {
    let account = cx.account()?;
    let size = page::size(req.page_size)?;
    let scope = Scope { method: "ListSessions", filter: &[], caller: Some(account) };
    let before = h.pager.open::<1>(scope, &req.page_token)?.map(|[id]| SessionId(id));
    let mut sessions = h.store.list(cx, account, before, size + 1).await?;
    let more = sessions.len() > size;
    sessions.truncate(size);
    let last = sessions.last().filter(|_| more);
    let next_page_token = last.map(|last| h.pager.seal(scope, &[last.id.get()])).unwrap_or_default();
    let current = cx.caller().session;
    let sessions = sessions.into_iter().map(|s| {
        let is_current = current == Some(s.id);
        present::session(s, is_current)
    });
    Ok(ListSessionsResponse { sessions: sessions.collect(), next_page_token })
}
