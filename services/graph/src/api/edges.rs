//! Pages of followers and followed accounts, and who may see whom on them.
//!
//! The rule is Mastodon's. Whoever the list's account blocks sees an empty list. A signed-in reader does not see accounts
//! that they block or that block them. Nobody signed in: everything.

use plaza_core::page::{self, Scope};
use plaza_core::{AccountId, Cx, Result, Timestamp};
use plaza_proto::graph::v1::FollowEdge;

use super::Handler;
use crate::domain::{Direction, Edge, EdgeKey};

/// How many times a page that hidden accounts have left short is filled up; then it is served short.
const MAX_READS: usize = 5;

/// What a list request asks for.
pub(super) struct Ask<'a> {
    pub(super) method: &'static str,
    pub(super) account: i64,
    pub(super) way: Direction,
    pub(super) page_size: i32,
    pub(super) page_token: &'a str,
}

/// A page as it goes out.
#[derive(Default)]
pub(super) struct Page {
    pub(super) edges: Vec<FollowEdge>,
    pub(super) next: String,
}

pub(super) async fn list(h: &Handler, cx: &Cx, ask: Ask<'_>) -> Result<Page> {
    let size = page::size(ask.page_size)?;
    let account = AccountId(ask.account);
    let scope = Scope { method: ask.method, filter: &[ask.account], caller: cx.viewer() };
    let after = start(h, scope, ask.page_token)?;
    if is_shut_out(h, cx, account).await? {
        return Ok(Page::default());
    }
    let (edges, next) = fill(h, cx, account, ask.way, after, size).await?;
    let next = next.map(|key| seal(h, scope, key));
    Ok(Page { edges: edges.into_iter().map(shown).collect(), next: next.unwrap_or_default() })
}

/// Where a page of a list that is ordered newest first goes on.
pub(super) fn start(h: &Handler, scope: Scope<'_>, page_token: &str) -> Result<EdgeKey> {
    let key = h.pager.open::<2>(scope, page_token)?;
    Ok(key.map_or(EdgeKey::FIRST, |[at, other]| EdgeKey { at: Timestamp(at), other: AccountId(other) }))
}

fn seal(h: &Handler, scope: Scope<'_>, key: EdgeKey) -> String {
    h.pager.seal(scope, &[key.at.0, key.other.get()])
}

/// Cuts what was read to a page of `size`; of one more than that there is a next page, whose token it returns.
pub(super) fn cut<T>(
    h: &Handler,
    scope: Scope<'_>,
    read: &mut Vec<T>,
    size: usize,
    key: impl Fn(&T) -> EdgeKey,
) -> String {
    let is_end = read.len() <= size;
    read.truncate(size);
    let last = read.last().filter(|_| !is_end);
    last.map(|last| seal(h, scope, key(last))).unwrap_or_default()
}

/// A time as it goes out.
pub(super) fn time(at: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = at.seconds_nanos();
    prost_types::Timestamp { seconds, nanos }
}

/// Whether the list's account blocks the reader.
pub(super) async fn is_shut_out(h: &Handler, cx: &Cx, account: AccountId) -> Result<bool> {
    let Some(viewer) = cx.viewer().filter(|viewer| *viewer != account) else { return Ok(false) };
    let relations = h.store.relations(cx, viewer, &[account]).await?;
    Ok(relations.iter().any(|relation| relation.blocked_by))
}

/// Up to `size` edges that the reader may see, and where to go on if there may be more.
async fn fill(
    h: &Handler,
    cx: &Cx,
    account: AccountId,
    way: Direction,
    mut after: EdgeKey,
    size: usize,
) -> Result<(Vec<Edge>, Option<EdgeKey>)> {
    let mut page = Vec::with_capacity(size);
    for _ in 0..MAX_READS {
        // One more than fits tells whether there is a next page.
        let read = h.store.edges(cx, account, way, after, size + 1).await?;
        let is_end = read.len() <= size;
        let hidden = hidden(h, cx, &read).await?;
        for (edge, hidden) in read.into_iter().zip(hidden) {
            if page.len() == size {
                return Ok((page, Some(after)));
            }
            after = edge.key();
            if !hidden {
                page.push(edge);
            }
        }
        if is_end {
            return Ok((page, None));
        }
    }
    Ok((page, Some(after)))
}

/// For each edge whether a block stands between the reader and the account at its other end.
async fn hidden(h: &Handler, cx: &Cx, edges: &[Edge]) -> Result<Vec<bool>> {
    let Some(viewer) = cx.viewer() else { return Ok(vec![false; edges.len()]) };
    let others: Vec<AccountId> = edges.iter().map(|edge| edge.other).collect();
    let relations = h.store.relations(cx, viewer, &others).await?;
    Ok(relations.into_iter().map(crate::domain::Relation::is_blocked).collect())
}

fn shown(edge: Edge) -> FollowEdge {
    FollowEdge { account_id: edge.other.get(), follow_time: Some(time(edge.at)) }
}
