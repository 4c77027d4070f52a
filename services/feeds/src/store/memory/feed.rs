//! One feed: its window, and what is kept for a build under way.

use std::collections::HashSet;

use plaza_core::{AccountId, PostId, Timestamp};

use crate::domain::{Entry, Window};
use crate::store::Ticket;

/// A build that takes longer was given up by whoever began it.
const BUILD_MS: i64 = 60_000;

/// What is held of one feed.
#[derive(Debug)]
pub(super) struct Feed {
    window: Option<Window>,
    build: Option<Build>,
    read_at: Timestamp,
}

/// What happens while a build reads the truth.
#[derive(Debug)]
struct Build {
    ticket: Ticket,
    began: Timestamp,
    /// What was pushed since.
    pushed: Window,
    /// Posts that were deleted since.
    removed: HashSet<PostId>,
}

impl Feed {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { window: None, build: None, read_at: now }
    }

    pub(super) fn is_cold(&self) -> bool {
        self.window.is_none() && self.build.is_none()
    }

    /// How many entries it holds memory for.
    pub(super) fn weight(&self) -> usize {
        let building = self.build.as_ref().map_or(0, |b| b.pushed.len() + b.removed.len());
        self.window.as_ref().map_or(0, Window::len) + building
    }

    /// When it was last read, or a build began.
    pub(super) fn used_at(&self) -> Timestamp {
        self.build.as_ref().map_or(self.read_at, |build| build.began.max(self.read_at))
    }

    pub(super) fn window(&self) -> Option<&Window> {
        self.window.as_ref()
    }

    pub(super) fn read(&mut self, now: Timestamp) -> Option<&Window> {
        self.read_at = now;
        self.window.as_ref()
    }

    /// Lets go of a window not read since `forgotten` and of a build that was given up. Whether a window went.
    pub(super) fn expire(&mut self, forgotten: Timestamp, now: Timestamp) -> bool {
        self.build.take_if(|build| build.began.plus_ms(BUILD_MS) < now);
        let read_at = self.read_at;
        self.window.take_if(|_| read_at < forgotten).is_some()
    }

    pub(super) fn push(&mut self, entries: &[Entry], cap: usize) {
        for window in [self.window.as_mut(), self.build.as_mut().map(|b| &mut b.pushed)].into_iter().flatten() {
            for entry in entries {
                window.push(*entry, cap);
            }
        }
    }

    pub(super) fn remove(&mut self, posts: &[PostId], cap: usize) {
        if let Some(window) = &mut self.window {
            window.remove(posts);
        }
        if let Some(build) = &mut self.build {
            build.pushed.remove(posts);
            build.removed.extend(posts);
        }
        // More than a feed can hold: reading the truth again is cheaper than remembering.
        self.build.take_if(|build| build.removed.len() > cap);
    }

    pub(super) fn merge(&mut self, entries: &[Entry], floor: PostId, cap: usize) {
        self.build = None;
        if let Some(window) = &mut self.window {
            window.merge(entries, floor, cap);
        }
    }

    pub(super) fn purge(&mut self, authors: &[AccountId], cap: usize) {
        self.build = None;
        if let Some(window) = &mut self.window {
            window.purge(authors);
        }
        // Little is left above the floor, so that most pages would come from the truth: better to build it anew.
        self.window.take_if(|window| window.floor() > PostId(0) && window.len() < cap / 2);
    }

    pub(super) fn begin(&mut self, ticket: Ticket, now: Timestamp) {
        self.build = Some(Build { ticket, began: now, pushed: Window::default(), removed: HashSet::new() });
    }

    pub(super) fn finish(&mut self, ticket: Ticket, mut built: Window, cap: usize, now: Timestamp) -> Option<usize> {
        let build = self.build.take_if(|build| build.ticket == ticket)?;
        let pushed: Vec<Entry> = build.pushed.iter().copied().collect();
        built.remove(&build.removed.into_iter().collect::<Vec<_>>());
        built.merge(&pushed, build.pushed.floor(), cap);
        let len = built.len();
        (self.window, self.read_at) = (Some(built), now);
        Some(len)
    }

    pub(super) fn clear(&mut self) {
        (self.window, self.build) = (None, None);
    }
}
