//! What other services have erased of accounts that are gone.

use plaza_core::{AccountId, Error, Result, Timestamp, reason};
use plaza_stores::SqlResultExt as _;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::domain::erasure::{Receipt, Report};

fn deleted_at(conn: &Connection, id: AccountId) -> Result<Option<i64>> {
    let found: Option<Option<i64>> = conn
        .prepare_cached("SELECT deleted_at FROM accounts WHERE account_id = ?1")
        .sql()?
        .query_row([id.get()], |row| row.get(0))
        .optional()
        .sql()?;
    Ok(found.flatten())
}

pub(super) fn report(conn: &Connection, report: &Report) -> Result<()> {
    if deleted_at(conn, report.account)?.is_none() {
        return Err(Error::new(reason::ACCOUNT_NOT_FOUND));
    }
    conn.prepare_cached("INSERT OR IGNORE INTO erasures (account_id, service, kinds, at) VALUES (?1, ?2, ?3, ?4)")
        .sql()?
        .execute(params![report.account.get(), report.service, report.kinds.join("\n"), report.at.0])
        .sql()?;
    Ok(())
}

pub(super) fn receipt(conn: &Connection, account: AccountId) -> Result<Receipt> {
    let mut statement = conn
        .prepare_cached("SELECT service, kinds, at FROM erasures WHERE account_id = ?1 ORDER BY at, service")
        .sql()?;
    let reports = statement.query_map([account.get()], |row| {
        let kinds: String = row.get(1)?;
        let kinds = kinds.lines().map(str::to_owned).collect();
        Ok(Report { account, service: row.get(0)?, kinds, at: Timestamp(row.get(2)?) })
    });
    let reports = reports.sql()?.collect::<rusqlite::Result<_>>().sql()?;
    Ok(Receipt { account, deleted_at: deleted_at(conn, account)?, reports })
}
