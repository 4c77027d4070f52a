//! Read connections, used on the calling thread, each interrupted at the deadline of the call that uses it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use plaza_core::{Cx, Error, Result, reason};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};
use tokio::time::Instant;

use super::errors::SqlResultExt as _;
use super::settings;

/// How many of SQLite's virtual machine steps pass between two looks at the clock: some tens of microseconds.
const STEPS_BETWEEN_CHECKS: i32 = 2_000;

struct Reader {
    conn: Connection,
    /// When to interrupt, in nanoseconds since `Readers::start`.
    stop_at: Arc<AtomicU64>,
}

/// The read connections of one file.
pub(super) struct Readers {
    start: Instant,
    idle: Mutex<Vec<Reader>>,
    permits: Semaphore,
    count: usize,
}

impl Readers {
    pub(super) fn open(path: &Path, count: usize) -> Result<Self> {
        let start = Instant::now();
        let count = count.max(1);
        let idle = (0..count).map(|_| open_reader(path, start)).collect::<Result<Vec<_>>>()?;
        Ok(Self { start, idle: Mutex::new(idle), permits: Semaphore::new(count), count })
    }

    pub(super) async fn read<T>(&self, cx: &Cx, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(TryAcquireError::Closed) => return Err(closed()),
            Err(TryAcquireError::NoPermits) => {
                cx.within(async { self.permits.acquire().await.map_err(|_| closed()) }).await?
            }
        };
        if cx.remaining().is_zero() {
            return Err(Error::new(reason::DEADLINE_EXCEEDED));
        }
        let lease = self.lease(permit).ok_or_else(closed)?;
        lease.until(cx.deadline().saturating_duration_since(self.start));
        lease.reader.as_ref().map_or_else(|| Err(closed()), |reader| f(&reader.conn))
    }

    fn lease<'a>(&'a self, permit: SemaphorePermit<'a>) -> Option<Lease<'a>> {
        let reader = self.idle.lock().pop()?;
        Some(Lease { readers: self, reader: Some(reader), _permit: permit })
    }

    /// How many connections are in use.
    pub(super) fn busy(&self) -> usize {
        self.count.saturating_sub(self.permits.available_permits())
    }

    /// Waits for the reads in hand, then closes the connections.
    pub(super) async fn close(&self) {
        if let Ok(all) = self.permits.acquire_many(u32::try_from(self.count).unwrap_or(u32::MAX)).await {
            self.permits.close();
            drop(all);
        }
        self.clear();
    }

    /// Closes the connections that are not in use.
    pub(super) fn clear(&self) {
        self.idle.lock().clear();
    }
}

/// A connection in use; goes back when dropped, also by a panic. The permit goes back after it.
struct Lease<'a> {
    readers: &'a Readers,
    reader: Option<Reader>,
    _permit: SemaphorePermit<'a>,
}

impl Lease<'_> {
    fn until(&self, after_start: std::time::Duration) {
        if let Some(reader) = &self.reader {
            reader.stop_at.store(u64::try_from(after_start.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take() {
            self.readers.idle.lock().push(reader);
        }
    }
}

fn open_reader(path: &Path, start: Instant) -> Result<Reader> {
    let conn =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX).sql()?;
    settings::apply_to_reader(&conn)?;
    let stop_at = Arc::new(AtomicU64::new(u64::MAX));
    let seen = stop_at.clone();
    conn.progress_handler(
        STEPS_BETWEEN_CHECKS,
        Some(move || start.elapsed().as_nanos() >= u128::from(seen.load(Ordering::Relaxed))),
    )
    .sql()?;
    Ok(Reader { conn, stop_at })
}

fn closed() -> Error {
    Error::new(reason::STORE_UNAVAILABLE).message("the store is closed")
}
