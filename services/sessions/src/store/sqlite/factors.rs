//! Second factors in SQLite.

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Error, Result, Timestamp, reason};
use plaza_stores::{SqlResultExt as _, requests};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Events, SqliteSessions};
use crate::domain::{ALL_RECOVERY, Code, Factor, Nonce, Proof, SETUP_MS};
use crate::store::{FactorStore, Notice, PRUNE_LIMIT, code_invalid};

#[async_trait]
impl FactorStore for SqliteSessions {
    async fn factor(&self, cx: &Cx, account: AccountId) -> Result<Option<Factor>> {
        let now = self.env.now();
        self.db.read(cx, |conn| get(conn, account, now)).await
    }

    async fn begin_factor(&self, cx: &Cx, account: AccountId, nonce: Nonce) -> Result<Nonce> {
        let (request, now) = (cx.request().cloned(), self.env.now());
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), now, || {
                if get(conn, account, now)?.is_some_and(|factor| factor.confirmed) {
                    return Err(Error::new(reason::SECOND_FACTOR_ACTIVE));
                }
                begin(conn, account, &nonce, now)?;
                Ok(nonce)
            })
        };
        self.db.write(cx, job).await
    }

    async fn confirm_factor(&self, cx: &Cx, account: AccountId, nonce: Nonce, step: i64) -> Result<Nonce> {
        let (request, now, events) = (cx.request().cloned(), self.env.now(), self.events(cx));
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), now, || {
                match get(conn, account, now)? {
                    Some(factor) if factor.confirmed => return Err(Error::new(reason::SECOND_FACTOR_ACTIVE)),
                    Some(factor) if factor.nonce == nonce => {}
                    _ => return Err(Error::new(reason::SECOND_FACTOR_NOT_FOUND)),
                }
                confirm(conn, account, step, now)?;
                events.append(conn, account, Notice::FactorChanged { enabled: true })?;
                Ok(nonce)
            })
        };
        self.db.write(cx, job).await
    }

    async fn drop_factor(&self, cx: &Cx, account: AccountId, proof: Proof) -> Result<Nonce> {
        let (request, now, events) = (cx.request().cloned(), self.env.now(), self.events(cx));
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), now, || {
                let factor = get(conn, account, now)?;
                factor.and_then(|factor| factor.spent(&proof)).ok_or_else(code_invalid)?;
                conn.prepare_cached("DELETE FROM second_factors WHERE account_id = ?1")
                    .sql()?
                    .execute([account.get()])
                    .sql()?;
                events.append(conn, account, Notice::FactorChanged { enabled: false })?;
                Ok(proof.nonce)
            })
        };
        self.db.write(cx, job).await
    }

    async fn recall_factor(&self, cx: &Cx) -> Result<Option<Nonce>> {
        let now = self.env.now();
        self.db.read(cx, |conn| requests::recall(conn, cx.request(), now)).await
    }
}

/// Spends a code, and tells of a recovery code. Whether the account needs none or was given one.
pub(super) fn pass(
    conn: &Connection,
    events: &Events,
    account: AccountId,
    proof: Option<&Proof>,
    now: Timestamp,
) -> Result<bool> {
    let factor = get(conn, account, now)?.filter(|factor| factor.confirmed);
    let Some(proof) = proof else { return Ok(factor.is_none()) };
    let spent = factor.and_then(|factor| factor.spent(proof)).ok_or_else(code_invalid)?;
    conn.prepare_cached("UPDATE second_factors SET last_step = ?2, recovery = ?3 WHERE account_id = ?1")
        .sql()?
        .execute(params![account.get(), spent.last_step, spent.recovery])
        .sql()?;
    if matches!(proof.code, Code::Recovery(_)) {
        let left = i32::try_from(spent.recovery.count_ones()).unwrap_or(i32::MAX);
        events.append(conn, account, Notice::RecoveryUsed { left })?;
    }
    Ok(true)
}

/// The factor of an account, unless it was begun too long ago and not confirmed.
fn get(conn: &Connection, account: AccountId, now: Timestamp) -> Result<Option<Factor>> {
    conn.prepare_cached(
        "SELECT nonce, confirmed_at > 0, last_step, recovery FROM second_factors
         WHERE account_id = ?1 AND (confirmed_at > 0 OR begun_at > ?2)",
    )
    .sql()?
    .query_row([account.get(), now.plus_ms(-SETUP_MS).0], |row| {
        Ok(Factor { nonce: row.get(0)?, confirmed: row.get(1)?, last_step: row.get(2)?, recovery: row.get(3)? })
    })
    .optional()
    .sql()
}

fn begin(conn: &Connection, account: AccountId, nonce: &Nonce, now: Timestamp) -> Result<()> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO second_factors (account_id, nonce, begun_at, confirmed_at, last_step, recovery)
         VALUES (?1, ?2, ?3, 0, 0, 0)",
    )
    .sql()?
    .execute(params![account.get(), nonce, now.0])
    .sql()?;
    Ok(())
}

fn confirm(conn: &Connection, account: AccountId, step: i64, now: Timestamp) -> Result<()> {
    conn.prepare_cached(
        "UPDATE second_factors SET confirmed_at = ?2, last_step = ?3, recovery = ?4 WHERE account_id = ?1",
    )
    .sql()?
    .execute(params![account.get(), now.0, step, ALL_RECOVERY])
    .sql()?;
    Ok(())
}

/// Forgets what was begun too long ago and not confirmed.
pub(super) fn prune(conn: &Connection, now: Timestamp) -> Result<usize> {
    conn.prepare_cached(
        "DELETE FROM second_factors WHERE account_id IN
         (SELECT account_id FROM second_factors WHERE confirmed_at = 0 AND begun_at <= ?1 LIMIT ?2)",
    )
    .sql()?
    .execute(params![now.plus_ms(-SETUP_MS).0, i64::try_from(PRUNE_LIMIT).unwrap_or(i64::MAX)])
    .sql()
}
