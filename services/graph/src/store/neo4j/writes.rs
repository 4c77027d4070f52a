//! Writing a draft down, inside a transaction.

use std::collections::BTreeSet;

use neo4rs::{BoltType, Query};
use plaza_core::{AccountId, Timestamp};
use plaza_stores::neo4j::{Fault, Tx};

use super::draft::{Draft, Edges, Pair};
use super::reads::numbers;

/// Takes the locks of accounts whose edges change, so that who reads all of an account's edges waits; see `reads.rs`. In
/// rising order, as everybody does.
const LOCK_ACCOUNTS: &str =
    "UNWIND $accounts AS account MATCH (a:Account{ns} {id: account}) SET a.locked = true REMOVE a.locked";
const END_FOLLOWS: &str = "
    UNWIND $pairs AS pair MATCH ()-[f:FOLLOWS{ns} {follower: pair[0], followee: pair[1]}]->()
    USING INDEX SEEK f:FOLLOWS{ns}(follower, followee) DELETE f";
const END_BLOCKS: &str = "
    UNWIND $pairs AS pair MATCH ()-[b:BLOCKS{ns} {blocker: pair[0], blocked: pair[1]}]->()
    USING INDEX SEEK b:BLOCKS{ns}(blocker, blocked) DELETE b";
const BEGIN_FOLLOWS: &str = "
    UNWIND $rows AS row MERGE (a:Account{ns} {id: row[0]}) MERGE (b:Account{ns} {id: row[1]})
    MERGE (a)-[f:FOLLOWS{ns} {follower: row[0], followee: row[1]}]->(b) ON CREATE SET f.at = row[2]";
const BEGIN_BLOCKS: &str = "
    UNWIND $rows AS row MERGE (a:Account{ns} {id: row[0]}) MERGE (b:Account{ns} {id: row[1]})
    MERGE (a)-[f:BLOCKS{ns} {blocker: row[0], blocked: row[1]}]->(b) ON CREATE SET f.at = row[2]";
const FORGET_LONELY: &str = "
    UNWIND $accounts AS account MATCH (a:Account{ns} {id: account}) WHERE NOT EXISTS { (a)--() } DELETE a";
const MARK_ERASED: &str = "MERGE (:ErasedAccount{ns} {id: $account})";

/// Writes what `draft` changes.
pub(super) async fn save(tx: &mut Tx, draft: &Draft) -> Result<(), Fault> {
    let (follows, blocks) = (&draft.follows, &draft.blocks);
    let ended = ends(follows.ended().iter().chain(&blocks.ended()));
    let begun: Vec<Pair> = follows.begun().into_iter().chain(blocks.begun()).map(|(pair, _)| pair).collect();
    let mut all = ends(&begun);
    all.extend(&ended);
    tx.run(on_accounts(tx.query(LOCK_ACCOUNTS), &all)).await?;
    save_edges(tx, follows, END_FOLLOWS, BEGIN_FOLLOWS).await?;
    save_edges(tx, blocks, END_BLOCKS, BEGIN_BLOCKS).await?;
    if !ended.is_empty() {
        tx.run(on_accounts(tx.query(FORGET_LONELY), &ended)).await?;
    }
    Ok(())
}

/// From now on the account takes no new edges.
pub(super) async fn mark_erased(tx: &mut Tx, account: AccountId) -> Result<(), Fault> {
    tx.run(tx.query(MARK_ERASED).param("account", account.get())).await
}

async fn save_edges(tx: &mut Tx, edges: &Edges, end: &str, begin: &str) -> Result<(), Fault> {
    let (ended, begun) = (edges.ended(), edges.begun());
    if !ended.is_empty() {
        let pairs: BoltType = ended.iter().map(|(a, b)| numbers(&[*a, *b])).collect();
        tx.run(tx.query(end).param("pairs", pairs)).await?;
    }
    if !begun.is_empty() {
        let row = |((a, b), at): &(Pair, Timestamp)| [a.get(), b.get(), at.0].into_iter().collect::<BoltType>();
        let rows: BoltType = begun.iter().map(row).collect();
        tx.run(tx.query(begin).param("rows", rows)).await?;
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
