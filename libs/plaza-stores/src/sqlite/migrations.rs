//! Ordered migrations, each recorded with a checksum.

use plaza_core::{Error, Result, reason};
use rusqlite::{Connection, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};

use super::errors::SqlResultExt as _;

/// One step of a schema. Never changed once released: a change is a new step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its name, such as `0001_posts`.
    pub name: &'static str,
    /// One or more statements.
    pub sql: &'static str,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS plaza_migrations (
    ordinal INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)";

/// Brings the database up to the last of `migrations`, in one transaction; returns how many were applied.
pub(super) fn migrate(conn: &mut Connection, migrations: &[Migration]) -> Result<usize> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).sql()?;
    tx.execute_batch(TABLE).sql()?;
    let applied = applied(&tx)?;
    for (i, (name, sum)) in applied.iter().enumerate() {
        let Some(known) = migrations.get(i) else {
            return Err(refused(format!(
                "the database is newer than this program: it has migration `{name}`, which this program does not know; \
                 start the newer program"
            )));
        };
        if known.name != name || checksum(known.sql) != *sum {
            return Err(refused(format!(
                "migration `{name}` was applied to this database with another content than this program has under \
                 `{}`; a released migration must not change: restore it and add a new one",
                known.name
            )));
        }
    }
    for (ordinal, migration) in (0_i64..).zip(migrations).skip(applied.len()) {
        tx.execute_batch(migration.sql).map_err(|e| refused(format!("migration `{}` failed: {e}", migration.name)))?;
        tx.execute(
            "INSERT INTO plaza_migrations (ordinal, name, checksum) VALUES (?1, ?2, ?3)",
            params![ordinal, migration.name, checksum(migration.sql)],
        )
        .sql()?;
    }
    tx.commit().sql()?;
    Ok(migrations.len() - applied.len())
}

fn applied(conn: &Connection) -> Result<Vec<(String, String)>> {
    let mut rows = conn.prepare("SELECT name, checksum FROM plaza_migrations ORDER BY ordinal").sql()?;
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}

fn refused(message: String) -> Error {
    Error::new(reason::STORE_UNAVAILABLE).message(message)
}

fn checksum(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}
