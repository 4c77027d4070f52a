//! Random sequences of operations against the brute-force model, [`crate::world::State::home`].
//!
//! Caps are small, so that windows overflow and authors become celebrities; events come late, in any order and more than
//! once. While events are under way a page must never show what it should not. When all have come, every feed must be the
//! model's to the last post, however it came about, and hold exactly what the truth says.

use std::collections::BTreeSet;

use plaza_events::Event;
use plaza_proto::feeds::v1::HomeFilter;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use crate::engine::Evicted;
use crate::support::{Bench, Engine, config, falls, tags};
use crate::world::{FakePost, Placed, World};
use plaza_feeds::Config;
use plaza_feeds::store::memory::FEED_WEIGHT;

const ACCOUNTS: i64 = 7;

#[derive(Clone, Debug)]
enum Change {
    Post {
        author: i64,
        followers_only: bool,
        /// Of all posts the one that it replies to.
        reply_to: Option<prop::sample::Index>,
        text: &'static str,
        language: &'static str,
    },
    Edit(prop::sample::Index, &'static str),
    /// For so many milliseconds; for none, no more.
    MuteWord(i64, &'static str, i64),
    ReadIn(i64, &'static [&'static str]),
    /// Of all posts the one at this place.
    Delete(prop::sample::Index),
    Repost(i64, prop::sample::Index),
    /// Of all reposts the one at this place.
    UndoRepost(prop::sample::Index),
    /// Of posts, reposts or both, for so many milliseconds.
    Mute(i64, i64, [bool; 2], i64),
    Unmute(i64, i64),
    Follow(i64, i64),
    Unfollow(i64, i64),
    Block(i64, i64),
    Unblock(i64, i64),
    DeleteAccount(i64),
    /// A list, public and exclusive or not.
    MakeList(i64, [bool; 2]),
    /// Of all lists the one at this place.
    Enlist(prop::sample::Index, i64),
    Delist(prop::sample::Index, i64),
    MakeExclusive(prop::sample::Index, bool),
}

#[derive(Clone, Debug)]
enum Op {
    Change(Change),
    /// Up to so many of the events that wait, from this place on, or in the order of the seed.
    Deliver {
        count: usize,
        shuffle: Option<u64>,
    },
    /// Events that were delivered before, again.
    Redeliver {
        count: usize,
        seed: u64,
    },
    Read {
        reader: i64,
        size: i32,
    },
    /// Delivers all, then walks, with steps between the pages.
    Walk {
        reader: i64,
        size: i32,
        between: Vec<Step>,
    },
    Rebuild(i64),
    Cold(i64),
    /// All feeds at once, as after losing the store.
    Wipe,
    /// What a server may do at any moment.
    Evict(i64, Evicted),
    Wait,
}

#[derive(Clone, Debug)]
enum Step {
    Change(Change),
    Deliver(usize),
    Cold(i64),
    Evict(i64, Evicted),
    Next,
}

fn account() -> impl Strategy<Value = i64> {
    // The first are more likely: followed by many, read by many.
    prop_oneof![3 => 1..=3_i64, 2 => 1..=ACCOUNTS]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        24 => post(),
        6 => any::<prop::sample::Index>().prop_map(Change::Delete),
        14 => (account(), any::<prop::sample::Index>()).prop_map(|(by, post)| Change::Repost(by, post)),
        4 => any::<prop::sample::Index>().prop_map(Change::UndoRepost),
        4 => (account(), account(), prop::sample::select(&[[true, true], [true, false], [false, true]]), 1..90_000_000_i64)
            .prop_map(|(a, b, scopes, ms)| Change::Mute(a, b, scopes, ms)),
        1 => (account(), account()).prop_map(|(a, b)| Change::Unmute(a, b)),
        16 => (1..=ACCOUNTS, account()).prop_map(|(a, b)| Change::Follow(a, b)),
        6 => (1..=ACCOUNTS, account()).prop_map(|(a, b)| Change::Unfollow(a, b)),
        2 => (account(), account()).prop_map(|(a, b)| Change::Block(a, b)),
        2 => (account(), account()).prop_map(|(a, b)| Change::Unblock(a, b)),
        1 => (1..=ACCOUNTS).prop_map(Change::DeleteAccount),
        8 => list_change(),
        4 => choice(),
    ]
}

fn post() -> impl Strategy<Value = Change> {
    let (only, reply) = (prop::bool::weighted(0.2), prop::option::weighted(0.2, any::<prop::sample::Index>()));
    let language = prop::sample::select(&["", "de", "en"]);
    (account(), only, reply, prop::sample::select(&TEXTS), language).prop_map(
        |(author, followers_only, reply_to, text, language)| Change::Post {
            author,
            followers_only,
            reply_to,
            text,
            language,
        },
    )
}

/// Texts that hold one of the words, both or none.
const TEXTS: [&str; 7] = ["", "#Tea", "pancakes", "#cake", "some cake, some tea", "teatime", "#cake #tea"];

fn choice() -> impl Strategy<Value = Change> {
    let word = || prop::sample::select(&["cake", "tea"]);
    let languages: [&'static [&'static str]; 3] = [&[], &["de"], &["de", "en"]];
    prop_oneof![
        2 => (account(), word(), 1..90_000_000_i64).prop_map(|(reader, word, ms)| Change::MuteWord(reader, word, ms)),
        1 => (account(), word()).prop_map(|(reader, word)| Change::MuteWord(reader, word, 0)),
        2 => (account(), prop::sample::select(languages.to_vec())).prop_map(|(reader, tags)| Change::ReadIn(reader, tags)),
        4 => (any::<prop::sample::Index>(), prop::sample::select(&TEXTS)).prop_map(|(at, text)| Change::Edit(at, text)),
    ]
}

fn list_change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        2 => (account(), any::<[bool; 2]>()).prop_map(|(owner, is)| Change::MakeList(owner, is)),
        6 => (at(), account()).prop_map(|(list, other)| Change::Enlist(list, other)),
        1 => (at(), account()).prop_map(|(list, other)| Change::Delist(list, other)),
        1 => (at(), any::<bool>()).prop_map(|(list, exclusive)| Change::MakeExclusive(list, exclusive)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => change().prop_map(Step::Change),
        2 => (1..6_usize).prop_map(Step::Deliver),
        1 => account().prop_map(Step::Cold),
        1 => (account(), prop::sample::select(&Evicted::ALL)).prop_map(|(of, what)| Step::Evict(of, what)),
        4 => Just(Step::Next),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        40 => change().prop_map(Op::Change),
        12 => (1..9_usize, prop::option::of(any::<u64>()))
            .prop_map(|(count, shuffle)| Op::Deliver { count, shuffle }),
        4 => (1..9_usize, any::<u64>()).prop_map(|(count, seed)| Op::Redeliver { count, seed }),
        8 => (1..=ACCOUNTS, 1..12_i32).prop_map(|(reader, size)| Op::Read { reader, size }),
        2 => (account(), 1..5_i32, prop::collection::vec(step(), 0..24))
            .prop_map(|(reader, size, between)| Op::Walk { reader, size, between }),
        1 => account().prop_map(Op::Rebuild),
        2 => account().prop_map(Op::Cold),
        1 => Just(Op::Wipe),
        2 => (account(), prop::sample::select(&Evicted::ALL)).prop_map(|(of, what)| Op::Evict(of, what)),
        2 => Just(Op::Wait),
    ]
}

/// The service with the events that wait for it and those it had.
struct Run {
    bench: Bench,
    waiting: Vec<Event>,
    delivered: Vec<Event>,
    /// Pairs whose relationship changed since a walk began.
    touched: BTreeSet<(i64, i64)>,
    /// Posts that were edited since then.
    edited: BTreeSet<i64>,
}

impl Run {
    async fn new(engine: Engine, config: &Config) -> Self {
        Self {
            bench: Bench::with(engine, ACCOUNTS, config).await,
            waiting: vec![],
            delivered: vec![],
            touched: BTreeSet::new(),
            edited: BTreeSet::new(),
        }
    }

    fn world(&self) -> &World {
        &self.bench.world
    }

    fn a_post(&self, at: prop::sample::Index) -> Option<i64> {
        let posts: Vec<i64> = self.world().state.lock().posts.keys().copied().collect();
        (!posts.is_empty()).then(|| *at.get(&posts))
    }

    /// A list and its owner, whose home may change with it.
    fn a_list(&mut self, at: prop::sample::Index) -> Option<i64> {
        let lists: Vec<(i64, i64)> =
            self.world().state.lock().lists.iter().map(|(id, list)| (*id, list.owner)).collect();
        let (list, owner) = *at.get(if lists.is_empty() { &[(0, 0)] } else { &lists });
        self.touch_all(owner);
        (list > 0).then_some(list)
    }

    /// What a reader sees of everybody changes.
    fn touch_all(&mut self, reader: i64) {
        self.touched.extend((1..=ACCOUNTS).map(|other| (reader, other)));
    }

    fn is_there(&self, account: i64) -> bool {
        self.world().state.lock().accounts.contains(&account)
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Post { author, followers_only, reply_to, text, language } if self.is_there(*author) => {
                let reply_to = reply_to.and_then(|at| self.a_post(at)).unwrap_or(0);
                let (author, followers_only) = (*author, *followers_only);
                self.world().publish(FakePost { author, followers_only, reply_to, text, language, edits: 0 });
            }
            Change::Post { .. } => {}
            Change::Delete(at) => {
                if let Some(post) = self.a_post(*at) {
                    self.world().delete(post);
                }
            }
            Change::Repost(by, at) if self.is_there(*by) => {
                if let Some(post) = self.a_post(*at) {
                    self.world().repost(*by, post);
                }
            }
            Change::Repost(..) => {}
            Change::UndoRepost(at) => {
                let reposts: Vec<i64> = self.world().state.lock().reposts.keys().copied().collect();
                if !reposts.is_empty() {
                    self.world().undo_repost(*at.get(&reposts));
                }
            }
            Change::Mute(a, b, scopes, ms) => self.touch(*a, *b, |world, a, b| world.mute(a, b, *scopes, *ms)),
            Change::Unmute(a, b) => self.touch(*a, *b, World::unmute),
            Change::Follow(a, b) => self.touch(*a, *b, World::follow),
            Change::Unfollow(a, b) => self.touch(*a, *b, World::unfollow),
            Change::Block(a, b) => self.touch(*a, *b, World::block),
            Change::Unblock(a, b) => self.touch(*a, *b, World::unblock),
            Change::DeleteAccount(account) => {
                self.touched.extend((1..=ACCOUNTS).flat_map(|other| [(*account, other), (other, *account)]));
                self.world().delete_account(*account);
            }
            Change::Edit(at, text) => {
                if let Some(post) = self.a_post(*at) {
                    self.edited.insert(post);
                    self.world().edit(post, text);
                }
            }
            Change::MuteWord(reader, word, ms) if self.is_there(*reader) => {
                self.touch_all(*reader);
                self.world().mute_word(*reader, word, *ms);
            }
            Change::ReadIn(reader, languages) if self.is_there(*reader) => {
                self.touch_all(*reader);
                self.world().read_in(*reader, languages);
            }
            Change::MakeList(owner, [public, exclusive]) if self.is_there(*owner) => {
                self.world().make_list(*owner, *public, *exclusive);
            }
            Change::MakeList(..) | Change::MuteWord(..) | Change::ReadIn(..) => {}
            Change::Enlist(at, _) | Change::Delist(at, _) | Change::MakeExclusive(at, _) => {
                if let Some(list) = self.a_list(*at) {
                    self.change_list(list, change);
                }
            }
        }
        self.waiting.extend(self.world().drain());
    }

    fn change_list(&self, list: i64, change: &Change) {
        let world = self.world();
        match change {
            Change::Enlist(_, other) => world.enlist(list, *other),
            Change::Delist(_, other) => world.change_list(list, |list| list.members.retain(|member| member != other)),
            Change::MakeExclusive(_, exclusive) => world.change_list(list, |list| list.exclusive = *exclusive),
            other => panic!("{other:?} changes no list"),
        }
    }

    fn touch(&mut self, a: i64, b: i64, change: impl Fn(&World, i64, i64)) {
        if self.is_there(a) && self.is_there(b) {
            self.touched.extend([(a, b), (b, a)]);
            change(self.world(), a, b);
        }
    }

    async fn deliver(&mut self, count: usize, shuffle: Option<u64>) {
        if let Some(seed) = shuffle {
            shuffled(&mut self.waiting, seed);
        }
        let batch: Vec<Event> = self.waiting.drain(..count.min(self.waiting.len())).collect();
        self.bench.apply(&batch).await;
        self.delivered.extend(batch);
    }

    async fn deliver_all(&mut self) {
        self.deliver(usize::MAX, None).await;
    }

    async fn redeliver(&mut self, count: usize, seed: u64) {
        let mut again = self.delivered.clone();
        shuffled(&mut again, seed);
        again.truncate(count);
        self.bench.apply(&again).await;
    }

    /// A page shows nothing that it should not, whatever the state of events.
    async fn read(&self, reader: i64, size: i32) {
        let page = self.bench.page(reader, size).await;
        assert!(falls(&page.posts), "order: {:?}", page.posts);
        assert!(page.posts.len() <= usize::try_from(size).unwrap());
        let (state, now) = (self.world().state.lock(), self.world().env.now());
        // A repost shows until the event comes that it was undone.
        let placed = state.placed(!self.waiting.is_empty());
        for entry in &page.entries {
            let shows = match self.waiting.is_empty() {
                true => state.shows(reader, *entry, now),
                false => state.may_show(reader, *entry, now),
            };
            assert!(placed.contains(entry) && shows, "{entry:?} is not for {reader}");
        }
        let once: BTreeSet<i64> = page.entries.iter().map(|entry| entry.post).collect();
        assert_eq!(once.len(), page.entries.len(), "twice: {:?}", page.entries);
    }

    /// Pages of a walk fall, and miss no post whose place stood from start to end.
    async fn walk(&mut self, reader: i64, size: i32, between: &[Step]) {
        self.deliver_all().await;
        self.touched.clear();
        self.edited.clear();
        let at_start = self.world().state.lock().home(reader, self.world().env.now());
        let (mut seen, mut posts, mut token) = (Vec::new(), BTreeSet::new(), String::new());
        let mut steps = between.iter();
        loop {
            if !self.is_there(reader) {
                return;
            }
            let page = self.bench.page_at(reader, size, &token).await.unwrap();
            seen.extend(page.posts);
            posts.extend(page.entries.iter().map(|entry| entry.post));
            assert!(falls(&seen), "order: {seen:?}");
            token = page.next;
            if token.is_empty() {
                break;
            }
            for step in steps.by_ref() {
                match step {
                    Step::Change(change) => self.change(change),
                    Step::Deliver(count) => self.deliver(*count, None).await,
                    Step::Cold(account) => self.bench.make_cold(*account).await,
                    Step::Evict(account, what) => self.bench.evict(*account, *what).await,
                    Step::Next => break,
                }
            }
        }
        let state = self.world().state.lock();
        let placed = state.placed(true);
        let stood = |entry: &&Placed| {
            let parent = state.posts.get(&entry.post).and_then(|post| state.posts.get(&post.reply_to));
            let brought = placed.iter().filter(|other| other.post == entry.post).map(|other| other.by);
            state.placed(false).contains(entry)
                && !self.edited.contains(&entry.post)
                && state.shows(reader, **entry, self.world().env.now())
                && !brought.chain(parent.map(|p| p.author)).any(|other| self.touched.contains(&(reader, other)))
        };
        for entry in at_start.iter().filter(stood) {
            assert!(posts.contains(&entry.post), "{entry:?} stood all the while; seen {seen:?} of {at_start:?}");
        }
    }

    async fn run(&mut self, op: &Op) {
        match op {
            Op::Change(change) => self.change(change),
            Op::Deliver { count, shuffle } => self.deliver(*count, *shuffle).await,
            Op::Redeliver { count, seed } => self.redeliver(*count, *seed).await,
            Op::Read { reader, size } if self.is_there(*reader) => self.read(*reader, *size).await,
            Op::Walk { reader, size, between } if self.is_there(*reader) => self.walk(*reader, *size, between).await,
            Op::Rebuild(reader) if self.is_there(*reader) => drop(self.bench.rebuild(*reader).await),
            Op::Read { .. } | Op::Walk { .. } | Op::Rebuild(_) => {}
            Op::Cold(reader) => self.bench.make_cold(*reader).await,
            Op::Wipe => {
                for reader in 1..=ACCOUNTS {
                    self.bench.make_cold(reader).await;
                }
            }
            Op::Evict(account, what) => self.bench.evict(*account, *what).await,
            Op::Wait => self.bench.pass_ms(40_000_000),
        }
    }

    /// All events have come, some of them again: every feed is the model's, and what is held is what should be.
    async fn settle(&mut self, seed: u64) {
        shuffled(&mut self.waiting, seed);
        while !self.waiting.is_empty() {
            self.deliver(3, None).await;
        }
        self.redeliver(self.delivered.len() / 2, seed).await;
        assert_eq!(self.bench.drifted().await, [0; 0], "as fanned out");
        let readers: Vec<i64> = self.world().state.lock().accounts.iter().copied().collect();
        for reader in &readers {
            let fanned_out = self.bench.held(*reader).await;
            let home = self.world().home(*reader);
            assert_eq!(self.bench.walk(*reader, 3).await, home, "of {reader}, from {fanned_out:?}");
            self.bench.rebuild(*reader).await;
            assert_eq!(self.bench.walk(*reader, 5).await, home, "of {reader}, rebuilt");
        }
        assert_eq!(self.bench.drifted().await, [0; 0], "as rebuilt");
        // The whole log once more, into feeds that are all warm.
        self.redeliver(usize::MAX, seed).await;
        assert_eq!(self.bench.drifted().await, [0; 0], "as replayed");
        for reader in &readers {
            assert_eq!(self.bench.walk(*reader, 100).await, self.world().home(*reader), "of {reader}, replayed");
            let mutuals = self.bench.walk_of(*reader, HomeFilter::Mutuals, 4).await;
            assert_eq!(mutuals, self.world().mutuals(*reader), "mutuals of {reader}");
        }
        self.read_lists(&readers).await;
        self.read_hashtags(&readers).await;
    }

    /// The feeds of hashtags are the model's, for everybody.
    async fn read_hashtags(&self, readers: &[i64]) {
        let of = |any, all, none| [any, all, none].map(tags);
        for of in [of(&["cake", "tea"], &[], &[]), of(&[], &["tea"], &["cake"]), of(&["cake"], &["tea"], &[])] {
            for reader in readers.iter().copied().map(Some).chain([None]) {
                let walked = self.bench.walk_hashtags(reader, &of, 2).await;
                let expected = self.world().state.lock().hashtags(reader, &of, self.world().env.now());
                assert_eq!(walked, expected, "{of:?} for {reader:?}");
            }
        }
    }

    /// The feed of every list is the model's, for all who may read it.
    async fn read_lists(&self, readers: &[i64]) {
        let lists = self.world().state.lock().lists.clone();
        for (id, list) in lists {
            let sees = |reader: &i64| {
                let shut_out = self.world().state.lock().blocks.contains(&(list.owner, *reader));
                *reader == list.owner || (list.public && !shut_out)
            };
            let readers = readers.iter().copied().filter(sees).map(Some);
            for reader in readers.chain(list.public.then_some(None)) {
                let walked = self.bench.walk_list(reader, id, 3).await;
                assert_eq!(walked, self.world().list(id, reader), "list {id} for {reader:?}");
            }
        }
    }
}

fn shuffled(events: &mut [Event], seed: u64) {
    // A linear congruential generator: the same order for the same seed everywhere.
    let mut state = seed;
    for at in (1..events.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).unwrap() % (at + 1);
        events.swap(at, other);
    }
}

fn check(engine: Engine, config: &Config, ops: &[Op], seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut run = Run::new(engine, config).await;
        for op in ops {
            run.run(op).await;
        }
        run.settle(seed).await;
    });
}

fn settings(cases: u32) -> ProptestConfig {
    let persistence = Box::new(FileFailurePersistence::Direct("tests/it/property.regressions"));
    ProptestConfig {
        cases,
        failure_persistence: Some(persistence),
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(settings(400))]

    #[test]
    fn feeds_are_what_the_model_says(ops in prop::collection::vec(op(), 1..160), seed in any::<u64>()) {
        check(Engine::Memory, &config(), &ops, seed);
    }

    /// Hardly room for two feeds, and one day of absence is long: feeds go cold all the time.
    #[test]
    fn feeds_in_a_crammed_store_are_what_the_model_says(ops in prop::collection::vec(op(), 1..120), seed in any::<u64>()) {
        check(Engine::Memory, &Config { max_entries: 18 + 2 * FEED_WEIGHT, active_days: 1, ..config() }, &ops, seed);
    }

    /// Everybody who has a follower is pulled.
    #[test]
    fn feeds_of_celebrities_only_are_what_the_model_says(ops in prop::collection::vec(op(), 1..120), seed in any::<u64>()) {
        check(Engine::Memory, &Config { celebrity_threshold: 0, ..config() }, &ops, seed);
    }
}

proptest! {
    // Each step is some calls over a socket.
    #![proptest_config(settings(60))]

    #[test]
    fn feeds_in_redis_are_what_the_model_says(ops in prop::collection::vec(op(), 1..160), seed in any::<u64>()) {
        if Engine::Redis.is_there() {
            check(Engine::Redis, &Config { active_days: 1, ..config() }, &ops, seed);
        }
    }

    #[test]
    fn feeds_in_redis_of_celebrities_only_are_what_the_model_says(ops in prop::collection::vec(op(), 1..120), seed in any::<u64>()) {
        if Engine::Redis.is_there() {
            check(Engine::Redis, &Config { celebrity_threshold: 0, ..config() }, &ops, seed);
        }
    }
}
