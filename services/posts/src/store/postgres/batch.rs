//! A batch of writes of one kind, as it runs inside one transaction: a few statements, whatever the number of writes.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, PostId, RequestKey, Result, TraceContext};
use plaza_events::NewEvent;
use plaza_stores::Postgres;
use plaza_stores::postgres::requests::Book;
use plaza_stores::postgres::{BatchOptions, BatchWrite, Batcher};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::store::{Changed, Changes};

/// One kind of write.
pub(super) trait Work: Clone + Send + Sync + 'static {
    /// What it comes to; remembered with the request.
    type Outcome: Clone + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// What no two writes that are performed together may have in common, if there is such a thing.
    fn apart(&self) -> Option<(PostId, AccountId)> {
        None
    }

    /// Takes the locks that these writes need.
    fn lock(conn: &mut PgConnection, jobs: &[&Job<Self>]) -> impl Future<Output = Result<()>> + Send;

    /// Performs writes that have nothing in common; one outcome for each, in order. An error of the whole means that
    /// nothing of the transaction may stay.
    fn perform(
        conn: &mut PgConnection,
        env: &Env,
        jobs: &[&Job<Self>],
    ) -> impl Future<Output = Result<Vec<Result<Done<Self::Outcome>>>>> + Send;
}

/// A write, and the call that it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Job<W> {
    pub(super) work: W,
    pub(super) key: Option<RequestKey>,
    pub(super) trace: Option<TraceContext>,
}

impl<W> Job<W> {
    pub(super) fn new(cx: &Cx, work: W) -> Self {
        Self { work, key: cx.request().cloned(), trace: cx.trace() }
    }

    /// An event about a post, of this write.
    pub(super) fn event<M: prost::Message + prost::Name>(&self, env: &Env, post: PostId, message: &M) -> NewEvent {
        NewEvent::new(env, self.trace, "post", post.0, message)
    }
}

/// What a write came to and what it changed; nothing, if it was performed before.
#[derive(Clone, Debug)]
pub(super) struct Done<T> {
    pub(super) outcome: T,
    pub(super) changed: Changed,
}

/// Writes of one kind, taken together.
pub(super) struct Writer<W> {
    env: Env,
    changes: Arc<dyn Changes>,
    kind: PhantomData<fn() -> W>,
}

impl<W: Work> Writer<W> {
    pub(super) fn start(db: &Postgres, env: &Env, changes: &Arc<dyn Changes>, options: BatchOptions) -> Batcher<Self> {
        let writer = Self { env: env.clone(), changes: changes.clone(), kind: PhantomData };
        Batcher::start(db.clone(), Arc::new(writer), options)
    }
}

#[async_trait]
impl<W: Work> BatchWrite for Writer<W> {
    type Job = Job<W>;
    type Outcome = Done<W::Outcome>;

    /// Performs all of `jobs`, each once for its request.
    async fn run(&self, conn: &mut PgConnection, jobs: &[&Job<W>]) -> Result<Vec<Result<Done<W::Outcome>>>> {
        W::lock(conn, jobs).await?;
        let mut book = Book::open(conn, jobs.iter().map(|job| job.key.as_ref()), self.env.now()).await?;
        let mut done: Vec<Option<Result<Done<W::Outcome>>>> = jobs.iter().map(|_| None).collect();
        for wave in waves(jobs) {
            let together: Vec<&Job<W>> = wave.iter().map(|at| jobs[*at]).collect();
            for (at, outcome) in wave.iter().zip(once(conn, &self.env, &mut book, &together).await?) {
                done[*at] = Some(outcome);
            }
        }
        book.store(conn).await?;
        // Every job is in one wave.
        Ok(done.into_iter().flatten().collect())
    }

    fn after(&self, _: &Job<W>, done: &Done<W::Outcome>) {
        self.changes.changed(&done.changed);
    }
}

/// Performs those of `jobs` whose request was not answered before.
async fn once<W: Work>(
    conn: &mut PgConnection,
    env: &Env,
    book: &mut Book,
    jobs: &[&Job<W>],
) -> Result<Vec<Result<Done<W::Outcome>>>> {
    let answered: Vec<Result<Option<W::Outcome>>> = jobs.iter().map(|job| book.recall(job.key.as_ref())).collect();
    let new: Vec<&Job<W>> =
        jobs.iter().zip(&answered).filter(|(_, known)| matches!(known, Ok(None))).map(|(job, _)| *job).collect();
    let performed = if new.is_empty() { Vec::new() } else { W::perform(conn, env, &new).await? };
    for (job, done) in new.iter().zip(&performed) {
        book.settle(job.key.as_ref(), &done.as_ref().map(|done| &done.outcome).map_err(Clone::clone))?;
    }
    let mut performed = performed.into_iter();
    let all = answered.into_iter().filter_map(|known| match known {
        Ok(Some(outcome)) => Some(Ok(Done { outcome, changed: Changed::default() })),
        Ok(None) => performed.next(),
        Err(error) => Some(Err(error)),
    });
    Ok(all.collect())
}

/// What two jobs of one wave never share.
#[derive(PartialEq, Eq, Hash)]
enum Apart {
    Request(i64, Uuid),
    Work(PostId, AccountId),
}

/// The jobs' places in groups that are performed one after the other, so that a job sees what an earlier one with the same
/// request, or about the same thing, did.
fn waves<W: Work>(jobs: &[&Job<W>]) -> Vec<Vec<usize>> {
    let mut waves: Vec<Vec<usize>> = Vec::new();
    let mut free: HashMap<Apart, usize> = HashMap::new();
    for (at, job) in jobs.iter().enumerate() {
        let request = job.key.as_ref().map(|key| Apart::Request(key.caller, key.request_id));
        let work = job.work.apart().map(|(post, account)| Apart::Work(post, account));
        let apart: Vec<Apart> = request.into_iter().chain(work).collect();
        let wave = apart.iter().filter_map(|key| free.get(key).copied()).max().unwrap_or(0);
        free.extend(apart.into_iter().map(|key| (key, wave + 1)));
        if wave == waves.len() {
            waves.push(Vec::new());
        }
        waves[wave].push(at);
    }
    waves
}
