//! Two replicas against the memory engine, with any key evicted at any moment: never a wrong page, only a cold one.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::store::memory::{MemoryFeeds, MemoryOptions};

const OWNERS: i64 = 3;
const POSTS: i64 = 28;
const AUTHORS: i64 = 3;

#[derive(Clone, Debug)]
enum Op {
    Push(Vec<i64>, Vec<i64>),
    Remove(Vec<i64>, Vec<i64>),
    Merge(i64, Vec<i64>, i64),
    Purge(i64, i64),
    Begin(i64),
    /// With what was read, and its floor.
    Finish(i64, Vec<i64>, i64),
    Drop(i64),
    Mark(i64),
    Page(i64, Option<i64>, usize),
    Evict(Key),
}

#[derive(Clone, Debug)]
enum Key {
    Feed(i64),
    Build(i64),
    Marks,
}

fn op() -> impl Strategy<Value = Op> {
    let owner = || 1..=OWNERS;
    let owners = || prop::collection::vec(1..=OWNERS, 1..4);
    let some = |most| prop::collection::vec(0..POSTS, 0..most);
    let floor = || prop_oneof![2 => Just(0), 1 => 0..POSTS];
    prop_oneof![
        12 => (owners(), some(5)).prop_map(|(owners, posts)| Op::Push(owners, posts)),
        4 => (owners(), some(3)).prop_map(|(owners, posts)| Op::Remove(owners, posts)),
        3 => (owner(), some(9), floor()).prop_map(|(owner, posts, floor)| Op::Merge(owner, posts, floor)),
        2 => (owner(), 0..AUTHORS).prop_map(|(owner, author)| Op::Purge(owner, author)),
        6 => owner().prop_map(Op::Begin),
        8 => (owner(), some(9), floor()).prop_map(|(owner, posts, floor)| Op::Finish(owner, posts, floor)),
        1 => owner().prop_map(Op::Drop),
        2 => (0..AUTHORS).prop_map(Op::Mark),
        8 => (owner(), prop::option::of(0..POSTS), 0..9_usize)
            .prop_map(|(owner, before, limit)| Op::Page(owner, before, limit)),
        3 => prop_oneof![
            3 => owner().prop_map(Key::Feed), 2 => owner().prop_map(Key::Build), 1 => Just(Key::Marks),
        ]
        .prop_map(Op::Evict),
    ]
}

/// Posts of few milliseconds, some the last of theirs, so that ties and what comes after them matter.
fn post(n: i64) -> PostId {
    const LAST: i64 = (1 << 22) - 1;
    PostId((1 << 61) + ((n / 4) << 22) + [0, 1, LAST - 1, LAST][usize::try_from(n % 4).unwrap()])
}

/// A floor of 0 stays one.
fn floor(n: i64) -> PostId {
    if n == 0 { PostId(0) } else { post(n) }
}

fn entries(posts: &[i64], floor: i64) -> Vec<Entry> {
    let of = |n: &i64| match n % 5 {
        0 => Entry::repost(post(*n), AccountId(n % AUTHORS), PostId(n + 1)),
        _ => Entry::post(post(*n), AccountId(n % AUTHORS)),
    };
    posts.iter().filter(|n| **n >= floor).map(of).collect()
}

fn ids(posts: &[i64]) -> Vec<PostId> {
    posts.iter().map(|n| post(*n)).collect()
}

fn accounts(ids: &[i64]) -> Vec<AccountId> {
    ids.iter().map(|id| AccountId(*id)).collect()
}

/// Both engines, and what is known of the difference that evictions made.
struct Run {
    keys: RedisKeys,
    replicas: [RedisFeeds; 2],
    model: MemoryFeeds,
    turn: usize,
    builds: BTreeMap<i64, Build>,
    marked: HashSet<AccountId>,
}

struct Build {
    redis: Ticket,
    model: Ticket,
    /// How much it was told to note, and whether its record or the marks were evicted: it may fail.
    noted: usize,
    evicted: bool,
}

impl Run {
    async fn new(keys: RedisKeys) -> Self {
        let replicas = [replica(&keys.address(), OPTIONS, 1).await, replica(&keys.address(), OPTIONS, 2).await];
        let options = MemoryOptions { cap: CAP, max_entries: 1_000_000, active_ms: 1_000_000 };
        let model = MemoryFeeds::new(options, Env::manual(ManualClock::new(Timestamp(1_800_000_000_000)), 3));
        Self { keys, replicas, model, turn: 0, builds: BTreeMap::new(), marked: HashSet::new() }
    }

    fn redis(&self) -> &RedisFeeds {
        &self.replicas[self.turn % 2]
    }

    fn note(&mut self, owners: &[i64], count: usize) {
        for owner in owners {
            if let Some(build) = self.builds.get_mut(owner) {
                build.noted += count;
            }
        }
    }

    async fn run(&mut self, op: &Op) {
        self.turn += 1;
        match op {
            Op::Push(owners, posts) => {
                self.note(owners, posts.len());
                let (owners, entries) = (accounts(owners), entries(posts, 0));
                self.redis().push(&cx(), &owners, &entries).await.unwrap();
                self.model.push(&cx(), &owners, &entries).await.unwrap();
            }
            Op::Remove(owners, posts) => {
                self.note(owners, posts.len());
                let (owners, posts) = (accounts(owners), ids(posts));
                self.redis().remove(&cx(), &owners, &posts).await.unwrap();
                self.model.remove(&cx(), &owners, &posts).await.unwrap();
            }
            Op::Merge(owner, posts, low) => {
                let (entries, floor) = (entries(posts, *low), floor(*low));
                self.redis().merge(&cx(), AccountId(*owner), &entries, floor).await.unwrap();
                self.model.merge(&cx(), AccountId(*owner), &entries, floor).await.unwrap();
            }
            Op::Purge(owner, author) => {
                self.redis().purge(&cx(), AccountId(*owner), &[AccountId(*author)]).await.unwrap();
                self.model.purge(&cx(), AccountId(*owner), &[AccountId(*author)]).await.unwrap();
            }
            Op::Begin(owner) => {
                let redis = self.redis().begin_build(&cx(), AccountId(*owner)).await.unwrap();
                let model = self.model.begin_build(&cx(), AccountId(*owner)).await.unwrap();
                self.builds.insert(*owner, Build { redis, model, noted: 0, evicted: false });
            }
            Op::Finish(owner, posts, low) => self.finish(*owner, &entries(posts, *low), floor(*low)).await,
            Op::Drop(owner) => self.drop_feed(AccountId(*owner)).await,
            Op::Mark(author) => {
                self.redis().mark_celebrities(&cx(), &[AccountId(*author)]).await.unwrap();
                self.marked.insert(AccountId(*author));
            }
            Op::Page(owner, before, limit) => self.page(AccountId(*owner), before.map(post), *limit).await,
            Op::Evict(key) => self.evict(key),
        }
    }

    fn evict(&mut self, key: &Key) {
        let key = match key {
            Key::Feed(owner) => self.redis().feed(AccountId(*owner)),
            Key::Build(owner) => {
                self.builds.entry(*owner).and_modify(|build| build.evicted = true);
                self.redis().build(AccountId(*owner))
            }
            Key::Marks => {
                self.marked.clear();
                self.builds.values_mut().for_each(|build| build.evicted = true);
                self.redis().marks()
            }
        };
        assert!(command(&self.keys.address(), &["DEL", &key]).starts_with(':'));
    }

    async fn finish(&mut self, owner: i64, entries: &[Entry], floor: PostId) {
        let Some(build) = self.builds.remove(&owner) else { return };
        let owner = AccountId(owner);
        let redis = self.redis().finish_build(&cx(), owner, build.redis, entries, floor).await.unwrap();
        let model = self.model.finish_build(&cx(), owner, build.model, entries, floor).await.unwrap();
        if redis != model {
            // Each engine gives up on a build with too much to note, at a bound of its own.
            assert!(redis.is_none() && build.evicted || build.noted > CAP, "{redis:?} is not {model:?}");
            self.drop_feed(owner).await;
        }
    }

    async fn drop_feed(&self, owner: AccountId) {
        self.redis().drop_feeds(&cx(), &[owner]).await.unwrap();
        self.model.drop_feeds(&cx(), &[owner]).await.unwrap();
    }

    async fn page(&self, owner: AccountId, before: Option<PostId>, limit: usize) {
        let Some(redis) = self.redis().page(&cx(), owner, before, limit).await.unwrap() else { return };
        let model = self.model.page(&cx(), owner, before, limit).await.unwrap();
        assert_eq!(Some(redis.page), model.map(|reading| reading.page));
        assert_eq!(*redis.celebrities, self.marked);
    }

    /// How many feeds are warm.
    async fn check(&self) -> usize {
        let owners: Vec<AccountId> = (1..=OWNERS).map(AccountId).collect();
        let redis = self.redis().windows(&cx(), &owners).await.unwrap();
        let model = self.model.windows(&cx(), &owners).await.unwrap();
        for (redis, model) in redis.iter().zip(&model).filter(|(redis, _)| redis.is_some()) {
            assert_eq!(redis, model);
        }
        let held = self.redis().held(&cx(), &owners).await.unwrap();
        let held_by_model = self.model.held(&cx(), &owners).await.unwrap();
        assert!(held.iter().all(|owner| held_by_model.contains(owner)), "{held:?} {held_by_model:?}");
        assert_eq!(*self.redis().celebrities(&cx()).await.unwrap(), self.marked);
        redis.iter().flatten().count()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replicas_on_redis_do_as_memory_does(ops in prop::collection::vec(op(), 1..120)) {
        let Some(keys) = RedisKeys::on(Store::RedisCache) else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::new(keys).await;
            for op in &ops {
                run.run(op).await;
                run.check().await;
            }
        });
    }
}

/// Without evictions nothing may differ at all, so that the test above is known to look at warm feeds.
#[tokio::test]
async fn without_evictions_every_feed_stays_warm() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let mut run = Run::new(keys).await;
    for n in 0..POSTS {
        let owner = 1 + n % OWNERS;
        let ops = [
            Op::Begin(owner),
            Op::Push(vec![1, 2, 3], vec![n]),
            Op::Finish(owner, vec![(n * 5) % POSTS, (n * 3) % POSTS], 0),
            Op::Remove(vec![1, 2, 3], vec![(n * 11) % POSTS]),
            Op::Page(owner, Some((n * 7) % POSTS), 4),
        ];
        for op in &ops {
            run.run(op).await;
        }
        assert_eq!(run.check().await, usize::try_from((n + 1).min(OWNERS)).unwrap());
    }
}
