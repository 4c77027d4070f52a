//! How writes are performed, many in one transaction and set by set: first the creations, then changes and deletions in
//! their order. No caller has had an answer when a batch begins, so any order is one that they may see.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use plaza_core::{AccountId, Env, Error, Position, RequestKey, Result, Timestamp, TraceContext, reason};
use plaza_events::{NewEvent, outbox};
use plaza_proto::accounts::v1::{AccountCreated, AccountDeleted, ErasureReported, MailRequested};
use plaza_stores::BatchWrite;
use plaza_stores::postgres::requests::Book;
use prost::{Message, Name};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgConnection;

use super::{erasures, handles, rows, tickets};
use crate::domain::erasure::Report;
use crate::domain::ticket::{Redemption, Reset};
use crate::domain::{Account, Change, Deletion, Edit, NewAccount};
use crate::store::{Changed, Created, Credential, OnChange, Written, events};

/// What is to be written.
pub(super) enum Job {
    Create(NewAccount, Credential),
    Change(Change),
    Delete(Deletion),
    Redeem(Redemption),
    Reset(Reset),
    Report(Report),
}

/// A write with what it takes from its call.
pub(super) struct Write {
    pub(super) job: Job,
    pub(super) request: Option<RequestKey>,
    pub(super) trace: Option<TraceContext>,
}

/// What was written.
#[derive(Debug)]
pub(super) enum Done {
    Created(Written<Created>),
    /// With the handles that point elsewhere now.
    Changed(Box<Written<Account>>, Vec<String>),
    /// As a change.
    Deleted(Written<()>, Vec<String>),
    Redeemed(Written<()>),
    Asked,
    Reported(Written<()>),
}

/// Performs batches of writes.
pub(super) struct Writes {
    pub(super) env: Env,
    pub(super) on_change: OnChange,
}

#[async_trait]
impl BatchWrite for Writes {
    type Job = Write;
    type Outcome = Done;

    async fn run(&self, conn: &mut PgConnection, jobs: &[&Write]) -> Result<Vec<Result<Done>>> {
        let now = self.env.now();
        let mut batch = Batch {
            env: &self.env,
            now,
            book: Book::open(conn, jobs.iter().map(|write| write.request.as_ref()), now).await?,
            first: outbox::postgres::next_position(conn).await?,
            events: Vec::new(),
            answers: jobs.iter().map(|_| None).collect(),
        };
        batch.create(conn, jobs).await?;
        batch.change(conn, jobs).await?;
        batch.reset(conn, jobs).await?;
        batch.report(conn, jobs).await?;
        batch.finish(conn).await
    }

    fn after(&self, write: &Write, done: &Done) {
        let changed = match (&write.job, done) {
            (Job::Create(account, _), Done::Created(written)) => {
                Changed { id: written.value.id, handle_keys: vec![account.handle.key().to_owned()] }
            }
            (Job::Delete(deletion), Done::Deleted(_, keys)) => Changed { id: deletion.id, handle_keys: keys.clone() },
            (Job::Change(change), Done::Changed(_, keys)) => Changed { id: change.id, handle_keys: keys.clone() },
            (Job::Redeem(redemption), _) => Changed { id: redemption.account, handle_keys: Vec::new() },
            _ => return,
        };
        (self.on_change)(&changed);
    }
}

/// One transaction at work.
struct Batch<'a> {
    env: &'a Env,
    now: Timestamp,
    book: Book,
    /// The position of the first event.
    first: Position,
    events: Vec<NewEvent>,
    answers: Vec<Option<Result<Done>>>,
}

impl Batch<'_> {
    async fn create(&mut self, conn: &mut PgConnection, jobs: &[&Write]) -> Result<()> {
        let mut left: Vec<usize> = (0..jobs.len()).filter(|i| matches!(jobs[*i].job, Job::Create(..))).collect();
        while !left.is_empty() {
            // The same request twice: the second finds what the first was answered. The same id: one is to be told.
            let (mut keys, mut ids) = (BTreeSet::new(), BTreeSet::new());
            let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|i| {
                let first = jobs[*i].request.as_ref().is_none_or(|key| keys.insert((key.caller, key.request_id)));
                first && new_account(jobs[*i]).is_some_and(|(account, _)| ids.insert(account.id))
            });
            let fresh: Vec<usize> = now.into_iter().filter(|i| self.is_fresh(*i, jobs[*i], Done::Created)).collect();
            let accounts: Vec<_> = fresh.iter().filter_map(|i| new_account(jobs[*i])).collect();
            let clashes = rows::insert(conn, &accounts, self.now).await?;
            for (i, (account, _)) in fresh.into_iter().zip(accounts) {
                let outcome = match clashes.get(&account.id) {
                    Some(reason) => Err(Error::new(*reason)),
                    None => {
                        let position = self.push(jobs[i], account.id, &AccountCreated { account_id: account.id.get() });
                        Ok(Written { value: Created { id: account.id, at: account.at.0 }, position })
                    }
                };
                self.settle(i, jobs[i], outcome, Done::Created)?;
            }
            left = later;
        }
        Ok(())
    }

    async fn change(&mut self, conn: &mut PgConnection, jobs: &[&Write]) -> Result<()> {
        let ids: BTreeSet<AccountId> = jobs.iter().filter_map(|write| changed_id(&write.job)).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut living = rows::lock(conn, &ids).await?;
        let (mut changed, mut deleted) = (BTreeSet::new(), Vec::new());
        for (i, write) in jobs.iter().enumerate() {
            match &write.job {
                Job::Create(..) | Job::Reset(_) | Job::Report(_) => {}
                Job::Redeem(redemption) => {
                    if self.is_fresh(i, write, Done::Redeemed) {
                        let outcome = self.redeem(conn, write, redemption, &mut living).await?;
                        changed.extend(outcome.is_ok().then_some(redemption.account));
                        self.settle(i, write, outcome, Done::Redeemed)?;
                    }
                }
                Job::Change(change) => {
                    if self.is_fresh(i, write, |written| Done::Changed(Box::new(written), Vec::new())) {
                        let (outcome, keys) = self.edit(conn, write, change, &mut living).await?;
                        changed.extend(outcome.is_ok().then_some(change.id));
                        self.settle(i, write, outcome, |written| Done::Changed(Box::new(written), keys))?;
                    }
                }
                Job::Delete(deletion) => {
                    if self.is_fresh(i, write, |written| Done::Deleted(written, Vec::new())) {
                        let gone = living.get(&deletion.id).filter(|gone| deletion.applies_to(gone, self.now));
                        self.delete(i, write, deletion.id, gone)?;
                        if gone.is_some() {
                            let gone = living.remove(&deletion.id);
                            deleted.extend(gone.map(|account| (account, deletion.handle_free_at)));
                        }
                    }
                }
            }
        }
        let changed = changed.iter().filter_map(|id| living.get(id));
        rows::store(conn, &changed.collect::<Vec<_>>()).await?;
        rows::erase(conn, &deleted, self.now).await
    }

    /// The outcome of a change, with the handles that point elsewhere now. What it returns as an error concerns the whole
    /// transaction.
    async fn edit(
        &mut self,
        conn: &mut PgConnection,
        write: &Write,
        change: &Change,
        living: &mut BTreeMap<AccountId, Account>,
    ) -> Result<(Result<Written<Account>>, Vec<String>)> {
        let Some(account) = living.get_mut(&change.id) else { return Ok((Err(not_found()), Vec::new())) };
        let after = match change.apply(account.clone()) {
            Ok(after) => after,
            Err(error) => return Ok((Err(error), Vec::new())),
        };
        let performed = match &change.edit {
            Edit::Handle(edit) => handles::change(conn, account, edit, self.now).await,
            Edit::Password(edit) => rows::store_password(conn, change.id, edit).await.map(|()| Vec::new()),
            Edit::Mail(ticket) => tickets::put(conn, change.id, ticket).await.map(|()| Vec::new()),
            _ => Ok(Vec::new()),
        };
        let keys = match performed {
            Ok(keys) => keys,
            Err(error) if is_answer(&error) => return Ok((Err(error), Vec::new())),
            Err(error) => return Err(error),
        };
        *account = after.clone();
        let position = self.push_event(events::changed(self.env, write.trace, change));
        Ok((Ok(Written { value: after, position }), keys))
    }

    /// The outcome of a ticket that came back. What it returns as an error concerns the whole transaction.
    async fn redeem(
        &mut self,
        conn: &mut PgConnection,
        write: &Write,
        redemption: &Redemption,
        living: &mut BTreeMap<AccountId, Account>,
    ) -> Result<Result<Written<()>>> {
        let Some(account) = living.get_mut(&redemption.account) else { return Ok(Err(not_found())) };
        let ticket = tickets::get(conn, account.id, redemption.purpose()).await?;
        let after = match redemption.apply(account, ticket) {
            Ok(after) => after,
            Err(error) => return Ok(Err(error)),
        };
        match tickets::redeem(conn, redemption, &after).await {
            Err(error) if is_answer(&error) => return Ok(Err(error)),
            redeemed => redeemed?,
        }
        *account = after;
        let position = self.push_event(events::redeemed(self.env, write.trace, redemption));
        Ok(Ok(Written { value: (), position }))
    }

    /// Comes after what deletes: nothing is sent to one who is gone.
    async fn reset(&mut self, conn: &mut PgConnection, jobs: &[&Write]) -> Result<()> {
        for (i, write) in jobs.iter().enumerate() {
            let Job::Reset(reset) = &write.job else { continue };
            if self.is_fresh(i, write, |()| Done::Asked) {
                if let Some(id) = tickets::reset(conn, reset).await? {
                    self.push(write, id, &MailRequested { account_id: id.get() });
                }
                self.book.settle(write.request.as_ref(), &Ok(()))?;
                self.answers[i] = Some(Ok(Done::Asked));
            }
        }
        Ok(())
    }

    /// Comes after what deletes.
    async fn report(&mut self, conn: &mut PgConnection, jobs: &[&Write]) -> Result<()> {
        for (i, write) in jobs.iter().enumerate() {
            let Job::Report(report) = &write.job else { continue };
            if self.is_fresh(i, write, Done::Reported) {
                let outcome = match erasures::report(conn, report).await? {
                    true => {
                        let message = ErasureReported { account_id: report.account.get() };
                        Ok(Written { value: (), position: self.push(write, report.account, &message) })
                    }
                    false => Err(not_found()),
                };
                self.settle(i, write, outcome, Done::Reported)?;
            }
        }
        Ok(())
    }

    fn delete(&mut self, i: usize, write: &Write, id: AccountId, gone: Option<&Account>) -> Result<()> {
        let Some(account) = gone else {
            return self.settle(i, write, Err(not_found()), |w| Done::Deleted(w, Vec::new()));
        };
        // Answers hold what is personal.
        self.book.forget(id.get());
        let position = self.push(write, id, &AccountDeleted { account_id: id.get() });
        let keys = vec![account.handle.to_ascii_lowercase()];
        self.settle(i, write, Ok(Written { value: (), position }), |w| Done::Deleted(w, keys))
    }

    /// Whether the write is still to be performed; one that was performed before is answered as it was then.
    fn is_fresh<T: DeserializeOwned>(&mut self, i: usize, write: &Write, done: impl FnOnce(T) -> Done) -> bool {
        let known = self.book.recall(write.request.as_ref()).transpose();
        let fresh = known.is_none();
        self.answers[i] = known.map(|answer| answer.map(done));
        fresh
    }

    fn settle<T: Serialize>(
        &mut self,
        i: usize,
        write: &Write,
        outcome: Result<Written<T>>,
        done: impl FnOnce(Written<T>) -> Done,
    ) -> Result<()> {
        self.book.settle(write.request.as_ref(), &outcome)?;
        self.answers[i] = Some(outcome.map(done));
        Ok(())
    }

    fn push<M: Message + Name>(&mut self, write: &Write, id: AccountId, message: &M) -> Position {
        self.push_event(events::event(self.env, write.trace, id, message))
    }

    fn push_event(&mut self, event: NewEvent) -> Position {
        let position = (self.first..).nth(self.events.len()).unwrap_or(Position::MAX);
        self.events.push(event);
        position
    }

    async fn finish(self, conn: &mut PgConnection) -> Result<Vec<Result<Done>>> {
        let positions = outbox::postgres::append_many(conn, &self.events).await?;
        if positions.first().is_some_and(|first| *first != self.first) {
            return Err(Error::internal("events did not get the positions that their writes were told"));
        }
        self.book.store(conn).await?;
        let unanswered = || Err(Error::internal("a write was not performed"));
        Ok(self.answers.into_iter().map(|answer| answer.unwrap_or_else(unanswered)).collect())
    }
}

fn new_account(write: &Write) -> Option<(&NewAccount, &Credential)> {
    match &write.job {
        Job::Create(account, credential) => Some((account, credential)),
        _ => None,
    }
}

fn changed_id(job: &Job) -> Option<AccountId> {
    match job {
        Job::Create(..) | Job::Reset(_) | Job::Report(_) => None,
        Job::Change(change) => Some(change.id),
        Job::Delete(deletion) => Some(deletion.id),
        Job::Redeem(redemption) => Some(redemption.account),
    }
}

/// Whether an error is what its own caller is to be told, and leaves the others alone.
fn is_answer(error: &Error) -> bool {
    [reason::HANDLE_TAKEN, reason::TOO_MANY_HANDLES, reason::PASSWORD_WRONG, reason::EMAIL_TAKEN]
        .into_iter()
        .any(|reason| error.is(reason))
}

fn not_found() -> Error {
    Error::new(reason::ACCOUNT_NOT_FOUND)
}
