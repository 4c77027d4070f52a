//! Requests to follow protected accounts.

use plaza_core::{AccountId, reason};

use super::{Subject, ask, changes, cx, write};
use crate::domain::Change::{Blocked, Followed, RequestEnded, Requested, Unblocked};
use crate::domain::{Action, Counts, EdgeKey, Limits, Outcome, Relation, Write};

const A: AccountId = AccountId(1);
const B: AccountId = AccountId(2);
const NOTHING: Relation = super::writes::NOTHING;

async fn answer(s: &Subject, action: Action, at: i64) -> Relation {
    s.store.change(&cx(), action, write(2, 1, at)).await.unwrap().relation
}

pub(super) async fn a_protected_account_is_asked(s: Subject) {
    for at in [10, 20] {
        let asked = s.store.follow(&cx(), ask(1, 2, at)).await.unwrap();
        assert_eq!(asked.relation, Relation { requested: true, ..NOTHING });
    }
    assert_eq!(s.store.relations(&cx(), B, &[A]).await.unwrap(), [Relation { requested_by: true, ..NOTHING }]);
    assert_eq!(s.store.counts(&cx(), &[A, B]).await.unwrap(), [Counts::default(); 2]);
    assert_eq!(s.store.held(&cx(), AccountId(0), 9).await.unwrap(), [A, B]);
    assert_eq!(s.store.held_among(&cx(), &[A, B]).await.unwrap(), [A, B]);
    // Once it is protected no more, asking again is following.
    let followed = s.store.follow(&cx(), write(1, 2, 30)).await.unwrap();
    assert_eq!(followed.relation, Relation { following: true, ..NOTHING });
    // A follow that stands needs no leave.
    let followed = s.store.follow(&cx(), ask(1, 2, 40)).await.unwrap();
    assert_eq!(followed.relation, Relation { following: true, ..NOTHING });
    let ended = RequestEnded(A, B, Outcome::Accepted);
    assert_eq!(changes(&*s.store).await, [Requested(A, B), ended, Followed(A, B)]);
}

pub(super) async fn an_answer_ends_a_request(s: Subject) {
    s.store.follow(&cx(), ask(1, 2, 10)).await.unwrap();
    for at in [20, 30] {
        assert_eq!(answer(&s, Action::RejectRequest, at).await, NOTHING);
    }
    let error = s.store.change(&cx(), Action::AcceptRequest, write(2, 1, 40)).await.unwrap_err();
    assert!(error.is(reason::FOLLOW_REQUEST_NOT_FOUND), "{error}");
    s.store.follow(&cx(), ask(1, 2, 50)).await.unwrap();
    // Nobody accepts for another, nor what is asked the other way.
    let error = s.store.change(&cx(), Action::AcceptRequest, write(1, 2, 60)).await.unwrap_err();
    assert!(error.is(reason::FOLLOW_REQUEST_NOT_FOUND), "{error}");
    for at in [70, 80] {
        assert_eq!(answer(&s, Action::AcceptRequest, at).await, Relation { followed_by: true, ..NOTHING });
    }
    let counts = |followers, following| Counts { followers, following };
    assert_eq!(s.store.counts(&cx(), &[A, B]).await.unwrap(), [counts(0, 1), counts(1, 0)]);
    let ended = |outcome| RequestEnded(A, B, outcome);
    let expected =
        [Requested(A, B), ended(Outcome::Rejected), Requested(A, B), ended(Outcome::Accepted), Followed(A, B)];
    assert_eq!(changes(&*s.store).await, expected);
}

pub(super) async fn a_request_is_taken_back_by_either_call_and_by_a_block(s: Subject) {
    let cancelled = RequestEnded(A, B, Outcome::Cancelled);
    for action in [Action::Unfollow, Action::CancelRequest] {
        s.store.follow(&cx(), ask(1, 2, 10)).await.unwrap();
        for at in [20, 30] {
            assert_eq!(s.store.change(&cx(), action, write(1, 2, at)).await.unwrap().relation, NOTHING);
        }
    }
    for (blocker, blocked) in [(1, 2), (2, 1)] {
        s.store.follow(&cx(), ask(1, 2, 40)).await.unwrap();
        let relation = s.store.block(&cx(), write(blocker, blocked, 50)).await.unwrap().relation;
        assert_eq!(relation, Relation { blocking: true, ..NOTHING });
        assert!(s.store.follow(&cx(), ask(1, 2, 60)).await.unwrap_err().is(reason::BLOCKED));
        s.store.unblock(&cx(), write(blocker, blocked, 70)).await.unwrap();
    }
    assert!(s.store.held(&cx(), AccountId(0), 9).await.unwrap().is_empty());
    let once = [Requested(A, B), cancelled];
    let blocks = [(A, B), (B, A)].map(|(a, b)| [once[0], once[1], Blocked(a, b), Unblocked(a, b)]);
    assert_eq!(changes(&*s.store).await, [&once[..], &once[..], &blocks[0], &blocks[1]].concat());
}

pub(super) async fn requests_are_listed_newest_first(s: Subject) {
    for (asker, at) in [(5, 10), (3, 10), (9, 11), (4, 12)] {
        s.store.follow(&cx(), ask(asker, 2, at)).await.unwrap();
        s.store.follow(&cx(), ask(2, asker, at)).await.unwrap();
    }
    s.store.change(&cx(), Action::AcceptRequest, write(2, 9, 13)).await.unwrap();
    for size in [1, 2, 9] {
        let (mut all, mut after) = (Vec::new(), EdgeKey::FIRST);
        loop {
            let page = s.store.requests(&cx(), B, after, size).await.unwrap();
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = last.key();
            all.extend(page.iter().map(|edge| (edge.other.get(), edge.at.0)));
        }
        assert_eq!(all, [(4, 12), (5, 10), (3, 10)], "in pages of {size}");
    }
}

pub(super) async fn requests_have_a_limit(s: Subject) {
    let limits = Limits { following: 2, requests: 1, ..Limits::NONE };
    let asked = |target, at| Write { limits, ..ask(1, target, at) };
    for at in [10, 20] {
        s.store.follow(&cx(), asked(2, at)).await.unwrap();
    }
    assert!(s.store.follow(&cx(), asked(3, 30)).await.unwrap_err().is(reason::LIMIT_REACHED));
    s.store.change(&cx(), Action::CancelRequest, asked(2, 40)).await.unwrap();
    s.store.follow(&cx(), asked(3, 50)).await.unwrap();
    // Whoever follows as many as it may is not let follow one more, and the request stays.
    for target in [4, 5] {
        s.store.follow(&cx(), write(1, target, 60)).await.unwrap();
    }
    let accept = |at| Write { limits, ..write(3, 1, at) };
    let error = s.store.change(&cx(), Action::AcceptRequest, accept(70)).await.unwrap_err();
    assert!(error.is(reason::LIMIT_REACHED), "{error}");
    s.store.unfollow(&cx(), write(1, 4, 80)).await.unwrap();
    assert!(s.store.change(&cx(), Action::AcceptRequest, accept(90)).await.unwrap().relation.followed_by);
}

pub(super) async fn what_an_account_asked_is_listed_by_rising_id(s: Subject) {
    for (target, at) in [(4, 10), (2, 11), (5, 9)] {
        s.store.follow(&cx(), ask(1, target, at)).await.unwrap();
    }
    s.store.follow(&cx(), ask(3, 2, 12)).await.unwrap();
    for size in [1, 2, 3, 9] {
        let (mut all, mut after) = (Vec::new(), AccountId(0));
        loop {
            let page = s.store.requested(&cx(), A, after, size).await.unwrap();
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = last.other;
            all.extend(page.iter().map(|edge| (edge.other.get(), edge.at.0)));
        }
        assert_eq!(all, [(2, 11), (4, 10), (5, 9)], "in pages of {size}");
    }
    s.store.change(&cx(), Action::CancelRequest, write(1, 4, 20)).await.unwrap();
    assert_eq!(s.store.requested(&cx(), A, AccountId(2), 9).await.unwrap().len(), 1);
}
