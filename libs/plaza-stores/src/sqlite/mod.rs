//! SQLite as a service's embedded store.
//!
//! A file has one writer thread. It takes whatever has queued up, never waiting for more, and commits it as one
//! transaction, each job in a savepoint of its own: a job that fails or panics undoes itself and nothing else. Answers go
//! out after the commit, so that an acknowledged write is as durable as [`Sync`] says. Reads run on the calling thread,
//! on one of a few connections, and end at the deadline of their call.
//!
//! ```no_run
//! # async fn example(cx: &plaza_core::Cx) -> plaza_core::Result<()> {
//! use plaza_stores::{Migration, SqlResultExt as _, Sqlite, SqliteOptions};
//!
//! const MIGRATIONS: &[Migration] =
//!     &[Migration { name: "0001_notes", sql: "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)" }];
//! let db = Sqlite::open(SqliteOptions::new("notes.db"), MIGRATIONS)?;
//! let id = db
//!     .write(cx, |conn| {
//!         conn.prepare_cached("INSERT INTO notes (text) VALUES (?1)").sql()?.insert(["hello"]).sql()
//!     })
//!     .await?;
//! let text: String = db
//!     .read(cx, |conn| {
//!         conn.prepare_cached("SELECT text FROM notes WHERE id = ?1").sql()?.query_row([id], |row| row.get(0)).sql()
//!     })
//!     .await?;
//! # Ok(()) }
//! ```

mod errors;
mod ids;
mod migrations;
mod readers;
mod settings;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use plaza_core::{Cx, Error, Result, reason};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::Instrument as _;

use crate::{Gauge, Migration, StoreAddress, span};

pub use errors::{SqlResultExt, is_unique_violation, map_err};
pub use ids::Ids;
pub use settings::{SqliteOptions, Sync};

use readers::Readers;
use writer::{Message, Progress, Queued, Task, Writer};

/// One database file. Clones share it; it is closed when the last one goes, or by [`Sqlite::close`].
#[derive(Clone)]
pub struct Sqlite(Arc<Inner>);

struct Inner {
    options: SqliteOptions,
    readers: Readers,
    /// Asks for the version of the data; see [`Sqlite::data_version`].
    watcher: Mutex<Option<Connection>>,
    queue: Option<mpsc::Sender<Message>>,
    commits: watch::Receiver<u64>,
    progress: Arc<Progress>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The folder of an ephemeral database; removed after the files in it are closed.
    _folder: Option<TempDir>,
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.0.options.path).finish_non_exhaustive()
    }
}

impl Sqlite {
    /// Opens the file, creating it if missing, and brings it up to the last of `migrations`. Blocks; for start-up.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` with a message for the operator if the file cannot be opened, if it is newer than this
    /// program, or if a migration that it has was changed since.
    pub fn open(options: SqliteOptions, migrations: &[Migration]) -> Result<Self> {
        Self::open_in(options, migrations, None)
    }

    /// The database at `address`: a file, or for `memory:` one that goes with it. Blocks; for start-up.
    ///
    /// # Errors
    /// As [`Sqlite::open`]; also if the address names a server.
    pub fn at(address: &StoreAddress, migrations: &[Migration]) -> Result<Self> {
        match (address, address.sqlite_options()) {
            (_, Some(options)) => Self::open(options, migrations),
            (StoreAddress::Memory, None) => Self::ephemeral(migrations),
            (other, None) => {
                let message = format!("`{other}` is a server; an embedded store is `sqlite:PATH` or `memory:`");
                Err(Error::new(reason::STORE_UNAVAILABLE).message(message))
            }
        }
    }

    /// A database in a temporary folder that goes with it, not synchronised to the disk: for tests and trials.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn ephemeral(migrations: &[Migration]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("plaza-").tempdir();
        let folder = folder.map_err(|e| cannot(Path::new("a temporary folder"), "create", &e))?;
        let path = folder.path().join(name(migrations)).with_extension("db");
        let options = SqliteOptions { sync: Sync::Off, ..SqliteOptions::new(path) };
        Self::open_in(options, migrations, Some(folder))
    }

    fn open_in(options: SqliteOptions, migrations: &[Migration], folder: Option<TempDir>) -> Result<Self> {
        let path = options.path.as_path();
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|e| cannot(parent, "create", &e))?;
        }
        create_private(path).map_err(|e| cannot(path, "create", &e))?;
        let mut conn = Connection::open(path).map_err(|e| cannot(path, "open", &e))?;
        settings::apply_to_writer(&conn, options.sync)?;
        let applied = migrations::migrate(&mut conn, migrations)?;
        tracing::debug!(path = %path.display(), applied, "database open");
        let readers = Readers::open(path, options.readers)?;
        let (sender, queue) = mpsc::channel(options.queue.max(1));
        let commits = watch::Sender::new(conn.total_changes());
        let seen = commits.subscribe();
        let progress = Arc::new(Progress::new());
        let max_batch = options.max_batch.max(1);
        let writer = Writer { conn, queue, max_batch, commits, progress: progress.clone() };
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|e| cannot(path, "start the writer of", &e))?;
        Ok(Self(Arc::new(Inner {
            options,
            readers,
            watcher: Mutex::new(None),
            queue: Some(sender),
            commits: seen,
            progress,
            thread: Mutex::new(Some(thread)),
            _folder: folder,
        })))
    }

    /// Runs `job` in a transaction and answers once it is committed. An error or a panic of the job undoes what it did.
    /// Jobs run one after the other: keep them short, and do no work in them that can be done before.
    ///
    /// # Errors
    /// The job's own; `OVERLOADED` if too many writes wait; `DEADLINE_EXCEEDED` when time runs out, and then the job was
    /// not run if it was still waiting, else may have been committed; `STORE_UNAVAILABLE` if the commit failed or the
    /// store is closed.
    pub async fn write<T: Send + 'static>(
        &self,
        cx: &Cx,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write_then(cx, job, |_| {}).await
    }

    /// As [`Sqlite::write`], and runs `after` on the writer thread between commit and answer, also when the caller is
    /// gone by then: the place to invalidate a cache. It must be quick.
    ///
    /// # Errors
    /// As [`Sqlite::write`].
    pub async fn write_then<T: Send + 'static>(
        &self,
        cx: &Cx,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
        after: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let queued = Queued { deadline: cx.deadline(), work: Box::new(Task::new(job, after, reply)) };
        let queue = self.0.queue.as_ref().ok_or_else(gone)?;
        queue.try_send(Message::Job(queued)).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => Error::new(reason::OVERLOADED).retry_after(RETRY_WHEN_FULL),
            mpsc::error::TrySendError::Closed(_) => gone(),
        })?;
        let done = cx.within(async { answer.await.unwrap_or_else(|_| Err(gone())) });
        done.instrument(span::write(&self.name())).await
    }

    /// Runs `f` on the calling thread with a connection that cannot write. For bounded reads: a long one keeps its
    /// thread. Each statement sees the latest commit; where several must agree, open `conn.unchecked_transaction()`.
    ///
    /// # Errors
    /// What `f` returns; `DEADLINE_EXCEEDED` when time runs out, waiting for a connection or inside a statement;
    /// `STORE_UNAVAILABLE` if the store is closed.
    pub async fn read<T>(&self, cx: &Cx, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.0.readers.read(cx, f).await
    }

    /// Whether the file can be read.
    ///
    /// # Errors
    /// As [`Sqlite::read`].
    pub async fn ping(&self, cx: &Cx) -> Result<()> {
        self.read(cx, |db| db.query_row("SELECT 1", [], |_| Ok(())).sql()).await
    }

    /// Changes its value after each commit of this handle that changed rows. The value itself means nothing.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.0.commits.clone()
    }

    /// Waits until what follows a commit has been done for all that a read before this call may have seen. Whoever tells
    /// others of rows calls it first: they may ask caches, which go by what they are told after commits.
    ///
    /// # Errors
    /// `DEADLINE_EXCEEDED` when time runs out.
    pub async fn settled(&self, cx: &Cx) -> Result<()> {
        cx.within(async {
            self.0.progress.settled().await;
            Ok(())
        })
        .await
    }

    /// A number that differs from the one before if any connection, also of another process, has committed since.
    ///
    /// # Errors
    /// The store's.
    pub fn data_version(&self) -> Result<i64> {
        let mut watcher = self.0.watcher.lock();
        let conn = match watcher.take() {
            Some(conn) => conn,
            None => {
                let conn = Connection::open(&self.0.options.path).sql()?;
                settings::apply_to_reader(&conn)?;
                conn
            }
        };
        let version = conn
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .sql();
        *watcher = Some(conn);
        version
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.options.path
    }

    /// How many writes wait.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.0.queue.as_ref().map_or(0, |q| q.max_capacity() - q.capacity())
    }

    /// The file's name, by which its figures and spans are told apart.
    fn name(&self) -> String {
        self.path().file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Queue length and connections in use, labelled with the file's name.
    #[must_use]
    pub fn observe(&self) -> Vec<Gauge> {
        let name = self.name();
        #[expect(clippy::cast_precision_loss, reason = "lengths of queues are small")]
        let figure = |what, value: usize| Gauge::new(what, "store", &name, value as f64);
        vec![
            figure("sqlite_write_queue_length", self.queue_len()),
            figure("sqlite_readers_busy", self.0.readers.busy()),
        ]
    }

    /// Takes no more work, finishes what waits, and moves the write-ahead log into the file. Calling it again is fine.
    pub async fn close(&self) {
        self.0.readers.close().await;
        self.0.watcher.lock().take();
        if let Some(queue) = &self.0.queue {
            // Fails only if the writer has gone already.
            let _ = queue.send(Message::Close).await;
            queue.closed().await;
        }
        let thread = self.0.thread.lock().take();
        if let Some(thread) = thread {
            // A join error is a panic of the thread, which the panic hook has reported.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

const RETRY_WHEN_FULL: std::time::Duration = std::time::Duration::from_millis(100);

impl Drop for Inner {
    fn drop(&mut self) {
        // The writer's connection goes last, as only it can tidy up the write-ahead log.
        self.readers.clear();
        self.watcher.get_mut().take();
        self.queue = None;
        let thread = self.thread.get_mut().take();
        if let Some(thread) = thread.filter(|t| t.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}

/// What an ephemeral database holds, by its first migration: `0001_posts` makes `posts`. Several of them in one process
/// must differ in name, as their figures are told apart by it.
fn name(migrations: &[Migration]) -> &str {
    let first = migrations.first().map_or("", |first| first.name);
    let name = first.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    if name.is_empty() { "store" } else { name }
}

/// Makes the file if it is missing, for its owner's eyes only: stores hold e-mail addresses, password hashes and signing
/// keys. What SQLite puts beside the file gets the same permissions.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn gone() -> Error {
    Error::new(reason::STORE_UNAVAILABLE).message("the store is closed")
}

fn cannot(path: &Path, what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::new(reason::STORE_UNAVAILABLE).message(format!("cannot {what} {}: {error}", path.display()))
}
