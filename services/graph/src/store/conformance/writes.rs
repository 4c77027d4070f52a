//! Follow, unfollow, block, unblock.

use plaza_core::request::REMEMBERED_MS;
use plaza_core::{AccountId, reason};

use super::{Subject, changes, cx, request, told, write};
use crate::domain::Change::{Blocked, Followed, Unblocked, Unfollowed};
use crate::domain::{Counts, Relation, Write};

pub(super) const NOTHING: Relation = Relation {
    following: false,
    followed_by: false,
    blocking: false,
    blocked_by: false,
    muting: None,
    requested: false,
    requested_by: false,
};
const A: AccountId = AccountId(1);
const B: AccountId = AccountId(2);

pub(super) async fn following_twice_is_following_once(s: Subject) {
    let first = s.store.follow(&cx(), write(1, 2, 10)).await.unwrap();
    let second = s.store.follow(&cx(), write(1, 2, 20)).await.unwrap();
    assert_eq!(first.relation, Relation { following: true, ..NOTHING });
    assert_eq!(second, first);
    assert_eq!(changes(&*s.store).await, [Followed(A, B)]);
    let counts = s.store.counts(&cx(), &[A, B]).await.unwrap();
    assert_eq!(counts, [Counts { followers: 0, following: 1 }, Counts { followers: 1, following: 0 }]);

    let back = s.store.follow(&cx(), write(2, 1, 30)).await.unwrap();
    assert_eq!(back.relation, Relation { following: true, followed_by: true, ..NOTHING });
    assert_eq!(s.store.relations(&cx(), A, &[B]).await.unwrap(), [back.relation]);
}

pub(super) async fn unfollowing_twice_is_unfollowing_once(s: Subject) {
    let none = s.store.unfollow(&cx(), write(1, 2, 10)).await.unwrap();
    assert_eq!((none.relation, none.position), (NOTHING, 0));
    s.store.follow(&cx(), write(1, 2, 20)).await.unwrap();
    s.store.follow(&cx(), write(2, 1, 20)).await.unwrap();
    for at in [30, 40] {
        let done = s.store.unfollow(&cx(), write(1, 2, at)).await.unwrap();
        assert_eq!(done.relation, Relation { followed_by: true, ..NOTHING });
    }
    assert_eq!(changes(&*s.store).await, [Followed(A, B), Followed(B, A), Unfollowed(A, B)]);
    let counts = s.store.counts(&cx(), &[A, B]).await.unwrap();
    assert_eq!(counts, [Counts { followers: 1, following: 0 }, Counts { followers: 0, following: 1 }]);
}

pub(super) async fn a_block_ends_follows_both_ways_and_forbids_new_ones(s: Subject) {
    s.store.follow(&cx(), write(1, 2, 10)).await.unwrap();
    s.store.follow(&cx(), write(2, 1, 10)).await.unwrap();
    for at in [20, 30] {
        let blocked = s.store.block(&cx(), write(1, 2, at)).await.unwrap();
        assert_eq!(blocked.relation, Relation { blocking: true, ..NOTHING });
    }
    assert_eq!(s.store.relations(&cx(), B, &[A]).await.unwrap(), [Relation { blocked_by: true, ..NOTHING }]);
    assert_eq!(s.store.counts(&cx(), &[A, B]).await.unwrap(), [Counts::default(); 2]);
    for (actor, target) in [(1, 2), (2, 1)] {
        let error = s.store.follow(&cx(), write(actor, target, 40)).await.unwrap_err();
        assert!(error.is(reason::BLOCKED), "{error}");
    }
    // The other side may block as well; then both have to lift it.
    s.store.block(&cx(), write(2, 1, 50)).await.unwrap();
    for at in [60, 70] {
        let lifted = s.store.unblock(&cx(), write(1, 2, at)).await.unwrap();
        assert_eq!(lifted.relation, Relation { blocked_by: true, ..NOTHING });
    }
    assert!(s.store.follow(&cx(), write(1, 2, 80)).await.unwrap_err().is(reason::BLOCKED));
    s.store.unblock(&cx(), write(2, 1, 90)).await.unwrap();
    s.store.follow(&cx(), write(1, 2, 100)).await.unwrap();
    let expected = [
        Followed(A, B),
        Followed(B, A),
        Unfollowed(A, B),
        Unfollowed(B, A),
        Blocked(A, B),
        Blocked(B, A),
        Unblocked(A, B),
        Unblocked(B, A),
        Followed(A, B),
    ];
    assert_eq!(changes(&*s.store).await, expected);
}

pub(super) async fn a_follow_of_an_unknown_account_is_refused(s: Subject) {
    let unknown = Write { target_exists: false, ..write(1, 2, 10) };
    for error in [s.store.follow(&cx(), unknown).await, s.store.block(&cx(), unknown).await] {
        assert!(error.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    }
    assert!(told(&*s.store).await.is_empty());
    // What stands can be ended whatever became of the other.
    s.store.unfollow(&cx(), unknown).await.unwrap();
    s.store.unblock(&cx(), unknown).await.unwrap();
}

pub(super) async fn a_repeated_request_gets_the_first_answer(s: Subject) {
    let first = s.store.follow(&request(7, "Follow", 1), write(1, 2, 10)).await.unwrap();
    s.store.block(&request(8, "Block", 1), write(2, 1, 20)).await.unwrap();
    let gone = Write { target_exists: false, ..write(1, 2, 30) };
    assert_eq!(s.store.follow(&request(7, "Follow", 1), gone).await.unwrap(), first);
    assert_eq!(changes(&*s.store).await, [Followed(A, B), Unfollowed(A, B), Blocked(B, A)]);
    // An error is not remembered: the same request may succeed later.
    let retry = request(9, "Follow", 1);
    assert!(s.store.follow(&retry, write(1, 2, 40)).await.unwrap_err().is(reason::BLOCKED));
    s.store.unblock(&cx(), write(2, 1, 50)).await.unwrap();
    assert!(s.store.follow(&retry, write(1, 2, 60)).await.unwrap().relation.following);
}

pub(super) async fn a_reused_request_id_is_refused(s: Subject) {
    s.store.follow(&request(7, "Follow", 1), write(1, 2, 10)).await.unwrap();
    for other in [request(7, "Follow", 2), request(7, "Unfollow", 1)] {
        let error = s.store.unfollow(&other, write(1, 2, 20)).await.unwrap_err();
        assert!(error.is(reason::REQUEST_ID_REUSED), "{error}");
    }
    assert_eq!(changes(&*s.store).await, [Followed(A, B)]);
}

pub(super) async fn answers_are_forgotten_after_their_time(s: Subject) {
    let start = plaza_core::Clock::now(&*s.clock);
    let at = |target| Write { at: start, ..write(1, target, 0) };
    s.store.follow(&request(7, "Follow", 1), at(2)).await.unwrap();
    s.clock.advance(REMEMBERED_MS - 1);
    assert_eq!(s.store.prune(&cx()).await.unwrap(), 0);
    s.clock.advance(1);
    assert_eq!(s.store.prune(&cx()).await.unwrap(), 1);
    let later = Write { at: start.plus_ms(REMEMBERED_MS), ..write(1, 3, 0) };
    s.store.follow(&request(7, "Follow", 2), later).await.unwrap();
}

pub(super) async fn every_position_is_in_the_outbox(s: Subject) {
    let mut positions = Vec::new();
    for (i, target) in [2, 3, 2, 4].into_iter().enumerate() {
        let at = i64::try_from(i).unwrap();
        positions.push(s.store.follow(&cx(), write(1, target, at)).await.unwrap().position);
    }
    let block = s.store.block(&cx(), write(1, 2, 10)).await.unwrap().position;
    let told = told(&*s.store).await;
    // The third changed nothing: it answers with the end that it saw.
    assert_eq!(positions[2], positions[1]);
    assert_eq!(told.last(), Some(&(block, Blocked(A, B))));
    let followed = positions[3];
    assert!(told.contains(&(followed, Followed(A, AccountId(4)))));
    assert!(told.is_sorted_by(|a, b| a.0 < b.0));
    assert_eq!(s.store.outbox().last_position(&cx()).await.unwrap(), block);
}

pub(super) async fn the_outbox_is_read_in_pages_and_pruned_from_its_beginning(s: Subject) {
    for target in 2..8 {
        s.store.follow(&cx(), write(1, target, 10)).await.unwrap();
    }
    let (outbox, now) = (s.store.outbox(), plaza_core::Clock::now(&*s.clock));
    let read = async |after, limit| {
        let page = outbox.read_after(&cx(), after, limit).await.unwrap();
        page.iter().map(|event| event.position).collect::<Vec<_>>()
    };
    let all = read(0, 100).await;
    assert_eq!(all.len(), 6);
    assert_eq!((read(0, 2).await, read(all[1], 3).await), (all[..2].to_vec(), all[2..5].to_vec()));
    assert!(read(all[5], 10).await.is_empty());

    // Nothing is old enough; then all is, and some of it is not published.
    assert_eq!(outbox.prune(&cx(), now, all[5]).await.unwrap(), 0);
    assert_eq!(outbox.prune(&cx(), now.plus_ms(1), all[3]).await.unwrap(), 4);
    assert_eq!(read(0, 100).await, all[4..]);
    assert_eq!(outbox.prune(&cx(), now.plus_ms(1), all[5]).await.unwrap(), 2);
    assert!(read(0, 100).await.is_empty());
    assert_eq!(outbox.last_position(&cx()).await.unwrap(), all[5]);
    let next = s.store.follow(&cx(), write(1, 9, 10)).await.unwrap().position;
    assert!(next > all[5]);
    assert_eq!(read(all[5], 10).await, [next]);
}

pub(super) async fn a_closed_store_refuses(s: Subject) {
    s.store.follow(&cx(), write(1, 2, 10)).await.unwrap();
    s.store.ping(&cx()).await.unwrap();
    s.store.close().await;
    s.store.close().await;
    assert!(s.store.follow(&cx(), write(1, 3, 10)).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
    assert!(s.store.counts(&cx(), &[A]).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
    assert!(s.store.ping(&cx()).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
}
