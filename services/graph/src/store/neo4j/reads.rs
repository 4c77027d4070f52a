//! Queries.

use std::collections::{BTreeMap, BTreeSet};

use neo4rs::{BoltType, Query, Row};
use plaza_core::{AccountId, Cx, Result, Timestamp};
use plaza_stores::neo4j::{Fault, Neo4j, Tx, get};

use crate::domain::{Circle, Counts, Direction, Edge, EdgeKey, Mute, Muted, Relation, Scopes, Side};

use super::draft::{Degrees, Pair, Stored};
use super::kind::{BLOCKS, End, FOLLOWS, Kind, MUTES, REQUESTS};

/// Takes the account's lock, which a change of its edges holds until its commit is applied. Neo4j has no snapshots: the
/// queries that follow in the same statement would see a commit half applied, a follow gone and the block not yet there.
const LOCK_ACCOUNT: &str = "MATCH (a:Account{ns} {id: $account}) SET a.locked = true REMOVE a.locked WITH a ";

/// A node knows how many relationships of each kind it has.
const COUNTS: &str = "
    UNWIND range(0, size($accounts) - 1) AS i OPTIONAL MATCH (a:Account{ns} {id: $accounts[i]})
    RETURN COUNT { (a)<-[:FOLLOWS{ns}]-() } AS followers, COUNT { (a)-[:FOLLOWS{ns}]->() } AS following ORDER BY i";

/// Accounts with edges: those that have a node.
const HELD: &str = "
    MATCH (a:Account{ns}) USING INDEX SEEK a:Account{ns}(id) WHERE a.id > $after
    WITH a.id AS id ORDER BY id LIMIT $limit RETURN collect(id) AS ids";
const HELD_AMONG: &str = "
    UNWIND $accounts AS account MATCH (a:Account{ns} {id: account})
    WITH DISTINCT a.id AS id ORDER BY id RETURN collect(id) AS ids";

/// An expression: those of `$accounts` that are erased.
const ERASED: &str = "COLLECT { UNWIND $accounts AS account MATCH (e:ErasedAccount{ns} {id: account})
    USING INDEX SEEK e:ErasedAccount{ns}(id) RETURN account }";

/// An expression: the lists of the first of `$pairs` that the second is on.
const LISTS: &str = "COLLECT { UNWIND $pairs AS pair MATCH ()-[m:HAS_MEMBER{ns} {owner: pair[0], member: pair[1]}]->()
    USING INDEX SEEK m:HAS_MEMBER{ns}(owner, member) RETURN [pair[0], pair[1], m.list] }";

/// The edges of an account that decide how it stands to others, by kind.
#[derive(Default)]
struct Sides {
    following: Vec<i64>,
    followers: Vec<i64>,
    blocking: Vec<i64>,
    blocked_by: Vec<i64>,
    muting: Vec<(i64, i64, i64)>,
    requested: Vec<i64>,
    requested_by: Vec<i64>,
}

impl Sides {
    /// The columns, each by `of`.
    fn columns(of: impl Fn(Kind, End) -> String) -> String {
        format!(
            "RETURN {} AS following, {} AS followers, {} AS blocking, {} AS blocked_by, {} AS muting,
                    {} AS requested, {} AS requested_by",
            of(FOLLOWS, End::From),
            of(FOLLOWS, End::To),
            of(BLOCKS, End::From),
            of(BLOCKS, End::To),
            of(MUTES, End::From),
            of(REQUESTS, End::From),
            of(REQUESTS, End::To),
        )
    }

    fn read(rows: &[Row]) -> Result<Self> {
        // No row: the account has no node, and so no edges.
        let Some(row) = rows.first() else { return Ok(Self::default()) };
        Ok(Self {
            following: get(row, "following")?,
            followers: get(row, "followers")?,
            blocking: get(row, "blocking")?,
            blocked_by: get(row, "blocked_by")?,
            muting: get(row, "muting")?,
            requested: get(row, "requested")?,
            requested_by: get(row, "requested_by")?,
        })
    }

    fn sort(&mut self) {
        let Self { following, followers, blocking, blocked_by, requested, requested_by, .. } = self;
        for side in [following, followers, blocking, blocked_by, requested, requested_by] {
            side.sort_unstable();
        }
        self.muting.sort_unstable();
    }

    /// As a circle whose sides have up to `limit` edges.
    fn circle(self, limit: usize) -> Circle {
        let muting = self.muting.into_iter().map(|(other, scopes, until)| (other, mute(scopes, until))).collect();
        Circle {
            following: Side::new(self.following, limit),
            followers: Side::new(self.followers, limit),
            blocking: Side::new(self.blocking, limit),
            blocked_by: Side::new(self.blocked_by, limit),
            muting: Side::new(muting, limit),
            requested: Side::new(self.requested, limit),
            requested_by: Side::new(self.requested_by, limit),
        }
    }
}

/// A mute from how [`MUTES`] tells of it.
fn mute(scopes: i64, until: i64) -> Mute {
    Mute { scopes: Scopes::from_bits(scopes), until: (until != i64::MAX).then_some(Timestamp(until)) }
}

pub(super) async fn relations(db: &Neo4j, cx: &Cx, viewer: AccountId, others: &[AccountId]) -> Result<Vec<Relation>> {
    let columns = Sides::columns(Kind::among);
    let query = db.query(&format!("{LOCK_ACCOUNT}{columns}")).param("account", viewer.get());
    let mut found = Sides::read(&db.read(cx, query.param("others", numbers(others))).await?)?;
    found.sort();
    let circle = found.circle(usize::MAX);
    Ok(others.iter().map(|other| circle.relation(*other)).collect())
}

pub(super) async fn circle(db: &Neo4j, cx: &Cx, account: AccountId, limit: usize) -> Result<Circle> {
    let columns = Sides::columns(Kind::side);
    let query = db.query(&format!("{LOCK_ACCOUNT}{columns}")).param("account", account.get());
    let sides = Sides::read(&db.read(cx, query.param("limit", rows(limit.saturating_add(1)))).await?)?;
    Ok(sides.circle(limit))
}

/// Up to `limit` edges of an account, its follows first, inside a write.
pub(super) async fn some_edges(tx: &mut Tx, account: AccountId, limit: usize) -> Result<Erasable, Fault> {
    let columns = [
        (FOLLOWS, End::From),
        (FOLLOWS, End::To),
        (BLOCKS, End::From),
        (BLOCKS, End::To),
        (MUTES, End::From),
        (MUTES, End::To),
        (REQUESTS, End::From),
        (REQUESTS, End::To),
    ];
    let columns: Vec<String> =
        columns.iter().enumerate().map(|(i, (kind, end))| format!("{} AS c{i}", kind.side(*end))).collect();
    let query = tx.query(&format!("RETURN {}", columns.join(", ")));
    let found = tx.rows(query.param("account", account.get()).param("limit", rows(limit))).await?;
    let Some(row) = found.first() else { return Ok(Erasable::default()) };
    let mut left = limit;
    let mut erasable = Erasable::default();
    let own = |other| (account, AccountId(other));
    let others = |other| (AccountId(other), account);
    erasable.follows.extend(part(get(row, "c0")?, &mut left).into_iter().map(own));
    erasable.follows.extend(part(get(row, "c1")?, &mut left).into_iter().map(others));
    erasable.blocks.extend(part(get(row, "c2")?, &mut left).into_iter().map(own));
    erasable.blocks.extend(part(get(row, "c3")?, &mut left).into_iter().map(others));
    let muting: Vec<(i64, i64, i64)> = part(get(row, "c4")?, &mut left);
    erasable.mutes.extend(muting.into_iter().map(|(other, scopes, until)| (own(other), mute(scopes, until))));
    let muted_by: Vec<(i64, i64, i64)> = part(get(row, "c5")?, &mut left);
    erasable.mutes.extend(muted_by.into_iter().map(|(other, scopes, until)| (others(other), mute(scopes, until))));
    erasable.requests.extend(part(get(row, "c6")?, &mut left).into_iter().map(own));
    erasable.requests.extend(part(get(row, "c7")?, &mut left).into_iter().map(others));
    Ok(erasable)
}

/// Edges of an account that is gone.
#[derive(Default)]
pub(super) struct Erasable {
    pub(super) follows: Vec<Pair>,
    pub(super) blocks: Vec<Pair>,
    pub(super) mutes: Vec<(Pair, Mute)>,
    pub(super) requests: Vec<Pair>,
    /// What else of the account was erased.
    pub(super) shelf: usize,
}

impl Erasable {
    pub(super) const fn len(&self) -> usize {
        self.follows.len() + self.blocks.len() + self.mutes.len() + self.requests.len() + self.shelf
    }

    /// The ends of all of them.
    pub(super) fn accounts(&self) -> BTreeSet<AccountId> {
        let pairs = self
            .follows
            .iter()
            .chain(&self.blocks)
            .chain(&self.requests)
            .chain(self.mutes.iter().map(|(pair, _)| pair));
        pairs.flat_map(|(a, b)| [*a, *b]).collect()
    }
}

/// As many as are left to take; takes them off `left`.
fn part<T>(mut found: Vec<T>, left: &mut usize) -> Vec<T> {
    found.truncate(*left);
    *left -= found.len();
    found
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
    let end = end_of(way);
    newest(db, cx, &FOLLOWS.newest(end, ""), account, after, limit).await
}

pub(super) async fn blocks(db: &Neo4j, cx: &Cx, account: AccountId, after: EdgeKey, limit: usize) -> Result<Vec<Edge>> {
    newest(db, cx, &BLOCKS.newest(End::From, ""), account, after, limit).await
}

pub(super) async fn requests(
    db: &Neo4j,
    cx: &Cx,
    account: AccountId,
    after: EdgeKey,
    limit: usize,
) -> Result<Vec<Edge>> {
    newest(db, cx, &REQUESTS.newest(End::To, ""), account, after, limit).await
}

pub(super) async fn requested(
    db: &Neo4j,
    cx: &Cx,
    account: AccountId,
    after: AccountId,
    limit: usize,
) -> Result<Vec<Edge>> {
    let query = db.query(&REQUESTS.rising(End::From)).param("account", account.get());
    edges_of(&db.read(cx, query.param("after", after.get()).param("limit", rows(limit))).await?)
}

pub(super) async fn mutes(
    db: &Neo4j,
    cx: &Cx,
    account: AccountId,
    now: Timestamp,
    after: EdgeKey,
    limit: usize,
) -> Result<Vec<Muted>> {
    let query = db.query(&MUTES.newest(End::From, "AND (e.until IS NULL OR e.until > $now)")).param("now", now.0);
    let rows = db.read(cx, page(query, account, after, limit)).await?;
    let muted = |row: &Row| {
        let (other, at, scopes, until): (i64, i64, i64, i64) = get(row, "edge")?;
        let edge = Edge { other: AccountId(other), at: Timestamp(at) };
        Ok(Muted { edge, mute: mute(scopes, until) })
    };
    rows.iter().map(muted).collect()
}

/// A page of one of the lists that are ordered newest first.
async fn newest(
    db: &Neo4j,
    cx: &Cx,
    cypher: &str,
    account: AccountId,
    after: EdgeKey,
    limit: usize,
) -> Result<Vec<Edge>> {
    edges_of(&db.read(cx, page(db.query(cypher), account, after, limit)).await?)
}

fn edges_of(rows: &[Row]) -> Result<Vec<Edge>> {
    let edge = |row: &Row| {
        let (other, at): (i64, i64) = get(row, "edge")?;
        Ok(Edge { other: AccountId(other), at: Timestamp(at) })
    };
    rows.iter().map(edge).collect()
}

fn page(query: Query, account: AccountId, after: EdgeKey, limit: usize) -> Query {
    let query = query.param("account", account.get()).param("limit", rows(limit));
    query.param("at", after.at.0).param("other", after.other.get())
}

const fn end_of(way: Direction) -> End {
    match way {
        Direction::Followers => End::To,
        Direction::Following => End::From,
    }
}

pub(super) async fn ids(
    db: &Neo4j,
    cx: &Cx,
    account: AccountId,
    way: Direction,
    after: AccountId,
    limit: usize,
) -> Result<Vec<AccountId>> {
    let query = db.query(&FOLLOWS.ids(end_of(way)));
    let query = query.param("account", account.get()).param("after", after.get()).param("limit", rows(limit));
    listed(db, cx, query).await
}

pub(super) async fn held(db: &Neo4j, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
    listed(db, cx, db.query(HELD).param("after", after.get()).param("limit", rows(limit))).await
}

pub(super) async fn held_among(db: &Neo4j, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
    listed(db, cx, db.query(HELD_AMONG).param("accounts", numbers(accounts))).await
}

/// What there is of the pairs and of the accounts, inside a write.
pub(super) async fn stored(tx: &mut Tx, accounts: &[AccountId], pairs: &[Pair]) -> Result<Stored, Fault> {
    let all: BoltType = pairs.iter().map(|pair| numbers(&[pair.0, pair.1])).collect();
    let query = tx.query(&format!(
        "RETURN {ERASED} AS erased, {} AS follows, {} AS blocks, {} AS mutes, {} AS requests, {LISTS} AS lists,
                COLLECT {{ UNWIND $accounts AS account MATCH (a:Account{{ns}} {{id: account}})
                           RETURN [account, {}, {}, {}] }} AS degrees",
        FOLLOWS.pairs(),
        BLOCKS.pairs(),
        MUTES.pairs(),
        REQUESTS.pairs(),
        FOLLOWS.degree(),
        MUTES.degree(),
        REQUESTS.degree(),
    ));
    let rows = tx.rows(query.param("accounts", numbers(accounts)).param("pairs", all)).await?;
    let Some(row) = rows.first() else { return Ok(Stored::default()) };
    let erased: Vec<i64> = get(row, "erased")?;
    let of = |column| -> Result<_> {
        let pairs: Vec<(i64, i64)> = get(row, column)?;
        Ok(pairs.into_iter().map(|(a, b)| ((AccountId(a), AccountId(b)), ())).collect())
    };
    let mutes: Vec<(i64, i64, i64, i64)> = get(row, "mutes")?;
    let muted = |(a, b, scopes, until)| ((AccountId(a), AccountId(b)), mute(scopes, until));
    let degrees: Vec<(i64, i64, i64, i64)> = get(row, "degrees")?;
    let degree = |(account, following, mutes, requests)| (AccountId(account), Degrees { following, mutes, requests });
    Ok(Stored {
        erased: erased.into_iter().map(AccountId).collect(),
        follows: of("follows")?,
        blocks: of("blocks")?,
        mutes: mutes.into_iter().map(muted).collect(),
        requests: of("requests")?,
        lists: by_pair(get(row, "lists")?),
        degrees: degrees.into_iter().map(degree).collect(),
    })
}

/// The lists of the first of each pair that the second is on, inside a write.
pub(super) async fn lists_of(tx: &mut Tx, pairs: &[Pair]) -> Result<BTreeMap<Pair, Vec<i64>>, Fault> {
    let all: BoltType = pairs.iter().map(|pair| numbers(&[pair.0, pair.1])).collect();
    let found = tx.rows(tx.query(&format!("RETURN {LISTS} AS lists")).param("pairs", all)).await?;
    Ok(by_pair(found.first().map_or(Ok(Vec::new()), |row| get(row, "lists"))?))
}

fn by_pair(found: Vec<(i64, i64, i64)>) -> BTreeMap<Pair, Vec<i64>> {
    let mut lists: BTreeMap<Pair, Vec<i64>> = BTreeMap::new();
    for (owner, member, list) in found {
        lists.entry((AccountId(owner), AccountId(member))).or_default().push(list);
    }
    lists
}

pub(super) async fn listed(db: &Neo4j, cx: &Cx, query: Query) -> Result<Vec<AccountId>> {
    let rows = db.read(cx, query).await?;
    let ids: Vec<i64> = rows.first().map_or_else(|| Ok(Vec::new()), |row| get(row, "ids"))?;
    Ok(ids.into_iter().map(AccountId).collect())
}

pub(super) fn numbers(accounts: &[AccountId]) -> BoltType {
    accounts.iter().map(|account| account.get()).collect()
}

/// A limit as Cypher counts.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
