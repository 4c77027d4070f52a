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
    names: HashMap<String, Mentions>,
    /// That everything is to be forgotten.
    all: Option<Mentions>,
    mentions: u64,
}

/// The numbers of the first and the last mention that are not done with.
#[derive(Clone, Copy, Debug)]
struct Mentions {
    first: u64,
    last: u64,
}

impl Mentions {
    /// What is left of them when those up to `by` are done.
    fn after(self, by: u64) -> Option<Self> {
        (self.last > by).then_some(Self { first: self.first.max(by + 1), ..self })
    }
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
            state.names.entry(name).or_insert(Mentions { first: mention, last: mention }).last = mention;
        }
        if state.names.len() > NAMES {
            let first = state.names.values().map(|mentions| mentions.first).min();
            state.names.clear();
            state.mention_all(first);
        }
        drop(state);
        self.added.notify_one();
    }

    pub(super) fn add_all(&self) {
        let mut state = self.state.lock();
        state.mentions += 1;
        state.mention_all(None);
        drop(state);
        self.added.notify_one();
    }

    /// Whether one of them waits.
    pub(super) fn holds<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> bool {
        let state = self.state.lock();
        state.all.is_some() || (!state.names.is_empty() && names.into_iter().any(|name| state.names.contains_key(name)))
    }

    /// The number of the last mention so far.
    pub(super) fn mark(&self) -> u64 {
        self.state.lock().mentions
    }

    /// Whether something that was mentioned by `mark` still waits.
    pub(super) fn waits(&self, mark: u64) -> bool {
        let state = self.state.lock();
        state.names.values().chain(&state.all).any(|mentions| mentions.first <= mark)
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
            return Some(Work::All(all.last));
        }
        let batch = state.names.iter().take(BATCH);
        let batch: Vec<_> = batch.map(|(name, mentions)| (name.clone(), mentions.last)).collect();
        (!batch.is_empty()).then_some(Work::Names(batch))
    }

    /// The server has forgotten it. What was mentioned again meanwhile stays.
    pub(super) fn finish(&self, work: &Work) {
        let mut state = self.state.lock();
        match work {
            Work::All(by) => {
                state.all = state.all.and_then(|all| all.after(*by));
                state.names = state.names.drain().filter_map(|(name, m)| Some((name, m.after(*by)?))).collect();
            }
            Work::Names(batch) => {
                for (name, by) in batch {
                    if let Some(left) = state.names.remove(name).and_then(|mentions| mentions.after(*by)) {
                        state.names.insert(name.clone(), left);
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

impl State {
    fn mention_all(&mut self, first: Option<u64>) {
        let last = self.mentions;
        let first = self.all.map_or(first.unwrap_or(last), |all| all.first);
        self.all = Some(Mentions { first, last });
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
        let (work, first) = (pending.next().await, pending.mark());
        pending.add([name(2)]);
        assert!(pending.waits(first), "what was mentioned again is not done with");
        pending.finish(&work);
        assert!(!pending.holds(&[name(1)]) && pending.holds(&[name(1), name(2)]));
        assert!(!pending.waits(first) && pending.waits(pending.mark()));
        pending.finish(&pending.next().await);
        assert!(pending.len() == 0 && !pending.waits(pending.mark()));
    }

    #[tokio::test]
    async fn more_than_can_be_remembered_is_everything() {
        let pending = Pending::new();
        pending.add((0..NAMES).map(name));
        assert!(!pending.holds(&[name(NAMES)]));
        pending.add([name(NAMES)]);
        assert!(pending.holds(&["any".to_owned()]) && pending.len() == 1 && pending.waits(1));
        let work = pending.next().await;
        assert!(matches!(work, Work::All(_)));
        pending.add([name(3)]);
        pending.finish(&work);
        assert!(pending.holds(&[name(3)]) && !pending.holds(&[name(4)]));
    }
}
