//! From handles to accounts, when a post is written: mentions follow an account through changes of its handle.

use std::collections::{BTreeMap, BTreeSet};

use plaza_core::{AccountId, Cx, Result};
use plaza_proto::accounts::v1::{AccountsService as _, BatchGetAccountsByHandleRequest};

use super::Handler;
use crate::domain::{Span, SpanKind};

/// Gives the mentions among `spans` the accounts that their handles name; a handle that nobody has names none.
pub(super) async fn resolve(h: &Handler, cx: &Cx, spans: &mut [Span]) -> Result<()> {
    let mentions = spans.iter().filter(|span| span.kind == SpanKind::Mention);
    // As many as a post has spans at most.
    let handles: BTreeSet<String> = mentions.map(|span| span.value.clone()).collect();
    if handles.is_empty() {
        return Ok(());
    }
    let request = BatchGetAccountsByHandleRequest { handles: handles.into_iter().collect() };
    let found = h.accounts.batch_get_accounts_by_handle(cx, request).await?.accounts;
    let found: BTreeMap<String, AccountId> =
        found.into_iter().map(|a| (a.handle.to_ascii_lowercase(), AccountId(a.account_id))).collect();
    for span in spans.iter_mut().filter(|span| span.kind == SpanKind::Mention) {
        span.account = found.get(&span.value).copied();
    }
    Ok(())
}
