//! What other services have erased of accounts that are gone.

use plaza_core::{AccountId, Result, Timestamp};
use plaza_stores::PgResultExt as _;
use sqlx::PgConnection;

use crate::domain::erasure::{Receipt, Report};

async fn deleted_at(conn: &mut PgConnection, id: AccountId) -> Result<Option<i64>> {
    let found = sqlx::query_scalar::<_, Option<i64>>("SELECT deleted_at FROM accounts WHERE account_id = $1");
    Ok(found.bind(id.get()).fetch_optional(conn).await.sql()?.flatten())
}

/// Whether there was such an account, and is no more; then the report is stored, unless there is one.
pub(super) async fn report(conn: &mut PgConnection, report: &Report) -> Result<bool> {
    if deleted_at(conn, report.account).await?.is_none() {
        return Ok(false);
    }
    sqlx::query(
        "INSERT INTO erasures (account_id, service, kinds, at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_id, service) DO NOTHING",
    )
    .bind(report.account.get())
    .bind(&report.service)
    .bind(report.kinds.join("\n"))
    .bind(report.at.0)
    .execute(conn)
    .await
    .sql()?;
    Ok(true)
}

pub(super) async fn receipt(conn: &mut PgConnection, account: AccountId) -> Result<Receipt> {
    let rows = sqlx::query_as::<_, (String, String, i64)>(
        "SELECT service, kinds, at FROM erasures WHERE account_id = $1 ORDER BY at, service",
    );
    let rows = rows.bind(account.get()).fetch_all(&mut *conn).await.sql()?;
    let report = |(service, kinds, at): (String, String, i64)| {
        let kinds = kinds.lines().map(str::to_owned).collect();
        Report { account, service, kinds, at: Timestamp(at) }
    };
    let reports = rows.into_iter().map(report).collect();
    Ok(Receipt { account, deleted_at: deleted_at(conn, account).await?, reports })
}
