//! What is to be forgotten, until the server has done it.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

/// How many names are remembered; with more, everything is to be forgotten.
const NAMES: usize = 10_000;
/// How many names go to the server at once.
const BATCH: usize = 256;

/// The names that still stand in the server's copies and must not be served.
#[derive(Debug)]
pub(super) struct Pending {
    state: Mutex<State>,
    added: Notify,
    done: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// Each with the number of its last mention.
    names: HashMap<String, u64>,
    /// The number of the mention by which everything is to be forgotten.
    all: Option<u64>,
    mentions: u64,
}

/// What to tell the server next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// To forget these.
    Names(Vec<(String, u64)>),
    /// To forget everything.
    All(u64),
}

impl Pending {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), added: Notify::new(), done: watch::Sender::new(0) }
    }

    pub(super) fn add(&self, names: impl IntoIterator<Item = String>) {
        let mut state = self.state.lock();
        for name in names {
            state.mentions += 1;
            let mention = state.mentions;
            state.names.insert(name, mention);
        }
        if state.names.len() > NAMES {
            state.names.clear();
            state.all = Some(state.mentions);
        }
        drop(state);
        self.added.notify_one();
    }

    pub(super) fn add_all(&self) {
        let mut state = self.state.lock();
        state.mentions += 1;
        state.all = Some(state.mentions);
        drop(state);
        self.added.notify_one();
    }

    /// Whether one of them waits.
    pub(super) fn holds<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> bool {
        let state = self.state.lock();
        state.all.is_some() || (!state.names.is_empty() && names.into_iter().any(|name| state.names.contains_key(name)))
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        let state = self.state.lock();
        state.names.len() + usize::from(state.all.is_some())
    }

    /// Waits until there is something to do.
    pub(super) async fn next(&self) -> Work {
        loop {
            if let Some(work) = self.work() {
                return work;
            }
            self.added.notified().await;
        }
    }

    fn work(&self) -> Option<Work> {
        let state = self.state.lock();
        if let Some(all) = state.all {
            return Some(Work::All(all));
        }
        let batch: Vec<_> = state.names.iter().take(BATCH).map(|(name, mention)| (name.clone(), *mention)).collect();
        (!batch.is_empty()).then_some(Work::Names(batch))
    }

    /// The server has forgotten it. What was mentioned again meanwhile stays.
    pub(super) fn finish(&self, work: &Work) {
        let mut state = self.state.lock();
        match work {
            Work::All(by) => {
                state.names.retain(|_, mention| *mention > *by);
                if state.all == Some(*by) {
                    state.all = None;
                }
            }
            Work::Names(batch) => {
                for (name, by) in batch {
                    if state.names.get(name) == Some(by) {
                        state.names.remove(name);
                    }
                }
            }
        }
        drop(state);
        self.done.send_modify(|times| *times += 1);
    }

    /// Changes whenever something was done.
    pub(super) fn progress(&self) -> watch::Receiver<u64> {
        self.done.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(n: usize) -> String {
        format!("n{n}")
    }

    #[tokio::test]
    async fn what_is_mentioned_again_while_it_is_forgotten_stays() {
        let pending = Pending::new();
        pending.add([name(1), name(2)]);
        let work = pending.next().await;
        pending.add([name(2)]);
        pending.finish(&work);
        assert!(!pending.holds(&[name(1)]) && pending.holds(&[name(1), name(2)]));
        pending.finish(&pending.next().await);
        assert_eq!(pending.len(), 0);
    }

    #[tokio::test]
    async fn more_than_can_be_remembered_is_everything() {
        let pending = Pending::new();
        pending.add((0..NAMES).map(name));
        assert!(!pending.holds(&[name(NAMES)]));
        pending.add([name(NAMES)]);
        assert!(pending.holds(&["any".to_owned()]) && pending.len() == 1);
        let work = pending.next().await;
        assert!(matches!(work, Work::All(_)));
        pending.add([name(3)]);
        pending.finish(&work);
        assert!(pending.holds(&[name(3)]) && !pending.holds(&[name(4)]));
    }
}
