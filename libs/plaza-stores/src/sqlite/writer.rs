//! The writer thread: drains its queue, commits what has queued up as one transaction, then answers.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

use plaza_core::{Error, Result, reason};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::errors::SqlResultExt as _;

/// What travels to the writer thread.
pub(super) enum Message {
    Job(Queued),
    Close,
}

pub(super) struct Queued {
    pub(super) deadline: Instant,
    pub(super) work: Box<dyn Work>,
}

/// A job with its answer, its types erased.
pub(super) trait Work: Send {
    /// Whether somebody still waits for the answer.
    fn is_wanted(&self) -> bool;
    /// Runs the job; whether its changes shall stay.
    fn run(&mut self, conn: &Connection) -> bool;
    /// Answers: with the job's own error, else with the transaction's, else with its value.
    fn finish(self: Box<Self>, committed: &Result<()>);
}

/// A job that has a value, what shall happen once it is committed, and who waits for it.
pub(super) struct Task<T, F, A> {
    job: Option<F>,
    after: A,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F, A> Task<T, F, A> {
    pub(super) fn new(job: F, after: A, reply: oneshot::Sender<Result<T>>) -> Self {
        Self { job: Some(job), after, outcome: None, reply }
    }
}

impl<T, F, A> Work for Task<T, F, A>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T> + Send,
    A: FnOnce(&T) + Send,
{
    fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn run(&mut self, conn: &Connection) -> bool {
        let Some(job) = self.job.take() else { return false };
        let outcome = catch_unwind(AssertUnwindSafe(|| job(conn)))
            .unwrap_or_else(|panic| Err(Error::internal(format!("a write panicked: {}", said(&*panic)))));
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn finish(self: Box<Self>, committed: &Result<()>) {
        let Self { after, outcome, reply, .. } = *self;
        let answer = match (outcome, committed) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(error)) => Err(error.clone()),
            (Some(Ok(value)), Ok(())) => {
                if catch_unwind(AssertUnwindSafe(|| after(&value))).is_err() {
                    tracing::error!("what was to follow a commit panicked");
                }
                Ok(value)
            }
            (None, Ok(())) => Err(Error::internal("a write was answered before it ran")),
        };
        // Whoever asked may be gone; then nobody needs the answer.
        let _ = reply.send(answer);
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// The thread's state.
pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) queue: mpsc::Receiver<Message>,
    pub(super) max_batch: usize,
    /// Counts the commits that changed something.
    pub(super) commits: watch::Sender<u64>,
    pub(super) progress: Arc<Progress>,
}

/// How far the writer is with its transactions.
pub(super) struct Progress {
    /// Those that were about to be committed.
    begun: AtomicU64,
    /// Those whose jobs have been answered, and what was to follow the commit has been done.
    finished: watch::Sender<u64>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { begun: AtomicU64::new(0), finished: watch::Sender::new(0) }
    }

    /// Waits until all is finished that can be read by now.
    pub(super) async fn settled(&self) {
        let begun = self.begun.load(SeqCst);
        let mut finished = self.finished.subscribe();
        // The sender stands beside, so it is not gone.
        let _ = finished.wait_for(|finished| *finished >= begun).await;
    }
}

impl Writer {
    /// Works until the queue is closed and empty, then moves the write-ahead log into the database file.
    pub(super) fn run(mut self) {
        while let Some(first) = self.queue.blocking_recv() {
            let (mut jobs, close) = self.collect(first);
            if close {
                self.queue.close();
            }
            while !jobs.is_empty() {
                self.transaction(&mut jobs);
            }
        }
        if let Err(error) = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!(%error, "the last checkpoint failed; the next start does it");
        }
    }

    fn collect(&mut self, first: Message) -> (VecDeque<Queued>, bool) {
        let (mut jobs, mut close) = (VecDeque::new(), false);
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Job(job) => jobs.push_back(job),
                Message::Close => close = true,
            }
            next = if jobs.len() < self.max_batch { self.queue.try_recv().ok() } else { None };
        }
        (jobs, close)
    }

    /// Runs jobs in one transaction until they are all done or SQLite has given the transaction up, which happens on a
    /// full disk, for example: then the jobs so far have failed, and the rest is left for another transaction.
    fn transaction(&mut self, jobs: &mut VecDeque<Queued>) {
        if let Err(error) = self.execute("BEGIN IMMEDIATE") {
            for job in jobs.drain(..) {
                job.work.finish(&Err(error.clone()));
            }
            return;
        }
        let guarded = jobs.len() > 1;
        let (mut ran, mut keep) = (Vec::with_capacity(jobs.len()), false);
        while let Some(Queued { deadline, mut work }) = jobs.pop_front() {
            if deadline <= Instant::now() || !work.is_wanted() {
                work.finish(&Err(Error::new(reason::DEADLINE_EXCEEDED)));
                continue;
            }
            let kept = self.run_one(&mut *work, guarded);
            ran.push(work);
            match kept {
                Ok(kept) => keep |= kept,
                Err(lost) => return finish_all(ran, &Err(lost)),
            }
        }
        let changes = self.conn.total_changes();
        let begun = self.progress.begun.fetch_add(1, SeqCst) + 1;
        let committed = if keep { self.execute("COMMIT") } else { self.execute("ROLLBACK") };
        if committed.is_err() && !self.conn.is_autocommit() {
            // The transaction is open still; if even this fails, the next BEGIN says so.
            let _ = self.execute("ROLLBACK");
        }
        if keep && committed.is_ok() && changes != *self.commits.borrow() {
            self.commits.send_replace(changes);
        }
        finish_all(ran, &committed);
        self.progress.finished.send_replace(begun);
    }

    /// Runs one job; whether its changes stay. An error means that the whole transaction is gone.
    fn run_one(&self, work: &mut dyn Work, guarded: bool) -> Result<bool> {
        if guarded {
            self.execute("SAVEPOINT job")?;
        }
        let keep = work.run(&self.conn);
        if self.conn.is_autocommit() {
            return Err(Error::new(reason::STORE_UNAVAILABLE).message("the transaction was rolled back; retry"));
        }
        if guarded {
            if !keep {
                self.execute("ROLLBACK TO job")?;
            }
            self.execute("RELEASE job")?;
        }
        Ok(keep)
    }

    fn execute(&self, sql: &str) -> Result<()> {
        self.conn.prepare_cached(sql).sql()?.execute([]).sql()?;
        Ok(())
    }
}

fn finish_all(ran: Vec<Box<dyn Work>>, committed: &Result<()>) {
    for work in ran {
        work.finish(committed);
    }
}
