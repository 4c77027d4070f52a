//! Accounts that are gone, and what deletions leave over.

use plaza_core::{AccountId, PostId, reason};

use super::{Subject, Told, cx, like, new, reply};
use crate::domain::Counts;

const GONE: AccountId = AccountId(1);

async fn erase(s: &Subject, batch: usize) {
    while s.store.erase_posts(&cx(), GONE, batch).await.unwrap() >= batch {}
    while s.store.erase_marks(&cx(), GONE, batch).await.unwrap() >= batch {}
}

pub(super) async fn an_erased_account_leaves_nothing_behind(s: Subject) {
    let others = s.publish(new(2, "other")).await.post;
    let mut own = Vec::new();
    for _ in 0..5 {
        own.push(s.publish(reply(1, "own", others)).await.post);
    }
    s.store.set_mark(&cx(), like(1, others)).await.unwrap();
    s.store.set_mark(&cx(), like(3, others)).await.unwrap();
    s.store.set_mark(&cx(), like(1, own[0])).await.unwrap();
    s.store.set_mark(&cx(), like(2, own[0])).await.unwrap();
    assert_eq!(s.counts(others).await, Some(Counts { likes: 2, replies: 5, ..Counts::default() }));
    let before = s.told().await.len();
    erase(&s, 2).await;
    assert_eq!(s.counts(others).await, Some(Counts { likes: 1, replies: 0, ..Counts::default() }));
    for id in &own {
        assert_eq!(s.post(*id).await, None);
    }
    assert_eq!(s.store.held_among(&cx(), &[GONE, AccountId(2), AccountId(3)]).await.unwrap().len(), 2);
    let told = s.told().await;
    let mut told: Vec<Told> = told[before..].iter().map(|(_, told)| *told).collect();
    assert_eq!(told.pop(), Some(Told::Unliked(others, AccountId(2), GONE)));
    told.sort_unstable_by_key(|t| if let Told::Deleted(post, ..) = t { *post } else { PostId(0) });
    assert_eq!(told, own.iter().map(|id| Told::Deleted(*id, GONE, Some(others))).collect::<Vec<_>>());
    let all = s.told().await;
    erase(&s, 2).await;
    assert_eq!(s.told().await, all, "nothing is told twice");
}

pub(super) async fn an_erased_account_takes_nothing_new(s: Subject) {
    let others = s.publish(new(2, "other")).await.post;
    erase(&s, 10).await;
    let post = s.store.publish(&cx(), new(1, "late")).await.unwrap_err();
    let liked = s.store.set_mark(&cx(), like(1, others)).await.unwrap_err();
    assert!(post.is(reason::ACCOUNT_NOT_FOUND) && liked.is(reason::ACCOUNT_NOT_FOUND));
    assert_eq!(s.counts(others).await, Some(Counts::default()));
}

pub(super) async fn erasing_goes_on_where_it_stopped(s: Subject) {
    for _ in 0..7 {
        s.publish(new(1, "own")).await;
    }
    for left in [3, 3, 1, 0] {
        assert_eq!(s.store.erase_posts(&cx(), GONE, 3).await.unwrap(), left);
    }
    assert_eq!(s.store.held_among(&cx(), &[GONE]).await.unwrap(), []);
}

pub(super) async fn held_accounts_are_listed_in_pages(s: Subject) {
    let first = s.publish(new(10, "a")).await.post;
    for author in [30, 10, 50, 30, 70] {
        s.publish(new(author, "a")).await;
    }
    for account in [20, 30, 40, 90] {
        s.store.set_mark(&cx(), like(account, first)).await.unwrap();
    }
    let (mut held, mut after) = (Vec::new(), AccountId(0));
    loop {
        let page = s.store.held(&cx(), after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = *last;
        held.extend(page.iter().map(|account| account.0));
    }
    assert_eq!(held, [10, 20, 30, 40, 50, 70, 90]);
    let asked = [40, 41, 10, 90, 1].map(AccountId);
    let mut found = s.store.held_among(&cx(), &asked).await.unwrap();
    found.sort_unstable();
    assert_eq!(found, [10, 40, 90].map(AccountId));
}

/// More likes than one write removes.
pub(super) async fn likes_of_a_deleted_post_are_pruned(s: Subject) {
    let id = s.publish(new(1, "a")).await.post;
    for account in 0..1_300 {
        s.store.set_mark(&cx(), like(100 + account, id)).await.unwrap();
    }
    s.store.delete(&cx(), GONE, id).await.unwrap();
    let mut rounds = 0;
    while s.store.prune(&cx()).await.unwrap() > 0 {
        rounds += 1;
        assert!(rounds < 10_000);
    }
    assert_eq!(s.store.held(&cx(), AccountId(0), 10).await.unwrap(), []);
}
