//! Accounts in Postgres.
//!
//! Writes that wait at the same time share a transaction: [`writes`] says how it is made. Several processes may have the
//! same database open.

mod erasures;
mod handles;
mod rows;
mod savepoint;
#[cfg(test)]
mod tests;
mod tickets;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Error, Result, Timestamp};
use plaza_events::{Outbox, PostgresOutbox, outbox};
use plaza_stores::postgres::{Conn, requests};
use plaza_stores::{BatchOptions, Batcher, Gauge, Migration, Postgres, PostgresOptions, ServerAddress};

use super::{AccountStore, Created, Credential, Ended, OnChange, TAKEN_MS, Written};
use crate::SOURCE;
use crate::domain::erasure::{Receipt, Report};
use crate::domain::kept::Kept;
use crate::domain::ticket::{Noted, Redemption, Reset, Ticket};
use crate::domain::{Account, Change, Deletion, Email, Handle, Login, NewAccount};

use writes::{Done, Job, Write, Writes};

/// The schema, step by step.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_accounts", sql: include_str!("../../../migrations/postgres/0001_accounts.sql") },
    Migration { name: "0002_requests", sql: requests::SCHEMA },
    Migration { name: "0003_outbox", sql: outbox::postgres::SCHEMA },
    Migration { name: "0004_preferences", sql: include_str!("../../../migrations/postgres/0004_preferences.sql") },
    Migration { name: "0005_kept_handles", sql: include_str!("../../../migrations/postgres/0005_kept_handles.sql") },
    Migration { name: "0006_hidden", sql: include_str!("../../../migrations/postgres/0006_hidden.sql") },
    Migration { name: "0007_tickets", sql: include_str!("../../../migrations/postgres/0007_tickets.sql") },
    Migration { name: "0008_erasures", sql: include_str!("../../../migrations/postgres/0008_erasures.sql") },
    Migration { name: "0009_mails_put_off", sql: include_str!("../../../migrations/postgres/0009_mails_put_off.sql") },
    Migration {
        name: "0010_reading_languages",
        sql: include_str!("../../../migrations/postgres/0010_reading_languages.sql"),
    },
];
/// How long the last step of opening may take.
const START: Duration = Duration::from_secs(10);

/// The store in a Postgres database.
pub(crate) struct PostgresAccounts {
    db: Postgres,
    writes: Batcher<Writes>,
    outbox: Arc<PostgresOutbox>,
    env: Env,
}

impl PostgresAccounts {
    /// Connects, and brings the schema up to date. Reads that may be out of date go to `replica`, if there is one.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` with a message for the operator.
    pub(crate) async fn open(
        address: &ServerAddress,
        replica: Option<&ServerAddress>,
        env: Env,
        on_change: OnChange,
    ) -> Result<Self> {
        let options = PostgresOptions { replica: replica.cloned(), ..PostgresOptions::new(SOURCE) };
        let db = Postgres::open(address, options, MIGRATIONS).await?;
        let outbox = Arc::new(PostgresOutbox::new(SOURCE, db.clone()));
        outbox.prepare(&Cx::background(SOURCE, START)).await?;
        let writes = Writes { env: env.clone(), on_change };
        let writes = Batcher::start(db.clone(), writes, BatchOptions::default());
        Ok(Self { db, writes, outbox, env })
    }

    async fn write(&self, cx: &Cx, job: Job) -> Result<Done> {
        self.writes.submit(cx, Write { job, request: cx.request().cloned(), trace: cx.trace() }).await
    }
}

#[async_trait]
impl AccountStore for PostgresAccounts {
    async fn create(&self, cx: &Cx, account: NewAccount, credential: Credential) -> Result<Written<Created>> {
        match self.write(cx, Job::Create(account, credential)).await? {
            Done::Created(written) => Ok(written),
            other => Err(other.unexpected()),
        }
    }

    async fn recall_created(&self, cx: &Cx) -> Result<Option<Written<Created>>> {
        let (Some(key), now) = (cx.request(), self.env.now()) else { return Ok(None) };
        self.db.read(cx, |mut conn| async move { requests::recall(&mut conn, Some(key), now).await }).await
    }

    async fn check_free(&self, cx: &Cx, handle: &Handle, email: &Email) -> Result<()> {
        let now = self.env.now();
        self.db.read_replica(cx, |mut conn| async move { rows::check_free(&mut conn, handle, email, now).await }).await
    }

    async fn get(&self, cx: &Cx, id: AccountId) -> Result<Option<Arc<Account>>> {
        let found = self.db.read(cx, |mut conn| async move { rows::batch_get(&mut conn, &[id]).await });
        Ok(found.await?.pop())
    }

    async fn batch_get(&self, cx: &Cx, ids: &[AccountId]) -> Result<Vec<Arc<Account>>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.db.read(cx, |mut conn| async move { rows::batch_get(&mut conn, ids).await }).await
    }

    async fn id_by_handle(&self, cx: &Cx, handle: &Handle) -> Result<Option<AccountId>> {
        self.db.read(cx, |mut conn| async move { rows::id_by_handle(&mut conn, handle.key()).await }).await
    }

    async fn change(&self, cx: &Cx, change: Change) -> Result<Written<Account>> {
        match self.write(cx, Job::Change(change)).await? {
            Done::Changed(written, _) => Ok(*written),
            other => Err(other.unexpected()),
        }
    }

    async fn recall_changed(&self, cx: &Cx) -> Result<Option<Written<Account>>> {
        let (Some(key), now) = (cx.request(), self.env.now()) else { return Ok(None) };
        self.db.read(cx, |mut conn| async move { requests::recall(&mut conn, Some(key), now).await }).await
    }

    async fn redeem(&self, cx: &Cx, redemption: Redemption) -> Result<Written<()>> {
        match self.write(cx, Job::Redeem(redemption)).await? {
            Done::Redeemed(written) => Ok(written),
            other => Err(other.unexpected()),
        }
    }

    async fn recall_deleted(&self, cx: &Cx) -> Result<Option<Ended>> {
        let (Some(key), now) = (cx.request(), self.env.now()) else { return Ok(None) };
        self.db.read(cx, |mut conn| async move { requests::recall(&mut conn, Some(key), now).await }).await
    }

    async fn recall_redeemed(&self, cx: &Cx) -> Result<Option<Written<()>>> {
        let (Some(key), now) = (cx.request(), self.env.now()) else { return Ok(None) };
        self.db.read(cx, |mut conn| async move { requests::recall(&mut conn, Some(key), now).await }).await
    }

    async fn request_reset(&self, cx: &Cx, reset: Reset) -> Result<()> {
        match self.write(cx, Job::Reset(reset)).await? {
            Done::Asked => Ok(()),
            other => Err(other.unexpected()),
        }
    }

    async fn report_erasure(&self, cx: &Cx, report: Report) -> Result<Written<()>> {
        match self.write(cx, Job::Report(report)).await? {
            Done::Reported(written) => Ok(written),
            other => Err(other.unexpected()),
        }
    }

    async fn receipt(&self, cx: &Cx, id: AccountId) -> Result<Receipt> {
        self.db.read(cx, |mut conn| async move { erasures::receipt(&mut conn, id).await }).await
    }

    async fn unsent(&self, cx: &Cx, id: AccountId) -> Result<Vec<Ticket>> {
        let now = self.env.now();
        self.db.read(cx, |mut conn| async move { tickets::unsent(&mut conn, id, now).await }).await
    }

    async fn take_put_off(&self, cx: &Cx, limit: usize) -> Result<Vec<Ticket>> {
        let (now, until) = (self.env.now(), self.env.now().plus_ms(TAKEN_MS));
        self.db.write(cx, |mut conn| async move { tickets::take_put_off(&mut conn, now, until, limit).await }).await
    }

    async fn kept(&self, cx: &Cx, id: AccountId) -> Result<Kept> {
        let now = self.env.now();
        let read = |mut conn: Conn| async move {
            let handles = handles::kept(&mut conn, id, now).await?;
            Ok(Kept { handles, tickets: tickets::good(&mut conn, id, now).await? })
        };
        self.db.read(cx, read).await
    }

    async fn note_mail(&self, cx: &Cx, ticket: &Ticket, noted: Noted) -> Result<()> {
        self.db.write(cx, |mut conn| async move { tickets::note(&mut conn, ticket, noted).await }).await
    }

    async fn due_deletions(&self, cx: &Cx, now: Timestamp, limit: usize) -> Result<Vec<AccountId>> {
        self.db.read(cx, |mut conn| async move { rows::due_deletions(&mut conn, now, limit).await }).await
    }

    async fn delete(&self, cx: &Cx, deletion: Deletion) -> Result<Written<()>> {
        match self.write(cx, Job::Delete(deletion)).await? {
            Done::Deleted(written, _) => Ok(written),
            other => Err(other.unexpected()),
        }
    }

    async fn list_ids(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.db.read_replica(cx, |mut conn| async move { rows::list_ids(&mut conn, after, limit).await }).await
    }

    async fn credential(&self, cx: &Cx, login: &Login) -> Result<Option<(AccountId, Credential)>> {
        // Signing in does not wait behind other reads.
        self.db.read_reserved(cx, |mut conn| async move { rows::credential(&mut conn, login).await }).await
    }

    async fn credential_of(&self, cx: &Cx, id: AccountId) -> Result<Option<Credential>> {
        self.db.read(cx, |mut conn| async move { rows::credential_of(&mut conn, id).await }).await
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        let now = self.env.now();
        let prune = |mut conn: Conn| async move {
            let (requests, handles) = (requests::prune(&mut conn, now).await?, handles::prune(&mut conn, now).await?);
            Ok(requests + handles + tickets::prune(&mut conn, now).await?)
        };
        self.db.write(cx, prune).await
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        self.outbox.clone()
    }

    async fn ping(&self, cx: &Cx) -> Result<()> {
        self.db.ping(cx).await
    }

    fn observe(&self) -> Vec<Gauge> {
        let mut gauges = self.db.observe();
        gauges.extend(self.writes.observe());
        gauges
    }

    async fn close(&self) {
        self.writes.close().await;
        self.db.close().await;
    }
}

impl Done {
    fn unexpected(&self) -> Error {
        Error::internal(format!("a write was answered as another kind: {self:?}"))
    }
}
