//! Tickets: what is sent by mail and comes back once.

use plaza_core::{AccountId, Error, Result, Timestamp};
use plaza_stores::SqlResultExt as _;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::clash;
use crate::domain::Account;
use crate::domain::ticket::{Effect, NewTicket, Noted, Purpose, Redemption, Reset, Ticket};

const COLUMNS: &str = "account_id, ticket_id, purpose, email, created_at, expires_at, attempts";
/// How many one [`prune`] forgets at most.
const PRUNE_LIMIT: i64 = 1_000;

fn ticket(row: &Row<'_>) -> rusqlite::Result<(Ticket, i32)> {
    let ticket = Ticket {
        account: AccountId(row.get(0)?),
        id: row.get(1)?,
        purpose: Purpose::VerifyEmail,
        email: row.get(3)?,
        created_at: row.get(4)?,
        expires_at: row.get(5)?,
        attempts: row.get(6)?,
    };
    Ok((ticket, row.get(2)?))
}

fn known((ticket, purpose): (Ticket, i32)) -> Result<Ticket> {
    let purpose = Purpose::of_number(purpose).ok_or_else(|| Error::internal("a ticket of an unknown purpose"))?;
    Ok(Ticket { purpose, ..ticket })
}

/// Stores a ticket in place of the one before.
pub(super) fn put(conn: &Connection, account: AccountId, new: &NewTicket) -> Result<()> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO tickets (account_id, purpose, ticket_id, email, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .sql()?
    .execute(params![account.get(), new.purpose.number(), new.id, new.email.as_str(), new.at.0, new.expires_at.0])
    .sql()?;
    Ok(())
}

pub(super) fn get(conn: &Connection, account: AccountId, purpose: Purpose) -> Result<Option<Ticket>> {
    let found = conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM tickets WHERE account_id = ?1 AND purpose = ?2"))
        .sql()?
        .query_row(params![account.get(), purpose.number()], ticket)
        .optional()
        .sql()?;
    found.map(known).transpose()
}

/// Whose address this is, if a ticket for it is due. Stores the ticket then.
pub(super) fn reset(conn: &Connection, reset: &Reset) -> Result<Option<AccountId>> {
    let new = &reset.ticket;
    let owner: Option<i64> = conn
        .prepare_cached("SELECT account_id FROM accounts WHERE email_key = ?1 AND deleted_at IS NULL")
        .sql()?
        .query_row([new.email.key()], |row| row.get(0))
        .optional()
        .sql()?;
    let Some(owner) = owner.map(AccountId) else { return Ok(None) };
    if get(conn, owner, new.purpose)?.is_some_and(|held| held.created_at > reset.not_since.0) {
        return Ok(None);
    }
    put(conn, owner, new)?;
    Ok(Some(owner))
}

/// Makes a ticket that came back take its effect, and useless. `after` is the account as it is then.
pub(super) fn redeem(conn: &Connection, redemption: &Redemption, after: &Account) -> Result<()> {
    match &redemption.effect {
        Effect::VerifyEmail => {
            let key = after.email.to_lowercase();
            conn.prepare_cached("UPDATE accounts SET email = ?2, email_key = ?3 WHERE account_id = ?1")
                .sql()?
                .execute(params![after.id.get(), after.email, key])
                .map_err(clash)?;
        }
        Effect::SetPassword(credential) => {
            conn.prepare_cached("UPDATE accounts SET password_hash = ?2 WHERE account_id = ?1")
                .sql()?
                .execute(params![after.id.get(), credential.phc()])
                .sql()?;
        }
    }
    let sql = "DELETE FROM tickets WHERE account_id = ?1 AND purpose = ?2";
    conn.prepare_cached(sql).sql()?.execute(params![after.id.get(), redemption.purpose().number()]).sql()?;
    Ok(())
}

/// What is still to be sent for an account.
pub(super) fn unsent(conn: &Connection, account: AccountId, now: Timestamp) -> Result<Vec<Ticket>> {
    list(conn, account, now, "AND done = 0 AND again_at <= ?2")
}

/// What an account may still bring back, or will be sent.
pub(super) fn good(conn: &Connection, account: AccountId, now: Timestamp) -> Result<Vec<Ticket>> {
    list(conn, account, now, "")
}

fn list(conn: &Connection, account: AccountId, now: Timestamp, filter: &str) -> Result<Vec<Ticket>> {
    let mut statement = conn
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM tickets WHERE account_id = ?1 AND expires_at > ?2 {filter} ORDER BY purpose"
        ))
        .sql()?;
    let found = statement.query_map(params![account.get(), now.0], ticket).sql()?;
    found.map(|row| known(row.sql()?)).collect()
}

/// Notes what became of a mail, unless another ticket is there by now.
pub(super) fn note(conn: &Connection, ticket: &Ticket, noted: Noted) -> Result<()> {
    let (set, again_at) = match noted {
        Noted::Done => ("done = 1, again_at = ?4", 0),
        Noted::PutOff(at) => ("attempts = attempts + 1, again_at = ?4", at.0),
    };
    let sql = format!("UPDATE tickets SET {set} WHERE account_id = ?1 AND purpose = ?2 AND ticket_id = ?3");
    let of = params![ticket.account.get(), ticket.purpose.number(), ticket.id, again_at];
    conn.prepare_cached(&sql).sql()?.execute(of).sql()?;
    Ok(())
}

/// Up to `limit` mails that were put off and are to be offered again, the one that waits for longest first. They are kept
/// from others until `kept_until`.
pub(super) fn take_put_off(
    conn: &Connection,
    now: Timestamp,
    kept_until: Timestamp,
    limit: usize,
) -> Result<Vec<Ticket>> {
    let mut statement = conn
        .prepare_cached(&format!(
            "UPDATE tickets SET again_at = ?2 WHERE (account_id, purpose) IN
                (SELECT account_id, purpose FROM tickets
                 WHERE done = 0 AND again_at > 0 AND again_at <= ?1 AND expires_at > ?1 ORDER BY again_at LIMIT ?3)
             RETURNING {COLUMNS}"
        ))
        .sql()?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = statement.query_map([now.0, kept_until.0, limit], ticket).sql()?;
    found.map(|row| known(row.sql()?)).collect()
}

/// Forgets the tickets of one who is gone.
pub(super) fn erase(conn: &Connection, account: AccountId) -> Result<()> {
    conn.prepare_cached("DELETE FROM tickets WHERE account_id = ?1").sql()?.execute([account.get()]).sql()?;
    Ok(())
}

/// Forgets tickets that are good no longer.
pub(super) fn prune(conn: &Connection, now: Timestamp) -> Result<usize> {
    conn.prepare_cached(
        "DELETE FROM tickets WHERE (account_id, purpose) IN
            (SELECT account_id, purpose FROM tickets WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
    )
    .sql()?
    .execute([now.0, PRUNE_LIMIT])
    .sql()
}
