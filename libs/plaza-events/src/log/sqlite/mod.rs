//! The event log in a SQLite file, `events.db`.
//!
//! Synchronised as [`Sync::Normal`]: a crash of the machine may lose the last commits, and that does no harm. No outbox
//! row is marked as published. A relay asks the log for its last position of its source when it starts and publishes
//! from there, so a lost tail is published again. Cursors stand in the same file, and SQLite loses commits only from the
//! end, so a cursor is never ahead of the events it has passed. Offsets are never used twice.
//!
//! Several processes can share the file. Within a process a publication wakes the consumers at once; another process's
//! is noticed by `PRAGMA data_version`, a look into shared memory every 25 ms.

mod reading;
mod rows;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use plaza_core::{Cx, Position, Result, Timestamp};
use plaza_stores::{Gauge, Migration, Sqlite, SqliteOptions, Sync};
use tokio::sync::watch;

use super::{Consumer, DeadLetter, EventLog, Offset, Positions, Tail};
use crate::Event;
use reading::{SqliteConsumer, SqliteTail};

const MIGRATIONS: &[Migration] = &[Migration { name: "0001_log", sql: include_str!("0001_log.sql") }];
/// How often another process's publications are looked for.
const POLL: Duration = Duration::from_millis(25);
/// The time that a look at the end of the log may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// What one fetch brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fetched {
    /// The events of the sources asked for. May be empty though more follow: go on from `next`.
    pub(crate) events: Vec<Event>,
    /// How far the log was looked through: where the next fetch starts.
    pub(crate) next: Offset,
    /// Where the log ended.
    pub(crate) end: Offset,
}

/// How far a consumer has got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Everything up to here is applied.
    pub(crate) offset: Offset,
    /// For each source the highest position applied, for consistency tokens after a restart.
    pub(crate) positions: Positions,
}

/// The event log in a SQLite file. Clones share it.
#[derive(Clone, Debug)]
pub struct SqliteLog {
    db: Sqlite,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The end of the log as far as this process has seen.
    end: watch::Sender<Offset>,
    /// The version of the file at the last look.
    version: Mutex<Option<i64>>,
}

impl SqliteLog {
    /// Opens `path` with the settings that fit a log. Blocks; for start-up.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::with_options(SqliteOptions { sync: Sync::Normal, ..SqliteOptions::new(path) })
    }

    /// Opens a file with other options.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn with_options(options: SqliteOptions) -> Result<Self> {
        Sqlite::open(options, MIGRATIONS).map(Self::over)
    }

    /// A log in a temporary folder that goes with it.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn ephemeral() -> Result<Self> {
        Sqlite::ephemeral(MIGRATIONS).map(Self::over)
    }

    fn over(db: Sqlite) -> Self {
        let shared = Shared { end: watch::Sender::new(0), version: Mutex::new(None) };
        Self { db, shared: Arc::new(shared) }
    }

    /// The file beneath.
    #[must_use]
    pub fn database(&self) -> &Sqlite {
        &self.db
    }

    fn seen_end(&self, end: Offset) {
        self.shared.end.send_if_modified(|known| {
            let news = end > *known;
            *known = end.max(*known);
            news
        });
    }

    /// Reads the end of the log if the file has changed since the last look.
    async fn look(&self) -> Result<()> {
        let version = self.db.data_version()?;
        if *self.shared.version.lock() == Some(version) {
            return Ok(());
        }
        let cx = Cx::background("log", LOOK_TIMEOUT);
        self.seen_end(self.last_offset(&cx).await?);
        // Only now: had this been cut short before, the next look must look again.
        *self.shared.version.lock() = Some(version);
        Ok(())
    }

    /// Up to `limit` events of `sources` after `after`.
    pub(crate) async fn fetch(&self, cx: &Cx, after: Offset, sources: &[String], limit: usize) -> Result<Fetched> {
        self.db.read(cx, |conn| rows::fetch(conn, after, sources, limit)).await
    }

    /// Returns once the log goes past `after`, whoever published. May return early. Safe to drop.
    pub(crate) async fn wait_for_new(&self, after: Offset) {
        let mut end = self.shared.end.subscribe();
        loop {
            if let Err(error) = self.look().await {
                tracing::debug!(%error, "the end of the log cannot be read now");
            }
            if *end.borrow_and_update() > after {
                return;
            }
            // Either way the next step is to look again.
            let _ = tokio::time::timeout(POLL, end.changed()).await;
        }
    }

    /// A consumer's cursor; the beginning if it has none. Never past the end of the log.
    pub(crate) async fn load_cursor(&self, cx: &Cx, consumer: &str) -> Result<Cursor> {
        self.db.read(cx, |conn| rows::load_cursor(conn, consumer)).await
    }

    /// Keeps a consumer's cursor. One past the end of the log is refused.
    pub(crate) async fn store_cursor(&self, cx: &Cx, consumer: &str, cursor: &Cursor) -> Result<()> {
        let (consumer, cursor) = (consumer.to_owned(), cursor.clone());
        self.db.write(cx, move |conn| rows::store_cursor(conn, &consumer, &cursor)).await
    }
}

#[async_trait]
impl EventLog for SqliteLog {
    async fn publish(&self, cx: &Cx, after: Position, events: &[Event]) -> Result<usize> {
        if events.is_empty() {
            return Ok(0);
        }
        super::check_publication(events)?;
        let events = events.to_vec();
        let insert = self.db.write(cx, move |conn| Ok((rows::insert(conn, after, &events)?, rows::end(conn)?)));
        let (new, end) = insert.await?;
        self.seen_end(end);
        Ok(new)
    }

    async fn last_position(&self, cx: &Cx, source: &str) -> Result<Position> {
        self.db.read(cx, |conn| rows::last_position(conn, source)).await
    }

    async fn last_offset(&self, cx: &Cx) -> Result<Offset> {
        self.db.read(cx, rows::end).await
    }

    async fn consumer(&self, cx: &Cx, name: &str, sources: &[&str]) -> Result<Box<dyn Consumer>> {
        SqliteConsumer::open(self, cx, name, sources).await
    }

    async fn forget_consumer(&self, cx: &Cx, consumer: &str) -> Result<()> {
        let consumer = consumer.to_owned();
        self.db.write(cx, move |conn| rows::forget_consumer(conn, &consumer)).await
    }

    async fn tail(&self, _: &Cx, sources: &[&str]) -> Result<Box<dyn Tail>> {
        Ok(SqliteTail::open(self, sources))
    }

    async fn since(&self, cx: &Cx, source: &str, after: Position, limit: usize) -> Result<Option<Vec<Event>>> {
        self.db.read(cx, |conn| rows::since(conn, source, after, limit)).await
    }

    async fn put_dead_letter(&self, cx: &Cx, letter: &DeadLetter) -> Result<i64> {
        let letter = letter.clone();
        self.db.write(cx, move |conn| rows::put_letter(conn, &letter)).await
    }

    async fn dead_letters(&self, cx: &Cx, consumer: Option<&str>, after: i64, limit: usize) -> Result<Vec<DeadLetter>> {
        self.db.read(cx, |conn| rows::letters(conn, consumer, after, limit)).await
    }

    async fn dead_letter(&self, cx: &Cx, id: i64) -> Result<DeadLetter> {
        self.db.read(cx, |conn| rows::letter(conn, id)).await
    }

    async fn remove_dead_letter(&self, cx: &Cx, id: i64) -> Result<bool> {
        self.db.write(cx, move |conn| rows::remove_letter(conn, id)).await
    }

    async fn prune(&self, cx: &Cx, before: Timestamp) -> Result<usize> {
        self.db.write(cx, move |conn| rows::prune(conn, before)).await
    }

    fn observe(&self) -> Vec<Gauge> {
        self.db.observe()
    }

    async fn close(&self) {
        self.db.close().await;
    }
}
