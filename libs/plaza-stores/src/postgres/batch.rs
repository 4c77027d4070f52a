//! Group commit: writes that wait at the same time share a transaction.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use parking_lot::Mutex;
use plaza_core::{Caller, Cx, Error, Result, reason};
use sqlx::PgConnection;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::Postgres;
use super::pool::closed;
use super::transaction::Failed;
use crate::{Gauge, span};

/// How long a transaction may take at most, whatever its jobs' deadlines.
const LIMIT: Duration = Duration::from_secs(10);
/// After how long a refused caller may come back.
const RETRY_WHEN_FULL: Duration = Duration::from_millis(100);
/// How long [`Batcher::close`] waits for the workers.
const CLOSE: Duration = Duration::from_secs(15);

/// How a kind of writes is performed, many in one transaction.
#[async_trait]
pub trait BatchWrite: Send + Sync + 'static {
    /// What is to be written.
    type Job: Send + Sync + 'static;
    /// What its caller is answered.
    type Outcome: Send + Sync + 'static;

    /// Performs `jobs` in their order, inside a transaction that is open on `conn`, and answers each at its place. A job
    /// that is answered with an error has left no change. An error of the whole undoes everything, and the jobs are tried
    /// again in smaller batches, so that a bad one fails alone; a `WRITE_CONFLICT` is first tried again as it is. So it
    /// may run several times for a job, and must do nothing but what the transaction does.
    async fn run(&self, conn: &mut PgConnection, jobs: &[&Self::Job]) -> Result<Vec<Result<Self::Outcome>>>;

    /// Called between commit and answer, also when the caller is gone by then, and when it is not known whether the
    /// commit happened: the place to invalidate a cache. It must be quick.
    fn after(&self, job: &Self::Job, outcome: &Self::Outcome) {
        let _ = (job, outcome);
    }
}

/// How a [`Batcher`] works.
#[derive(Clone, Copy, Debug)]
pub struct BatchOptions {
    /// How many transactions run at the same time.
    pub workers: usize,
    /// How many jobs one transaction takes at most.
    pub max_batch: usize,
    /// How many jobs may wait; one more is refused with `OVERLOADED`.
    pub queue: usize,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self { workers: 2, max_batch: 256, queue: 1_024 }
    }
}

struct Queued<W: BatchWrite> {
    job: W::Job,
    deadline: Instant,
    reply: oneshot::Sender<Result<W::Outcome>>,
}

type Queue<W> = tokio::sync::Mutex<mpsc::Receiver<Queued<W>>>;

/// Takes whatever has queued up, never waiting for more, and commits it as one transaction. Jobs of different batches run
/// at the same time; those of one batch in the order in which they came.
pub struct Batcher<W: BatchWrite> {
    db: Postgres,
    queue: Mutex<Option<mpsc::Sender<Queued<W>>>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

impl<W: BatchWrite> std::fmt::Debug for Batcher<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batcher").field("db", &self.db).finish_non_exhaustive()
    }
}

impl<W: BatchWrite> Batcher<W> {
    /// Starts the workers. They end with the batcher, after what waits is done.
    #[must_use]
    pub fn start(db: Postgres, write: impl Into<Arc<W>>, options: BatchOptions) -> Self {
        let write = write.into();
        let (sender, receiver) = mpsc::channel(options.queue.max(1));
        let queue: Arc<Queue<W>> = Arc::new(tokio::sync::Mutex::new(receiver));
        let workers = (0..options.workers.max(1)).map(|_| {
            let worker = Worker { db: db.clone(), write: write.clone(), max_batch: options.max_batch.max(1) };
            tokio::spawn(worker.run(queue.clone()))
        });
        let workers = Mutex::new(workers.collect());
        Self { db, queue: Mutex::new(Some(sender)), workers }
    }

    /// Has `job` written and answers once it is committed.
    ///
    /// # Errors
    /// The job's own; `OVERLOADED` if too many wait; `DEADLINE_EXCEEDED` when time runs out, and then the job was not run
    /// if it was still waiting, else may have been committed; `STORE_UNAVAILABLE` if the server is away, which the message
    /// tells of a commit whose answer did not come, or the batcher is closed.
    pub async fn submit(&self, cx: &Cx, job: W::Job) -> Result<W::Outcome> {
        self.db.check()?;
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.lock().clone().ok_or_else(closed)?;
        queue.try_send(Queued { job, deadline: cx.deadline(), reply }).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => Error::new(reason::OVERLOADED).retry_after(RETRY_WHEN_FULL),
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        drop(queue);
        let done = cx.within(async { answer.await.unwrap_or_else(|_| Err(closed())) });
        done.instrument(span::write(self.db.name())).await
    }

    /// How many jobs wait.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.queue.lock().as_ref().map_or(0, |queue| queue.max_capacity() - queue.capacity())
    }

    /// Length of the queue, labelled with the store's name.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "lengths of queues are small")]
    pub fn observe(&self) -> Vec<Gauge> {
        vec![Gauge::new("postgres_write_queue_length", "store", self.db.name(), self.queue_len() as f64)]
    }

    /// Takes no more jobs, and waits for a bounded time until those that wait are done. Calling it again is fine.
    pub async fn close(&self) {
        self.queue.lock().take();
        let workers = std::mem::take(&mut *self.workers.lock());
        // Whoever is not done by then goes on alone, within its own limit.
        let _ = tokio::time::timeout(CLOSE, futures::future::join_all(workers)).await;
    }
}

struct Worker<W> {
    db: Postgres,
    write: Arc<W>,
    max_batch: usize,
}

impl<W: BatchWrite> Worker<W> {
    async fn run(self, queue: Arc<Queue<W>>) {
        while let Some(jobs) = self.collect(&queue).await {
            self.perform(jobs).await;
        }
    }

    async fn collect(&self, queue: &Queue<W>) -> Option<Vec<Queued<W>>> {
        let mut queue = queue.lock().await;
        let mut jobs = vec![queue.recv().await?];
        while jobs.len() < self.max_batch
            && let Ok(job) = queue.try_recv()
        {
            jobs.push(job);
        }
        Some(jobs)
    }

    /// Halves what failed as a whole, until it goes through or is a single job.
    async fn perform(&self, jobs: Vec<Queued<W>>) {
        let mut batches = VecDeque::from([jobs]);
        while let Some(batch) = batches.pop_front() {
            let mut batch = wanted(batch);
            let Some(last) = batch.iter().map(|queued| queued.deadline).max() else { continue };
            let cx = Cx::new(Caller::default(), last.min(Instant::now() + LIMIT));
            match self.transaction(&cx, &batch).await {
                Ok(outcomes) => answer(batch, outcomes),
                Err(error) if batch.len() == 1 || concerns_all(&error) => refuse(batch, &error),
                Err(error) => {
                    tracing::debug!(jobs = batch.len(), %error, "a batch failed and is halved");
                    let rest = batch.split_off(batch.len() / 2);
                    batches.push_front(rest);
                    batches.push_front(batch);
                }
            }
        }
    }

    /// What each job is answered, or why nothing of the batch stays.
    async fn transaction(&self, cx: &Cx, batch: &[Queued<W>]) -> Result<Vec<Result<W::Outcome>>> {
        let jobs: Vec<&W::Job> = batch.iter().map(|queued| &queued.job).collect();
        let outcomes = Mutex::new(Vec::new());
        let ran = self.db.transaction(cx, |mut conn| {
            let (write, jobs, outcomes) = (&self.write, &jobs, &outcomes);
            async move {
                let run = AssertUnwindSafe(write.run(&mut conn, jobs)).catch_unwind().await;
                let answered = run.unwrap_or_else(|_| Err(Error::internal("a batch of writes panicked")))?;
                if answered.len() != jobs.len() {
                    return Err(Error::internal(format!("{} answers to {} writes", answered.len(), jobs.len())));
                }
                *outcomes.lock() = answered;
                Ok(())
            }
        });
        let ran = ran.await;
        let outcomes = outcomes.into_inner();
        match ran {
            Ok(()) => {
                self.after(batch, &outcomes);
                Ok(outcomes)
            }
            Err(Failed::Undone(error)) => Err(error),
            Err(Failed::Unknown(error)) => {
                self.after(batch, &outcomes);
                let unknown = |outcome: Result<_>| outcome.and_then(|_| Err(error.clone()));
                Ok(outcomes.into_iter().map(unknown).collect())
            }
        }
    }

    fn after(&self, batch: &[Queued<W>], outcomes: &[Result<W::Outcome>]) {
        for (queued, outcome) in batch.iter().zip(outcomes) {
            if let Ok(outcome) = outcome
                && catch_unwind(AssertUnwindSafe(|| self.write.after(&queued.job, outcome))).is_err()
            {
                tracing::error!("what was to follow a commit panicked");
            }
        }
    }
}

/// Those whose callers still wait; the others are not run.
fn wanted<W: BatchWrite>(batch: Vec<Queued<W>>) -> Vec<Queued<W>> {
    let now = Instant::now();
    let (wanted, late): (Vec<_>, Vec<_>) =
        batch.into_iter().partition(|queued| queued.deadline > now && !queued.reply.is_closed());
    refuse(late, &Error::new(reason::DEADLINE_EXCEEDED));
    wanted
}

/// Whether smaller batches would fail the same way.
fn concerns_all(error: &Error) -> bool {
    error.is(reason::STORE_UNAVAILABLE) || error.is(reason::DEADLINE_EXCEEDED)
}

fn answer<W: BatchWrite>(batch: Vec<Queued<W>>, outcomes: Vec<Result<W::Outcome>>) {
    for (queued, outcome) in batch.into_iter().zip(outcomes) {
        // Whoever asked may be gone; then nobody needs the answer.
        let _ = queued.reply.send(outcome);
    }
}

fn refuse<W: BatchWrite>(batch: Vec<Queued<W>>, error: &Error) {
    for queued in batch {
        let _ = queued.reply.send(Err(error.clone()));
    }
}
