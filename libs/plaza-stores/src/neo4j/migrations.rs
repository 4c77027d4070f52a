//! Applies migrations to a database, each recorded with a checksum.
//!
//! Neo4j has no transaction round several changes of a schema, and two processes may start at once: each statement of a
//! migration must do no harm when it is run again, as `IF NOT EXISTS` and `MERGE` do none. Statements are ended by a
//! semicolon; a line that begins with `//` is a comment.

use std::time::Duration;

use plaza_core::{Cx, Error, Result};

use super::Neo4j;
use super::errors::get;
use crate::migrations::{Migration, pending, refused};

/// The label of what is recorded.
pub(super) const LABEL: &str = "PlazaMigration";
const CONSTRAINT: &str = "CREATE CONSTRAINT plaza_migration_ordinal{ns} IF NOT EXISTS
    FOR (m:PlazaMigration{ns}) REQUIRE m.ordinal IS UNIQUE";
const APPLIED: &str = "MATCH (m:PlazaMigration{ns}) RETURN m.name AS name, m.checksum AS checksum ORDER BY m.ordinal";
const RECORD: &str =
    "MERGE (m:PlazaMigration{ns} {ordinal: $ordinal}) ON CREATE SET m.name = $name, m.checksum = $checksum";

const UNREADY: &str = "SHOW INDEXES YIELD name, state WHERE state <> 'ONLINE' AND name ENDS WITH $namespace
    RETURN name, state ORDER BY state";
/// Between two looks at the indexes.
const AWAIT_PAUSE: Duration = Duration::from_millis(100);

/// Brings the database up to the last of `migrations`.
pub(super) async fn migrate(db: &Neo4j, cx: &Cx, migrations: &[Migration]) -> Result<()> {
    db.change_schema(cx, db.query(CONSTRAINT)).await?;
    let mut applied: Vec<(String, String)> = Vec::new();
    for row in db.read(cx, db.query(APPLIED)).await? {
        applied.push((get(&row, "name")?, get(&row, "checksum")?));
    }
    let pending = pending(&applied, migrations)?;
    let first = i64::try_from(applied.len()).unwrap_or(i64::MAX);
    for (ordinal, migration) in (first..).zip(pending) {
        for statement in statements(migration.sql) {
            db.change_schema(cx, db.query(&statement)).await.map_err(|e| failed(migration, &e))?;
        }
        let record = db.query(RECORD).param("ordinal", ordinal).param("name", migration.name);
        db.change_schema(cx, record.param("checksum", migration.checksum())).await?;
    }
    await_indexes(db, cx).await
}

/// Waits until every index serves, as statements name theirs; another process may have made them just now. Asks for those
/// of the namespace, so as not to wait for another's.
async fn await_indexes(db: &Neo4j, cx: &Cx) -> Result<()> {
    loop {
        let rows = db.read(cx, db.query(UNREADY).param("namespace", db.namespace().suffix())).await?;
        let Some(row) = rows.first() else { return Ok(()) };
        let (name, state): (String, String) = (get(row, "name")?, get(row, "state")?);
        if state == "FAILED" || cx.remaining() <= AWAIT_PAUSE {
            return Err(refused(format!("index `{name}` is not ready but {state}; look into the server's log")));
        }
        tokio::time::sleep(AWAIT_PAUSE).await;
    }
}

/// The statements of a migration, without comments.
fn statements(cypher: &str) -> Vec<String> {
    let code: Vec<&str> = cypher.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    code.join("\n").split(';').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

fn failed(migration: &Migration, error: &Error) -> Error {
    let log = error.metadata().iter().find(|(key, _)| key == "log").map_or("", |(_, log)| log.as_str());
    refused(format!("migration `{}` failed: {error} {log}", migration.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_is_cut_into_its_statements() {
        let cypher = "// One; with a semicolon.\nCREATE A;\n\n  // Two.\nCREATE B\n  FOR C;\n";
        assert_eq!(statements(cypher), ["CREATE A", "CREATE B\n  FOR C"]);
    }
}
