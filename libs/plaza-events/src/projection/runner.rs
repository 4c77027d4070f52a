//! The durable consumer that keeps a projection up to date.

mod state;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use plaza_core::{Code, Cx, Env, Error, Result, TraceContext, reason};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{Marks, Projection};
use crate::log::{Cursor, DeadLetter, EventLog, Fetched, Offset};
use crate::{Backoff, Event, Gauge, points};

pub use state::Status;

use state::State;

/// How a consumer works.
#[derive(Clone, Copy, Debug)]
pub struct RunnerOptions {
    /// Events applied at once at most.
    pub batch: usize,
    /// The time that applying a batch may take.
    pub timeout: Duration,
    /// The cursor is stored after this many events ...
    pub cursor_every: usize,
    /// ... or after this time, whichever comes first.
    pub cursor_interval: Duration,
    /// How often an event that fails for good is tried before it goes to the dead letters.
    pub tries: u32,
    /// The waits between tries.
    pub backoff: Backoff,
    /// How long a batch in hand may go on after a stop; it is applied again after the next start.
    pub grace: Duration,
}

impl Default for RunnerOptions {
    fn default() -> Self {
        Self {
            batch: 500,
            timeout: Duration::from_secs(30),
            cursor_every: 2_000,
            cursor_interval: Duration::from_millis(100),
            tries: 5,
            backoff: Backoff::default(),
            grace: Duration::from_secs(3),
        }
    }
}

/// Applies the log to one projection, in the log's order, from a durable cursor.
///
/// The cursor is stored behind what is applied, never ahead, so a crash at any moment leads to events being applied
/// again and never to one being left out. A transient failure is retried for ever, and [`Status::degraded`] says so. After
/// a permanent one the batch is applied event by event; the one that fails [`RunnerOptions::tries`] times goes to the
/// dead letters, and the consumer goes on.
pub struct Runner {
    projection: Arc<dyn Projection>,
    log: Arc<dyn EventLog>,
    env: Env,
    options: RunnerOptions,
    marks: Marks,
    state: State,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").field("projection", &self.projection.name()).finish_non_exhaustive()
    }
}

/// Where the consumer stands.
struct Reached {
    offset: Offset,
    stored: Offset,
    unstored_events: usize,
    stored_at: Instant,
}

/// The consumer was told to stop.
struct Stopped;

impl Runner {
    /// A consumer of `log` for `projection`; [`Runner::run`] starts it.
    #[must_use]
    pub fn new(projection: Arc<dyn Projection>, log: Arc<dyn EventLog>, env: Env, options: RunnerOptions) -> Self {
        let marks = Marks::new(projection.sources());
        Self { projection, log, env, options, marks, state: State::default() }
    }

    /// Raises `marks` instead of marks of its own: those that the service made, which its reads wait on.
    #[must_use]
    pub fn with_marks(mut self, marks: Marks) -> Self {
        self.marks = marks;
        self
    }

    /// The projection.
    #[must_use]
    pub fn projection(&self) -> &Arc<dyn Projection> {
        &self.projection
    }

    /// How far it has got, for reads that carry a token.
    #[must_use]
    pub fn marks(&self) -> Marks {
        self.marks.clone()
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.state.status(self.env.now())
    }

    /// Lag, dead letters and whether it is degraded, labelled with the projection's name.
    #[must_use]
    pub fn observe(&self) -> Vec<Gauge> {
        self.state.observe(self.projection.name(), self.env.now())
    }

    /// Works until `stop`, then stores the cursor.
    pub async fn run(&self, stop: CancellationToken) {
        let mut failures = 0;
        let mut reached = loop {
            match self.start().await {
                Ok(reached) => break reached,
                Err(error) => {
                    failures += 1;
                    if self.pause(&error, failures, &stop).await.is_err() {
                        return;
                    }
                }
            }
        };
        failures = 0;
        while !stop.is_cancelled() {
            match self.step(&mut reached, &stop).await {
                Ok(Ok(())) => failures = 0,
                Ok(Err(Stopped)) => break,
                Err(error) => {
                    failures += 1;
                    if self.pause(&error, failures, &stop).await.is_err() {
                        break;
                    }
                }
            }
        }
        if reached.offset > reached.stored
            && let Err(error) = self.store_cursor(&mut reached).await
        {
            tracing::warn!(projection = self.projection.name(), %error, "cursor not stored; some events will come again");
        }
    }

    async fn start(&self) -> Result<Reached> {
        let cursor = self.log.load_cursor(&self.cx(), self.projection.name()).await?;
        self.marks.raise(cursor.positions.iter().map(|(source, position)| (source.as_str(), *position)));
        let stored_at = Instant::now();
        Ok(Reached { offset: cursor.offset, stored: cursor.offset, unstored_events: 0, stored_at })
    }

    /// Fetches and applies one batch, or waits for one.
    async fn step(&self, reached: &mut Reached, stop: &CancellationToken) -> Result<Result<(), Stopped>> {
        let cx = self.cx();
        let sources = self.projection.sources();
        let fetched = cx.within(self.log.fetch(&cx, reached.offset, sources, self.options.batch)).await?;
        let Fetched { events, next, end } = fetched;
        self.state.seen_end(next, end);
        let count = events.len();
        if count > 0 {
            let events: Vec<Event> = events.into_iter().map(|logged| logged.event).collect();
            self.state.begin(events[0].at);
            points::hit(points::BEFORE_APPLY);
            if self.apply_all(&events, stop).await.is_err() {
                return Ok(Err(Stopped));
            }
            points::hit(points::AFTER_APPLY);
        }
        reached.offset = next;
        reached.unstored_events += count;
        self.state.reached(next, end, count);
        if self.cursor_due(reached) {
            self.store_cursor(reached).await?;
        }
        if count == 0 && next >= end {
            self.wait(reached, stop).await;
        }
        Ok(Ok(()))
    }

    /// Waits for new events, but not past the time at which the cursor is due.
    async fn wait(&self, reached: &Reached, stop: &CancellationToken) {
        let due = async {
            if reached.offset > reached.stored {
                tokio::time::sleep_until(reached.stored_at + self.options.cursor_interval).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.log.wait_for_new(reached.offset) => {}
            () = due => {}
            () = stop.cancelled() => {}
        }
    }

    fn cursor_due(&self, reached: &Reached) -> bool {
        reached.offset > reached.stored
            && (reached.unstored_events >= self.options.cursor_every
                || reached.stored_at.elapsed() >= self.options.cursor_interval)
    }

    async fn store_cursor(&self, reached: &mut Reached) -> Result<()> {
        points::hit(points::BEFORE_CURSOR);
        let cursor = Cursor { offset: reached.offset, positions: self.marks.all() };
        self.log.store_cursor(&self.cx(), self.projection.name(), &cursor).await?;
        points::hit(points::AFTER_CURSOR);
        *reached =
            Reached { offset: reached.offset, stored: reached.offset, unstored_events: 0, stored_at: Instant::now() };
        Ok(())
    }

    /// Applies events in order, whatever it takes. A batch that runs out of time is halved.
    async fn apply_all(&self, events: &[Event], stop: &CancellationToken) -> Result<(), Stopped> {
        let (mut rest, mut size, mut failures) = (events, events.len(), 0);
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(size.min(rest.len()));
            match self.apply_once(chunk, stop).await {
                Ok(()) => self.applied(chunk),
                Err(error) if error.is_transient() => {
                    if error.code() == Code::DeadlineExceeded {
                        size = (chunk.len() / 2).max(1);
                    }
                    failures += 1;
                    self.pause(&error, failures, stop).await?;
                    continue;
                }
                Err(_) => {
                    for event in chunk {
                        self.apply_or_bury(event, stop).await?;
                    }
                }
            }
            (rest, failures) = (after, 0);
        }
        Ok(())
    }

    /// Applies one event, or gives it up to the dead letters.
    async fn apply_or_bury(&self, event: &Event, stop: &CancellationToken) -> Result<(), Stopped> {
        let (mut tries, mut failures) = (0, 0);
        loop {
            let Err(error) = self.apply_once(std::slice::from_ref(event), stop).await else { break };
            if !error.is_transient() {
                tries += 1;
                if tries >= self.options.tries {
                    self.bury(event, &error, tries, stop).await?;
                    break;
                }
            }
            failures += 1;
            self.pause(&error, failures, stop).await?;
        }
        self.applied(std::slice::from_ref(event));
        Ok(())
    }

    async fn bury(&self, event: &Event, error: &Error, tries: u32, stop: &CancellationToken) -> Result<(), Stopped> {
        let letter = DeadLetter {
            id: 0,
            consumer: self.projection.name().to_owned(),
            event: event.clone(),
            reason: described(error),
            tries,
            at: self.env.now(),
        };
        tracing::error!(
            projection = letter.consumer, event = %event.id, type_ = event.type_, reason = letter.reason, "event given up"
        );
        let mut failures = 0;
        while let Err(error) = self.log.put_dead_letter(&self.cx(), &letter).await {
            failures += 1;
            self.pause(&error, failures, stop).await?;
        }
        self.state.buried();
        self.marks.give_up(&event.source, event.position);
        Ok(())
    }

    async fn apply_once(&self, events: &[Event], stop: &CancellationToken) -> Result<()> {
        let cx = self.cx();
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(self.options.grace).await;
        };
        tokio::select! {
            outcome = apply(&*self.projection, &cx, events) => outcome,
            () = late => Err(Error::new(reason::CANCELLED)),
        }
    }

    /// Publishes that these events are applied.
    fn applied(&self, events: &[Event]) {
        self.state.recovered();
        self.marks.raise(events.iter().map(|event| (event.source.as_str(), event.position)));
    }

    /// Waits after a failure, longer after each.
    async fn pause(&self, error: &Error, failures: u32, stop: &CancellationToken) -> Result<(), Stopped> {
        let projection = self.projection.name();
        tracing::warn!(projection, failures, error = described(error), "projection waits");
        self.state.failed(described(error));
        if let Ok(end) = self.log.last_offset(&self.cx()).await {
            self.state.ends_at(end);
        }
        tokio::select! {
            () = tokio::time::sleep(self.options.backoff.delay(&self.env, failures)) => Ok(()),
            () = stop.cancelled() => Err(Stopped),
        }
    }

    fn cx(&self) -> Cx {
        Cx::background(self.projection.name(), self.options.timeout)
    }
}

/// Applies events within the deadline, in a span that names their traces. A panic is a permanent error.
///
/// What the projection asks of others belongs to the trace of the first event that has one: a call has one trace only,
/// and the batch of a quiet time is one event.
async fn apply(projection: &dyn Projection, cx: &Cx, events: &[Event]) -> Result<()> {
    let trace = events.iter().find_map(|event| TraceContext::parse(event.traceparent.as_deref()?)).or(cx.trace());
    let cx = &Cx::new(cx.caller().clone(), cx.deadline()).with_trace(trace).with_token(cx.token().clone());
    let span =
        tracing::info_span!("project", projection = projection.name(), events = events.len(), traces = traces(events));
    let applying = AssertUnwindSafe(cx.within(projection.apply(cx, events))).catch_unwind().instrument(span);
    applying.await.unwrap_or_else(|_| Err(Error::internal(format!("{} panicked", projection.name()))))
}

/// The trace ids of the first few events, comma-separated.
fn traces(events: &[Event]) -> String {
    const MOST: usize = 8;
    let mut ids: Vec<&str> =
        events.iter().filter_map(|e| e.traceparent.as_deref()?.split('-').nth(1)).take(MOST).collect();
    ids.dedup();
    ids.join(",")
}

/// The error with what is for our log alone.
fn described(error: &Error) -> String {
    match error.metadata().iter().find(|(key, _)| key == "log") {
        Some((_, what)) => format!("{error} ({what})"),
        None => error.to_string(),
    }
}

/// Applies a dead letter once more and removes it if that works.
///
/// # Errors
/// `DEAD_LETTER_NOT_FOUND`, or why it still cannot be applied; then it stays.
pub async fn replay_dead_letter(projection: &dyn Projection, log: &dyn EventLog, cx: &Cx, id: i64) -> Result<()> {
    let letter = log.dead_letter(cx, id).await?;
    if letter.consumer != projection.name() {
        return Err(Error::new(reason::DEAD_LETTER_NOT_FOUND).with("consumer", letter.consumer));
    }
    apply(projection, cx, std::slice::from_ref(&letter.event)).await?;
    log.remove_dead_letter(cx, id).await?;
    Ok(())
}
