//! Queries over the follows of several accounts: one each, with a bound on what it looks at.

use std::time::Duration;

use neo4rs::Row;
use plaza_core::{AccountId, Cx, Result, reason};
use plaza_stores::neo4j::{Neo4j, get};

use crate::domain::{Arm, Common, Direction, Familiar, MAX_HOPS, Path};

use super::kind::{End, FOLLOWS};
use super::reads::{numbers, rows};

/// How long the search for a way may take.
const PATH_TIME: Duration = Duration::from_millis(800);

const fn end_of(way: Direction) -> End {
    match way {
        Direction::Followers => End::To,
        Direction::Following => End::From,
    }
}

pub(super) async fn common(db: &Neo4j, cx: &Cx, one: Arm, other: Arm, after: AccountId, scan: usize) -> Result<Common> {
    let (own, far) = FOLLOWS.ends(end_of(other.way));
    let query = db.query(&format!(
        "{}
         RETURN size(ids) AS looked, ids[-1] AS last,
                COLLECT {{ UNWIND ids AS id MATCH ()-[g:FOLLOWS{{ns}} {{{own}: $other, {far}: id}}]->()
                           USING INDEX SEEK g:FOLLOWS{{ns}}(follower, followee) RETURN id }} AS found",
        FOLLOWS.ids(end_of(one.way)).replace("RETURN collect(id) AS ids", "WITH collect(id) AS ids"),
    ));
    let query = query.param("account", one.account.get()).param("after", after.get());
    let found = db.read(cx, query.param("limit", rows(scan)).param("other", other.account.get())).await?;
    let Some(row) = found.first() else { return Ok(Common { found: Vec::new(), looked_to: None }) };
    let (looked, last): (i64, Option<i64>) = (get(row, "looked")?, get(row, "last")?);
    let mut ids: Vec<i64> = get(row, "found")?;
    ids.sort_unstable();
    let looked_to = last.filter(|_| looked == rows(scan)).map(AccountId);
    Ok(Common { found: ids.into_iter().map(AccountId).collect(), looked_to })
}

/// Looks from the smaller side: the account's followers, or whom the viewer follows. The other half looks at nothing, as
/// its first condition does not hold.
const FAMILIAR: &str = "
    UNWIND range(0, size($accounts) - 1) AS i
    OPTIONAL MATCH (x:Account{ns} {id: $accounts[i]})
    OPTIONAL MATCH (me:Account{ns} {id: $viewer})
    WITH i, $accounts[i] AS account, COUNT { (x)<-[:FOLLOWS{ns}]-() } <= COUNT { (me)-[:FOLLOWS{ns}]->() } AS small
    RETURN COLLECT {
               WITH account, small WHERE small
               MATCH ()-[e:FOLLOWS{ns}]->() USING INDEX SEEK e:FOLLOWS{ns}(followee, at, follower)
               WHERE e.followee = account AND e.at IS NOT NULL AND e.follower IS NOT NULL
               WITH e.follower AS id, e.at AS at ORDER BY e.followee DESC, e.at DESC, e.follower DESC LIMIT $scan
               MATCH ()-[g:FOLLOWS{ns} {follower: $viewer, followee: id}]->()
               USING INDEX SEEK g:FOLLOWS{ns}(follower, followee)
               RETURN id ORDER BY at DESC, id DESC LIMIT $few
           } + COLLECT {
               WITH account, small WHERE NOT small
               MATCH ()-[e:FOLLOWS{ns}]->() USING INDEX SEEK e:FOLLOWS{ns}(follower, at, followee)
               WHERE e.follower = $viewer AND e.at IS NOT NULL AND e.followee IS NOT NULL
               WITH account, e.followee AS id, e.at AS at
               ORDER BY e.follower DESC, e.at DESC, e.followee DESC LIMIT $scan
               MATCH ()-[g:FOLLOWS{ns} {follower: id, followee: account}]->()
               USING INDEX SEEK g:FOLLOWS{ns}(follower, followee)
               RETURN id ORDER BY at DESC, id DESC LIMIT $few
           } AS ids ORDER BY i";

pub(super) async fn familiar(
    db: &Neo4j,
    cx: &Cx,
    viewer: AccountId,
    accounts: &[AccountId],
    bounds: Familiar,
) -> Result<Vec<Vec<AccountId>>> {
    let query = db.query(FAMILIAR).param("viewer", viewer.get()).param("accounts", numbers(accounts));
    let found = db.read(cx, query.param("scan", rows(bounds.scan)).param("few", rows(bounds.few))).await?;
    let ids = |row: &Row| {
        let ids: Vec<i64> = get(row, "ids")?;
        Ok(ids.into_iter().map(AccountId).collect())
    };
    found.iter().map(ids).collect()
}

pub(super) async fn path(db: &Neo4j, cx: &Cx, from: AccountId, to: AccountId) -> Result<Path> {
    let query = db.query(&format!(
        "MATCH (a:Account{{ns}} {{id: $from}}), (b:Account{{ns}} {{id: $to}})
         WITH a, b, COLLECT {{ MATCH (a)-[:BLOCKS{{ns}}]-(h) RETURN h.id }} AS hidden
         MATCH p = shortestPath((a)-[:FOLLOWS{{ns}}*..{MAX_HOPS}]->(b)) WHERE none(n IN nodes(p) WHERE n.id IN hidden)
         RETURN [n IN nodes(p) | n.id] AS ids"
    ));
    match db.read_for(cx, PATH_TIME, query.param("from", from.get()).param("to", to.get())).await {
        Ok(found) => {
            let Some(row) = found.first() else { return Ok(Path::None) };
            let ids: Vec<i64> = get(row, "ids")?;
            Ok(Path::Found(ids.into_iter().map(AccountId).collect()))
        }
        Err(error) if error.is(reason::DEADLINE_EXCEEDED) && !cx.remaining().is_zero() => Ok(Path::GaveUp),
        Err(error) => Err(error),
    }
}
