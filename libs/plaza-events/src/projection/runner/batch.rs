//! Applying one batch of events, whatever it takes.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use plaza_core::{Code, Cx, Error, Position, Result, reason};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{Runner, Stopped, described};
use crate::Event;
use crate::log::{Consumer, DeadLetter};
use crate::projection::Projection;

/// Why a batch was left.
pub(super) enum Interrupted {
    /// The runner was told to stop.
    Stopped,
    /// Another process has the turn now.
    TurnLost,
}

impl From<Stopped> for Interrupted {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// A batch in hand.
pub(super) struct Batch<'a> {
    runner: &'a Runner,
    consumer: &'a mut dyn Consumer,
    stop: &'a CancellationToken,
}

impl<'a> Batch<'a> {
    pub(super) fn new(runner: &'a Runner, consumer: &'a mut dyn Consumer, stop: &'a CancellationToken) -> Self {
        Self { runner, consumer, stop }
    }

    /// Applies events in order. Of a batch that runs out of time half is tried.
    pub(super) async fn apply(&mut self, events: &[Event]) -> Result<(), Interrupted> {
        let (mut rest, mut size, mut failures) = (events, events.len(), 0);
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(size.min(rest.len()));
            match self.once(chunk).await {
                Ok(()) => self.applied(chunk, &[]).await?,
                Err(error) if error.is_transient() => {
                    if error.code() == Code::DeadlineExceeded {
                        size = (chunk.len() / 2).max(1);
                    }
                    failures += 1;
                    self.pause(&error, failures).await?;
                    continue;
                }
                Err(_) => {
                    for event in chunk {
                        self.apply_or_bury(event).await?;
                    }
                }
            }
            (rest, failures) = (after, 0);
        }
        Ok(())
    }

    /// Applies one event, or gives it up to the dead letters.
    async fn apply_or_bury(&mut self, event: &Event) -> Result<(), Interrupted> {
        let (mut tries, mut failures) = (0, 0);
        loop {
            let Err(error) = self.once(std::slice::from_ref(event)).await else { break };
            if !error.is_transient() {
                tries += 1;
                if tries >= self.runner.options.tries {
                    return self.bury(event, &error, tries).await;
                }
            }
            failures += 1;
            self.pause(&error, failures).await?;
        }
        self.applied(std::slice::from_ref(event), &[]).await
    }

    async fn bury(&mut self, event: &Event, error: &Error, tries: u32) -> Result<(), Interrupted> {
        let runner = self.runner;
        let letter = DeadLetter {
            id: 0,
            consumer: runner.projection.name().to_owned(),
            event: event.clone(),
            reason: described(error),
            tries,
            at: runner.env.now(),
        };
        tracing::error!(
            projection = letter.consumer, event = %event.id, type_ = event.type_, reason = letter.reason, "event given up"
        );
        let mut failures = 0;
        loop {
            let cx = runner.cx();
            let Err(error) = cx.within(runner.log.put_dead_letter(&cx, &letter)).await else { break };
            failures += 1;
            self.pause(&error, failures).await?;
        }
        runner.state.buried();
        let lost = (event.source.clone(), event.position);
        self.applied(std::slice::from_ref(event), &[lost]).await
    }

    async fn once(&self, events: &[Event]) -> Result<()> {
        let cx = self.runner.cx();
        let late = async {
            self.stop.cancelled().await;
            tokio::time::sleep(self.runner.options.grace).await;
        };
        tokio::select! {
            outcome = apply(&*self.runner.projection, &cx, events) => outcome,
            () = late => Err(Error::new(reason::CANCELLED)),
        }
    }

    /// Tells that these events are applied, but for those given up. Not so if the turn was lost meanwhile: what this
    /// process knew from events may have been old.
    async fn applied(&mut self, events: &[Event], given_up: &[(String, Position)]) -> Result<(), Interrupted> {
        if !self.consumer.has_turn() {
            return Err(Interrupted::TurnLost);
        }
        let mut marks: Vec<(String, Position)> = Vec::new();
        for event in events {
            match marks.iter_mut().find(|(source, _)| *source == event.source) {
                Some((_, mark)) => *mark = event.position.max(*mark),
                None => marks.push((event.source.clone(), event.position)),
            }
        }
        self.runner.state.recovered();
        self.runner.hear(&marks, given_up);
        self.consumer.announce(&marks, given_up).await;
        Ok(())
    }

    async fn pause(&self, error: &Error, failures: u32) -> Result<(), Interrupted> {
        self.runner.pause(error, failures, self.stop).await?;
        if self.consumer.has_turn() { Ok(()) } else { Err(Interrupted::TurnLost) }
    }
}

/// Applies events within the deadline, in a span that names their traces. A panic is a permanent error.
///
/// What the projection asks of others belongs to the trace of the first event that has one: a call has one trace only,
/// and the batch of a quiet time is one event. It asks with a token for these events, so that whoever answers from a cache
/// does not answer with what was before them.
pub(super) async fn apply(projection: &dyn Projection, cx: &Cx, events: &[Event]) -> Result<()> {
    let cause = events.iter().find_map(Event::trace).or(cx.trace());
    let span =
        tracing::info_span!("project", projection = projection.name(), events = events.len(), traces = traces(events));
    let trace = plaza_trace::join(&span, cause).or(cause);
    plaza_trace::link(&span, events.iter().filter_map(Event::trace));
    let mut token = cx.token().clone();
    events.iter().for_each(|event| token.require(&event.source, event.position));
    let cx = &Cx::new(cx.caller().clone(), cx.deadline()).with_trace(trace).with_token(token);
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
