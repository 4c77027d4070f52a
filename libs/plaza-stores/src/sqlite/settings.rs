//! How connections are set up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use plaza_core::Result;
use rusqlite::Connection;

use super::errors::SqlResultExt as _;

const STATEMENTS: usize = 128;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How carefully commits reach the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// Each commit is on the disk before it is answered: for truth and its outbox.
    #[default]
    Full,
    /// A crash of the machine may lose the last commits, never order or integrity; a crash of the process loses nothing.
    Normal,
    /// A crash of the machine may damage the file: for tests and what is thrown away.
    Off,
}

impl Sync {
    /// Its name in a store's address.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Normal => "normal",
            Self::Off => "off",
        }
    }
}

/// How to open a database file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The file; it and its folder are created if missing.
    pub path: PathBuf,
    /// How carefully commits reach the disk.
    pub sync: Sync,
    /// How many read connections, that is reads at the same time.
    pub readers: usize,
    /// How many writes may wait; one more is refused with `OVERLOADED`.
    pub queue: usize,
    /// How many writes one commit takes at most.
    pub max_batch: usize,
}

impl SqliteOptions {
    /// A file with the default options: `Sync::Full`, 4 readers, 1,024 waiting writes, 256 in a commit.
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), sync: Sync::Full, readers: 4, queue: 1_024, max_batch: 256 }
    }
}

pub(super) fn apply_to_writer(conn: &Connection, sync: Sync) -> Result<()> {
    conn.busy_timeout(BUSY_TIMEOUT).sql()?;
    // The answer to journal_mode is a row, so it cannot go with the others.
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).sql()?;
    apply_common(conn, -16_000)?;
    conn.pragma_update(None, "synchronous", sync.as_str()).sql()?;
    conn.pragma_update(None, "foreign_keys", true).sql()?;
    conn.pragma_update(None, "journal_size_limit", 64 << 20).sql()
}

pub(super) fn apply_to_reader(conn: &Connection) -> Result<()> {
    conn.busy_timeout(BUSY_TIMEOUT).sql()?;
    apply_common(conn, -4_000)?;
    conn.pragma_update(None, "query_only", true).sql()
}

/// `cache` is the page cache, in KiB as a negative number; pages that are mapped do not count against it.
fn apply_common(conn: &Connection, cache: i64) -> Result<()> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.pragma_update(None, "cache_size", cache).sql()?;
    conn.pragma_update(None, "mmap_size", 256_i64 << 20).sql()?;
    conn.pragma_update(None, "temp_store", "memory").sql()
}
