//! From handles to accounts, when a post is written: mentions follow an account through changes of its handle.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use plaza_core::{AccountId, Cx, Result, reason};
use plaza_proto::accounts::v1::{AccountsService as _, GetAccountByHandleRequest};

use super::Handler;
use crate::domain::{Span, SpanKind};

/// How many handles are looked up at the same time.
const AT_ONCE: usize = 10;

/// Gives the mentions among `spans` the accounts that their handles name; a handle that nobody has names none.
pub(super) async fn resolve(h: &Handler, cx: &Cx, spans: &mut [Span]) -> Result<()> {
    let mentions = spans.iter().filter(|span| span.kind == SpanKind::Mention);
    let handles: BTreeSet<String> = mentions.map(|span| span.value.clone()).collect();
    let found = stream::iter(handles).map(|handle| look_up(h, cx, handle)).buffered(AT_ONCE);
    let found: BTreeMap<String, Option<AccountId>> = found.try_collect().await?;
    for span in spans.iter_mut().filter(|span| span.kind == SpanKind::Mention) {
        span.account = found.get(&span.value).copied().flatten();
    }
    Ok(())
}

async fn look_up(h: &Handler, cx: &Cx, handle: String) -> Result<(String, Option<AccountId>)> {
    let request = GetAccountByHandleRequest { handle: handle.clone() };
    match h.accounts.get_account_by_handle(cx, request).await {
        Ok(found) => Ok((handle, found.account.map(|account| AccountId(account.account_id)))),
        Err(error) if error.is(reason::ACCOUNT_NOT_FOUND) => Ok((handle, None)),
        Err(error) => Err(error),
    }
}
