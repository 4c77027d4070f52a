//! Namespaces: several sets of data in one database, as the community edition has only one.

use neo4rs::Query;
use plaza_core::{Cx, Error, Result};

use super::Neo4j;
use super::errors::get;

/// The mark in a statement that the namespace takes the place of.
const MARK: &str = "{ns}";
const MAX_LEN: usize = 60;
/// How much one transaction of a wipe deletes: the server keeps what a transaction changes in memory, and bounds it.
const WIPE_BATCH: i64 = 2_000;

/// What stands behind each label, relationship type and name of the schema: nothing, or `_` and a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// The namespace of this name: lower-case letters, digits and `_`, as it becomes part of statements.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        (!name.is_empty() && name.len() <= MAX_LEN && name.bytes().all(fine)).then(|| Self(format!("_{name}")))
    }

    /// What stands behind names.
    pub(super) fn suffix(&self) -> &str {
        &self.0
    }

    /// The statement in this namespace.
    pub(super) fn query(&self, cypher: &str) -> Query {
        Query::new(self.fill(cypher))
    }

    pub(super) fn fill(&self, cypher: &str) -> String {
        cypher.replace(MARK, &self.0)
    }
}

/// Deletes what is in `namespace`, and its schema if asked to.
pub(super) async fn wipe(db: &Neo4j, cx: &Cx, namespace: &Namespace, schema: bool) -> Result<()> {
    if namespace.0.is_empty() {
        return Err(Error::internal("a database without a namespace is not wiped"));
    }
    let kinds = format!("CALL db.labels() YIELD label WHERE label ENDS WITH '{}' RETURN label AS name", namespace.0);
    let labels = names(db, cx, &kinds).await?;
    // All relationships before all nodes: one may lead to a node of another label.
    for what in ["-[x]->()", ""] {
        for label in &labels {
            let kept = !schema && label.starts_with(super::migrations::LABEL);
            while !kept && delete_some(db, cx, label, what).await? {}
        }
    }
    if !schema {
        return Ok(());
    }
    for (kind, all) in [("CONSTRAINT", "CONSTRAINTS"), ("INDEX", "INDEXES")] {
        let list = format!("SHOW {all} YIELD name WHERE name ENDS WITH '{}' RETURN name", namespace.0);
        for name in names(db, cx, &list).await? {
            db.change_schema(cx, Query::new(format!("DROP {kind} {name} IF EXISTS"))).await?;
        }
    }
    Ok(())
}

async fn names(db: &Neo4j, cx: &Cx, list: &str) -> Result<Vec<String>> {
    let rows = db.read(cx, Query::new(list.to_owned())).await?;
    rows.iter().map(|row| get(row, "name")).collect()
}

/// Deletes a bounded number of the nodes, or of the relationships that begin at them; whether there was any.
async fn delete_some(db: &Neo4j, cx: &Cx, label: &str, relationship: &str) -> Result<bool> {
    let (from, what) = if relationship.is_empty() { ("x", "") } else { ("", relationship) };
    let query = format!("MATCH ({from}:{label}){what} WITH x LIMIT $limit DELETE x RETURN count(*) AS deleted");
    let rows = db.read(cx, Query::new(query).param("limit", WIPE_BATCH)).await?;
    let deleted: i64 = rows.first().map_or(Ok(0), |row| get(row, "deleted"))?;
    Ok(deleted > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_marks_every_name() {
        let cypher = "MATCH (a:Account{ns} {id: 1})-[:FOLLOWS{ns}]->(b) RETURN b";
        let marked = Namespace::new("t_1").unwrap().fill(cypher);
        assert_eq!(marked, "MATCH (a:Account_t_1 {id: 1})-[:FOLLOWS_t_1]->(b) RETURN b");
        assert_eq!(Namespace::default().fill("(a:Account{ns} {id: 1})"), "(a:Account {id: 1})");
        for bad in ["", "a b", "A", "x'", "ä", &"x".repeat(61)] {
            assert!(Namespace::new(bad).is_none(), "{bad}");
        }
    }
}
