//! Transactions that end within their call's deadline, and are tried again when they met another one.

use std::future::Future;
use std::time::Duration;

use plaza_core::{Cx, Error, Result, reason};

use super::pool::{Conn, Lease, Pool, execute};

/// How often a transaction that met another one is tried.
const TRIES: u32 = 5;
/// The pause before the second try; each further one doubles it.
const PAUSE: Duration = Duration::from_millis(5);

/// Why there is no answer of a transaction.
#[derive(Debug)]
pub(super) enum Failed {
    /// Nothing of it stays.
    Undone(Error),
    /// The commit was sent and its answer did not come. Never to be tried again blindly.
    Unknown(Error),
}

impl Failed {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Undone(error) | Self::Unknown(error) => error,
        }
    }
}

/// Runs `f` in a transaction of a connection from `pool`.
pub(super) async fn run<T, F, Fut>(pool: &Pool, cx: &Cx, mut f: F) -> Result<T, Failed>
where
    F: FnMut(Conn) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let mut pause = PAUSE;
    for left in (0..TRIES).rev() {
        let mut lease = begin(pool, cx).await.map_err(Failed::Undone)?;
        let outcome = attempt(&mut lease, cx, &mut f).await;
        drop(lease);
        match outcome {
            Err(Failed::Undone(error)) if error.is(reason::WRITE_CONFLICT) && left > 0 && cx.remaining() > pause => {}
            outcome => return outcome,
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    Err(Failed::Undone(Error::new(reason::WRITE_CONFLICT)))
}

/// A connection with a transaction open on it. A connection that the server had closed meanwhile is replaced: nothing
/// has happened yet.
async fn begin<'a>(pool: &'a Pool, cx: &Cx) -> Result<Lease<'a>> {
    let mut lease = pool.lease(cx).await?;
    match send_begin(&mut lease, cx).await {
        Err(error) if lease.was_stale(&error) => {
            drop(lease);
            lease = pool.lease(cx).await?;
            send_begin(&mut lease, cx).await?;
        }
        begun => begun?,
    }
    Ok(lease)
}

async fn send_begin(lease: &mut Lease<'_>, cx: &Cx) -> Result<()> {
    lease.in_transaction = true;
    // In one round trip. Zero would be no limit.
    let limit = cx.remaining().as_millis().clamp(1, 1 << 30);
    lease.lend(cx, |conn| execute(conn, format!("BEGIN; SET LOCAL statement_timeout = {limit}"))).await
}

async fn attempt<T, F, Fut>(lease: &mut Lease<'_>, cx: &Cx, f: &mut F) -> Result<T, Failed>
where
    F: FnMut(Conn) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let value = match lease.lend(cx, f).await {
        Ok(value) => value,
        Err(error) => {
            roll_back(lease, cx).await;
            return Err(Failed::Undone(error));
        }
    };
    // COMMIT alone says nothing when a statement has failed before: it rolls back. The first of the two says it, and it
    // checks what was deferred, so that the commit itself fails only with its connection.
    let commit = "SET CONSTRAINTS ALL IMMEDIATE; COMMIT".to_owned();
    match lease.lend(cx, |conn| execute(conn, commit)).await {
        Ok(()) => {
            lease.in_transaction = false;
            Ok(value)
        }
        Err(error) if lease.is_open() => {
            roll_back(lease, cx).await;
            Err(Failed::Undone(error))
        }
        Err(error) if error.is(reason::STORE_UNAVAILABLE) => Err(Failed::Unknown(
            error.message("the store went away at the commit, so the write may or may not have had its effect"),
        )),
        Err(error) => Err(Failed::Unknown(error)),
    }
}

/// Makes the connection fit for the next call, if it can be done in time; else the connection is closed, which does the
/// same.
async fn roll_back(lease: &mut Lease<'_>, cx: &Cx) {
    if lease.is_open() && lease.lend(cx, |conn| execute(conn, "ROLLBACK".to_owned())).await.is_ok() {
        lease.in_transaction = false;
    }
}
