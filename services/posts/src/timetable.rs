//! Publishes drafts at their time, for as long as the service runs.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::api::Handler;

/// How often it is looked for drafts whose time has come: a fraction of the 2 s that a post may be late.
const EVERY: Duration = Duration::from_millis(500);

/// The work under way.
pub(crate) struct Timetable {
    stop: Arc<Notify>,
    work: Mutex<Option<JoinHandle<()>>>,
}

impl Timetable {
    /// Starts to look for due drafts.
    pub(crate) fn start(handler: Arc<Handler>) -> Self {
        let stop = Arc::new(Notify::new());
        let work = tokio::spawn(run(handler, stop.clone()));
        Self { stop, work: Mutex::new(Some(work)) }
    }

    /// Finishes what is being published, and looks no more.
    pub(crate) async fn end(&self) {
        self.stop.notify_one();
        let work = self.work.lock().take();
        if let Some(work) = work {
            // It ends by itself; if it panicked, that was told.
            drop(work.await);
        }
    }
}

impl Drop for Timetable {
    fn drop(&mut self) {
        self.stop.notify_one();
    }
}

/// Goes through what is due part by part, so that drafts that cannot be published for now hold nobody up.
async fn run(handler: Arc<Handler>, stop: Arc<Notify>) {
    let mut reached = None;
    loop {
        // Parts of one round follow one another at once.
        let pause = if reached.is_some() { Duration::ZERO } else { EVERY };
        tokio::select! {
            () = stop.notified() => return,
            () = tokio::time::sleep(pause) => {}
        }
        reached = handler.publish_due(reached.as_ref()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "drafts that are due could not be looked up; trying again");
            None
        });
    }
}
