//! Ordered migrations, each recorded with a checksum.

use plaza_core::{Cx, Error, Result, reason};
use sha2::{Digest as _, Sha256};

use super::Neo4j;
use super::errors::get;

/// One step of a schema. Never changed once released: a change is a new step.
///
/// Neo4j has no transaction round several changes of a schema, and two processes may start at once: each statement must
/// do no harm when it is run again, as `IF NOT EXISTS` and `MERGE` do none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its name, such as `0001_graph`.
    pub name: &'static str,
    /// Statements, each ended by a semicolon; `//` begins a comment.
    pub cypher: &'static str,
}

/// The label of what is recorded.
pub(super) const LABEL: &str = "PlazaMigration";
const CONSTRAINT: &str = "CREATE CONSTRAINT plaza_migration_ordinal{ns} IF NOT EXISTS
    FOR (m:PlazaMigration{ns}) REQUIRE m.ordinal IS UNIQUE";
const APPLIED: &str = "MATCH (m:PlazaMigration{ns}) RETURN m.name AS name, m.checksum AS checksum ORDER BY m.ordinal";
const RECORD: &str =
    "MERGE (m:PlazaMigration{ns} {ordinal: $ordinal}) ON CREATE SET m.name = $name, m.checksum = $checksum";

/// Brings the database up to the last of `migrations`.
pub(super) async fn migrate(db: &Neo4j, cx: &Cx, migrations: &[Migration]) -> Result<()> {
    db.change_schema(cx, db.query(CONSTRAINT)).await?;
    let mut applied: Vec<(String, String)> = Vec::new();
    for row in db.read(cx, db.query(APPLIED)).await? {
        applied.push((get(&row, "name")?, get(&row, "checksum")?));
    }
    check(&applied, migrations)?;
    for (ordinal, migration) in (0_i64..).zip(migrations).skip(applied.len()) {
        for statement in statements(migration.cypher) {
            db.change_schema(cx, db.query(&statement)).await.map_err(|e| failed(migration, &e))?;
        }
        let record = db.query(RECORD).param("ordinal", ordinal).param("name", migration.name);
        db.change_schema(cx, record.param("checksum", checksum(migration.cypher))).await?;
    }
    // Statements name their indexes, which another process may have made just now.
    db.change_schema(cx, db.query("CALL db.awaitIndexes(60)")).await.map(drop)
}

fn check(applied: &[(String, String)], migrations: &[Migration]) -> Result<()> {
    for (i, (name, sum)) in applied.iter().enumerate() {
        let Some(known) = migrations.get(i) else {
            return Err(refused(format!(
                "the database is newer than this program: it has migration `{name}`, which this program does not know; \
                 start the newer program"
            )));
        };
        if known.name != name || checksum(known.cypher) != *sum {
            return Err(refused(format!(
                "migration `{name}` was applied to this database with another content than this program has under \
                 `{}`; a released migration must not change: restore it and add a new one",
                known.name
            )));
        }
    }
    Ok(())
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

fn refused(message: String) -> Error {
    Error::new(reason::STORE_UNAVAILABLE).message(message)
}

fn checksum(cypher: &str) -> String {
    Sha256::digest(cypher.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_is_cut_into_its_statements() {
        let cypher = "// One; with a semicolon.\nCREATE A;\n\n  // Two.\nCREATE B\n  FOR C;\n";
        assert_eq!(statements(cypher), ["CREATE A", "CREATE B\n  FOR C"]);
    }

    #[test]
    fn a_changed_or_unknown_migration_is_refused() {
        let known = [Migration { name: "0001_a", cypher: "A;" }];
        let row = |name: &str, cypher| (name.to_owned(), checksum(cypher));
        check(&[row("0001_a", "A;")], &known).unwrap();
        check(&[], &known).unwrap();
        for (applied, said) in [
            (vec![row("0001_a", "B;")], "another content"),
            (vec![row("0001_b", "A;")], "another content"),
            (vec![row("0001_a", "A;"), row("0002_b", "B;")], "newer than this program"),
        ] {
            let error = check(&applied, &known).unwrap_err();
            assert!(error.text().contains(said), "{error}");
        }
    }
}
