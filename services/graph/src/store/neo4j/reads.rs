//! Queries.
//!
//! Each names its index: the lists come from the index in their order, whatever the server's statistics say, so that a
//! page of a very large account costs what a page of a small one does.

use neo4rs::{BoltType, Query, Row};
use plaza_core::{AccountId, Cx, Result, Timestamp};
use plaza_stores::neo4j::{Fault, Neo4j, Tx, get};

use crate::domain::{Circle, Counts, Direction, Edge, EdgeKey, Relation, Side};

use super::draft::{Pair, Stored};

/// Takes the account's lock, which a change of its edges holds until its commit is applied. Neo4j has no snapshots: the
/// queries that follow in the same statement would see a commit half applied, a follow gone and the block not yet there.
const LOCK_ACCOUNT: &str = "MATCH (a:Account{ns} {id: $account}) SET a.locked = true REMOVE a.locked WITH a ";

const RELATIONS: &str = "
    RETURN COLLECT { UNWIND $others AS other MATCH ()-[f:FOLLOWS{ns} {follower: $account, followee: other}]->()
                     USING INDEX SEEK f:FOLLOWS{ns}(follower, followee) RETURN other } AS following,
           COLLECT { UNWIND $others AS other MATCH ()-[f:FOLLOWS{ns} {follower: other, followee: $account}]->()
                     USING INDEX SEEK f:FOLLOWS{ns}(follower, followee) RETURN other } AS followers,
           COLLECT { UNWIND $others AS other MATCH ()-[b:BLOCKS{ns} {blocker: $account, blocked: other}]->()
                     USING INDEX SEEK b:BLOCKS{ns}(blocker, blocked) RETURN other } AS blocking,
           COLLECT { UNWIND $others AS other MATCH ()-[b:BLOCKS{ns} {blocker: other, blocked: $account}]->()
                     USING INDEX SEEK b:BLOCKS{ns}(blocker, blocked) RETURN other } AS blocked_by";

/// The four sides of an account, each by rising id.
const SIDES: &str = "
    RETURN COLLECT { MATCH ()-[f:FOLLOWS{ns}]->() USING INDEX SEEK f:FOLLOWS{ns}(follower, followee)
                     WHERE f.follower = $account AND f.followee IS NOT NULL
                     RETURN f.followee ORDER BY f.follower, f.followee LIMIT $limit } AS following,
           COLLECT { MATCH ()-[f:FOLLOWS{ns}]->() USING INDEX SEEK f:FOLLOWS{ns}(followee, follower)
                     WHERE f.followee = $account AND f.follower IS NOT NULL
                     RETURN f.follower ORDER BY f.followee, f.follower LIMIT $limit } AS followers,
           COLLECT { MATCH ()-[b:BLOCKS{ns}]->() USING INDEX SEEK b:BLOCKS{ns}(blocker, blocked)
                     WHERE b.blocker = $account AND b.blocked IS NOT NULL
                     RETURN b.blocked ORDER BY b.blocker, b.blocked LIMIT $limit } AS blocking,
           COLLECT { MATCH ()-[b:BLOCKS{ns}]->() USING INDEX SEEK b:BLOCKS{ns}(blocked, blocker)
                     WHERE b.blocked = $account AND b.blocker IS NOT NULL
                     RETURN b.blocker ORDER BY b.blocked, b.blocker LIMIT $limit } AS blocked_by";

/// A node knows how many relationships of each kind it has.
const COUNTS: &str = "
    UNWIND range(0, size($accounts) - 1) AS i OPTIONAL MATCH (a:Account{ns} {id: $accounts[i]})
    RETURN COUNT { (a)<-[:FOLLOWS{ns}]-() } AS followers, COUNT { (a)-[:FOLLOWS{ns}]->() } AS following ORDER BY i";

const FOLLOWERS_NEWEST: &str = "
    MATCH ()-[f:FOLLOWS{ns}]->() USING INDEX SEEK f:FOLLOWS{ns}(followee, at, follower)
    WHERE f.followee = $account AND f.at <= $at AND f.follower IS NOT NULL AND (f.at < $at OR f.follower < $other)
    RETURN f.follower AS other, f.at AS at ORDER BY f.followee DESC, f.at DESC, f.follower DESC LIMIT $limit";
const FOLLOWING_NEWEST: &str = "
    MATCH ()-[f:FOLLOWS{ns}]->() USING INDEX SEEK f:FOLLOWS{ns}(follower, at, followee)
    WHERE f.follower = $account AND f.at <= $at AND f.followee IS NOT NULL AND (f.at < $at OR f.followee < $other)
    RETURN f.followee AS other, f.at AS at ORDER BY f.follower DESC, f.at DESC, f.followee DESC LIMIT $limit";

const FOLLOWERS: &str = "
    MATCH ()-[f:FOLLOWS{ns}]->() USING INDEX SEEK f:FOLLOWS{ns}(followee, follower)
    WHERE f.followee = $account AND f.follower > $after
    WITH f.follower AS id ORDER BY f.followee, f.follower LIMIT $limit RETURN collect(id) AS ids";
const FOLLOWING: &str = "
    MATCH ()-[f:FOLLOWS{ns}]->() USING INDEX SEEK f:FOLLOWS{ns}(follower, followee)
    WHERE f.follower = $account AND f.followee > $after
    WITH f.followee AS id ORDER BY f.follower, f.followee LIMIT $limit RETURN collect(id) AS ids";

/// Accounts with edges: those that have a node.
const HELD: &str = "
    MATCH (a:Account{ns}) USING INDEX SEEK a:Account{ns}(id) WHERE a.id > $after
    WITH a.id AS id ORDER BY id LIMIT $limit RETURN collect(id) AS ids";
const HELD_AMONG: &str = "
    UNWIND $accounts AS account MATCH (a:Account{ns} {id: account})
    WITH DISTINCT a.id AS id ORDER BY id RETURN collect(id) AS ids";

/// What of these pairs and accounts there is.
const STORED: &str = "
    RETURN COLLECT { UNWIND $accounts AS account MATCH (e:ErasedAccount{ns} {id: account})
                     USING INDEX SEEK e:ErasedAccount{ns}(id) RETURN account } AS erased,
           COLLECT { UNWIND $pairs AS pair MATCH ()-[f:FOLLOWS{ns} {follower: pair[0], followee: pair[1]}]->()
                     USING INDEX SEEK f:FOLLOWS{ns}(follower, followee) RETURN pair } AS follows,
           COLLECT { UNWIND $pairs AS pair MATCH ()-[b:BLOCKS{ns} {blocker: pair[0], blocked: pair[1]}]->()
                     USING INDEX SEEK b:BLOCKS{ns}(blocker, blocked) RETURN pair } AS blocks";

/// The ids of an account's edges, by kind.
#[derive(Default)]
pub(super) struct Sides {
    pub(super) following: Vec<i64>,
    pub(super) followers: Vec<i64>,
    pub(super) blocking: Vec<i64>,
    pub(super) blocked_by: Vec<i64>,
}

impl Sides {
    fn read(rows: &[Row]) -> Result<Self> {
        // No row: the account has no node, and so no edges.
        let Some(row) = rows.first() else { return Ok(Self::default()) };
        Ok(Self {
            following: get(row, "following")?,
            followers: get(row, "followers")?,
            blocking: get(row, "blocking")?,
            blocked_by: get(row, "blocked_by")?,
        })
    }
}

pub(super) async fn relations(db: &Neo4j, cx: &Cx, viewer: AccountId, others: &[AccountId]) -> Result<Vec<Relation>> {
    let query = db.query(&format!("{LOCK_ACCOUNT}{RELATIONS}")).param("account", viewer.get());
    let mut found = Sides::read(&db.read(cx, query.param("others", numbers(others))).await?)?;
    for side in [&mut found.following, &mut found.followers, &mut found.blocking, &mut found.blocked_by] {
        side.sort_unstable();
    }
    let holds = |side: &[i64], other: &AccountId| side.binary_search(&other.get()).is_ok();
    let relation = |other: &AccountId| Relation {
        following: holds(&found.following, other),
        followed_by: holds(&found.followers, other),
        blocking: holds(&found.blocking, other),
        blocked_by: holds(&found.blocked_by, other),
    };
    Ok(others.iter().map(relation).collect())
}

pub(super) async fn circle(db: &Neo4j, cx: &Cx, account: AccountId, limit: usize) -> Result<Circle> {
    let query = db.query(&format!("{LOCK_ACCOUNT}{SIDES}")).param("account", account.get());
    let sides = Sides::read(&db.read(cx, query.param("limit", rows(limit.saturating_add(1)))).await?)?;
    Ok(Circle {
        following: Side::new(sides.following, limit),
        followers: Side::new(sides.followers, limit),
        blocking: Side::new(sides.blocking, limit),
        blocked_by: Side::new(sides.blocked_by, limit),
    })
}

/// Up to `limit` edges of each kind, inside a write.
pub(super) async fn sides(tx: &mut Tx, account: AccountId, limit: usize) -> Result<Sides, Fault> {
    let query = tx.query(SIDES).param("account", account.get()).param("limit", rows(limit));
    Ok(Sides::read(&tx.rows(query).await?)?)
}

pub(super) async fn counts(db: &Neo4j, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<Counts>> {
    let rows = db.read(cx, db.query(COUNTS).param("accounts", numbers(accounts))).await?;
    let counts = |row: &Row| Ok(Counts { followers: get(row, "followers")?, following: get(row, "following")? });
    rows.iter().map(counts).collect()
}

pub(super) async fn edges(
    db: &Neo4j,
    cx: &Cx,
    account: AccountId,
    way: Direction,
    after: EdgeKey,
    limit: usize,
) -> Result<Vec<Edge>> {
    let query = db.query(match way {
        Direction::Followers => FOLLOWERS_NEWEST,
        Direction::Following => FOLLOWING_NEWEST,
    });
    let query = query.param("account", account.get()).param("at", after.at.0).param("other", after.other.get());
    let rows = db.read(cx, query.param("limit", rows(limit))).await?;
    let edge = |row: &Row| Ok(Edge { other: AccountId(get(row, "other")?), at: Timestamp(get(row, "at")?) });
    rows.iter().map(edge).collect()
}

pub(super) async fn ids(
    db: &Neo4j,
    cx: &Cx,
    account: AccountId,
    way: Direction,
    after: AccountId,
    limit: usize,
) -> Result<Vec<AccountId>> {
    let query = db.query(match way {
        Direction::Followers => FOLLOWERS,
        Direction::Following => FOLLOWING,
    });
    let query = query.param("account", account.get()).param("after", after.get()).param("limit", rows(limit));
    listed(db, cx, query).await
}

pub(super) async fn held(db: &Neo4j, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
    listed(db, cx, db.query(HELD).param("after", after.get()).param("limit", rows(limit))).await
}

pub(super) async fn held_among(db: &Neo4j, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
    listed(db, cx, db.query(HELD_AMONG).param("accounts", numbers(accounts))).await
}

/// What there is of the pairs, and who of the accounts is erased, inside a write.
pub(super) async fn stored(tx: &mut Tx, accounts: &[AccountId], pairs: &[Pair]) -> Result<Stored, Fault> {
    let all: BoltType = pairs.iter().map(|pair| numbers(&[pair.0, pair.1])).collect();
    let query = tx.query(STORED).param("accounts", numbers(accounts)).param("pairs", all);
    let rows = tx.rows(query).await?;
    let Some(row) = rows.first() else { return Ok(Stored::default()) };
    let erased: Vec<i64> = get(row, "erased")?;
    let of = |column| -> Result<_> {
        let pairs: Vec<(i64, i64)> = get(row, column)?;
        Ok(pairs.into_iter().map(|(a, b)| (AccountId(a), AccountId(b))).collect())
    };
    Ok(Stored { erased: erased.into_iter().map(AccountId).collect(), follows: of("follows")?, blocks: of("blocks")? })
}

async fn listed(db: &Neo4j, cx: &Cx, query: Query) -> Result<Vec<AccountId>> {
    let rows = db.read(cx, query).await?;
    let ids: Vec<i64> = rows.first().map_or_else(|| Ok(Vec::new()), |row| get(row, "ids"))?;
    Ok(ids.into_iter().map(AccountId).collect())
}

pub(super) fn numbers(accounts: &[AccountId]) -> BoltType {
    accounts.iter().map(|account| account.get()).collect()
}

/// A limit as Cypher counts.
fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
