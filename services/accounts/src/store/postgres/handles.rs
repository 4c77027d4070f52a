//! Handles: who has which, and which are kept from others.

use plaza_core::{AccountId, Error, Result, Timestamp, reason};
use plaza_stores::PgResultExt as _;
use sqlx::PgConnection;

use super::savepoint;
use crate::domain::kept::KeptHandle;
use crate::domain::{Account, HandleEdit};

/// How many one [`prune`] forgets at most.
const PRUNE_LIMIT: i64 = 1_000;

/// Gives `account` its new handle and keeps the old one for it. Returns the keys that point elsewhere now. A refusal leaves
/// the transaction as it was.
pub(super) async fn change(
    conn: &mut PgConnection,
    account: &Account,
    edit: &HandleEdit,
    now: Timestamp,
) -> Result<Vec<String>> {
    savepoint::set(conn).await?;
    let changed = attempt(conn, account, edit, now).await;
    savepoint::end(conn, changed.is_ok()).await?;
    changed
}

async fn attempt(conn: &mut PgConnection, account: &Account, edit: &HandleEdit, now: Timestamp) -> Result<Vec<String>> {
    let (id, old, new) = (account.id, account.handle.to_ascii_lowercase(), edit.handle.key());
    let taken = || Error::new(reason::HANDLE_TAKEN);
    sqlx::query("UPDATE accounts SET handle = $2, handle_key = $3 WHERE account_id = $1")
        .bind(id.get())
        .bind(edit.handle.as_str())
        .bind(new)
        .execute(&mut *conn)
        .await
        .unique("accounts_by_handle", taken)?;
    if old == new {
        return Ok(Vec::new());
    }
    // Looked at after the update, which has waited for whoever was giving it up.
    let kept: Option<Option<i64>> =
        sqlx::query_scalar("SELECT account_id FROM kept_handles WHERE handle_key = $1 AND free_at > $2")
            .bind(new)
            .bind(now.0)
            .fetch_optional(&mut *conn)
            .await
            .sql()?;
    if kept.is_some_and(|owner| owner != Some(id.get())) {
        return Err(taken());
    }
    sqlx::query("DELETE FROM kept_handles WHERE handle_key = $1").bind(new).execute(&mut *conn).await.sql()?;
    keep(conn, &[&old], Some(id), edit.keep_until).await?;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM kept_handles WHERE account_id = $1 AND free_at > $2")
        .bind(id.get())
        .bind(now.0)
        .fetch_one(&mut *conn)
        .await
        .sql()?;
    if usize::try_from(kept).unwrap_or(usize::MAX) > edit.max_kept {
        return Err(Error::new(reason::TOO_MANY_HANDLES));
    }
    Ok(vec![old, new.to_owned()])
}

/// Keeps handles from all but their owner.
pub(super) async fn keep(
    conn: &mut PgConnection,
    keys: &[&str],
    owner: Option<AccountId>,
    until: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO kept_handles (handle_key, account_id, free_at)
         SELECT key, $2, $3 FROM unnest($1::text[]) AS kept (key)
         ON CONFLICT (handle_key) DO UPDATE SET account_id = excluded.account_id, free_at = excluded.free_at",
    )
    .bind(keys)
    .bind(owner.map(AccountId::get))
    .bind(until.0)
    .execute(conn)
    .await
    .sql()?;
    Ok(())
}

/// The handles that are kept for an account.
pub(super) async fn kept(conn: &mut PgConnection, owner: AccountId, now: Timestamp) -> Result<Vec<KeptHandle>> {
    let found: Vec<(String, i64)> = sqlx::query_as(
        "SELECT handle_key, free_at FROM kept_handles WHERE account_id = $1 AND free_at > $2
         ORDER BY handle_key COLLATE \"C\"",
    )
    .bind(owner.get())
    .bind(now.0)
    .fetch_all(conn)
    .await
    .sql()?;
    Ok(found.into_iter().map(|(handle, free_at)| KeptHandle { handle, free_at }).collect())
}

/// Forgets whose the handles were that are kept for those who are gone.
pub(super) async fn disown(conn: &mut PgConnection, owners: &[i64]) -> Result<()> {
    let sql = "UPDATE kept_handles SET account_id = NULL WHERE account_id = ANY($1)";
    sqlx::query(sql).bind(owners).execute(conn).await.sql()?;
    Ok(())
}

/// Takes back those of `accounts`, just inserted, whose handle is kept for somebody. An insertion has waited for whoever
/// was giving the handle up, so it comes first.
pub(super) async fn take_back_kept(conn: &mut PgConnection, accounts: &[i64], now: Timestamp) -> Result<Vec<i64>> {
    sqlx::query_scalar(
        "DELETE FROM accounts USING kept_handles AS kept
         WHERE accounts.account_id = ANY($1) AND kept.handle_key = accounts.handle_key AND kept.free_at > $2
         RETURNING accounts.account_id",
    )
    .bind(accounts)
    .bind(now.0)
    .fetch_all(conn)
    .await
    .sql()
}

/// Forgets handles that are free.
pub(super) async fn prune(conn: &mut PgConnection, now: Timestamp) -> Result<usize> {
    let done = sqlx::query(
        "DELETE FROM kept_handles WHERE handle_key IN
            (SELECT handle_key FROM kept_handles WHERE free_at <= $1 ORDER BY free_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind(now.0)
    .bind(PRUNE_LIMIT)
    .execute(conn)
    .await
    .sql()?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}
