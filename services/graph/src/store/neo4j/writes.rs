//! Writing a draft down, inside a transaction.

use std::collections::BTreeSet;

use neo4rs::{BoltType, Query};
use plaza_core::{AccountId, Timestamp};
use plaza_stores::neo4j::{Fault, Tx, get};

use crate::domain::Mute;

use super::draft::{Draft, Edges, Pair};
use super::kind::{BLOCKS, FOLLOWS, Kind, MUTES, REQUESTS};
use super::reads::numbers;

/// Takes the locks of accounts whose edges change, so that who reads all of an account's edges waits; see `reads.rs`. In
/// rising order, as everybody does.
const LOCK_ACCOUNTS: &str =
    "UNWIND $accounts AS account MATCH (a:Account{ns} {id: account}) SET a.locked = true REMOVE a.locked";
const FORGET_LONELY: &str = "
    UNWIND $accounts AS account MATCH (a:Account{ns} {id: account}) WHERE NOT EXISTS { (a)--() } DELETE a";
const LEAVE_LIST: &str =
    "MATCH ()-[m:HAS_MEMBER{ns} {list: $list, member: $member}]->() WHERE m.owner = $owner DELETE m";
const RUN_OUT: &str = "
    MATCH ()-[m:MUTES{ns}]->() USING INDEX SEEK m:MUTES{ns}(until) WHERE m.until <= $now
    WITH m LIMIT $limit RETURN collect([m.muter, m.muted]) AS pairs";
const MARK_ERASED: &str = "MERGE (:ErasedAccount{ns} {id: $account})";

/// Writes what `draft` changes.
pub(super) async fn save(tx: &mut Tx, draft: &Draft) -> Result<(), Fault> {
    let (ended, begun) = draft.touched();
    let ended = ends(&ended);
    let mut all = ends(&begun);
    all.extend(&ended);
    tx.run(on_accounts(tx.query(LOCK_ACCOUNTS), &all)).await?;
    for ((owner, member), list) in draft.left() {
        let query = tx.query(LEAVE_LIST).param("list", *list).param("member", member.get());
        tx.run(query.param("owner", owner.get())).await?;
    }
    save_edges(tx, FOLLOWS, &draft.follows, |()| Vec::new()).await?;
    save_edges(tx, BLOCKS, &draft.blocks, |()| Vec::new()).await?;
    save_edges(tx, REQUESTS, &draft.requests, |()| Vec::new()).await?;
    let mute = |mute: Mute| vec![mute.scopes.bits().into(), mute.until.map(|until| until.0).into()];
    save_edges(tx, MUTES, &draft.mutes, mute).await?;
    if !ended.is_empty() {
        tx.run(on_accounts(tx.query(FORGET_LONELY), &ended)).await?;
    }
    Ok(())
}

/// From now on the account takes no new edges.
pub(super) async fn mark_erased(tx: &mut Tx, account: AccountId) -> Result<(), Fault> {
    tx.run(tx.query(MARK_ERASED).param("account", account.get())).await
}

/// Writes the edges of one kind; `more` is what such an edge holds besides its time.
async fn save_edges<V: Copy>(
    tx: &mut Tx,
    kind: Kind,
    edges: &Edges<V>,
    more: impl Fn(V) -> Vec<BoltType>,
) -> Result<(), Fault> {
    let (ended, begun) = (edges.ended(), edges.begun());
    if !ended.is_empty() {
        let pairs: BoltType = ended.iter().map(|(a, b)| numbers(&[*a, *b])).collect();
        tx.run(tx.query(&kind.end()).param("pairs", pairs)).await?;
    }
    if !begun.is_empty() {
        let row = |((a, b), value, at): &(Pair, V, Timestamp)| {
            let first = [a.get(), b.get(), at.0].into_iter().map(BoltType::from);
            first.chain(more(*value)).collect::<BoltType>()
        };
        let rows: BoltType = begun.iter().map(row).collect();
        tx.run(tx.query(&kind.begin()).param("rows", rows)).await?;
    }
    Ok(())
}

/// Both ends of each pair, in rising order.
fn ends<'a>(pairs: impl IntoIterator<Item = &'a Pair>) -> BTreeSet<AccountId> {
    pairs.into_iter().flat_map(|(a, b)| [*a, *b]).collect()
}

fn on_accounts(query: Query, accounts: &BTreeSet<AccountId>) -> Query {
    let accounts: Vec<AccountId> = accounts.iter().copied().collect();
    query.param("accounts", numbers(&accounts))
}

/// Deletes up to `limit` mutes that have run out; returns how many. The account of an edge that goes may have no other.
pub(super) async fn prune_mutes(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<usize, Fault> {
    let query = tx.query(RUN_OUT).param("now", now.0).param("limit", limit);
    let rows = tx.rows(query).await?;
    let Some(row) = rows.first() else { return Ok(0) };
    let pairs: Vec<(i64, i64)> = get(row, "pairs")?;
    let gone: Vec<Pair> = pairs.iter().map(|(a, b)| (AccountId(*a), AccountId(*b))).collect();
    if !gone.is_empty() {
        let accounts = ends(&gone);
        tx.run(on_accounts(tx.query(LOCK_ACCOUNTS), &accounts)).await?;
        let pairs: BoltType = gone.iter().map(|(a, b)| numbers(&[*a, *b])).collect();
        tx.run(tx.query(&MUTES.end()).param("pairs", pairs)).await?;
        tx.run(on_accounts(tx.query(FORGET_LONELY), &accounts)).await?;
    }
    Ok(gone.len())
}
