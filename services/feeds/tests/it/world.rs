//! A small world: accounts, follows, blocks and posts, kept exactly, and the events that changes of it write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{Cx, Env, ManualClock, Timestamp};
use plaza_events::{Event, EventLog, NewEvent, SqliteLog};
use plaza_proto::accounts::v1::{AccountDeleted, PreferencesUpdated};
use plaza_proto::graph::v1::{Blocked, Followed, ListChanged, ListMembersChanged, MutedWordsChanged, Unfollowed};
use plaza_proto::posts::v1::{PostCreated, PostDeleted, PostEdited, PostRestored, RepostUndone, Reposted};
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
    pub(crate) accounts_faults: Faults,
    pub(crate) calls: Calls,
    /// The event log, for those who look back in it; tests publish to it.
    pub(crate) log: Arc<dyn EventLog>,
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
    /// What readers chose; counted by itself.
    pub(crate) choices: AtomicUsize,
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
    /// Accounts whose posts are for followers.
    pub(crate) protected: BTreeSet<i64>,
    /// Follower and followee.
    pub(crate) follows: BTreeSet<(i64, i64)>,
    /// Blocker and blocked.
    pub(crate) blocks: BTreeSet<(i64, i64)>,
    /// By who mutes whom.
    pub(crate) mutes: BTreeMap<(i64, i64), FakeMute>,
    pub(crate) lists: BTreeMap<i64, FakeList>,
    /// The words that accounts mute, and until when.
    pub(crate) words: BTreeMap<(i64, &'static str), Timestamp>,
    /// The languages that accounts read, if not all.
    pub(crate) languages: BTreeMap<i64, Vec<&'static str>>,
    pub(crate) posts: BTreeMap<i64, FakePost>,
    /// Reposts by their ids.
    pub(crate) reposts: BTreeMap<i64, FakeRepost>,
    /// What was deleted and can be restored.
    buried: BTreeMap<i64, FakePost>,
    /// Who likes which post.
    pub(crate) likes: BTreeSet<(i64, i64)>,
    /// Reposts that were taken back.
    pub(crate) undone: BTreeMap<i64, FakeRepost>,
    /// What was reported as erased: of which account, by which service, which kinds.
    pub(crate) receipts: Vec<(i64, String, Vec<String>)>,
    outbox: Vec<Event>,
    positions: BTreeMap<&'static str, i64>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct FakePost {
    pub(crate) author: i64,
    pub(crate) followers_only: bool,
    /// The post that it replies to; 0 for none.
    pub(crate) reply_to: i64,
    /// How often it was edited.
    pub(crate) edits: i32,
    pub(crate) text: &'static str,
    pub(crate) language: &'static str,
}

#[derive(Clone, Copy)]
pub(crate) struct FakeRepost {
    pub(crate) by: i64,
    pub(crate) post: i64,
}

#[derive(Clone, Copy)]
pub(crate) struct FakeMute {
    pub(crate) posts: bool,
    pub(crate) reposts: bool,
    /// When it runs out.
    pub(crate) until: Timestamp,
}

#[derive(Clone, Debug)]
pub(crate) struct FakeList {
    pub(crate) owner: i64,
    pub(crate) public: bool,
    pub(crate) exclusive: bool,
    pub(crate) members: BTreeSet<i64>,
}

/// An entry of a feed: where it stands, who wrote or reposted the post, and the post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) place: i64,
    pub(crate) by: i64,
    pub(crate) post: i64,
}

impl State {
    pub(crate) fn follows(&self, a: i64, b: i64) -> bool {
        self.follows.contains(&(a, b))
    }

    pub(crate) fn blocked(&self, a: i64, b: i64) -> bool {
        self.blocks.contains(&(a, b)) || self.blocks.contains(&(b, a))
    }

    /// How `a` mutes `b` at this time.
    pub(crate) fn mute(&self, a: i64, b: i64, now: Timestamp) -> Option<FakeMute> {
        self.mutes.get(&(a, b)).copied().filter(|mute| mute.until > now)
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

    /// Whether the post is listed under any of these hashtags, all of those and none of the last.
    pub(crate) fn tagged(&self, post: &FakePost, any: &[String], all: &[String], none: &[String]) -> bool {
        let has = |tag: &String| post.text.to_lowercase().split(' ').any(|word| word.strip_prefix('#') == Some(tag));
        !post.followers_only && any.iter().any(has) && all.iter().all(has) && !none.iter().any(has)
    }

    /// The model of the feed of hashtags.
    pub(crate) fn hashtags(
        &self,
        reader: Option<i64>,
        [any, all, none]: &[Vec<String>; 3],
        now: Timestamp,
    ) -> Vec<i64> {
        let shows = |(id, post): &(&i64, &FakePost)| {
            let (place, by) = (**id, post.author);
            let muted = |reader| self.mute(reader, by, now).is_some_and(|mute| mute.posts);
            let kept =
                |reader| reader != by && muted(reader) || self.spares(reader, Placed { place, by, post: place }, now);
            let any = if any.is_empty() { &all[..1] } else { any };
            self.tagged(post, any, all, none) && self.visible(reader, **post) && !reader.is_some_and(kept)
        };
        self.posts.iter().rev().filter(shows).map(|(id, _)| *id).collect()
    }

    /// All posts and reposts, newest first; those that were undone as well, if asked for.
    pub(crate) fn placed(&self, with_undone: bool) -> Vec<Placed> {
        let posts = self.posts.iter().map(|(id, p)| Placed { place: *id, by: p.author, post: *id });
        let undone = self.undone.iter().filter(|_| with_undone);
        let reposts = self.reposts.iter().chain(undone).map(|(id, r)| Placed { place: *id, by: r.by, post: r.post });
        let mut placed: Vec<Placed> = posts.chain(reposts).collect();
        placed.sort_by_key(|p| std::cmp::Reverse(p.place));
        placed
    }

    /// Whether the home feed of `reader` may show the entry.
    pub(crate) fn shows(&self, reader: i64, entry: Placed, now: Timestamp) -> bool {
        let mut lists = self.lists.values().filter(|list| list.owner == reader && list.exclusive);
        let kept = entry.by != reader && lists.any(|list| list.members.contains(&entry.by));
        self.may_show(reader, entry, now) && !kept && !self.spares(reader, entry, now)
    }

    /// The same before feeds have heard what the reader chose to be spared.
    pub(crate) fn may_show(&self, reader: i64, entry: Placed, now: Timestamp) -> bool {
        let knows = |other| other == reader || self.follows(reader, other);
        knows(entry.by) && self.welcome(Some(reader), entry, now, knows)
    }

    /// Whether the reader chose to be spared of what the post says.
    fn spares(&self, reader: i64, entry: Placed, now: Timestamp) -> bool {
        let Some(post) = self.posts.get(&entry.post).filter(|p| p.author != reader && entry.by != reader) else {
            return false;
        };
        let text = post.text.to_lowercase();
        let muted = |word: &str| self.words.get(&(reader, word)).is_some_and(|until| *until > now);
        let foreign = |read: &Vec<&str>| !post.language.is_empty() && !read.contains(&post.language);
        text.split(|c: char| !c.is_alphanumeric()).any(muted) || self.languages.get(&reader).is_some_and(foreign)
    }

    /// Whether the feed of the list may show the entry to this reader.
    pub(crate) fn lists(&self, list: i64, reader: Option<i64>, entry: Placed, now: Timestamp) -> bool {
        let (list, by) = (&self.lists[&list], entry.by);
        let is_own = |other| reader == Some(other);
        let follows = reader.is_some_and(|reader| self.follows(reader, by));
        let open = is_own(by) || follows || !self.protected.contains(&by);
        list.members.contains(&by)
            && (entry.place == entry.post || open)
            && !reader.is_some_and(|reader| self.spares(reader, entry, now))
            && self.welcome(reader, entry, now, |other| is_own(other) || list.members.contains(&other))
    }

    /// Whether the reader sees the post and mutes nobody for it, and it replies to nobody but those whom they know.
    fn welcome(&self, reader: Option<i64>, entry: Placed, now: Timestamp, knows: impl Fn(i64) -> bool) -> bool {
        let Some(post) = self.posts.get(&entry.post).filter(|post| self.visible(reader, **post)) else {
            return false;
        };
        if reader == Some(entry.by) {
            return true;
        }
        if reader.is_some_and(|reader| self.blocked(reader, entry.by)) {
            return false;
        }
        let muted =
            |other, of: fn(FakeMute) -> bool| reader.and_then(|reader| self.mute(reader, other, now)).is_some_and(of);
        if entry.place != entry.post {
            return !muted(entry.by, |m| m.reposts) && !muted(post.author, |m| m.posts);
        }
        let parent = self.posts.get(&post.reply_to).filter(|parent| self.visible(reader, **parent));
        let known = |parent: &FakePost| parent.author == entry.by || knows(parent.author);
        !muted(entry.by, |m| m.posts) && (post.reply_to == 0 || parent.is_some_and(known))
    }

    /// The model: the whole home feed of `reader`, newest first, each post once.
    pub(crate) fn home(&self, reader: i64, now: Timestamp) -> Vec<Placed> {
        self.home_of(reader, now, |_| true)
    }

    /// The model of the same feed of those only who follow the reader back.
    pub(crate) fn mutuals(&self, reader: i64, now: Timestamp) -> Vec<Placed> {
        self.home_of(reader, now, |by| by == reader || self.follows(by, reader))
    }

    /// The model of the feed of a list.
    pub(crate) fn list(&self, list: i64, reader: Option<i64>, now: Timestamp) -> Vec<Placed> {
        self.once(|entry| self.lists(list, reader, entry, now))
    }

    fn home_of(&self, reader: i64, now: Timestamp, of: impl Fn(i64) -> bool) -> Vec<Placed> {
        self.once(|entry| of(entry.by) && self.shows(reader, entry, now))
    }

    fn once(&self, shows: impl Fn(Placed) -> bool) -> Vec<Placed> {
        let mut seen = BTreeSet::new();
        self.placed(false).into_iter().filter(|entry| shows(*entry) && seen.insert(entry.post)).collect()
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
            accounts_faults: Faults::new(),
            calls: Calls::default(),
            log: Arc::new(SqliteLog::ephemeral().unwrap()),
        })
    }

    /// The events written since the last time.
    pub(crate) fn drain(&self) -> Vec<Event> {
        std::mem::take(&mut self.state.lock().outbox)
    }

    /// The places of the model's home feed.
    pub(crate) fn home(&self, reader: i64) -> Vec<i64> {
        self.state.lock().home(reader, self.env.now()).iter().map(|entry| entry.place).collect()
    }

    /// The places of the model's feed of mutuals.
    pub(crate) fn mutuals(&self, reader: i64) -> Vec<i64> {
        self.state.lock().mutuals(reader, self.env.now()).iter().map(|entry| entry.place).collect()
    }

    /// The places of the model's feed of a list.
    pub(crate) fn list(&self, list: i64, reader: Option<i64>) -> Vec<i64> {
        self.state.lock().list(list, reader, self.env.now()).iter().map(|entry| entry.place).collect()
    }

    /// Makes a list, without members.
    pub(crate) fn make_list(&self, owner: i64, public: bool, exclusive: bool) -> i64 {
        let (list, mut state) = (self.env.next_id(), self.state.lock());
        state.lists.insert(list, FakeList { owner, public, exclusive, members: BTreeSet::new() });
        self.write(&mut state, "graph", "account", owner, &ListChanged { list_id: list, owner_id: owner });
        list
    }

    /// Changes a list; the change says who owns it.
    pub(crate) fn change_list(&self, list_id: i64, change: impl FnOnce(&mut FakeList)) {
        let mut state = self.state.lock();
        let Some(list) = state.lists.get_mut(&list_id) else { return };
        change(list);
        let owner_id = list.owner;
        self.write(&mut state, "graph", "account", owner_id, &ListChanged { list_id, owner_id });
    }

    /// Adds an account to a list if its owner follows it.
    pub(crate) fn enlist(&self, list_id: i64, account: i64) {
        let mut state = self.state.lock();
        let Some(owner_id) = state.lists.get(&list_id).map(|list| list.owner) else { return };
        if state.follows(owner_id, account) {
            state.lists.get_mut(&list_id).unwrap().members.insert(account);
            self.write(&mut state, "graph", "account", owner_id, &ListMembersChanged { list_id, owner_id });
        }
    }

    pub(crate) fn post(&self, author: i64) -> i64 {
        self.post_for(author, false)
    }

    pub(crate) fn post_for(&self, author: i64, followers_only: bool) -> i64 {
        self.publish(FakePost { author, followers_only, ..FakePost::default() })
    }

    pub(crate) fn reply(&self, author: i64, reply_to: i64) -> i64 {
        self.publish(FakePost { author, reply_to, ..FakePost::default() })
    }

    pub(crate) fn say(&self, author: i64, text: &'static str, language: &'static str) -> i64 {
        self.publish(FakePost { author, text, language, ..FakePost::default() })
    }

    pub(crate) fn edit(&self, post_id: i64, text: &'static str) {
        let mut state = self.state.lock();
        let Some(post) = state.posts.get_mut(&post_id) else { return };
        post.text = text;
        post.edits += 1;
        let edited = PostEdited { post_id, author_id: post.author, edit_count: post.edits };
        self.write(&mut state, "posts", "post", post_id, &edited);
    }

    /// Mutes a word for so many milliseconds; for none, no more.
    pub(crate) fn mute_word(&self, account_id: i64, word: &'static str, for_ms: i64) {
        let mut state = self.state.lock();
        state.words.insert((account_id, word), self.env.now().plus_ms(for_ms));
        self.write(&mut state, "graph", "account", account_id, &MutedWordsChanged { account_id });
    }

    /// The languages that an account reads; all if there is none.
    pub(crate) fn read_in(&self, account_id: i64, languages: &[&'static str]) {
        let mut state = self.state.lock();
        state.languages.insert(account_id, languages.to_vec());
        state.languages.retain(|_, languages| !languages.is_empty());
        self.write(&mut state, "accounts", "account", account_id, &PreferencesUpdated { account_id });
    }

    pub(crate) fn publish(&self, post: FakePost) -> i64 {
        let (post_id, author) = (self.env.next_id(), post.author);
        let mut state = self.state.lock();
        state.posts.insert(post_id, post);
        let created = PostCreated { post_id, author_id: author, ..PostCreated::default() };
        self.write(&mut state, "posts", "post", post_id, &created);
        post_id
    }

    pub(crate) fn delete(&self, post_id: i64) {
        let mut state = self.state.lock();
        if let Some(post) = state.posts.remove(&post_id) {
            state.reposts.retain(|_, repost| repost.post != post_id);
            state.buried.insert(post_id, post);
            let deleted = PostDeleted { post_id, author_id: post.author, ..PostDeleted::default() };
            self.write(&mut state, "posts", "post", post_id, &deleted);
        }
    }

    /// Brings a deleted post back, without reposts of it.
    pub(crate) fn restore(&self, post_id: i64) {
        let mut state = self.state.lock();
        if let Some(post) = state.buried.remove(&post_id) {
            state.posts.insert(post_id, post);
            let restored = PostRestored { post_id, author_id: post.author, ..PostRestored::default() };
            self.write(&mut state, "posts", "post", post_id, &restored);
        }
    }

    /// Edits a post that says the same afterwards.
    pub(crate) fn revise(&self, post_id: i64) {
        let text = self.state.lock().posts.get(&post_id).map(|post| post.text);
        text.into_iter().for_each(|text| self.edit(post_id, text));
    }

    /// Likes a post. No event that feeds follow tells of it.
    pub(crate) fn like(&self, account_id: i64, post_id: i64) {
        self.state.lock().likes.insert((account_id, post_id));
    }

    /// Puts events into the log, as a relay does; they must come in their order.
    pub(crate) async fn log(&self, events: &[Event]) {
        for source in ["posts", "graph", "accounts"] {
            let of_source: Vec<Event> = events.iter().filter(|event| event.source == source).cloned().collect();
            let cx = Cx::background("relay", Duration::from_secs(5));
            self.log.publish(&cx, 0, &of_source).await.unwrap();
        }
    }

    /// Reposts a public post in sight; the id of the repost, of one that stood before as well.
    pub(crate) fn repost(&self, account_id: i64, post_id: i64) -> Option<i64> {
        let mut state = self.state.lock();
        let post =
            state.posts.get(&post_id).copied().filter(|p| !p.followers_only && state.visible(Some(account_id), *p))?;
        if let Some((id, _)) = state.reposts.iter().find(|(_, r)| r.by == account_id && r.post == post_id) {
            return Some(*id);
        }
        let repost_id = self.env.next_id();
        state.reposts.insert(repost_id, FakeRepost { by: account_id, post: post_id });
        let reposted = Reposted { post_id, author_id: post.author, account_id, repost_id };
        self.write(&mut state, "posts", "post", post_id, &reposted);
        Some(repost_id)
    }

    pub(crate) fn undo_repost(&self, repost_id: i64) {
        let mut state = self.state.lock();
        self.end_repost(&mut state, repost_id);
    }

    fn end_repost(&self, state: &mut State, repost_id: i64) {
        if let Some(repost) = state.reposts.remove(&repost_id) {
            state.undone.insert(repost_id, repost);
            let FakeRepost { by: account_id, post: post_id } = repost;
            let author_id = state.posts[&post_id].author;
            let undone = RepostUndone { post_id, author_id, account_id, repost_id };
            self.write(state, "posts", "post", post_id, &undone);
        }
    }

    /// Mutes for so many milliseconds. No event tells of it.
    pub(crate) fn mute(&self, muter: i64, muted: i64, [posts, reposts]: [bool; 2], for_ms: i64) {
        if muter == muted {
            return;
        }
        let until = self.env.now().plus_ms(for_ms);
        self.state.lock().mutes.insert((muter, muted), FakeMute { posts, reposts, until });
    }

    pub(crate) fn unmute(&self, muter: i64, muted: i64) {
        self.state.lock().mutes.remove(&(muter, muted));
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
        state.lists.retain(|_, list| list.owner != account_id);
        state.words.retain(|(account, _), _| *account != account_id);
        state.languages.remove(&account_id);
        let reposts: Vec<i64> = state.reposts.iter().filter(|(_, r)| r.by == account_id).map(|(id, _)| *id).collect();
        reposts.into_iter().for_each(|repost| self.end_repost(&mut state, repost));
        state.mutes.retain(|(a, b), _| *a != account_id && *b != account_id);
        let posts: Vec<i64> = state.posts.iter().filter(|(_, p)| p.author == account_id).map(|(id, _)| *id).collect();
        for post_id in posts {
            state.posts.remove(&post_id);
            state.reposts.retain(|_, repost| repost.post != post_id);
            let deleted = PostDeleted { post_id, author_id: account_id, ..PostDeleted::default() };
            self.write(&mut state, "posts", "post", post_id, &deleted);
        }
        self.write(&mut state, "accounts", "account", account_id, &AccountDeleted { account_id });
    }

    fn end_follow(&self, state: &mut State, follower_id: i64, followee_id: i64) {
        if state.follows.remove(&(follower_id, followee_id)) {
            let enlisted = |list: &&mut FakeList| list.owner == follower_id;
            for list in state.lists.values_mut().filter(enlisted) {
                list.members.remove(&followee_id);
            }
            let changed = ListMembersChanged { list_id: 1, owner_id: follower_id };
            self.write(state, "graph", "account", follower_id, &changed);
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
