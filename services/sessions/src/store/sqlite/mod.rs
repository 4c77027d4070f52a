//! Sessions in SQLite.

mod apps;
mod devices;
mod factors;
mod guesses;
mod rows;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Error, Result, SessionId, Timestamp, TraceContext, reason};
use plaza_events::{Outbox, SqliteOutbox, outbox};
use plaza_stores::{Gauge, Migration, Sqlite, StoreAddress, requests};
use rusqlite::Connection;

use super::{Notice, Refreshed, Revoked, SessionStore, Stamp};
use crate::SOURCE;
use crate::domain::{Challenge, Decision, Ending, NewSession, REVOCATION_MS, Rules, Session, SignedIn, Use};
use crate::tokens::StoredKey;

/// The schema, step by step.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_sessions", sql: include_str!("../../../migrations/sqlite/0001_sessions.sql") },
    Migration { name: "0002_requests", sql: requests::SCHEMA },
    Migration {
        name: "0003_sessions_everywhere",
        sql: include_str!("../../../migrations/sqlite/0003_sessions_everywhere.sql"),
    },
    Migration { name: "0004_guesses", sql: include_str!("../../../migrations/sqlite/0004_guesses.sql") },
    Migration {
        name: "0005_security_events",
        sql: include_str!("../../../migrations/sqlite/0005_security_events.sql"),
    },
    Migration { name: "0006_outbox", sql: outbox::sqlite::SCHEMA },
    Migration { name: "0007_second_factors", sql: include_str!("../../../migrations/sqlite/0007_second_factors.sql") },
    Migration { name: "0008_app_passwords", sql: include_str!("../../../migrations/sqlite/0008_app_passwords.sql") },
];

/// The store in one SQLite file.
pub(crate) struct SqliteSessions {
    db: Sqlite,
    env: Env,
    rules: Rules,
}

impl SqliteSessions {
    /// Opens the file and brings its schema up to date.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` with a message for the operator.
    pub(crate) fn open(address: &StoreAddress, env: Env, rules: Rules) -> Result<Self> {
        Ok(Self { db: Sqlite::at(address, MIGRATIONS)?, env, rules })
    }

    /// Appends events; moved into a write.
    fn events(&self, cx: &Cx) -> Events {
        Events { env: self.env.clone(), trace: cx.trace() }
    }
}

/// Writes the events of one call.
struct Events {
    env: Env,
    trace: Option<TraceContext>,
}

impl Events {
    fn append(&self, conn: &Connection, account: AccountId, notice: Notice) -> Result<()> {
        let stamp = Stamp::new(&self.env, self.trace);
        outbox::sqlite::append(conn, &stamp.event(account, notice)).map(drop)
    }
}

#[async_trait]
impl SessionStore for SqliteSessions {
    async fn open(&self, cx: &Cx, new: NewSession, kid: &str) -> Result<SignedIn> {
        let (request, now, rules, kid) = (cx.request().cloned(), self.env.now(), self.rules, kid.to_owned());
        let events = self.events(cx);
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), now, || {
                if rows::is_erased(conn, new.account, now)? || rows::is_barred(conn, new.account, new.proved_at)? {
                    return Err(Error::new(reason::SIGN_IN_FAILED));
                }
                if let Some(app) = new.app {
                    if !apps::used(conn, new.account, app.id, now)? {
                        return Err(Error::new(reason::SIGN_IN_FAILED));
                    }
                } else if !factors::pass(conn, &events, new.account, new.proof.as_ref(), now)? {
                    let (account, proved_at) = (new.account, new.proved_at.0);
                    return Ok(SignedIn::Challenged(Challenge { account, proved_at }));
                }
                for oldest in rows::past_limit(conn, new.account, rules.max_sessions - 1, now)? {
                    rows::end(conn, oldest, now)?;
                }
                let device = new.device;
                let session = Session::start(new, now, &rules);
                rows::insert(conn, &session)?;
                if devices::saw(conn, session.account, device, now)? {
                    events.append(conn, session.account, Notice::NewDevice { session: session.id.get() })?;
                }
                Ok(SignedIn::Opened(session.grant(&kid)))
            })
        };
        self.db.write(cx, job).await
    }

    async fn recall_opened(&self, cx: &Cx) -> Result<Option<SignedIn>> {
        let now = self.env.now();
        self.db.read(cx, |conn| requests::recall(conn, cx.request(), now)).await
    }

    async fn refresh(&self, cx: &Cx, used: Use, kid: &str) -> Result<(Refreshed, String)> {
        let (request, now, rules, kid) = (cx.request().cloned(), self.env.now(), self.rules, kid.to_owned());
        let events = self.events(cx);
        let job = move |conn: &Connection| {
            let session = used.presented.session;
            let refreshed =
                requests::once(conn, request.as_ref(), now, || refresh(conn, &events, used, &kid, now, &rules))?;
            let device_name = rows::get(conn, session)?.map(|s| s.device_name).unwrap_or_default();
            Ok((refreshed, device_name))
        };
        self.db.write(cx, job).await
    }

    async fn end(&self, cx: &Cx, account: AccountId, session: SessionId) -> Result<bool> {
        let (request, now) = (cx.request().cloned(), self.env.now());
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), now, || {
                let found = rows::get(conn, session)?.filter(|s| s.account == account && s.expires_at > now.0);
                if found.is_some() {
                    rows::end(conn, session, now)?;
                }
                Ok(found.is_some())
            })
        };
        self.db.write(cx, job).await
    }

    async fn end_all(&self, cx: &Cx, account: AccountId, ending: Ending) -> Result<u64> {
        let (request, now) = (cx.request().cloned(), self.env.now());
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), now, || rows::end_all(conn, account, ending, now))
        };
        self.db.write(cx, job).await
    }

    async fn list(&self, cx: &Cx, account: AccountId, before: Option<SessionId>, limit: usize) -> Result<Vec<Session>> {
        let now = self.env.now();
        self.db.read(cx, |conn| rows::list(conn, account, before, limit, now)).await
    }

    async fn devices(&self, cx: &Cx, account: AccountId) -> Result<Vec<i64>> {
        let now = self.env.now();
        self.db.read(cx, |conn| devices::list(conn, account, now)).await
    }

    async fn revoked_after(&self, cx: &Cx, after: i64, limit: usize) -> Result<Revoked> {
        let since = self.env.now().plus_ms(-REVOCATION_MS);
        self.db.read(cx, |conn| rows::revoked_after(conn, after, since, limit)).await
    }

    async fn signing_keys(&self, cx: &Cx, candidate: StoredKey) -> Result<Vec<StoredKey>> {
        let keys = self.db.read(cx, rows::signing_keys).await?;
        if !keys.is_empty() {
            return Ok(keys);
        }
        let job = move |conn: &Connection| {
            let keys = rows::signing_keys(conn)?;
            if !keys.is_empty() {
                return Ok(keys);
            }
            rows::insert_key(conn, &candidate)?;
            Ok(vec![candidate])
        };
        self.db.write(cx, job).await
    }

    async fn add_key(&self, cx: &Cx, key: StoredKey, after: i64) -> Result<()> {
        let job = move |conn: &Connection| {
            let newest = rows::signing_keys(conn)?.first().map_or(i64::MIN, |newest| newest.created_at);
            if newest <= after { rows::insert_key(conn, &key) } else { Ok(()) }
        };
        self.db.write(cx, job).await
    }

    async fn drop_keys(&self, cx: &Cx, kids: &[String]) -> Result<()> {
        let kids = kids.to_vec();
        self.db.write(cx, move |conn| kids.iter().try_for_each(|kid| rows::drop_key(conn, kid))).await
    }

    async fn erase(&self, cx: &Cx, accounts: &[AccountId]) -> Result<()> {
        let (accounts, now) = (accounts.to_vec(), self.env.now());
        self.db.write(cx, move |conn| rows::erase(conn, &accounts, now)).await
    }

    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.db.read(cx, |conn| rows::held(conn, after, limit)).await
    }

    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
        self.db.read(cx, |conn| rows::held_among(conn, accounts)).await
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        let now = self.env.now();
        let guesses = now.plus_ms(-self.rules.guess_ms);
        let job = move |conn: &Connection| {
            let rows = rows::prune(conn, now)? + requests::prune(conn, now)?;
            let rows = rows + guesses::prune(conn, guesses)? + devices::prune(conn, now)?;
            Ok(rows + factors::prune(conn, now)?)
        };
        self.db.write(cx, job).await
    }

    async fn ping(&self, cx: &Cx) -> Result<()> {
        self.db.ping(cx).await
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::new(SqliteOutbox::new(SOURCE, self.db.clone()))
    }

    fn observe(&self) -> Vec<Gauge> {
        self.db.observe()
    }

    async fn close(&self) {
        self.db.close().await;
    }
}

fn refresh(
    conn: &Connection,
    events: &Events,
    used: Use,
    kid: &str,
    now: Timestamp,
    rules: &Rules,
) -> Result<Refreshed> {
    let invalid = || Error::new(reason::REFRESH_TOKEN_INVALID);
    let session = rows::get(conn, used.presented.session)?.ok_or_else(invalid)?;
    match session.decide(used.presented.generation, now, rules) {
        Decision::Rotate => {
            let session = session.rotated(used.address, now, rules);
            rows::store_rotation(conn, &session)?;
            Ok(Refreshed::Granted(session.grant(kid)))
        }
        Decision::Again => Ok(Refreshed::Granted(session.grant(kid))),
        Decision::Reuse => {
            rows::end(conn, session.id, now)?;
            events.append(conn, session.account, Notice::TokenReused { session: session.id.get() })?;
            Ok(Refreshed::Reused)
        }
        Decision::Refuse => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::conformance::Made;

    async fn make(env: Env, rules: Rules) -> Option<Made> {
        let store = Arc::new(SqliteSessions::open(&StoreAddress::Memory, env, rules).unwrap());
        Some(Made { store, keep: Box::new(()) })
    }

    crate::store::conformance::suite!(make);
}
