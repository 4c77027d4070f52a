//! The writer: takes whatever has queued up, performs it in one transaction, then answers.
//!
//! A commit whose outcome is not known (the connection went while it was under way) is treated as one that took place,
//! as far as caches go, and as one that may not have, as far as callers go. A change with a request key is tried again:
//! if it was performed, its answer is remembered. One without is answered with the error. The server may also commit
//! later, when it comes back; the next transaction that has the lock of all writers is past that, and tells the caches
//! once more.
//!
//! Other processes write too. Their events tell which accounts left this process's caches behind; the writer reads them
//! when it sees that somebody else has written, and now and then.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use parking_lot::Mutex;
use plaza_core::{AccountId, Cx, Env, Error, Position, Result, reason};
use plaza_events::{Neo4jOutbox, Outbox as _};
use plaza_stores::neo4j::{Fault, Neo4j};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::batch::{Batch, ChangeAsk, ChangeJob, Done, EraseAsk, EraseJob, Job, OwnAsk, OwnJob, refuse};
use crate::NAME;
use crate::domain::{Action, Change, OwnWrite, OwnWritten, Write, Written};
use crate::store::OnChange;

/// How many writes may wait; one more is refused with `OVERLOADED`.
const QUEUE: usize = 1_024;
/// How many changes one transaction takes at most.
const MAX_BATCH: usize = 256;
const RETRY_WHEN_FULL: Duration = Duration::from_millis(100);
/// How often an idle writer looks what others have written, and whether a commit of unknown outcome is past.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// The time that one look may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);
/// How many events are read at once.
const PAGE: usize = 500;

/// What the writer works with.
pub(super) struct Tools {
    pub(super) db: Neo4j,
    pub(super) outbox: Arc<Neo4jOutbox>,
    pub(super) env: Env,
    pub(super) on_change: OnChange,
}

enum Message {
    Change(ChangeJob),
    Own(OwnJob),
    Erase(EraseJob),
}

/// The queue in front of the task that writes. The task ends when the queue is closed and empty.
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Message>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the task; `end` is where the outbox ends.
    pub(super) fn start(tools: Tools, end: Position) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE);
        let task = Task { tools, queue, doubtful: BTreeSet::new(), known: end, behind: false };
        Self { queue: Mutex::new(Some(sender)), task: Mutex::new(Some(tokio::spawn(task.run()))) }
    }

    pub(super) async fn change(&self, cx: &Cx, action: Action, write: Write) -> Result<Written> {
        let ask = ChangeAsk { action, write, request: cx.request().cloned() };
        self.ask(cx, ask, Message::Change).await
    }

    pub(super) async fn own(&self, cx: &Cx, write: OwnWrite) -> Result<OwnWritten> {
        self.ask(cx, OwnAsk { write, request: cx.request().cloned() }, Message::Own).await
    }

    pub(super) async fn erase(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.ask(cx, EraseAsk { account, limit }, Message::Erase).await
    }

    async fn ask<A, T>(&self, cx: &Cx, ask: A, message: impl FnOnce(Job<A, T>) -> Message) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job = Job { ask, trace: cx.trace(), deadline: cx.deadline(), reply };
        let queue = self.queue.lock().clone().ok_or_else(closed)?;
        queue.try_send(message(job)).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => Error::new(reason::OVERLOADED).retry_after(RETRY_WHEN_FULL),
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        drop(queue);
        let lost = |_| Err(Error::internal("a write ended without an answer"));
        cx.within(async { answer.await.unwrap_or_else(lost) }).await
    }

    /// How many writes wait.
    pub(super) fn queue_len(&self) -> usize {
        self.queue.lock().as_ref().map_or(0, |q| q.max_capacity() - q.capacity())
    }

    /// Takes no more work and finishes what waits.
    pub(super) async fn close(&self) {
        self.queue.lock().take();
        let task = self.task.lock().take();
        if let Some(task) = task {
            // A join error is a panic of the task, which the panic hook has reported.
            let _ = task.await;
        }
    }
}

struct Task {
    tools: Tools,
    queue: mpsc::Receiver<Message>,
    /// The accounts of commits whose outcome is not known.
    doubtful: BTreeSet<AccountId>,
    /// Up to where the caches have been told what the outbox tells.
    known: Position,
    /// Whether others have written since.
    behind: bool,
}

impl Task {
    async fn run(mut self) {
        loop {
            match tokio::time::timeout(LOOK_INTERVAL, self.queue.recv()).await {
                Ok(Some(first)) => {
                    // A panic is the failure of the writes in hand, not of those that come.
                    if AssertUnwindSafe(self.work(first)).catch_unwind().await.is_err() {
                        tracing::error!("a write panicked");
                    }
                }
                Ok(None) => return,
                Err(_) => {
                    self.behind = true;
                    self.resolve().await;
                }
            }
            if self.behind {
                self.catch_up().await;
            }
        }
    }

    /// Performs `first` and what has queued up behind it, in order; an erasure has a transaction of its own.
    async fn work(&mut self, first: Message) {
        let mut changes = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Change(job) => changes.push(job),
                Message::Own(job) => {
                    self.change(std::mem::take(&mut changes)).await;
                    self.own(job).await;
                }
                Message::Erase(job) => {
                    self.change(std::mem::take(&mut changes)).await;
                    self.erase(job).await;
                }
            }
            next = if changes.len() < MAX_BATCH { self.queue.try_recv().ok() } else { None };
        }
        self.change(changes).await;
    }

    async fn change(&mut self, mut jobs: Vec<ChangeJob>) {
        let mut tries = 1;
        loop {
            jobs = wanted(jobs);
            let Some(deadline) = jobs.iter().map(|job| job.deadline).max() else { return };
            let cx = context(deadline);
            let attempt = match self.begin(&cx).await {
                Ok(batch) => batch.change(&jobs).await,
                Err(fault) => Err(fault),
            };
            let fault = match attempt {
                Ok(done) => return self.answer(jobs, done),
                Err(fault) => fault,
            };
            let error = fault.clone().into_error();
            if fault.is_unknown() {
                self.doubt(jobs.iter().flat_map(|job| [job.ask.write.actor, job.ask.write.target]));
                let (keyed, unkeyed): (Vec<_>, _) = jobs.into_iter().partition(|job| job.ask.request.is_some());
                refuse(unkeyed, &error);
                jobs = keyed;
            }
            if !(fault.is_unknown() || fault.may_retry(tries)) || !self.tools.db.pause(&cx, tries).await {
                return refuse(jobs, &error);
            }
            tries += 1;
        }
    }

    fn answer(&mut self, jobs: Vec<ChangeJob>, done: Done<Vec<Result<Written>>>) {
        let Done { outcome: outcomes, outbox } = done;
        self.wrote(outbox);
        let changed: Vec<AccountId> = jobs
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| outcome.is_ok())
            .flat_map(|(job, _)| [job.ask.write.actor, job.ask.write.target])
            .collect();
        (self.tools.on_change)(&changed);
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            job.answer(outcome);
        }
    }

    /// Changes what an account keeps for itself. If it is not known what became of a commit, the request's key tells.
    async fn own(&mut self, job: OwnJob) {
        let mut tries = 1;
        while job.is_wanted() {
            let cx = context(job.deadline);
            let attempt = match self.begin(&cx).await {
                Ok(batch) => batch.own(&job).await,
                Err(fault) => Err(fault),
            };
            let fault = match attempt {
                Ok(Done { outcome, outbox }) => {
                    self.wrote(outbox);
                    return job.answer(outcome);
                }
                Err(fault) => fault,
            };
            let again = if fault.is_unknown() { job.ask.request.is_some() } else { fault.may_retry(tries) };
            if !again || !self.tools.db.pause(&cx, tries).await {
                return job.answer(Err(fault.into_error()));
            }
            tries += 1;
        }
        job.answer(Err(Error::new(reason::DEADLINE_EXCEEDED)));
    }

    /// Ends edges of an account that is gone. Whoever asks does so again after an error, and it is no harm if it was done.
    async fn erase(&mut self, job: EraseJob) {
        let mut tries = 1;
        while job.is_wanted() {
            let cx = context(job.deadline);
            let attempt = match self.begin(&cx).await {
                Ok(batch) => batch.erase(&job).await,
                Err(fault) => Err(fault),
            };
            let fault = match attempt {
                Ok(Done { outcome: erased, outbox }) => {
                    self.wrote(outbox);
                    (self.tools.on_change)(&erased.accounts().into_iter().collect::<Vec<_>>());
                    return job.answer(Ok(erased.len()));
                }
                Err(fault) => fault,
            };
            if fault.is_unknown() || !fault.may_retry(tries) || !self.tools.db.pause(&cx, tries).await {
                return job.answer(Err(fault.into_error()));
            }
            tries += 1;
        }
        job.answer(Err(Error::new(reason::DEADLINE_EXCEEDED)));
    }

    /// A transaction with the lock of all writers: commits of before are over, whatever came of them.
    async fn begin(&mut self, cx: &Cx) -> Result<Batch<'_>, Fault> {
        let batch = Batch::begin(&self.tools.db, cx, &self.tools.env).await?;
        let doubtful = std::mem::take(&mut self.doubtful);
        if !doubtful.is_empty() {
            (self.tools.on_change)(&doubtful.into_iter().collect::<Vec<_>>());
        }
        Ok(batch)
    }

    fn doubt(&mut self, accounts: impl Iterator<Item = AccountId>) {
        let accounts: BTreeSet<AccountId> = accounts.collect();
        tracing::warn!(accounts = accounts.len(), "the outcome of a commit is not known");
        (self.tools.on_change)(&accounts.iter().copied().collect::<Vec<_>>());
        self.doubtful.extend(accounts);
    }

    /// Notes what a transaction of ours added to the outbox. If it did not begin where we knew the end to be, others have
    /// written in between.
    fn wrote(&mut self, (before, after): (Position, Position)) {
        if before == self.known {
            self.known = after;
        } else {
            self.behind = true;
        }
    }

    /// Tells the caches what others have written, as far as they have not been told.
    async fn catch_up(&mut self) {
        let cx = context(Instant::now() + LOOK_TIMEOUT);
        // A page is the last one if it is not full; what goes wrong is tried again at the next look.
        while let Ok(events) = self.tools.outbox.read_after(&cx, self.known, PAGE).await {
            let changes = events.iter().filter_map(|event| Change::told_by(event).ok().flatten());
            let accounts: BTreeSet<AccountId> = changes.flat_map(Change::accounts).collect();
            if !accounts.is_empty() {
                (self.tools.on_change)(&accounts.into_iter().collect::<Vec<_>>());
            }
            self.known = events.last().map_or(self.known, |last| last.position);
            if events.len() < PAGE {
                self.behind = false;
                return;
            }
        }
    }

    /// Waits, for a little while, until commits of unknown outcome are over.
    async fn resolve(&mut self) {
        if self.doubtful.is_empty() {
            return;
        }
        let cx = context(Instant::now() + LOOK_TIMEOUT);
        let looked = match self.begin(&cx).await {
            Ok(batch) => batch.end().await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = looked {
            tracing::debug!(error = %fault.into_error(), "a commit of unknown outcome may still be under way");
        }
    }
}

/// Those that somebody still waits for.
fn wanted(jobs: Vec<ChangeJob>) -> Vec<ChangeJob> {
    let (wanted, late): (Vec<_>, Vec<_>) = jobs.into_iter().partition(Job::is_wanted);
    refuse(late, &Error::new(reason::DEADLINE_EXCEEDED));
    wanted
}

fn context(deadline: Instant) -> Cx {
    Cx::background(NAME, deadline.saturating_duration_since(Instant::now()))
}

fn closed() -> Error {
    Error::new(reason::STORE_UNAVAILABLE).message("the store is closed")
}
