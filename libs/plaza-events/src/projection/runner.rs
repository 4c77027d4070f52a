//! The durable consumer that keeps a projection up to date.

mod batch;
mod state;

use std::sync::Arc;
use std::time::Duration;

use plaza_core::{Cx, Env, Error, Position, Result, reason};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Marks, Projection};
use crate::log::{Consumer, Delivery, EventLog, Offset};
use crate::{Backoff, Gauge, points};

pub use state::Status;

use batch::{Batch, Interrupted, apply};
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

/// Applies the log to one projection, in the log's order, from a durable cursor. Of the runners that processes have for
/// one projection, one at a time does; the others raise their marks to what it has applied, and stand by.
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

/// A part in the consumer, and where it stands.
struct Part {
    consumer: Box<dyn Consumer>,
    offset: Offset,
    committed: Offset,
    uncommitted_events: usize,
    committed_at: Instant,
}

/// The consumer was told to stop.
struct Stopped;

/// How long one call waits for events. A consumer that is idle asks again this often.
const WAIT: Duration = Duration::from_millis(500);
/// The time that a look at the end of the log may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);
/// The time that giving the turn up may take.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

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

    /// Works until `stop`, then stores where it stands and gives its turn up.
    pub async fn run(&self, stop: CancellationToken) {
        let Ok(mut part) = self.open(&stop).await else { return };
        let mut failures = 0;
        while !stop.is_cancelled() {
            match self.step(&mut part, &stop).await {
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
        self.leave(part).await;
    }

    async fn open(&self, stop: &CancellationToken) -> Result<Part, Stopped> {
        let mut failures = 0;
        loop {
            let cx = self.cx();
            let (name, sources) = (self.projection.name(), self.projection.sources());
            match cx.within(self.log.consumer(&cx, name, sources)).await {
                Ok(consumer) => {
                    let committed_at = Instant::now();
                    return Ok(Part { consumer, offset: 0, committed: 0, uncommitted_events: 0, committed_at });
                }
                Err(error) => {
                    failures += 1;
                    self.pause(&error, failures, stop).await?;
                }
            }
        }
    }

    /// Takes and applies one batch, or waits for one.
    async fn step(&self, part: &mut Part, stop: &CancellationToken) -> Result<Result<(), Stopped>> {
        let cx = self.cx();
        let delivery = tokio::select! {
            delivery = cx.within(part.consumer.next(&cx, self.options.batch, self.wait(part))) => delivery?,
            () = stop.cancelled() => return Ok(Err(Stopped)),
        };
        let Delivery { events, next, end, applied, given_up, took_over } = delivery;
        self.state.seen_end(next, end);
        self.hear(&applied, &given_up);
        if took_over {
            self.projection.took_over();
            (part.offset, part.committed, part.uncommitted_events) = (0, 0, 0);
        }
        if !events.is_empty() {
            self.state.begin(events[0].at);
            points::hit(points::BEFORE_APPLY);
            match Batch::new(self, &mut *part.consumer, stop).apply(&events).await {
                Ok(()) => {}
                // Who has the turn now gets these events as well.
                Err(Interrupted::TurnLost) => return Ok(Ok(())),
                Err(Interrupted::Stopped) => return Ok(Err(Stopped)),
            }
            points::hit(points::AFTER_APPLY);
        }
        part.offset = next;
        part.uncommitted_events += events.len();
        self.state.reached(next, end, events.len());
        if self.commit_due(part) {
            self.commit(part).await?;
        }
        Ok(Ok(()))
    }

    /// What is applied by now, whoever did it.
    fn hear(&self, applied: &[(String, Position)], given_up: &[(String, Position)]) {
        for (source, position) in given_up {
            self.marks.give_up(source, *position);
        }
        self.marks.raise(applied.iter().map(|(source, position)| (source.as_str(), *position)));
    }

    /// How long to wait for events: not past the time at which the cursor is due, and not at all while it is unknown
    /// whether a failure is over.
    fn wait(&self, part: &Part) -> Duration {
        if self.state.is_degraded() {
            return Duration::ZERO;
        }
        if part.offset > part.committed {
            return self.options.cursor_interval.saturating_sub(part.committed_at.elapsed());
        }
        WAIT
    }

    fn commit_due(&self, part: &Part) -> bool {
        part.offset > part.committed
            && (part.uncommitted_events >= self.options.cursor_every
                || part.committed_at.elapsed() >= self.options.cursor_interval)
    }

    async fn commit(&self, part: &mut Part) -> Result<()> {
        points::hit(points::BEFORE_CURSOR);
        let cx = self.cx();
        cx.within(part.consumer.commit(&cx, &self.marks.all())).await?;
        points::hit(points::AFTER_CURSOR);
        (part.committed, part.uncommitted_events, part.committed_at) = (part.offset, 0, Instant::now());
        Ok(())
    }

    async fn leave(&self, mut part: Part) {
        let projection = self.projection.name();
        if part.offset > part.committed
            && let Err(error) = self.commit(&mut part).await
        {
            tracing::warn!(projection, %error, "cursor not stored; some events will come again");
        }
        let cx = Cx::background(projection, LEAVE_TIMEOUT);
        if let Err(error) = cx.within(part.consumer.leave(&cx)).await {
            tracing::warn!(projection, %error, "the turn is not given up; another process takes it when it has run out");
        }
    }

    /// Waits after a failure, longer after each.
    async fn pause(&self, error: &Error, failures: u32, stop: &CancellationToken) -> Result<(), Stopped> {
        let projection = self.projection.name();
        tracing::warn!(projection, failures, error = described(error), "projection waits");
        self.state.failed(described(error));
        let cx = Cx::background(projection, LOOK_TIMEOUT);
        if let Ok(end) = cx.within(self.log.last_offset(&cx)).await {
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
