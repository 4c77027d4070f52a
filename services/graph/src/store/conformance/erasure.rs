//! Accounts that are gone.

use plaza_core::{AccountId, reason};

use super::model::assert_consistent;
use super::{Subject, ask, changes, cx, told, write};
use crate::domain::Change::{RequestEnded, Unblocked, Unfollowed, Unmuted};
use crate::domain::{Action, Counts, Direction, EdgeKey, Mute, Outcome, Relation, Scopes};

const GONE: AccountId = AccountId(5);

/// 5 follows 1 and 2, 1 and 3 follow 5, 5 blocks 4, 6 blocks 5, 5 mutes 3, 1 mutes 5, 5 asks 3, 2 asks 5; and 1 follows 2, which is to stay.
async fn prepare(s: &Subject) {
    for (a, b) in [(5, 1), (5, 2), (1, 5), (3, 5), (1, 2)] {
        s.store.follow(&cx(), write(a, b, 10)).await.unwrap();
    }
    s.store.block(&cx(), write(5, 4, 10)).await.unwrap();
    s.store.block(&cx(), write(6, 5, 10)).await.unwrap();
    let mute = Action::Mute(Mute { scopes: Scopes::ALL, until: None });
    s.store.change(&cx(), mute, write(5, 3, 10)).await.unwrap();
    s.store.change(&cx(), mute, write(1, 5, 10)).await.unwrap();
    s.store.follow(&cx(), ask(5, 3, 10)).await.unwrap();
    s.store.follow(&cx(), ask(2, 5, 10)).await.unwrap();
}

pub(super) async fn an_erased_account_leaves_nothing_behind(s: Subject) {
    prepare(&s).await;
    let before = told(&*s.store).await.len();
    // Fills the caches, if there are any.
    let others = [1, 2, 3, 4, 6].map(AccountId);
    for other in others {
        assert_ne!(s.store.relations(&cx(), other, &[GONE]).await.unwrap(), [Relation::default()]);
    }
    assert_eq!(s.store.erase(&cx(), GONE, 100).await.unwrap(), 10);
    assert_eq!(s.store.relations(&cx(), GONE, &others).await.unwrap(), [Relation::default(); 5]);
    for other in others {
        assert_eq!(s.store.relations(&cx(), other, &[GONE]).await.unwrap(), [Relation::default()]);
    }
    for way in [Direction::Followers, Direction::Following] {
        assert!(s.store.edges(&cx(), GONE, way, EdgeKey::FIRST, 9).await.unwrap().is_empty());
        assert!(s.store.ids(&cx(), GONE, way, AccountId(0), 9).await.unwrap().is_empty());
    }
    let counts = s.store.counts(&cx(), &[GONE, AccountId(1), AccountId(2), AccountId(3)]).await.unwrap();
    let only = |followers, following| Counts { followers, following };
    assert_eq!(counts, [only(0, 0), only(0, 1), only(1, 0), only(0, 0)]);
    assert_eq!(s.store.held(&cx(), AccountId(0), 100).await.unwrap(), [AccountId(1), AccountId(2)]);

    let mut ended = changes(&*s.store).await.split_off(before);
    ended.sort_by_key(|change| format!("{change:?}"));
    let id = AccountId;
    let expected = [
        RequestEnded(id(2), GONE, Outcome::Cancelled),
        RequestEnded(GONE, id(3), Outcome::Cancelled),
        Unblocked(GONE, id(4)),
        Unblocked(id(6), GONE),
        Unfollowed(id(1), GONE),
        Unfollowed(id(3), GONE),
        Unfollowed(GONE, id(1)),
        Unfollowed(GONE, id(2)),
        Unmuted(id(1), GONE),
        Unmuted(GONE, id(3)),
    ];
    let mut expected = expected.to_vec();
    expected.sort_by_key(|change| format!("{change:?}"));
    assert_eq!(ended, expected);
}

pub(super) async fn an_erased_account_takes_no_new_edges(s: Subject) {
    assert_eq!(s.store.erase(&cx(), GONE, 100).await.unwrap(), 0);
    for (actor, target) in [(5, 1), (1, 5)] {
        let write = write(actor, target, 10);
        assert!(s.store.follow(&cx(), write).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
        assert!(s.store.block(&cx(), write).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
        let mute = Action::Mute(Mute { scopes: Scopes::ALL, until: None });
        assert!(s.store.change(&cx(), mute, write).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    }
    assert!(told(&*s.store).await.is_empty());
    assert!(s.store.held(&cx(), AccountId(0), 100).await.unwrap().is_empty());
}

pub(super) async fn erasing_goes_on_where_it_stopped(s: Subject) {
    prepare(&s).await;
    let before = told(&*s.store).await.len();
    let mut erased = Vec::new();
    for _ in 0..6 {
        erased.push(s.store.erase(&cx(), GONE, 2).await.unwrap());
    }
    assert_eq!(erased, [2, 2, 2, 2, 2, 0]);
    assert_eq!(told(&*s.store).await.len(), before + 10);
    assert!(s.store.held_among(&cx(), &[GONE]).await.unwrap().is_empty());
}

pub(super) async fn erasing_while_others_write_leaves_nothing_behind(s: Subject) {
    let writers = (10..40).map(|other| {
        let s = s.clone();
        tokio::spawn(async move {
            // Refused from the moment on that the erasure begins.
            let _ = s.store.follow(&cx(), write(other, 5, 10)).await;
            let _ = s.store.relations(&cx(), AccountId(other), &[GONE]).await;
            let _ = s.store.follow(&cx(), write(5, other, 10)).await;
            let _ = s.store.block(&cx(), write(other, 5, 10)).await;
        })
    });
    let writers: Vec<_> = writers.collect();
    while s.store.erase(&cx(), GONE, 4).await.unwrap() >= 4 {}
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(s.store.held_among(&cx(), &[GONE]).await.unwrap().is_empty());
    assert_consistent(&*s.store, 40).await;
}

pub(super) async fn held_accounts_are_listed_in_pages(s: Subject) {
    prepare(&s).await;
    // Blocks whose ends have no follows, several on one account.
    for (a, b) in [(20, 30), (21, 30), (22, 30), (20, 31)] {
        s.store.block(&cx(), write(a, b, 10)).await.unwrap();
    }
    let expected: Vec<AccountId> = [1, 2, 3, 4, 5, 6, 20, 21, 22, 30, 31].map(AccountId).to_vec();
    for limit in [1, 2, 3, 11, 50] {
        let (mut all, mut after) = (Vec::new(), AccountId(0));
        loop {
            let page = s.store.held(&cx(), after, limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = *last;
            all.extend(page);
        }
        assert_eq!(all, expected, "in pages of {limit}");
    }
    let some = [31, 7, 1, 99, 1].map(AccountId);
    assert_eq!(s.store.held_among(&cx(), &some).await.unwrap(), [AccountId(1), AccountId(31)]);
}
