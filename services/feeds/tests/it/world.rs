//! A small world: accounts, follows, blocks and posts, kept exactly, and the events that changes of it write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use plaza_core::{Env, ManualClock, Timestamp};
use plaza_events::{Event, NewEvent};
use plaza_proto::accounts::v1::AccountDeleted;
use plaza_proto::graph::v1::{Blocked, Followed, Unfollowed};
use plaza_proto::posts::v1::{PostCreated, PostDeleted};
use plaza_stores::Faults;
use prost::{Message, Name};

pub(crate) const START: Timestamp = Timestamp(1_800_000_000_000);

/// The truth, the brute-force model of home feeds, and the outboxes.
pub(crate) struct World {
    pub(crate) env: Env,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) state: Mutex<State>,
    pub(crate) posts_faults: Faults,
    pub(crate) graph_faults: Faults,
    pub(crate) calls: Calls,
}

/// How often each was called.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) refs: AtomicUsize,
    pub(crate) posts: AtomicUsize,
    pub(crate) relationships: AtomicUsize,
    pub(crate) lists: AtomicUsize,
    /// Lists of accounts; counted by itself.
    pub(crate) accounts: AtomicUsize,
}

impl Calls {
    /// References, posts, relationships, lists of ids; counted anew from here.
    pub(crate) fn take(&self) -> [usize; 4] {
        [&self.refs, &self.posts, &self.relationships, &self.lists].map(|n| n.swap(0, Ordering::SeqCst))
    }
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) accounts: BTreeSet<i64>,
    /// Follower and followee.
    pub(crate) follows: BTreeSet<(i64, i64)>,
    /// Blocker and blocked.
    pub(crate) blocks: BTreeSet<(i64, i64)>,
    pub(crate) posts: BTreeMap<i64, FakePost>,
    outbox: Vec<Event>,
    positions: BTreeMap<&'static str, i64>,
}

#[derive(Clone, Copy)]
pub(crate) struct FakePost {
    pub(crate) author: i64,
    pub(crate) followers_only: bool,
}

impl State {
    pub(crate) fn follows(&self, a: i64, b: i64) -> bool {
        self.follows.contains(&(a, b))
    }

    pub(crate) fn blocked(&self, a: i64, b: i64) -> bool {
        self.blocks.contains(&(a, b)) || self.blocks.contains(&(b, a))
    }

    /// Whether `viewer` may see the post.
    pub(crate) fn visible(&self, viewer: Option<i64>, post: FakePost) -> bool {
        match viewer {
            Some(viewer) if viewer == post.author => true,
            Some(viewer) => {
                !self.blocked(viewer, post.author) && (!post.followers_only || self.follows(viewer, post.author))
            }
            None => !post.followers_only,
        }
    }

    /// The model: the whole home feed of `reader`, newest first.
    pub(crate) fn home(&self, reader: i64) -> Vec<i64> {
        let shown = |post: &FakePost| {
            (post.author == reader || self.follows(reader, post.author)) && self.visible(Some(reader), *post)
        };
        self.posts.iter().rev().filter(|(_, post)| shown(post)).map(|(id, _)| *id).collect()
    }
}

impl World {
    /// A world of the accounts 1 to `accounts`.
    pub(crate) fn new(accounts: i64) -> Arc<Self> {
        let clock = ManualClock::new(START);
        let state = State { accounts: (1..=accounts).collect(), ..State::default() };
        Arc::new(Self {
            env: Env::manual(clock.clone(), 7),
            clock,
            state: Mutex::new(state),
            posts_faults: Faults::new(),
            graph_faults: Faults::new(),
            calls: Calls::default(),
        })
    }

    /// The events written since the last time.
    pub(crate) fn drain(&self) -> Vec<Event> {
        std::mem::take(&mut self.state.lock().outbox)
    }

    pub(crate) fn home(&self, reader: i64) -> Vec<i64> {
        self.state.lock().home(reader)
    }

    pub(crate) fn post(&self, author: i64) -> i64 {
        self.post_for(author, false)
    }

    pub(crate) fn post_for(&self, author: i64, followers_only: bool) -> i64 {
        let post_id = self.env.next_id();
        let mut state = self.state.lock();
        state.posts.insert(post_id, FakePost { author, followers_only });
        let created = PostCreated { post_id, author_id: author, ..PostCreated::default() };
        self.write(&mut state, "posts", "post", post_id, &created);
        post_id
    }

    pub(crate) fn delete(&self, post_id: i64) {
        let mut state = self.state.lock();
        if let Some(post) = state.posts.remove(&post_id) {
            let deleted = PostDeleted { post_id, author_id: post.author, ..PostDeleted::default() };
            self.write(&mut state, "posts", "post", post_id, &deleted);
        }
    }

    pub(crate) fn follow(&self, follower_id: i64, followee_id: i64) {
        let mut state = self.state.lock();
        let refused = follower_id == followee_id || state.blocked(follower_id, followee_id);
        if !refused && state.follows.insert((follower_id, followee_id)) {
            let followed = Followed { follower_id, followee_id };
            self.write(&mut state, "graph", "account", follower_id, &followed);
        }
    }

    pub(crate) fn unfollow(&self, follower_id: i64, followee_id: i64) {
        let mut state = self.state.lock();
        self.end_follow(&mut state, follower_id, followee_id);
    }

    pub(crate) fn block(&self, blocker_id: i64, blocked_id: i64) {
        let mut state = self.state.lock();
        if blocker_id != blocked_id && state.blocks.insert((blocker_id, blocked_id)) {
            self.end_follow(&mut state, blocker_id, blocked_id);
            self.end_follow(&mut state, blocked_id, blocker_id);
            let blocked = Blocked { blocker_id, blocked_id };
            self.write(&mut state, "graph", "account", blocker_id, &blocked);
        }
    }

    pub(crate) fn unblock(&self, blocker: i64, blocked: i64) {
        self.state.lock().blocks.remove(&(blocker, blocked));
    }

    /// Deletes an account with its follows and posts, each with its event, at once; events may come in any order.
    pub(crate) fn delete_account(&self, account_id: i64) {
        let mut state = self.state.lock();
        if !state.accounts.remove(&account_id) {
            return;
        }
        let ends = |(a, b): &&(i64, i64)| *a == account_id || *b == account_id;
        let ended: Vec<(i64, i64)> = state.follows.iter().filter(ends).copied().collect();
        for (follower, followee) in ended {
            self.end_follow(&mut state, follower, followee);
        }
        state.blocks.retain(|(a, b)| *a != account_id && *b != account_id);
        let posts: Vec<i64> = state.posts.iter().filter(|(_, p)| p.author == account_id).map(|(id, _)| *id).collect();
        for post_id in posts {
            state.posts.remove(&post_id);
            let deleted = PostDeleted { post_id, author_id: account_id, ..PostDeleted::default() };
            self.write(&mut state, "posts", "post", post_id, &deleted);
        }
        self.write(&mut state, "accounts", "account", account_id, &AccountDeleted { account_id });
    }

    fn end_follow(&self, state: &mut State, follower_id: i64, followee_id: i64) {
        if state.follows.remove(&(follower_id, followee_id)) {
            let unfollowed = Unfollowed { follower_id, followee_id };
            self.write(state, "graph", "account", follower_id, &unfollowed);
        }
    }

    fn write<M: Message + Name>(
        &self,
        state: &mut State,
        source: &'static str,
        aggregate: &'static str,
        id: i64,
        message: &M,
    ) {
        let position = state.positions.entry(source).or_default();
        *position += 1;
        let event = NewEvent::new(&self.env, None, aggregate, id, message).placed(source, *position);
        state.outbox.push(event);
    }
}
