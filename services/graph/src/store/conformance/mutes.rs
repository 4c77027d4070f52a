//! Mutes: who, how, until when; and the lists of mutes and blocks.

use plaza_core::{AccountId, Timestamp, reason};

use super::lists::walk_mutes;
use super::{Subject, changes, cx, request, write};
use crate::domain::Change::{Muted, Unmuted};
use crate::domain::{Action, EdgeKey, Limits, Mute, Relation, Scopes, Write};

const A: AccountId = AccountId(1);
const B: AccountId = AccountId(2);
const LASTING: Mute = Mute { scopes: Scopes::ALL, until: None };

const fn until(at: i64) -> Mute {
    Mute { scopes: Scopes::REPOSTS, until: Some(Timestamp(at)) }
}

pub(super) async fn a_mute_is_replaced_and_lifted(s: Subject) {
    for at in [10, 20] {
        let written = s.store.change(&cx(), Action::Mute(LASTING), write(1, 2, at)).await.unwrap();
        assert_eq!(written.relation, Relation { muting: Some(LASTING), ..Relation::default() });
    }
    assert_eq!(
        walk_mutes(&*s.store, A, Timestamp(20), 5).await[0].edge.at,
        Timestamp(10),
        "the second changed nothing"
    );
    let written = s.store.change(&cx(), Action::Mute(until(90)), write(1, 2, 30)).await.unwrap();
    assert_eq!(written.relation.muting, Some(until(90)));
    let muted = walk_mutes(&*s.store, A, Timestamp(30), 5).await;
    assert_eq!((muted.len(), muted[0].mute, muted[0].edge.at), (1, until(90), Timestamp(30)));
    // The other knows nothing of it, and a mute stands in the way of nothing.
    assert_eq!(s.store.relations(&cx(), B, &[A]).await.unwrap(), [Relation::default()]);
    assert!(s.store.follow(&cx(), write(1, 2, 40)).await.unwrap().relation.following);
    for at in [50, 60] {
        let written = s.store.change(&cx(), Action::Unmute, write(1, 2, at)).await.unwrap();
        assert_eq!(written.relation, Relation { following: true, ..Relation::default() });
    }
    s.store.unfollow(&cx(), write(1, 2, 70)).await.unwrap();
    let told: Vec<_> = changes(&*s.store).await.into_iter().filter(|c| matches!(c, Muted(..) | Unmuted(..))).collect();
    assert_eq!(told, [Muted(A, B), Muted(A, B), Unmuted(A, B)]);
    assert!(s.store.held(&cx(), AccountId(0), 9).await.unwrap().is_empty());
}

pub(super) async fn a_mute_that_has_run_out_is_as_good_as_none(s: Subject) {
    s.store.change(&cx(), Action::Mute(until(50)), write(1, 2, 10)).await.unwrap();
    let relation = s.store.relations(&cx(), A, &[B]).await.unwrap()[0];
    assert_eq!(relation.at(Timestamp(49)).muting, Some(until(50)));
    assert_eq!(relation.at(Timestamp(50)), Relation::default());
    assert_eq!(walk_mutes(&*s.store, A, Timestamp(49), 5).await.len(), 1);
    assert!(walk_mutes(&*s.store, A, Timestamp(50), 5).await.is_empty());
    // Muting anew is told even if it asks for what ran out; lifting what ran out is not.
    s.store.change(&cx(), Action::Mute(until(50)), write(1, 2, 50)).await.unwrap();
    s.store.change(&cx(), Action::Unmute, write(1, 2, 60)).await.unwrap();
    assert_eq!(changes(&*s.store).await, [Muted(A, B), Muted(A, B)]);
    assert_eq!(s.store.relations(&cx(), A, &[B]).await.unwrap(), [Relation::default()]);
}

pub(super) async fn mutes_that_have_run_out_are_pruned(s: Subject) {
    let now = plaza_core::Clock::now(&*s.clock);
    for (target, end) in [(2, Some(now)), (3, Some(now.plus_ms(1))), (4, None)] {
        let mute = Mute { scopes: Scopes::ALL, until: end };
        s.store.change(&cx(), Action::Mute(mute), write(1, target, target)).await.unwrap();
    }
    assert_eq!(s.store.prune(&cx()).await.unwrap(), 1);
    let left = walk_mutes(&*s.store, A, Timestamp(0), 9).await;
    assert_eq!(left.iter().map(|muted| muted.edge.other.get()).collect::<Vec<_>>(), [4, 3]);
    assert_eq!(s.store.prune(&cx()).await.unwrap(), 0);
    assert_eq!(s.store.held(&cx(), AccountId(0), 9).await.unwrap(), [1, 3, 4].map(AccountId));
}

pub(super) async fn mutes_and_blocks_are_listed_newest_first(s: Subject) {
    for (target, at) in [(5, 10), (3, 10), (9, 11), (4, 12)] {
        s.store.change(&cx(), Action::Mute(LASTING), write(1, target, at)).await.unwrap();
        s.store.block(&cx(), write(1, target, at)).await.unwrap();
        s.store.block(&cx(), write(target, 2, at)).await.unwrap();
    }
    for size in [1, 2, 3, 9] {
        let muted = walk_mutes(&*s.store, A, Timestamp(20), size).await;
        assert_eq!(muted.iter().map(|muted| muted.edge.other.get()).collect::<Vec<_>>(), [4, 9, 5, 3]);
        let (mut blocked, mut after) = (Vec::new(), EdgeKey::FIRST);
        loop {
            let page = s.store.blocks(&cx(), A, after, size).await.unwrap();
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = last.key();
            blocked.extend(page.iter().map(|edge| (edge.other.get(), edge.at.0)));
        }
        assert_eq!(blocked, [(4, 12), (9, 11), (5, 10), (3, 10)], "in pages of {size}");
    }
    assert!(s.store.blocks(&cx(), B, EdgeKey::FIRST, 9).await.unwrap().is_empty(), "who blocks it is another list");
}

pub(super) async fn a_follower_can_be_removed(s: Subject) {
    s.store.follow(&cx(), write(2, 1, 10)).await.unwrap();
    s.store.follow(&cx(), write(1, 2, 10)).await.unwrap();
    for at in [20, 30] {
        let written = s.store.change(&cx(), Action::RemoveFollower, write(1, 2, at)).await.unwrap();
        assert_eq!(written.relation, Relation { following: true, ..Relation::default() });
    }
    s.store.follow(&cx(), write(2, 1, 40)).await.unwrap();
}

pub(super) async fn limits_are_kept_and_make_room_again(s: Subject) {
    let limited =
        |target, at| Write { limits: Limits { following: 2, mutes: 1, ..Limits::NONE }, ..write(1, target, at) };
    for target in [2, 3, 2] {
        s.store.follow(&cx(), limited(target, 10)).await.unwrap();
    }
    let error = s.store.follow(&request(1, "Follow", 1), limited(4, 20)).await.unwrap_err();
    assert!(error.is(reason::LIMIT_REACHED), "{error}");
    s.store.unfollow(&cx(), limited(2, 30)).await.unwrap();
    assert!(s.store.follow(&request(1, "Follow", 1), limited(4, 40)).await.unwrap().relation.following);

    s.store.change(&cx(), Action::Mute(LASTING), limited(2, 10)).await.unwrap();
    s.store.change(&cx(), Action::Mute(until(90)), limited(2, 20)).await.unwrap();
    let error = s.store.change(&cx(), Action::Mute(LASTING), limited(3, 30)).await.unwrap_err();
    assert!(error.is(reason::LIMIT_REACHED), "{error}");
    s.store.change(&cx(), Action::Unmute, limited(2, 40)).await.unwrap();
    s.store.change(&cx(), Action::Mute(LASTING), limited(3, 50)).await.unwrap();
}
