//! How far a projection has got, and waiting until it has got far enough.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{Cx, Position, Token};
use tokio::sync::watch;

/// A wait leaves this part of the remaining time for the answer, ...
const MARGIN_PART: u32 = 4;
/// ... but no more than this.
const MARGIN_MAX: Duration = Duration::from_millis(500);

/// The high-water marks of one projection: for each source the position up to which everything is applied.
#[derive(Clone, Debug)]
pub struct Marks(Arc<Inner>);

/// So many given-up events are remembered, the latest.
const GIVEN_UP: usize = 1_000;

#[derive(Debug)]
struct Inner {
    sources: Vec<&'static str>,
    /// Events below the marks whose effect is missing.
    given_up: Mutex<VecDeque<(String, Position)>>,
    applied: watch::Sender<BTreeMap<String, Position>>,
}

/// What a projection lacks of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    /// The source it is behind on.
    pub source: String,
    /// What the token asks for.
    pub wanted: Position,
    /// What is applied.
    pub applied: Position,
}

impl std::fmt::Display for Behind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is applied up to {}, not {}", self.source, self.applied, self.wanted)
    }
}

impl std::error::Error for Behind {}

impl Marks {
    /// Marks at 0 for a projection of these sources.
    #[must_use]
    pub fn new(sources: &[&'static str]) -> Self {
        Self(Arc::new(Inner {
            sources: sources.to_vec(),
            given_up: Mutex::default(),
            applied: watch::Sender::default(),
        }))
    }

    /// The position of `source` up to which everything is applied.
    #[must_use]
    pub fn applied(&self, source: &str) -> Position {
        self.0.applied.borrow().get(source).copied().unwrap_or(0)
    }

    /// Each source that something was applied of, with its mark.
    #[must_use]
    pub fn all(&self) -> Vec<(String, Position)> {
        self.0.applied.borrow().iter().map(|(source, position)| (source.clone(), *position)).collect()
    }

    /// Whether everything that `token` asks for is applied. Sources that the projection does not follow do not count.
    #[must_use]
    pub fn has(&self, token: &Token) -> bool {
        self.lacks(&self.0.applied.borrow(), token).is_none()
    }

    /// Raises marks; a lower position changes nothing.
    pub fn raise<'a>(&self, positions: impl IntoIterator<Item = (&'a str, Position)>) {
        self.0.applied.send_if_modified(|marks| {
            let mut changed = false;
            for (source, position) in positions {
                match marks.get_mut(source) {
                    Some(mark) if *mark >= position => {}
                    Some(mark) => (*mark, changed) = (position, true),
                    None => changed |= marks.insert(source.to_owned(), position).is_none(),
                }
            }
            changed
        });
    }

    /// Notes an event that was given up: whoever waits for this very one is told so.
    pub fn give_up(&self, source: &str, position: Position) {
        let mut given_up = self.0.given_up.lock();
        if given_up.len() >= GIVEN_UP {
            given_up.pop_front();
        }
        given_up.push_back((source.to_owned(), position));
    }

    /// Waits until everything that `token` asks for is applied. Sources that the projection does not follow do not
    /// count. Gives up a quarter of the remaining time before the deadline, at most 500 ms, so that an answer that says
    /// so can still be given.
    ///
    /// # Errors
    /// What is lacking when time is up, or what was given up.
    pub async fn wait(&self, cx: &Cx, token: &Token) -> Result<(), Behind> {
        if self.lacks(&self.0.applied.borrow(), token).is_none() {
            return self.shows(token);
        }
        let left = cx.remaining();
        let until = left - (left / MARGIN_PART).min(MARGIN_MAX);
        let mut applied = self.0.applied.subscribe();
        let enough = applied.wait_for(|marks| self.lacks(marks, token).is_none());
        // The sender lives as long as `self`; so an error is the time that is up.
        let _ = tokio::time::timeout(until, enough).await;
        match self.lacks(&self.0.applied.borrow(), token) {
            None => self.shows(token),
            Some(behind) => Err(behind),
        }
    }

    /// Refuses a token that names an event that was given up.
    fn shows(&self, token: &Token) -> Result<(), Behind> {
        let given_up = self.0.given_up.lock();
        let lost = given_up.iter().find(|(source, position)| token.iter().any(|asked| asked == (source, *position)));
        lost.map_or(Ok(()), |(source, position)| {
            Err(Behind { source: source.clone(), wanted: *position, applied: position - 1 })
        })
    }

    fn lacks(&self, marks: &BTreeMap<String, Position>, token: &Token) -> Option<Behind> {
        token.iter().filter(|(source, _)| self.0.sources.contains(source)).find_map(|(source, wanted)| {
            let applied = marks.get(source).copied().unwrap_or(0);
            (applied < wanted).then(|| Behind { source: source.to_owned(), wanted, applied })
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn token(text: &str) -> Token {
        Token::parse(text).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_when_the_mark_is_reached() {
        let marks = Marks::new(&["posts", "graph"]);
        marks.raise([("posts", 3)]);
        let cx = Cx::background("test", Duration::from_secs(1));
        marks.wait(&cx, &token("posts=3,accounts=99")).await.unwrap();
        let waiting = tokio::spawn({
            let marks = marks.clone();
            async move { marks.wait(&cx, &token("posts=5,graph=1")).await }
        });
        tokio::task::yield_now().await;
        marks.raise([("posts", 5), ("posts", 4)]);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        marks.raise([("graph", 1)]);
        waiting.await.unwrap().unwrap();
        assert_eq!(marks.all(), [("graph".to_owned(), 1), ("posts".to_owned(), 5)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_for_an_event_that_was_given_up_says_so() {
        let marks = Marks::new(&["posts"]);
        marks.give_up("posts", 4);
        marks.raise([("posts", 9)]);
        let cx = Cx::background("test", Duration::from_secs(1));
        let behind = marks.wait(&cx, &token("posts=4")).await.unwrap_err();
        assert_eq!((behind.wanted, behind.applied), (4, 3));
        for shown in ["posts=3", "posts=5", "graph=4", ""] {
            marks.wait(&cx, &token(shown)).await.unwrap();
        }
        (0..GIVEN_UP).for_each(|n| marks.give_up("posts", 100 + i64::try_from(n).unwrap()));
        marks.wait(&cx, &token("posts=4")).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_gives_up_in_time_and_says_what_is_lacking() {
        let marks = Marks::new(&["posts"]);
        marks.raise([("posts", 3)]);
        let start = Instant::now();
        let cx = Cx::background("test", Duration::from_millis(400));
        let behind = marks.wait(&cx, &token("posts=5")).await.unwrap_err();
        assert_eq!(behind, Behind { source: "posts".to_owned(), wanted: 5, applied: 3 });
        assert_eq!((start.elapsed(), cx.remaining()), (Duration::from_millis(300), Duration::from_millis(100)));
    }
}
