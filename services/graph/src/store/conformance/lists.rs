//! Lists, batches and circles.

use plaza_core::{AccountId, Timestamp};

use super::{Subject, cx, write};
use crate::domain::{Circle, Counts, Direction, Edge, EdgeKey, Muted, Relation, Side};
use crate::store::GraphStore;

const HUB: AccountId = AccountId(1_000);

/// The whole list in pages of `size`.
pub(super) async fn walk(store: &dyn GraphStore, account: AccountId, way: Direction, size: usize) -> Vec<Edge> {
    let (mut all, mut after) = (Vec::new(), EdgeKey::FIRST);
    loop {
        let page = store.edges(&cx(), account, way, after, size).await.unwrap();
        assert!(page.len() <= size);
        let Some(last) = page.last() else { return all };
        after = last.key();
        all.extend(page);
    }
}

/// All ids in pages of `size`.
pub(super) async fn walk_ids(
    store: &dyn GraphStore,
    account: AccountId,
    way: Direction,
    size: usize,
) -> Vec<AccountId> {
    let (mut all, mut after) = (Vec::new(), AccountId(0));
    loop {
        let page = store.ids(&cx(), account, way, after, size).await.unwrap();
        let Some(last) = page.last() else { return all };
        after = *last;
        all.extend(page);
    }
}

/// All mutes that stand at `now`, in pages of `size`.
pub(super) async fn walk_mutes(store: &dyn GraphStore, account: AccountId, now: Timestamp, size: usize) -> Vec<Muted> {
    let (mut all, mut after) = (Vec::new(), EdgeKey::FIRST);
    loop {
        let page = store.mutes(&cx(), account, now, after, size).await.unwrap();
        let Some(last) = page.last() else { return all };
        after = last.edge.key();
        all.extend(page);
    }
}

fn numbers(edges: &[Edge]) -> Vec<i64> {
    edges.iter().map(|edge| edge.other.get()).collect()
}

pub(super) async fn lists_are_newest_first_and_pages_join(s: Subject) {
    // Three follows in each millisecond, so that pages end within one.
    for i in 0..20 {
        s.store.follow(&cx(), write(i + 1, HUB.get(), 100 + i / 3)).await.unwrap();
        s.store.follow(&cx(), write(HUB.get(), i + 1, 100 + i / 3)).await.unwrap();
    }
    let expected: Vec<i64> = (1..=20).rev().collect();
    for way in [Direction::Followers, Direction::Following] {
        for size in [1, 2, 7, 20, 100] {
            let edges = walk(&*s.store, HUB, way, size).await;
            assert_eq!(numbers(&edges), expected, "{way:?} in pages of {size}");
            assert_eq!(edges[0].at, Timestamp(106));
        }
    }
    assert!(walk(&*s.store, AccountId(77), Direction::Followers, 5).await.is_empty());
}

pub(super) async fn a_walk_is_not_disturbed_by_writes(s: Subject) {
    for i in 1..=10 {
        s.store.follow(&cx(), write(i, HUB.get(), i)).await.unwrap();
    }
    let first = s.store.edges(&cx(), HUB, Direction::Followers, EdgeKey::FIRST, 4).await.unwrap();
    assert_eq!(numbers(&first), [10, 9, 8, 7]);
    // A new one at the top, the last one served goes, one to come goes.
    s.store.follow(&cx(), write(11, HUB.get(), 11)).await.unwrap();
    s.store.unfollow(&cx(), write(7, HUB.get(), 12)).await.unwrap();
    s.store.unfollow(&cx(), write(5, HUB.get(), 12)).await.unwrap();
    let next = s.store.edges(&cx(), HUB, Direction::Followers, first[3].key(), 4).await.unwrap();
    assert_eq!(numbers(&next), [6, 4, 3, 2]);
}

pub(super) async fn ids_rise_and_pages_join(s: Subject) {
    for i in [5, 3, 9, 1, 7] {
        s.store.follow(&cx(), write(i, HUB.get(), 10 - i)).await.unwrap();
        s.store.follow(&cx(), write(HUB.get(), i, 10 - i)).await.unwrap();
    }
    let expected: Vec<AccountId> = [1, 3, 5, 7, 9].map(AccountId).to_vec();
    for way in [Direction::Followers, Direction::Following] {
        for size in [1, 2, 5, 6] {
            assert_eq!(walk_ids(&*s.store, HUB, way, size).await, expected);
        }
    }
}

pub(super) async fn batches_keep_order_and_duplicates(s: Subject) {
    s.store.follow(&cx(), write(1, 2, 1)).await.unwrap();
    s.store.follow(&cx(), write(3, 1, 1)).await.unwrap();
    s.store.block(&cx(), write(1, 4, 1)).await.unwrap();
    s.store.block(&cx(), write(5, 1, 1)).await.unwrap();
    let others = [5, 2, 99, 2, 4, 1, 3].map(AccountId);
    let none = Relation::default();
    let expected = [
        Relation { blocked_by: true, ..none },
        Relation { following: true, ..none },
        none,
        Relation { following: true, ..none },
        Relation { blocking: true, ..none },
        none,
        Relation { followed_by: true, ..none },
    ];
    assert_eq!(s.store.relations(&cx(), AccountId(1), &others).await.unwrap(), expected);
    let counts = |followers, following| Counts { followers, following };
    let expected = [counts(1, 0), counts(0, 0), counts(1, 1), counts(1, 0)];
    assert_eq!(s.store.counts(&cx(), &[2, 99, 1, 2].map(AccountId)).await.unwrap(), expected);
    assert!(s.store.relations(&cx(), AccountId(1), &[]).await.unwrap().is_empty());
}

pub(super) async fn a_circle_is_whole_or_large(s: Subject) {
    for i in [4, 2, 3] {
        s.store.follow(&cx(), write(1, i, i)).await.unwrap();
    }
    s.store.follow(&cx(), write(3, 1, 5)).await.unwrap();
    s.store.block(&cx(), write(1, 8, 5)).await.unwrap();
    s.store.block(&cx(), write(9, 1, 5)).await.unwrap();
    let side = |ids: &[i64]| Side::Whole(ids.into());
    let whole = Circle {
        following: side(&[2, 3, 4]),
        followers: side(&[3]),
        blocking: side(&[8]),
        blocked_by: side(&[9]),
        muting: Side::Whole([].into()),
        requested: side(&[]),
        requested_by: side(&[]),
    };
    assert_eq!(s.store.circle(&cx(), AccountId(1), 3).await.unwrap(), whole);
    let large = Circle { following: Side::Large, ..whole };
    assert_eq!(s.store.circle(&cx(), AccountId(1), 2).await.unwrap(), large);
}
