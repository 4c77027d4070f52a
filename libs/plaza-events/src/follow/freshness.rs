//! Whether what a process keeps in memory may answer a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use plaza_core::{Cx, Position, Token};
use tokio::time::Instant;

use crate::{Gauge, Marks};

/// Who has not heard from the log for so long may serve what was overwritten elsewhere, and does not.
const HEARD_WITHIN: Duration = Duration::from_secs(5);

/// How a cache learns what others write.
#[derive(Clone, Debug)]
pub enum Freshness {
    /// Nobody else writes: this process's own writes make the cache forget before they are answered.
    Always,
    /// Others write too, and their events make the cache forget.
    Followed(Followed),
}

impl Freshness {
    /// For a store that only this process writes to, or for one that is `shared`, in which case [`Freshness::followed`] has
    /// to be kept up to date by a [`super::Follower`].
    #[must_use]
    pub fn of(shared: bool, sources: &[&'static str]) -> Self {
        if shared { Self::Followed(Followed::new(sources)) } else { Self::Always }
    }

    /// Whether the cache may answer this call: it has forgotten all that the writes named by the call's token changed, and
    /// it hears of further ones.
    #[must_use]
    pub fn covers(&self, cx: &Cx) -> bool {
        match self {
            Self::Always => true,
            Self::Followed(followed) => followed.covers(cx.token()),
        }
    }

    /// What a follower has to keep up to date, if there is such.
    #[must_use]
    pub fn followed(&self) -> Option<&Followed> {
        match self {
            Self::Always => None,
            Self::Followed(followed) => Some(followed),
        }
    }
}

/// How far this process has followed, and when it heard from the log last.
#[derive(Clone, Debug)]
pub struct Followed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sources: Vec<&'static str>,
    marks: Marks,
    began: Instant,
    /// Milliseconds since `began`, and one; 0 for never.
    heard: AtomicU64,
}

impl Followed {
    /// Has heard nothing of `sources` yet.
    #[must_use]
    pub fn new(sources: &[&'static str]) -> Self {
        let (marks, began, heard) = (Marks::new(sources), Instant::now(), AtomicU64::new(0));
        Self(Arc::new(Inner { sources: sources.to_vec(), marks, began, heard }))
    }

    /// The outboxes.
    #[must_use]
    pub fn sources(&self) -> &[&'static str] {
        &self.0.sources
    }

    /// Whether all that `token` asks for was taken in, and the log was heard lately. Other sources do not count.
    #[must_use]
    pub fn covers(&self, token: &Token) -> bool {
        self.is_connected() && (token.is_empty() || self.0.marks.has(token))
    }

    /// Whether the log was heard lately.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        let heard = self.0.heard.load(Relaxed);
        let now = self.millis(Instant::now());
        heard > 0 && now.saturating_sub(heard) <= u64::try_from(HEARD_WITHIN.as_millis()).unwrap_or(u64::MAX)
    }

    /// Events up to these positions are taken in.
    pub fn raise<'a>(&self, positions: impl IntoIterator<Item = (&'a str, Position)>) {
        self.0.marks.raise(positions);
    }

    /// Everything that the log had at `at` is taken in.
    pub fn heard(&self, at: Instant) {
        self.0.heard.fetch_max(self.millis(at), Relaxed);
    }

    /// Whether it is connected, labelled with the follower's name.
    #[must_use]
    pub fn observe(&self, follower: &'static str) -> Gauge {
        Gauge::new("follower_connected", "follower", follower, f64::from(u8::from(self.is_connected())))
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.0.began).as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cx(token: &str) -> Cx {
        Cx::background("test", Duration::from_secs(1)).with_token(Token::parse(token).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_cache_answers_only_what_its_follower_has_taken_in_and_while_it_hears() {
        assert!(Freshness::of(false, &["posts"]).covers(&cx("posts=99")));
        let freshness = Freshness::of(true, &["posts"]);
        let followed = freshness.followed().unwrap();
        followed.raise([("posts", 5)]);
        assert!(!freshness.covers(&cx("")), "nothing was heard yet");
        followed.heard(Instant::now());
        for (token, covered) in [("", true), ("posts=5", true), ("posts=6", false), ("graph=9,posts=1", true)] {
            assert_eq!(freshness.covers(&cx(token)), covered, "{token}");
        }
        tokio::time::advance(HEARD_WITHIN + Duration::from_millis(1)).await;
        assert!(!freshness.covers(&cx("")) && !freshness.covers(&cx("posts=5")), "silence");
        followed.heard(Instant::now());
        assert!(freshness.covers(&cx("posts=5")));
    }
}
