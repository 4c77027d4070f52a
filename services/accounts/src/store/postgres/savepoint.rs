//! A part of a transaction that can fail alone.

use plaza_core::Result;
use plaza_stores::PgResultExt as _;
use sqlx::PgConnection;

/// Begins the part.
pub(super) async fn set(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("SAVEPOINT part").execute(conn).await.sql()?;
    Ok(())
}

/// Ends it: it stays, or nothing of it does.
pub(super) async fn end(conn: &mut PgConnection, stays: bool) -> Result<()> {
    if !stays {
        sqlx::query("ROLLBACK TO SAVEPOINT part").execute(&mut *conn).await.sql()?;
    }
    sqlx::query("RELEASE SAVEPOINT part").execute(conn).await.sql()?;
    Ok(())
}
