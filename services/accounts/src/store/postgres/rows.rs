//! The statements, one function each. A row with `deleted_at` is nobody's any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plaza_core::reason::{self, Reason};
use plaza_core::{AccountId, Error, Result, Timestamp};
use plaza_stores::PgResultExt as _;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use super::{handles, tickets};
use crate::domain::{Account, Credential, Email, Handle, Login, NewAccount, PasswordEdit, Preferences};

fn account(row: &PgRow) -> sqlx::Result<Account> {
    Ok(Account {
        id: AccountId(row.try_get(0)?),
        handle: row.try_get(1)?,
        email: row.try_get(2)?,
        display_name: row.try_get(3)?,
        bio: row.try_get(4)?,
        version: row.try_get(5)?,
        created_at: row.try_get(6)?,
        updated_at: row.try_get(7)?,
        avatar: row.try_get(8)?,
        header: row.try_get(9)?,
        preferences: Preferences {
            protected: row.try_get(10)?,
            discoverable: row.try_get(11)?,
            language: row.try_get(12)?,
            default_visibility: row.try_get(13)?,
            reading_languages: Preferences::reading_of(row.try_get(17)?),
        },
        deactivated_at: row.try_get(14)?,
        delete_at: row.try_get(15)?,
        email_verified: row.try_get(16)?,
    })
}

fn raw(ids: impl IntoIterator<Item = AccountId>) -> Vec<i64> {
    ids.into_iter().map(AccountId::get).collect()
}

/// Inserts those that can be, their ids all different; the others are named with what they clash with.
pub(super) async fn insert(
    conn: &mut PgConnection,
    accounts: &[(&NewAccount, &Credential)],
    now: Timestamp,
) -> Result<BTreeMap<AccountId, Reason>> {
    if accounts.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut accounts = accounts.to_vec();
    // In the order of the key, so that two transactions seldom wait for each other.
    accounts.sort_by(|(a, _), (b, _)| a.handle.key().cmp(b.handle.key()));
    let column = |of: fn(&NewAccount) -> &str| accounts.iter().map(|(new, _)| of(new)).collect::<Vec<_>>();
    let inserted = sqlx::query_scalar::<_, i64>(
        "INSERT INTO accounts (account_id, handle_key, handle, email, email_key, password_hash, display_name, bio,
            version, created_at, updated_at)
         SELECT id, handle_key, handle, email, email_key, password_hash, display_name, '', 1, at, at
         FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[])
            AS new (id, handle_key, handle, email, email_key, password_hash, display_name, at)
         ON CONFLICT DO NOTHING
         RETURNING account_id",
    )
    .bind(raw(accounts.iter().map(|(new, _)| new.id)))
    .bind(column(|new| new.handle.key()))
    .bind(column(|new| new.handle.as_str()))
    .bind(column(|new| new.email.as_str()))
    .bind(column(|new| new.email.key()))
    .bind(accounts.iter().map(|(_, credential)| credential.phc()).collect::<Vec<_>>())
    .bind(column(|new| &new.display_name))
    .bind(accounts.iter().map(|(new, _)| new.at.0).collect::<Vec<_>>())
    .fetch_all(&mut *conn)
    .await
    .sql()?;
    let taken_back = handles::take_back_kept(conn, &inserted, now).await?;
    let mut clashes: BTreeMap<_, _> = taken_back.iter().map(|id| (AccountId(*id), reason::HANDLE_TAKEN)).collect();
    if inserted.len() == accounts.len() {
        return Ok(clashes);
    }
    let inserted: BTreeSet<i64> = inserted.into_iter().collect();
    for (new, _) in accounts {
        if !inserted.contains(&new.id.get()) {
            clashes.insert(new.id, clash(conn, new).await?);
        }
    }
    Ok(clashes)
}

/// What `new` clashes with. If that has gone meanwhile, the transaction is to be tried again.
async fn clash(conn: &mut PgConnection, new: &NewAccount) -> Result<Reason> {
    let (handle, email, id) = sqlx::query_as::<_, (bool, bool, bool)>(
        "SELECT EXISTS (SELECT 1 FROM accounts WHERE handle_key = $1),
                EXISTS (SELECT 1 FROM accounts WHERE email_key = $2),
                EXISTS (SELECT 1 FROM accounts WHERE account_id = $3)",
    )
    .bind(new.handle.key())
    .bind(new.email.key())
    .bind(new.id.get())
    .fetch_one(conn)
    .await
    .sql()?;
    match (handle, email, id) {
        (true, _, _) => Ok(reason::HANDLE_TAKEN),
        (_, true, _) => Ok(reason::EMAIL_TAKEN),
        (_, _, true) => Ok(reason::ID_CLASH),
        _ => Err(Error::new(reason::WRITE_CONFLICT)),
    }
}

pub(super) async fn check_free(conn: &mut PgConnection, handle: &Handle, email: &Email, now: Timestamp) -> Result<()> {
    let (handle_taken, email_taken) = sqlx::query_as::<_, (bool, bool)>(
        "SELECT EXISTS (SELECT 1 FROM accounts WHERE handle_key = $1)
                OR EXISTS (SELECT 1 FROM kept_handles WHERE handle_key = $1 AND free_at > $3),
                EXISTS (SELECT 1 FROM accounts WHERE email_key = $2)",
    )
    .bind(handle.key())
    .bind(email.key())
    .bind(now.0)
    .fetch_one(conn)
    .await
    .sql()?;
    match (handle_taken, email_taken) {
        (true, _) => Err(Error::new(reason::HANDLE_TAKEN)),
        (_, true) => Err(Error::new(reason::EMAIL_TAKEN)),
        _ => Ok(()),
    }
}

pub(super) async fn batch_get(conn: &mut PgConnection, ids: &[AccountId]) -> Result<Vec<Arc<Account>>> {
    let rows = sqlx::query(
        "SELECT account_id, handle, email, display_name, bio, version, created_at, updated_at, avatar, header, protected,
            discoverable, language, default_visibility, deactivated_at, delete_at, email_verified,
            reading_languages
         FROM accounts WHERE account_id = ANY($1) AND deleted_at IS NULL",
    )
    .bind(raw(ids.iter().copied()))
    .fetch_all(conn)
    .await
    .sql()?;
    rows.iter().map(|row| account(row).map(Arc::new)).collect::<sqlx::Result<_>>().sql()
}

/// The living among `ids`, locked until the transaction ends, in the order of their ids so that two transactions never
/// wait for each other.
pub(super) async fn lock(conn: &mut PgConnection, ids: &BTreeSet<AccountId>) -> Result<BTreeMap<AccountId, Account>> {
    let rows = sqlx::query(
        "SELECT account_id, handle, email, display_name, bio, version, created_at, updated_at, avatar, header, protected,
            discoverable, language, default_visibility, deactivated_at, delete_at, email_verified,
            reading_languages
         FROM accounts WHERE account_id = ANY($1) AND deleted_at IS NULL ORDER BY account_id FOR UPDATE",
    )
    .bind(raw(ids.iter().copied()))
    .fetch_all(conn)
    .await
    .sql()?;
    rows.iter().map(|row| account(row).map(|account| (account.id, account))).collect::<sqlx::Result<_>>().sql()
}

pub(super) async fn id_by_handle(conn: &mut PgConnection, key: &str) -> Result<Option<AccountId>> {
    let id = sqlx::query_scalar("SELECT account_id FROM accounts WHERE handle_key = $1 AND deleted_at IS NULL");
    Ok(id.bind(key).fetch_optional(conn).await.sql()?.map(AccountId))
}

/// Stores what changes without clashing with others.
pub(super) async fn store(conn: &mut PgConnection, accounts: &[&Account]) -> Result<()> {
    if accounts.is_empty() {
        return Ok(());
    }
    let text = |of: fn(&Account) -> &str| accounts.iter().map(|account| of(account)).collect::<Vec<_>>();
    let number = |of: fn(&Account) -> i64| accounts.iter().map(|account| of(account)).collect::<Vec<_>>();
    let flag = |of: fn(&Account) -> bool| accounts.iter().map(|account| of(account)).collect::<Vec<_>>();
    sqlx::query(
        "UPDATE accounts
         SET display_name = new.display_name, bio = new.bio, version = new.version, updated_at = new.updated_at,
             avatar = new.avatar, header = new.header, protected = new.protected, discoverable = new.discoverable,
             language = new.language, default_visibility = new.default_visibility,
             deactivated_at = new.deactivated_at, delete_at = new.delete_at, email_verified = new.email_verified,
             reading_languages = new.reading_languages
         FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[],
                     $8::boolean[], $9::boolean[], $10::text[], $11::integer[], $12::bigint[], $13::bigint[], $14::boolean[],
                     $15::text[])
            AS new (id, display_name, bio, version, updated_at, avatar, header, protected, discoverable, language,
                    default_visibility, deactivated_at, delete_at, email_verified, reading_languages)
         WHERE account_id = new.id",
    )
    .bind(number(|account| account.id.get()))
    .bind(text(|account| &account.display_name))
    .bind(text(|account| &account.bio))
    .bind(number(|account| account.version))
    .bind(number(|account| account.updated_at))
    .bind(text(|account| &account.avatar))
    .bind(text(|account| &account.header))
    .bind(flag(|account| account.preferences.protected))
    .bind(flag(|account| account.preferences.discoverable))
    .bind(text(|account| &account.preferences.language))
    .bind(accounts.iter().map(|account| account.preferences.default_visibility).collect::<Vec<_>>())
    .bind(accounts.iter().map(|account| account.deactivated_at).collect::<Vec<_>>())
    .bind(accounts.iter().map(|account| account.delete_at).collect::<Vec<_>>())
    .bind(flag(|account| account.email_verified))
    .bind(accounts.iter().map(|account| account.preferences.reading_text()).collect::<Vec<_>>())
    .execute(conn)
    .await
    .sql()?;
    Ok(())
}

/// Stores a password, unless it is another by now than that which was checked.
pub(super) async fn store_password(conn: &mut PgConnection, id: AccountId, edit: &PasswordEdit) -> Result<()> {
    let done = sqlx::query("UPDATE accounts SET password_hash = $3 WHERE account_id = $1 AND password_hash = $2")
        .bind(id.get())
        .bind(edit.old.phc())
        .bind(edit.new.phc())
        .execute(conn)
        .await
        .sql()?;
    if done.rows_affected() == 0 { Err(Error::new(reason::PASSWORD_WRONG)) } else { Ok(()) }
}

/// Erases what is personal of accounts, and keeps the handle of each from others until the time that stands beside it.
pub(super) async fn erase(conn: &mut PgConnection, gone: &[(Account, Timestamp)], now: Timestamp) -> Result<()> {
    if gone.is_empty() {
        return Ok(());
    }
    let ids = raw(gone.iter().map(|(account, _)| account.id));
    sqlx::query(
        "UPDATE accounts
         SET handle = '', handle_key = '#' || account_id, email = '', email_key = NULL, email_verified = false, password_hash = '',
             display_name = '', bio = '', avatar = '', header = '', protected = false, discoverable = false,
             language = '', default_visibility = 0, reading_languages = '', deactivated_at = NULL, delete_at = NULL, version = version + 1,
             updated_at = $2, deleted_at = $2
         WHERE account_id = ANY($1)",
    )
    .bind(&ids)
    .bind(now.0)
    .execute(&mut *conn)
    .await
    .sql()?;
    tickets::erase(conn, &ids).await?;
    handles::disown(conn, &ids).await?;
    for (account, free_at) in gone {
        handles::keep(conn, &[&account.handle.to_ascii_lowercase()], None, *free_at).await?;
    }
    Ok(())
}

pub(super) async fn due_deletions(conn: &mut PgConnection, now: Timestamp, limit: usize) -> Result<Vec<AccountId>> {
    let ids = sqlx::query_scalar(
        "SELECT account_id FROM accounts WHERE delete_at <= $1 ORDER BY delete_at, account_id LIMIT $2",
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(ids.bind(now.0).bind(limit).fetch_all(conn).await.sql()?.into_iter().map(AccountId).collect())
}

pub(super) async fn list_ids(conn: &mut PgConnection, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
    let ids = sqlx::query_scalar(
        "SELECT account_id FROM accounts WHERE account_id > $1 AND deleted_at IS NULL ORDER BY account_id LIMIT $2",
    )
    .bind(after.get())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(conn)
    .await
    .sql()?;
    Ok(ids.into_iter().map(AccountId).collect())
}

pub(super) async fn credential(conn: &mut PgConnection, login: &Login) -> Result<Option<(AccountId, Credential)>> {
    let (sql, key) = match login {
        Login::Handle(key) => {
            ("SELECT account_id, password_hash FROM accounts WHERE handle_key = $1 AND deleted_at IS NULL", key)
        }
        Login::Email(key) => {
            ("SELECT account_id, password_hash FROM accounts WHERE email_key = $1 AND deleted_at IS NULL", key)
        }
    };
    if key.contains('\0') {
        // Text in Postgres holds no such character, so nobody has this login; asked for it, the server would complain.
        return Ok(None);
    }
    let found = sqlx::query_as::<_, (i64, String)>(sql).bind(key).fetch_optional(conn).await.sql()?;
    Ok(found.map(|(id, phc)| (AccountId(id), Credential::new(phc))))
}

pub(super) async fn credential_of(conn: &mut PgConnection, id: AccountId) -> Result<Option<Credential>> {
    let phc = sqlx::query_scalar("SELECT password_hash FROM accounts WHERE account_id = $1 AND deleted_at IS NULL");
    Ok(phc.bind(id.get()).fetch_optional(conn).await.sql()?.map(Credential::new))
}
