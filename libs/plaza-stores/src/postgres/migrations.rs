//! Applies migrations to a database's schema.

use plaza_core::Result;
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::errors::PgResultExt as _;
use crate::migrations::{Migration, pending, refused};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS plaza_migrations (
    ordinal integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL)";
/// How long the start waits for another replica that migrates.
const PATIENCE: &str = "SET lock_timeout = '60s'; SET statement_timeout = '300s'";

/// Brings `schema` up to the last of `migrations`, each in a transaction of its own; returns how many were applied. Of
/// several replicas that start at once one applies, the others wait and find the work done.
pub(super) async fn migrate(conn: &mut PgConnection, schema: Option<&str>, migrations: &[Migration]) -> Result<usize> {
    batch(conn, PATIENCE.to_owned()).await?;
    // The lock goes with the connection.
    sqlx::query("SELECT pg_advisory_lock($1)").bind(lock_of(schema)).execute(&mut *conn).await.sql()?;
    if let Some(schema) = schema {
        batch(conn, format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await?;
    }
    batch(conn, TABLE.to_owned()).await?;
    let applied = applied(conn).await?;
    let pending = pending(&applied, migrations)?;
    for (ordinal, migration) in (applied.len()..).zip(pending) {
        // Checksum and ordinal are ours and hold no quotes; a name with one would be a mistake that the first start shows.
        let Migration { name, sql } = migration;
        let sum = migration.checksum();
        let record =
            format!("INSERT INTO plaza_migrations (ordinal, name, checksum) VALUES ({ordinal}, '{name}', '{sum}')");
        let step = sqlx::raw_sql(AssertSqlSafe(format!("BEGIN; {sql}; {record}; COMMIT"))).execute(&mut *conn);
        step.await.map_err(|e| refused(format!("migration `{name}` failed: {e}")))?;
    }
    Ok(pending.len())
}

async fn batch(conn: &mut PgConnection, sql: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.sql()?;
    Ok(())
}

async fn applied(conn: &mut PgConnection) -> Result<Vec<(String, String)>> {
    let rows =
        sqlx::query("SELECT name, checksum FROM plaza_migrations ORDER BY ordinal").fetch_all(conn).await.sql()?;
    rows.iter().map(|row| Ok((row.try_get(0).sql()?, row.try_get(1).sql()?))).collect()
}

/// The advisory lock's number: one for each schema of a database.
fn lock_of(schema: Option<&str>) -> i64 {
    let digest = Sha256::digest(format!("plaza migrations {}", schema.unwrap_or_default()));
    let mut number = [0; 8];
    number.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(number)
}
