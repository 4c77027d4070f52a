//! Tickets: what is sent by mail and comes back once.

use plaza_core::{AccountId, Error, Result, Timestamp, reason};
use plaza_stores::PgResultExt as _;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use super::savepoint;
use crate::domain::Account;
use crate::domain::ticket::{Effect, NewTicket, Noted, Purpose, Redemption, Reset, Ticket};

/// How many one [`prune`] forgets at most.
const PRUNE_LIMIT: i64 = 1_000;

fn ticket(row: &PgRow) -> Result<Ticket> {
    let purpose = Purpose::of_number(row.try_get(2).sql()?);
    Ok(Ticket {
        account: AccountId(row.try_get(0).sql()?),
        id: row.try_get(1).sql()?,
        purpose: purpose.ok_or_else(|| Error::internal("a ticket of an unknown purpose"))?,
        email: row.try_get(3).sql()?,
        created_at: row.try_get(4).sql()?,
        expires_at: row.try_get(5).sql()?,
        attempts: row.try_get(6).sql()?,
    })
}

/// Stores a ticket in place of the one before.
pub(super) async fn put(conn: &mut PgConnection, account: AccountId, new: &NewTicket) -> Result<()> {
    sqlx::query(
        "INSERT INTO tickets (account_id, purpose, ticket_id, email, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (account_id, purpose) DO UPDATE
         SET ticket_id = excluded.ticket_id, email = excluded.email, created_at = excluded.created_at,
             expires_at = excluded.expires_at, attempts = 0, done = false, again_at = 0",
    )
    .bind(account.get())
    .bind(new.purpose.number())
    .bind(new.id)
    .bind(new.email.as_str())
    .bind(new.at.0)
    .bind(new.expires_at.0)
    .execute(conn)
    .await
    .sql()?;
    Ok(())
}

pub(super) async fn get(conn: &mut PgConnection, account: AccountId, purpose: Purpose) -> Result<Option<Ticket>> {
    let found = sqlx::query(
        "SELECT account_id, ticket_id, purpose, email, created_at, expires_at, attempts
         FROM tickets WHERE account_id = $1 AND purpose = $2",
    );
    let found = found.bind(account.get()).bind(purpose.number()).fetch_optional(conn).await.sql()?;
    found.as_ref().map(ticket).transpose()
}

/// Whose address this is, if a ticket for it is due. Stores the ticket then.
pub(super) async fn reset(conn: &mut PgConnection, reset: &Reset) -> Result<Option<AccountId>> {
    let new = &reset.ticket;
    if new.email.key().contains('\0') {
        // Text in Postgres holds no such character, so nobody has this address.
        return Ok(None);
    }
    // Locked, so that nothing is stored for one who is being deleted.
    let owner: Option<i64> =
        sqlx::query_scalar("SELECT account_id FROM accounts WHERE email_key = $1 AND deleted_at IS NULL FOR UPDATE")
            .bind(new.email.key())
            .fetch_optional(&mut *conn)
            .await
            .sql()?;
    let Some(owner) = owner.map(AccountId) else { return Ok(None) };
    if get(conn, owner, new.purpose).await?.is_some_and(|held| held.created_at > reset.not_since.0) {
        return Ok(None);
    }
    put(conn, owner, new).await?;
    Ok(Some(owner))
}

/// Makes a ticket that came back take its effect, and useless. `after` is the account as it is then. A refusal leaves the
/// transaction as it was.
pub(super) async fn redeem(conn: &mut PgConnection, redemption: &Redemption, after: &Account) -> Result<()> {
    savepoint::set(conn).await?;
    let done = attempt(conn, redemption, after).await;
    savepoint::end(conn, done.is_ok()).await?;
    done
}

async fn attempt(conn: &mut PgConnection, redemption: &Redemption, after: &Account) -> Result<()> {
    match &redemption.effect {
        Effect::VerifyEmail => {
            sqlx::query("UPDATE accounts SET email = $2, email_key = $3 WHERE account_id = $1")
                .bind(after.id.get())
                .bind(&after.email)
                .bind(after.email.to_lowercase())
                .execute(&mut *conn)
                .await
                .unique("accounts_by_email", || Error::new(reason::EMAIL_TAKEN))?;
        }
        Effect::SetPassword(credential) => {
            let set = sqlx::query("UPDATE accounts SET password_hash = $2 WHERE account_id = $1");
            set.bind(after.id.get()).bind(credential.phc()).execute(&mut *conn).await.sql()?;
        }
    }
    let used = sqlx::query("DELETE FROM tickets WHERE account_id = $1 AND purpose = $2");
    used.bind(after.id.get()).bind(redemption.purpose().number()).execute(conn).await.sql()?;
    Ok(())
}

/// What is still to be sent for an account.
pub(super) async fn unsent(conn: &mut PgConnection, account: AccountId, now: Timestamp) -> Result<Vec<Ticket>> {
    let found = sqlx::query(
        "SELECT account_id, ticket_id, purpose, email, created_at, expires_at, attempts
         FROM tickets WHERE account_id = $1 AND NOT done AND expires_at > $2 AND again_at <= $2 ORDER BY purpose",
    );
    let found = found.bind(account.get()).bind(now.0).fetch_all(conn).await.sql()?;
    found.iter().map(ticket).collect()
}

/// What an account may still bring back, or will be sent.
pub(super) async fn good(conn: &mut PgConnection, account: AccountId, now: Timestamp) -> Result<Vec<Ticket>> {
    let found = sqlx::query(
        "SELECT account_id, ticket_id, purpose, email, created_at, expires_at, attempts
         FROM tickets WHERE account_id = $1 AND expires_at > $2 ORDER BY purpose",
    );
    let found = found.bind(account.get()).bind(now.0).fetch_all(conn).await.sql()?;
    found.iter().map(ticket).collect()
}

/// Notes what became of a mail, unless another ticket is there by now.
pub(super) async fn note(conn: &mut PgConnection, ticket: &Ticket, noted: Noted) -> Result<()> {
    let (is_done, again_at) = match noted {
        Noted::Done => (true, 0),
        Noted::PutOff(at) => (false, at.0),
    };
    sqlx::query(
        "UPDATE tickets SET done = $4, again_at = $5, attempts = attempts + CASE WHEN $4 THEN 0 ELSE 1 END
         WHERE account_id = $1 AND purpose = $2 AND ticket_id = $3",
    )
    .bind(ticket.account.get())
    .bind(ticket.purpose.number())
    .bind(ticket.id)
    .bind(is_done)
    .bind(again_at)
    .execute(conn)
    .await
    .sql()?;
    Ok(())
}

/// Up to `limit` mails that were put off and are to be offered again, the one that waits for longest first. They are kept
/// from others until `kept_until`.
pub(super) async fn take_put_off(
    conn: &mut PgConnection,
    now: Timestamp,
    kept_until: Timestamp,
    limit: usize,
) -> Result<Vec<Ticket>> {
    let found = sqlx::query(
        "UPDATE tickets SET again_at = $2 WHERE (account_id, purpose) IN
            (SELECT account_id, purpose FROM tickets
             WHERE NOT done AND again_at > 0 AND again_at <= $1 AND expires_at > $1
             ORDER BY again_at LIMIT $3 FOR UPDATE SKIP LOCKED)
         RETURNING account_id, ticket_id, purpose, email, created_at, expires_at, attempts",
    );
    let found = found.bind(now.0).bind(kept_until.0).bind(i64::try_from(limit).unwrap_or(i64::MAX));
    found.fetch_all(conn).await.sql()?.iter().map(ticket).collect()
}

/// Forgets the tickets of those who are gone.
pub(super) async fn erase(conn: &mut PgConnection, accounts: &[i64]) -> Result<()> {
    let erase = sqlx::query("DELETE FROM tickets WHERE account_id = ANY($1)").bind(accounts);
    erase.execute(conn).await.sql()?;
    Ok(())
}

/// Forgets tickets that are good no longer.
pub(super) async fn prune(conn: &mut PgConnection, now: Timestamp) -> Result<usize> {
    let done = sqlx::query(
        "DELETE FROM tickets WHERE (account_id, purpose) IN
            (SELECT account_id, purpose FROM tickets WHERE expires_at <= $1
             ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind(now.0)
    .bind(PRUNE_LIMIT)
    .execute(conn)
    .await
    .sql()?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}
