//! `plaza.projections.v1.ProjectionsService` over the projections that run in this process.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{Cx, Env, Error, Result, page, reason};
use plaza_events::projection::{self, AuditOptions, RebuildOptions};
use plaza_events::{EventLog, Projection, Relay, Replayed, Runner};
use plaza_proto::projections::v1::{
    AuditProjectionRequest, AuditProjectionResponse, DeadLetter, ListDeadLettersRequest, ListDeadLettersResponse,
    ListProjectionsRequest, ListProjectionsResponse, Projection as ProjectionInfo, ProjectionsService,
    RebuildProjectionRequest, RebuildProjectionResponse, ReplayDeadLettersRequest, ReplayDeadLettersResponse,
    ReplayOutboxesRequest, ReplayOutboxesResponse,
};
use plaza_rpc::Stream;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Progress messages that wait for a slow reader; it misses those in between, never the last.
const PROGRESS_QUEUE: usize = 16;
/// Dead letters are counted up to here.
const COUNTED: usize = 1_000;
/// How many dead letters one look brings.
const LETTERS_AT_ONCE: usize = 100;
/// A message of an audit names this many keys at most.
const NAMED_KEYS: usize = 100;

/// The projections of this process.
pub(crate) struct Projections {
    runners: Vec<Arc<Runner>>,
    relays: Vec<Arc<Relay>>,
    log: Arc<dyn EventLog>,
    env: Env,
}

impl Projections {
    /// Serves these.
    pub(crate) fn new(
        mut runners: Vec<Arc<Runner>>,
        relays: Vec<Arc<Relay>>,
        log: Arc<dyn EventLog>,
        env: Env,
    ) -> Self {
        runners.sort_by_key(|runner| runner.projection().name());
        Self { runners, relays, log, env }
    }

    fn find(&self, name: &str) -> Result<Arc<dyn Projection>> {
        let found = self.runners.iter().map(|runner| runner.projection()).find(|p| p.name() == name);
        found.cloned().ok_or_else(|| Error::new(reason::PROJECTION_NOT_FOUND).on_field("name"))
    }

    async fn info(&self, cx: &Cx, runner: &Runner) -> Result<ProjectionInfo> {
        let (name, status) = (runner.projection().name(), runner.status());
        // The consumer's own look may be old; what was published since counts as well.
        let end = self.log.last_offset(cx).await?;
        let letters = self.log.dead_letters(cx, Some(name), 0, COUNTED).await?;
        let error = status.last_error.unwrap_or_else(|| "the last try failed".to_owned());
        Ok(ProjectionInfo {
            name: name.to_owned(),
            lag_events: (end - status.offset).max(0),
            lag_ms: status.lag_ms,
            dead_letters: i64::try_from(letters.len()).unwrap_or(i64::MAX),
            degraded: if status.degraded { error } else { String::new() },
        })
    }

    /// The dead letters of `projection` with these ids, or all of them.
    async fn letter_ids(&self, cx: &Cx, projection: &str, ids: Vec<i64>) -> Result<Vec<i64>> {
        if !ids.is_empty() {
            return Ok(ids);
        }
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let page = self.log.dead_letters(cx, Some(projection), after, LETTERS_AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(all) };
            after = last.id;
            all.extend(page.iter().map(|letter| letter.id));
        }
    }
}

#[async_trait]
impl ProjectionsService for Projections {
    async fn list_projections(&self, cx: &Cx, _: ListProjectionsRequest) -> Result<ListProjectionsResponse> {
        let mut projections = Vec::with_capacity(self.runners.len());
        for runner in &self.runners {
            projections.push(self.info(cx, runner).await?);
        }
        Ok(ListProjectionsResponse { projections })
    }

    async fn rebuild_projection(
        &self,
        _: &Cx,
        req: RebuildProjectionRequest,
    ) -> Result<Stream<RebuildProjectionResponse>> {
        let (projection, env) = (self.find(&req.name)?, self.env.clone());
        Ok(streamed(|progress| async move {
            let told = progress.clone();
            let options = RebuildOptions::default();
            let done = projection::rebuild(&*projection, &env, &options, req.after_key, move |so_far| {
                // A reader that is behind misses this one and gets a later one.
                let _ = told.try_send(Ok(rebuilt(so_far)));
            });
            let last = done.await.map(rebuilt);
            let _ = progress.send(last).await;
        }))
    }

    async fn audit_projection(&self, _: &Cx, req: AuditProjectionRequest) -> Result<Stream<AuditProjectionResponse>> {
        let (projection, env) = (self.find(&req.name)?, self.env.clone());
        Ok(streamed(|progress| async move {
            let last = audited(&*projection, &env, req.repair, &progress).await;
            let _ = progress.send(last).await;
        }))
    }

    async fn replay_outboxes(&self, _: &Cx, _: ReplayOutboxesRequest) -> Result<Stream<ReplayOutboxesResponse>> {
        let relays = self.relays.clone();
        Ok(streamed(|progress| async move {
            for relay in relays {
                // A reader that is behind misses this one and gets a later one.
                let tell = |so_far| drop(progress.try_send(Ok(replayed(relay.source(), so_far))));
                let done = relay.replay_telling(tell).await;
                let failed = done.is_err();
                let _ = progress.send(done.map(|done| replayed(relay.source(), done))).await;
                if failed {
                    return;
                }
            }
        }))
    }

    async fn list_dead_letters(&self, cx: &Cx, req: ListDeadLettersRequest) -> Result<ListDeadLettersResponse> {
        let limit = page::size(req.page_size)?;
        let projection = Some(req.projection.as_str()).filter(|name| !name.is_empty());
        if let Some(name) = projection {
            self.find(name).map_err(|_| Error::new(reason::PROJECTION_NOT_FOUND).on_field("projection"))?;
        }
        let letters = self.log.dead_letters(cx, projection, req.after_id, limit).await?;
        let shown = letters.into_iter().map(|letter| DeadLetter {
            dead_letter_id: letter.id,
            projection: letter.consumer,
            source: letter.event.source,
            position: letter.event.position,
            r#type: letter.event.type_,
            error: letter.reason,
            tries: i32::try_from(letter.tries).unwrap_or(i32::MAX),
        });
        Ok(ListDeadLettersResponse { dead_letters: shown.collect() })
    }

    async fn replay_dead_letters(&self, cx: &Cx, req: ReplayDeadLettersRequest) -> Result<ReplayDeadLettersResponse> {
        let projection = self.find(&req.projection).map_err(|error| error.on_field("projection"))?;
        let named = !req.dead_letter_ids.is_empty();
        let ids = self.letter_ids(cx, &req.projection, req.dead_letter_ids).await?;
        let mut response = ReplayDeadLettersResponse::default();
        for id in ids {
            match projection::replay_dead_letter(&*projection, &*self.log, cx, id).await {
                Ok(()) => response.replayed += 1,
                // Somebody else replayed it meanwhile.
                Err(error) if error.is(reason::DEAD_LETTER_NOT_FOUND) && !named => {}
                Err(error) if error.is(reason::DEAD_LETTER_NOT_FOUND) => return Err(error.on_field("dead_letter_ids")),
                Err(error) => {
                    tracing::warn!(projection = req.projection, dead_letter = id, %error, "replay failed");
                    response.failed += 1;
                }
            }
        }
        Ok(response)
    }
}

fn rebuilt(so_far: projection::Progress) -> RebuildProjectionResponse {
    RebuildProjectionResponse { done: i64::try_from(so_far.keys).unwrap_or(i64::MAX), last_key: so_far.last_key }
}

fn replayed(source: &str, so_far: Replayed) -> ReplayOutboxesResponse {
    let published = i64::try_from(so_far.published).unwrap_or(i64::MAX);
    ReplayOutboxesResponse { source: source.to_owned(), position: so_far.position, published }
}

type Sender<T> = mpsc::Sender<Result<T>>;

async fn audited(
    projection: &dyn Projection,
    env: &Env,
    repair: bool,
    progress: &Sender<AuditProjectionResponse>,
) -> Result<AuditProjectionResponse> {
    let options = AuditOptions::default();
    let audit = projection::audit(projection, env, &options).await?;
    let keys = audit.keys();
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let mut found = AuditProjectionResponse {
        compared: i64::try_from(audit.checked).unwrap_or(i64::MAX),
        drifted: count(keys.len()),
        repaired: 0,
        drifted_keys: keys.iter().copied().take(NAMED_KEYS).collect(),
    };
    if repair && !keys.is_empty() {
        let _ = progress.send(Ok(found.clone())).await;
        projection::repair(projection, &keys, &options).await?;
        (found.repaired, found.drifted_keys) = (found.drifted, Vec::new());
    }
    Ok(found)
}

/// A stream of what `work` tells; dropping it ends the work.
fn streamed<T, F>(work: impl FnOnce(Sender<T>) -> F) -> Stream<T>
where
    T: Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(PROGRESS_QUEUE);
    let task = AbortOnDropHandle::new(tokio::spawn(work(sender)));
    Box::pin(futures::stream::unfold((receiver, task), |(mut receiver, task)| async move {
        let item = receiver.recv().await?;
        Some((item, (receiver, task)))
    }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::StreamExt as _;
    use parking_lot::Mutex;
    use plaza_core::{ManualClock, Timestamp};
    use plaza_events::{Digest, Event, NewEvent, RelayOptions, RunnerOptions, SqliteLog, SqliteOutbox, outbox};
    use plaza_proto::posts::v1::PostCreated;
    use plaza_stores::{Migration, Sqlite};
    use uuid::Uuid;

    use super::*;

    /// Keys 1 to 5; the truth of each is its number, and what is derived is whatever was projected.
    #[derive(Default)]
    struct Numbers {
        derived: Mutex<Vec<i64>>,
        broken: Mutex<bool>,
    }

    #[async_trait]
    impl Projection for Numbers {
        fn name(&self) -> &'static str {
            "numbers"
        }

        fn sources(&self) -> &[&'static str] {
            &["posts"]
        }

        fn keys(&self, event: &Event) -> Vec<i64> {
            vec![event.aggregate_id]
        }

        async fn project(&self, _: &Cx, keys: &[i64]) -> Result<()> {
            if *self.broken.lock() {
                return Err(Error::internal("broken"));
            }
            self.derived.lock().extend(keys);
            Ok(())
        }

        async fn scan_truth(&self, _: &Cx, after: i64, limit: usize) -> Result<Vec<(i64, Digest)>> {
            Ok((after + 1..=5).take(limit).map(|key| (key, Digest(key.unsigned_abs()))).collect())
        }

        async fn digests(&self, _: &Cx, keys: &[i64]) -> Result<Vec<Option<Digest>>> {
            let derived = self.derived.lock();
            Ok(keys.iter().map(|k| derived.contains(k).then(|| Digest(k.unsigned_abs()))).collect())
        }

        fn absence_is_drift(&self) -> bool {
            true
        }
    }

    struct Case {
        db: Sqlite,
        env: Env,
        numbers: Arc<Numbers>,
        log: Arc<dyn EventLog>,
        service: Projections,
        cx: Cx,
    }

    fn case() -> Case {
        let env = Env::manual(ManualClock::new(Timestamp(1_800_000_000_000)), 1);
        let numbers = Arc::new(Numbers::default());
        let log: Arc<dyn EventLog> = Arc::new(SqliteLog::ephemeral().unwrap());
        let runner = Runner::new(numbers.clone(), log.clone(), env.clone(), RunnerOptions::default());
        let db = Sqlite::ephemeral(&[Migration { name: "0001_outbox", sql: outbox::sqlite::SCHEMA }]).unwrap();
        let relay = Relay::new(
            Arc::new(SqliteOutbox::new("posts", db.clone())),
            log.clone(),
            env.clone(),
            RelayOptions::default(),
        );
        let service = Projections::new(vec![Arc::new(runner)], vec![Arc::new(relay)], log.clone(), env.clone());
        Case { db, env, numbers, log, service, cx: Cx::background("test", Duration::from_secs(10)) }
    }

    async fn bury(case: &Case, key: i64) -> i64 {
        let event = Event {
            source: "posts".to_owned(),
            position: key,
            id: Uuid::from_u128(u128::from(key.unsigned_abs())),
            aggregate_type: "post".to_owned(),
            aggregate_id: key,
            type_: "plaza.posts.v1.PostCreated".to_owned(),
            payload: bytes::Bytes::new(),
            traceparent: None,
            at: Timestamp(0),
        };
        let (consumer, reason) = ("numbers".to_owned(), "broken".to_owned());
        let letter = plaza_events::DeadLetter { id: 0, consumer, event, reason, tries: 5, at: Timestamp(0) };
        case.log.put_dead_letter(&case.cx, &letter).await.unwrap()
    }

    #[tokio::test]
    async fn rebuild_projection_goes_on_after_a_key_and_tells_the_last() {
        let case = case();
        let request = RebuildProjectionRequest { name: "numbers".to_owned(), after_key: 2 };
        let stream = case.service.rebuild_projection(&case.cx, request).await.unwrap();
        let told: Vec<_> = stream.map(Result::unwrap).collect().await;
        assert_eq!(told.last().unwrap(), &RebuildProjectionResponse { done: 3, last_key: 5 });
        assert_eq!(*case.numbers.derived.lock(), [3, 4, 5]);
    }

    #[tokio::test]
    async fn audit_projection_finds_drift_and_repairs_it_if_asked_to() {
        let case = case();
        case.numbers.derived.lock().extend([1, 3]);
        let audit = async |repair| {
            let request = AuditProjectionRequest { name: "numbers".to_owned(), repair };
            let stream = case.service.audit_projection(&case.cx, request).await.unwrap();
            stream.map(Result::unwrap).collect::<Vec<_>>().await
        };
        let found = audit(false).await.pop().unwrap();
        assert_eq!((found.compared, found.drifted, found.repaired), (5, 3, 0));
        assert_eq!(found.drifted_keys, [2, 4, 5]);
        let found = audit(true).await.pop().unwrap();
        assert_eq!((found.drifted, found.repaired), (3, 3));
        assert_eq!(audit(true).await.pop().unwrap().drifted, 0);
    }

    #[tokio::test]
    async fn replay_outboxes_fills_the_log_and_tells_how_far_it_is() {
        let case = case();
        for post in 1..=700 {
            let message = PostCreated { post_id: post, author_id: 1, ..PostCreated::default() };
            let event = NewEvent::new(&case.env, None, "post", post, &message);
            let append = case.db.write(&case.cx, move |conn| outbox::sqlite::append(conn, &event));
            append.await.unwrap();
        }
        for published in [700, 0] {
            let stream = case.service.replay_outboxes(&case.cx, ReplayOutboxesRequest {}).await.unwrap();
            let told: Vec<_> = stream.map(Result::unwrap).collect().await;
            let last = ReplayOutboxesResponse { source: "posts".to_owned(), position: 700, published };
            assert_eq!(told.last().unwrap(), &last);
            assert_eq!(case.log.last_position(&case.cx, "posts").await.unwrap(), 700);
        }
    }

    #[tokio::test]
    async fn list_dead_letters_and_replay_dead_letters_until_they_are_gone() {
        let case = case();
        let (first, second) = (bury(&case, 1).await, bury(&case, 2).await);
        let list = ListDeadLettersRequest { projection: "numbers".to_owned(), page_size: 1, after_id: first };
        let listed = case.service.list_dead_letters(&case.cx, list).await.unwrap().dead_letters;
        assert_eq!((listed.len(), listed[0].dead_letter_id, listed[0].tries), (1, second, 5));
        *case.numbers.broken.lock() = true;
        let replay = |dead_letter_ids: Vec<i64>| {
            let request = ReplayDeadLettersRequest { dead_letter_ids, projection: "numbers".to_owned() };
            case.service.replay_dead_letters(&case.cx, request)
        };
        assert_eq!(replay(vec![first]).await.unwrap(), ReplayDeadLettersResponse { replayed: 0, failed: 1 });
        *case.numbers.broken.lock() = false;
        assert_eq!(replay(Vec::new()).await.unwrap(), ReplayDeadLettersResponse { replayed: 2, failed: 0 });
        assert_eq!(*case.numbers.derived.lock(), [1, 2]);
        assert!(replay(vec![first]).await.unwrap_err().is(reason::DEAD_LETTER_NOT_FOUND));
    }

    #[tokio::test]
    async fn list_projections_counts_dead_letters_and_unknown_names_are_not_found() {
        let case = case();
        bury(&case, 1).await;
        let listed = case.service.list_projections(&case.cx, ListProjectionsRequest {}).await.unwrap().projections;
        assert_eq!((listed[0].name.as_str(), listed[0].dead_letters, listed[0].degraded.as_str()), ("numbers", 1, ""));
        let request = RebuildProjectionRequest { name: "x".to_owned(), after_key: 0 };
        let Err(error) = case.service.rebuild_projection(&case.cx, request).await else { panic!("no such projection") };
        assert!(error.is(reason::PROJECTION_NOT_FOUND));
        let list = ListDeadLettersRequest { projection: "x".to_owned(), ..ListDeadLettersRequest::default() };
        assert!(case.service.list_dead_letters(&case.cx, list).await.unwrap_err().is(reason::PROJECTION_NOT_FOUND));
    }
}
