//! Applies migrations to a file.

use plaza_core::Result;
use rusqlite::{Connection, TransactionBehavior, params};

use super::errors::SqlResultExt as _;
use crate::migrations::{Migration, pending, refused};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS plaza_migrations (
    ordinal INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)";

/// Brings the database up to the last of `migrations`, in one transaction; returns how many were applied.
pub(super) fn migrate(conn: &mut Connection, migrations: &[Migration]) -> Result<usize> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).sql()?;
    tx.execute_batch(TABLE).sql()?;
    let applied = applied(&tx)?;
    let pending = pending(&applied, migrations)?;
    for (ordinal, migration) in (0_i64..).zip(migrations).skip(applied.len()) {
        tx.execute_batch(migration.sql).map_err(|e| refused(format!("migration `{}` failed: {e}", migration.name)))?;
        tx.execute(
            "INSERT INTO plaza_migrations (ordinal, name, checksum) VALUES (?1, ?2, ?3)",
            params![ordinal, migration.name, migration.checksum()],
        )
        .sql()?;
    }
    tx.commit().sql()?;
    Ok(pending.len())
}

fn applied(conn: &Connection) -> Result<Vec<(String, String)>> {
    let mut rows = conn.prepare("SELECT name, checksum FROM plaza_migrations ORDER BY ordinal").sql()?;
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}
