//! What one transaction performs: changes that have queued up, or a part of an erasure.

use plaza_core::{AccountId, Cx, Env, Error, Position, RequestKey, Result, TraceContext};
use plaza_events::NewEvent;
use plaza_events::outbox::neo4j as outbox;
use plaza_stores::neo4j::Tx;
use plaza_stores::neo4j::requests::Answers;
use plaza_stores::neo4j::{Fault, Neo4j};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::domain::{Action, Change, Notice, Outcome, OwnWrite, OwnWritten, Write, Written};

use super::draft::{Draft, Pair, Stored};
use super::reads::Erasable;
use super::{reads, shelf, writes};

/// A queued piece of work with who waits for it.
pub(super) struct Job<A, T> {
    pub(super) ask: A,
    pub(super) trace: Option<TraceContext>,
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Result<T>>,
}

impl<A, T> Job<A, T> {
    /// Whether somebody still waits for the answer.
    pub(super) fn is_wanted(&self) -> bool {
        self.deadline > Instant::now() && !self.reply.is_closed()
    }

    pub(super) fn answer(self, answer: Result<T>) {
        // Whoever asked may be gone; then nobody needs the answer.
        let _ = self.reply.send(answer);
    }
}

/// A change of one pair.
pub(super) struct ChangeAsk {
    pub(super) action: Action,
    pub(super) write: Write,
    pub(super) request: Option<RequestKey>,
}

/// A change of what an account keeps for itself.
pub(super) struct OwnAsk {
    pub(super) write: OwnWrite,
    pub(super) request: Option<RequestKey>,
}

/// A part of an erasure.
#[derive(Clone, Copy)]
pub(super) struct EraseAsk {
    pub(super) account: AccountId,
    pub(super) limit: usize,
}

pub(super) type ChangeJob = Job<ChangeAsk, Written>;
pub(super) type OwnJob = Job<OwnAsk, OwnWritten>;
pub(super) type EraseJob = Job<EraseAsk, usize>;

/// A transaction that has the lock of all writers.
pub(super) struct Batch<'a> {
    env: &'a Env,
    tx: Tx,
    /// Where the outbox ends before it.
    end: Position,
    events: Vec<NewEvent>,
}

/// What came of a transaction.
pub(super) struct Done<T> {
    pub(super) outcome: T,
    /// Where the outbox ended before it, and where it ends now.
    pub(super) outbox: (Position, Position),
}

impl<'a> Batch<'a> {
    /// Waits for the writers before; all of their commits are applied then.
    pub(super) async fn begin(db: &Neo4j, cx: &Cx, env: &'a Env) -> Result<Self, Fault> {
        let mut tx = db.begin(cx).await?;
        let end = outbox::lock(&mut tx).await?;
        Ok(Self { env, tx, end, events: Vec::new() })
    }

    /// Nothing is to be done; the lock goes.
    pub(super) async fn end(self) -> Result<(), Fault> {
        self.tx.rollback().await
    }

    /// Performs changes one after the other and commits; each has its own outcome.
    pub(super) async fn change(mut self, jobs: &[ChangeJob]) -> Result<Done<Vec<Result<Written>>>, Fault> {
        let keys = jobs.iter().filter_map(|job| job.ask.request.as_ref());
        let mut answers = Answers::load(&mut self.tx, keys).await?;
        let mut draft = self.draft(jobs.iter().map(|job| job.ask.write)).await?;
        let perform = |job| self.perform(&mut draft, &mut answers, job);
        let outcomes = jobs.iter().map(perform).collect();
        if draft.changes_something() {
            writes::save(&mut self.tx, &draft).await?;
        } else if self.events.is_empty() && !answers.has_new() {
            self.tx.rollback().await?;
            return Ok(Done { outcome: outcomes, outbox: (self.end, self.end) });
        }
        let end = outbox::append(&mut self.tx, self.end, &self.events).await?;
        answers.save(&mut self.tx).await?;
        self.tx.commit().await?;
        Ok(Done { outcome: outcomes, outbox: (self.end, end) })
    }

    /// Performs a change of what an account keeps for itself, once for its request.
    pub(super) async fn own(mut self, job: &OwnJob) -> Result<Done<Result<OwnWritten>>, Fault> {
        let OwnAsk { write, request } = &job.ask;
        let mut answers = Answers::load(&mut self.tx, request.iter()).await?;
        let performed = match answers.recall(request.as_ref(), write.at) {
            Ok(None) => shelf::perform(&mut self.tx, write).await?,
            Ok(Some(before)) => return self.unchanged(Ok(before)).await,
            Err(error) => return self.unchanged(Err(error)).await,
        };
        let (list, notices) = match performed {
            Ok(performed) => performed,
            Err(error) => return self.unchanged(Err(error)).await,
        };
        self.events.extend(notices.into_iter().map(|notice| notice.event(self.env, job.trace)));
        let end = outbox::append(&mut self.tx, self.end, &self.events).await?;
        let written = OwnWritten { list, until: write.own.until(), position: end };
        answers.remember(request.as_ref(), write.at, &written)?;
        answers.save(&mut self.tx).await?;
        self.tx.commit().await?;
        Ok(Done { outcome: Ok(written), outbox: (self.end, end) })
    }

    /// An outcome without anything to write.
    async fn unchanged<T>(self, outcome: T) -> Result<Done<T>, Fault> {
        let end = self.end;
        self.tx.rollback().await?;
        Ok(Done { outcome, outbox: (end, end) })
    }

    /// Marks the account as erased and ends up to `limit` of its edges, its follows first; returns them.
    pub(super) async fn erase(mut self, job: &EraseJob) -> Result<Done<Erasable>, Fault> {
        let EraseAsk { account, limit } = job.ask;
        writes::mark_erased(&mut self.tx, account).await?;
        let mut found = reads::some_edges(&mut self.tx, account, limit).await?;
        let mut draft = Draft::new(Stored {
            follows: found.follows.iter().map(|pair| (*pair, ())).collect(),
            blocks: found.blocks.iter().map(|pair| (*pair, ())).collect(),
            mutes: found.mutes.iter().copied().collect(),
            requests: found.requests.iter().map(|pair| (*pair, ())).collect(),
            lists: reads::lists_of(&mut self.tx, &found.follows).await?,
            ..Stored::default()
        });
        let mut changes = Vec::new();
        changes.extend(found.follows.iter().filter_map(|(a, b)| draft.end_follow(*a, *b)));
        changes.extend(found.blocks.iter().filter_map(|(a, b)| draft.end_block(*a, *b)));
        let cancelled = |(a, b): &Pair| draft.end_request(*a, *b, Outcome::Cancelled);
        changes.extend(found.requests.iter().filter_map(cancelled));
        let now = self.env.now();
        changes.extend(found.mutes.iter().filter_map(|((a, b), _)| draft.end_mute(*a, *b, now)));
        if draft.changes_something() {
            writes::save(&mut self.tx, &draft).await?;
        }
        self.tell(&changes, draft.left(), job.trace);
        let (erased, notices) = shelf::erase(&mut self.tx, account, limit - found.len()).await?;
        found.shelf = erased;
        self.events.extend(notices.into_iter().map(|notice| notice.event(self.env, job.trace)));
        let end = outbox::append(&mut self.tx, self.end, &self.events).await?;
        self.tx.commit().await?;
        Ok(Done { outcome: found, outbox: (self.end, end) })
    }

    async fn draft(&mut self, asked: impl Iterator<Item = Write>) -> Result<Draft, Fault> {
        let mut pairs: Vec<Pair> = asked.flat_map(|w| [(w.actor, w.target), (w.target, w.actor)]).collect();
        pairs.sort_unstable();
        pairs.dedup();
        // Each pair is there both ways, so the first ends are all accounts.
        let mut accounts: Vec<AccountId> = pairs.iter().map(|pair| pair.0).collect();
        accounts.dedup();
        reads::stored(&mut self.tx, &accounts, &pairs).await.map(Draft::new)
    }

    /// Performs one change on the draft, once for its request.
    fn perform(&mut self, draft: &mut Draft, answers: &mut Answers, job: &ChangeJob) -> Result<Written> {
        let ChangeAsk { action, write, request } = &job.ask;
        if let Some(before) = answers.recall(request.as_ref(), write.at)? {
            return Ok(before);
        }
        let left = draft.left().len();
        let changes = draft.perform(*action, *write)?;
        let position = self.tell(&changes, &draft.left()[left..], job.trace);
        let written = Written { relation: draft.relation(write.actor, write.target), position };
        answers.remember(request.as_ref(), write.at, &written)?;
        Ok(written)
    }

    /// Adds the events of changes, and of lists that members left; returns where the outbox ends with them.
    fn tell(&mut self, changes: &[Change], left: &[(Pair, i64)], trace: Option<TraceContext>) -> Position {
        self.events.extend(changes.iter().map(|change| change.event(self.env, trace)));
        let members = left.iter().map(|((owner, _), list)| Notice::Members(*owner, *list));
        self.events.extend(members.map(|notice| notice.event(self.env, trace)));
        self.end + i64::try_from(self.events.len()).unwrap_or(i64::MAX)
    }
}

/// Answers all with one error.
pub(super) fn refuse<A, T>(jobs: impl IntoIterator<Item = Job<A, T>>, error: &Error) {
    for job in jobs {
        job.answer(Err(error.clone()));
    }
}
