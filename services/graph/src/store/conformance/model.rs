//! The graph as plain sets, to compare an engine with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plaza_core::{AccountId, Env, ManualClock, Timestamp, reason};

use super::lists::{walk, walk_ids, walk_mutes};
use super::{Subject, ask, changes, cx, write};
use crate::domain::{
    Action, Change, Circle, Counts, Direction, Edge, EdgeKey, Mute, Muted, Relation, Scopes, Side, Write,
};
use crate::store::GraphStore;

/// One operation; the numbers are accounts.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// The first follows the second.
    Follow(i64, i64),
    /// The first unfollows the second.
    Unfollow(i64, i64),
    /// The first blocks the second.
    Block(i64, i64),
    /// The first unblocks the second.
    Unblock(i64, i64),
    /// The first follows the second, which is protected.
    Ask(i64, i64),
    /// The first lets the second follow it.
    Accept(i64, i64),
    /// The first does not let the second follow it.
    Reject(i64, i64),
    /// The first takes its request to the second back.
    Cancel(i64, i64),
    /// The second follows the first no more.
    RemoveFollower(i64, i64),
    /// The first mutes the second's posts for this many milliseconds, or everything until it is lifted.
    Mute(i64, i64, Option<i64>),
    /// The first unmutes the second.
    Unmute(i64, i64),
    /// The account is erased, this many edges at once.
    Erase(i64, usize),
}

/// The graph by brute force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Follower and followee, since when.
    follows: BTreeMap<(i64, i64), i64>,
    /// Blocker and blocked.
    blocks: BTreeSet<(i64, i64)>,
    /// Who asked whom.
    requests: BTreeSet<(i64, i64)>,
    /// Muter and muted, since when and how.
    mutes: BTreeMap<(i64, i64), (i64, Mute)>,
    erased: BTreeSet<i64>,
    /// How many changes there were.
    told: usize,
}

impl Model {
    /// What changes lead to; the times of follows are 0, and mutes are left out: events do not tell when they run out.
    #[must_use]
    pub fn replay(changes: &[Change]) -> Self {
        let mut model = Self { told: changes.len(), ..Self::default() };
        for change in changes {
            let [AccountId(a), AccountId(b)] = change.accounts();
            let changed = match change {
                Change::Followed(..) => model.follows.insert((a, b), 0).is_none(),
                Change::Unfollowed(..) => model.follows.remove(&(a, b)).is_some(),
                Change::Blocked(..) => model.blocks.insert((a, b)),
                Change::Unblocked(..) => model.blocks.remove(&(a, b)),
                Change::Muted(..) | Change::Unmuted(..) => true,
                Change::Requested(..) => model.requests.insert((a, b)),
                Change::RequestEnded(..) => model.requests.remove(&(a, b)),
            };
            assert!(changed, "{change:?} changed nothing");
        }
        model
    }

    fn timeless(&self) -> Self {
        let follows = self.follows.keys().map(|pair| (*pair, 0)).collect();
        Self { follows, erased: BTreeSet::new(), mutes: BTreeMap::new(), ..self.clone() }
    }

    fn follow(&mut self, a: i64, b: i64, at: i64) {
        self.end_request(a, b);
        let before = self.follows.len();
        self.follows.entry((a, b)).or_insert(at);
        self.told += self.follows.len() - before;
    }

    fn end_request(&mut self, a: i64, b: i64) {
        self.told += usize::from(self.requests.remove(&(a, b)));
    }

    fn unfollow(&mut self, a: i64, b: i64) {
        self.told += usize::from(self.follows.remove(&(a, b)).is_some());
    }

    /// Applies an operation at `at`; the reason if it is refused.
    fn apply(&mut self, op: Op, at: i64) -> Result<(), reason::Reason> {
        match op {
            Op::Follow(a, b) | Op::Ask(a, b) | Op::Accept(a, b) | Op::Block(a, b) | Op::Mute(a, b, _)
                if self.erased.contains(&a) || self.erased.contains(&b) =>
            {
                return Err(reason::ACCOUNT_NOT_FOUND);
            }
            Op::Follow(a, b) | Op::Ask(a, b) if self.relation(a, b).is_blocked() => return Err(reason::BLOCKED),
            Op::Follow(a, b) => self.follow(a, b, at),
            Op::Ask(a, b) if self.follows.contains_key(&(a, b)) => {}
            Op::Ask(a, b) => self.told += usize::from(self.requests.insert((a, b))),
            Op::Accept(a, b) if self.requests.contains(&(b, a)) => self.follow(b, a, at),
            Op::Accept(a, b) if self.follows.contains_key(&(b, a)) => {}
            Op::Accept(..) => return Err(reason::FOLLOW_REQUEST_NOT_FOUND),
            Op::Reject(a, b) => self.end_request(b, a),
            Op::Cancel(a, b) => self.end_request(a, b),
            Op::Unfollow(a, b) => {
                self.end_request(a, b);
                self.unfollow(a, b);
            }
            Op::RemoveFollower(a, b) => self.unfollow(b, a),
            Op::Mute(a, b, _) => {
                let Action::Mute(mute) = action(op, at) else { return Ok(()) };
                let before = self.mutes.get(&(a, b)).map(|(_, mute)| *mute);
                if before != Some(mute) || !mute.stands(Timestamp(at)) {
                    self.mutes.insert((a, b), (at, mute));
                    self.told += 1;
                }
            }
            Op::Unmute(a, b) => {
                let ended = self.mutes.remove(&(a, b));
                self.told += usize::from(ended.is_some_and(|(_, mute)| mute.stands(Timestamp(at))));
            }
            Op::Block(a, b) => {
                self.unfollow(a, b);
                self.unfollow(b, a);
                self.end_request(a, b);
                self.end_request(b, a);
                self.told += usize::from(self.blocks.insert((a, b)));
            }
            Op::Unblock(a, b) => self.told += usize::from(self.blocks.remove(&(a, b))),
            Op::Erase(a, _) => {
                let before = self.follows.len() + self.blocks.len() + self.requests.len();
                self.follows.retain(|(x, y), _| *x != a && *y != a);
                self.blocks.retain(|(x, y)| *x != a && *y != a);
                self.requests.retain(|(x, y)| *x != a && *y != a);
                self.told += before - self.follows.len() - self.blocks.len() - self.requests.len();
                // The store's own clock is far ahead of the operations': every mute with an end has run out.
                let ended = self.mutes.extract_if(.., |(x, y), _| *x == a || *y == a);
                self.told += ended.filter(|(_, (_, mute))| mute.until.is_none()).count();
                self.erased.insert(a);
            }
        }
        Ok(())
    }

    fn relation(&self, viewer: i64, other: i64) -> Relation {
        Relation {
            following: self.follows.contains_key(&(viewer, other)),
            followed_by: self.follows.contains_key(&(other, viewer)),
            blocking: self.blocks.contains(&(viewer, other)),
            blocked_by: self.blocks.contains(&(other, viewer)),
            muting: self.mutes.get(&(viewer, other)).map(|(_, mute)| *mute),
            requested: self.requests.contains(&(viewer, other)),
            requested_by: self.requests.contains(&(other, viewer)),
        }
    }

    /// Newest first, those that stand at `now`.
    fn muted(&self, account: i64, now: i64) -> Vec<Muted> {
        let own = self.mutes.iter().filter(|((muter, _), (_, mute))| *muter == account && mute.stands(Timestamp(now)));
        let muted = |((_, other), (at, mute)): (&(i64, i64), &(i64, Mute))| Muted {
            edge: Edge { other: AccountId(*other), at: Timestamp(*at) },
            mute: *mute,
        };
        let mut muted: Vec<Muted> = own.map(muted).collect();
        muted.sort_by_key(|muted| std::cmp::Reverse(muted.edge.key()));
        muted
    }

    /// Newest first.
    fn edges(&self, account: i64, way: Direction) -> Vec<Edge> {
        let mut edges: Vec<Edge> = self
            .follows
            .iter()
            .filter_map(|((follower, followee), at)| {
                let (own, other) = match way {
                    Direction::Followers => (followee, follower),
                    Direction::Following => (follower, followee),
                };
                (*own == account).then_some(Edge { other: AccountId(*other), at: Timestamp(*at) })
            })
            .collect();
        edges.sort_by_key(|edge| std::cmp::Reverse(edge.key()));
        edges
    }

    fn circle(&self, account: i64) -> Circle {
        let follows = |way| {
            let ids: BTreeSet<i64> = self.edges(account, way).iter().map(|edge| edge.other.get()).collect();
            Side::Whole(ids.into_iter().collect())
        };
        let blocking = self.blocks.iter().filter(|(a, _)| *a == account).map(|(_, b)| *b);
        let blocked_by = self.blocks.iter().filter(|(_, b)| *b == account).map(|(a, _)| *a);
        let muting = self.mutes.iter().filter(|((a, _), _)| *a == account).map(|((_, b), (_, mute))| (*b, *mute));
        let requested = self.requests.iter().filter(|(a, _)| *a == account).map(|(_, b)| *b);
        let requested_by = self.requests.iter().filter(|(_, b)| *b == account).map(|(a, _)| *a);
        Circle {
            following: follows(Direction::Following),
            followers: follows(Direction::Followers),
            blocking: Side::Whole(blocking.collect()),
            blocked_by: Side::Whole(blocked_by.collect()),
            muting: Side::Whole(muting.collect()),
            requested: Side::Whole(requested.collect()),
            requested_by: Side::Whole(requested_by.collect()),
        }
    }

    fn held(&self) -> Vec<AccountId> {
        let pairs = self.follows.keys().chain(&self.blocks).chain(&self.requests).chain(self.mutes.keys());
        let held: BTreeSet<i64> = pairs.flat_map(|(a, b)| [*a, *b]).collect();
        held.into_iter().map(AccountId).collect()
    }
}

/// Applies `ops` to the store and to the model, three to a millisecond; answers, what the store says at the end, and what
/// its events tell must be the model's. Accounts are 1 to `accounts`.
///
/// # Panics
/// If store and model disagree.
pub async fn check(store: &dyn GraphStore, accounts: i64, ops: &[Op]) {
    let mut model = Model::default();
    for (i, op) in ops.iter().enumerate() {
        let at = i64::try_from(i / 3).unwrap();
        let expected = model.apply(*op, at);
        let answer = perform(store, *op, at).await;
        match (answer, expected) {
            (Ok(None), Ok(())) => {}
            (Ok(Some((actor, target, relation))), Ok(())) => {
                assert_eq!(relation, model.relation(actor, target), "operation {i}, {op:?}");
            }
            (Err(error), Err(reason)) => assert!(error.is(reason), "operation {i}, {op:?}: {error}"),
            (answer, expected) => panic_on(i, *op, &answer, expected),
        }
        assert_fresh(store, &model, *op, i).await;
    }
    assert_same(store, &model, accounts).await;
}

/// What was just written must show at once, from both ends; asking also fills the caches for the next write to spoil.
async fn assert_fresh(store: &dyn GraphStore, model: &Model, op: Op, i: usize) {
    let (a, b) = ends(op);
    for (viewer, other) in [(a, b), (b, a)] {
        let relations = store.relations(&cx(), AccountId(viewer), &[AccountId(other)]).await.unwrap();
        assert_eq!(relations, [model.relation(viewer, other)], "after operation {i}, {op:?}");
    }
}

#[expect(clippy::panic, reason = "this is how a check fails")]
fn panic_on(i: usize, op: Op, answer: &dyn std::fmt::Debug, expected: Result<(), reason::Reason>) -> ! {
    panic!("operation {i}, {op:?}: the store says {answer:?}, the model {expected:?}")
}

/// The accounts that an operation is about.
const fn ends(op: Op) -> (i64, i64) {
    match op {
        Op::Follow(a, b)
        | Op::Ask(a, b)
        | Op::Accept(a, b)
        | Op::Reject(a, b)
        | Op::Cancel(a, b)
        | Op::Unfollow(a, b)
        | Op::RemoveFollower(a, b)
        | Op::Block(a, b)
        | Op::Unblock(a, b)
        | Op::Mute(a, b, _)
        | Op::Unmute(a, b) => (a, b),
        Op::Erase(a, _) => (a, 1),
    }
}

/// What an operation asks of the store at `at`; an erasure is no such thing.
pub(super) const fn action(op: Op, at: i64) -> Action {
    match op {
        Op::Follow(..) | Op::Ask(..) => Action::Follow,
        Op::Accept(..) => Action::AcceptRequest,
        Op::Reject(..) => Action::RejectRequest,
        Op::Cancel(..) => Action::CancelRequest,
        Op::Unfollow(..) | Op::Erase(..) => Action::Unfollow,
        Op::RemoveFollower(..) => Action::RemoveFollower,
        Op::Block(..) => Action::Block,
        Op::Unblock(..) => Action::Unblock,
        Op::Mute(_, _, Some(ms)) => Action::Mute(Mute { scopes: Scopes::POSTS, until: Some(Timestamp(at + ms)) }),
        Op::Mute(_, _, None) => Action::Mute(Mute { scopes: Scopes::ALL, until: None }),
        Op::Unmute(..) => Action::Unmute,
    }
}

/// The write of an operation at `at`.
pub(super) const fn write_of(op: Op, at: i64) -> Write {
    let (a, b) = ends(op);
    if matches!(op, Op::Ask(..)) { ask(a, b, at) } else { write(a, b, at) }
}

async fn perform(store: &dyn GraphStore, op: Op, at: i64) -> plaza_core::Result<Option<(i64, i64, Relation)>> {
    if let Op::Erase(a, limit) = op {
        while store.erase(&cx(), AccountId(a), limit).await? >= limit {}
        return Ok(None);
    }
    let (a, b) = ends(op);
    let written = store.change(&cx(), action(op, at), write_of(op, at)).await?;
    Ok(Some((a, b, written.relation)))
}

/// Everything that the store can be asked must be what the model says.
async fn assert_same(store: &dyn GraphStore, model: &Model, accounts: i64) {
    let everybody: Vec<AccountId> = (1..=accounts).map(AccountId).collect();
    for viewer in &everybody {
        let expected: Vec<Relation> = everybody.iter().map(|other| model.relation(viewer.get(), other.get())).collect();
        assert_eq!(store.relations(&cx(), *viewer, &everybody).await.unwrap(), expected, "of {viewer}");
        assert_eq!(store.circle(&cx(), *viewer, 1_000).await.unwrap(), model.circle(viewer.get()), "of {viewer}");
        for now in [0, 20, 40, 1_000] {
            let muted = walk_mutes(store, *viewer, Timestamp(now), 2).await;
            assert_eq!(muted, model.muted(viewer.get(), now), "of {viewer} at {now}");
        }
        let blocked = store.blocks(&cx(), *viewer, EdgeKey::FIRST, 1_000).await.unwrap();
        assert!(blocked.is_sorted_by(|a, b| a.key() > b.key()), "of {viewer}");
        let mut blocked: Vec<i64> = blocked.iter().map(|edge| edge.other.get()).collect();
        blocked.sort_unstable();
        assert_eq!(Side::Whole(blocked.into()), model.circle(viewer.get()).blocking, "of {viewer}");
        for way in [Direction::Followers, Direction::Following] {
            let expected = model.edges(viewer.get(), way);
            assert_eq!(walk(store, *viewer, way, 3).await, expected, "{way:?} of {viewer}");
            let mut ids: Vec<AccountId> = expected.iter().map(|edge| edge.other).collect();
            ids.sort_unstable();
            assert_eq!(walk_ids(store, *viewer, way, 2).await, ids, "{way:?} of {viewer}");
        }
    }
    let length = |account: &AccountId, way| i64::try_from(model.edges(account.get(), way).len()).unwrap();
    let recount = |account| Counts {
        followers: length(account, Direction::Followers),
        following: length(account, Direction::Following),
    };
    let expected: Vec<Counts> = everybody.iter().map(recount).collect();
    assert_eq!(store.counts(&cx(), &everybody).await.unwrap(), expected);
    assert_eq!(store.held(&cx(), AccountId(0), 1_000).await.unwrap(), model.held());
    assert_eq!(store.held_among(&cx(), &everybody).await.unwrap(), model.held());
    assert_eq!(Model::replay(&changes(store).await), model.timeless());
}

/// The store as it is must agree with what its own events lead to: counts, lists and relations of accounts 1 to
/// `accounts`, and no follow across a block.
///
/// # Panics
/// If it does not.
pub async fn assert_consistent(store: &dyn GraphStore, accounts: i64) {
    let mut model = Model::replay(&changes(store).await);
    for ((a, b), at) in &mut model.follows {
        assert!(
            !model.blocks.contains(&(*a, *b)) && !model.blocks.contains(&(*b, *a)),
            "{a} follows {b} across a block"
        );
        let edges = walk(store, AccountId(*a), Direction::Following, 100).await;
        *at = edges.iter().find(|edge| edge.other.get() == *b).map_or(-1, |edge| edge.at.0);
    }
    for account in 1..=accounts {
        for muted in walk_mutes(store, AccountId(account), Timestamp(i64::MIN), 100).await {
            model.mutes.insert((account, muted.edge.other.get()), (muted.edge.at.0, muted.mute));
        }
    }
    assert_same(store, &model, accounts).await;
}

/// A random sequence over `accounts` accounts; few accounts, so that pairs meet often.
#[must_use]
pub fn random_ops(env: &Env, accounts: u64, length: usize) -> Vec<Op> {
    let account = || i64::try_from(1 + env.below(accounts)).unwrap();
    let pair = || {
        let (a, b) = (account(), account());
        if a == b { (a, a % i64::try_from(accounts).unwrap() + 1) } else { (a, b) }
    };
    let op = |_| {
        let (a, b) = pair();
        match env.below(100) {
            0..30 => Op::Follow(a, b),
            30..38 => Op::Ask(a, b),
            38..43 => Op::Accept(a, b),
            43..45 => Op::Reject(a, b),
            45..47 => Op::Cancel(a, b),
            47..58 => Op::Unfollow(a, b),
            58..62 => Op::RemoveFollower(a, b),
            62..72 => Op::Block(a, b),
            72..81 => Op::Unblock(a, b),
            81..87 => Op::Mute(a, b, Some(i64::try_from(env.below(40)).unwrap())),
            87..93 => Op::Mute(a, b, None),
            93..98 => Op::Unmute(a, b),
            _ => Op::Erase(a, 1 + usize::try_from(env.below(4)).unwrap()),
        }
    };
    (0..length).map(op).collect()
}

pub(super) async fn random_sequences_agree_with_the_model(s: Subject) {
    let clock: Arc<ManualClock> = ManualClock::new(Timestamp(1_800_000_000_000));
    let ops = random_ops(&Env::manual(clock, 7), 12, 600);
    check(&*s.store, 12, &ops).await;
}
