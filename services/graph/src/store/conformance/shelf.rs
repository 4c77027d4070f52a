//! What accounts keep for themselves: hashtags, words, lists.

use plaza_core::{AccountId, Result, Timestamp, reason};

use super::{Subject, cx, request, write};
use crate::domain::{About, Action, Limits, List, Own, OwnWrite, OwnWritten};

const A: AccountId = AccountId(1);

/// The events of what accounts keep, by their names and whose they are.
async fn noticed(s: &Subject) -> Vec<String> {
    let events = s.store.outbox().read_after(&cx(), 0, 500).await.unwrap();
    let own = events.iter().filter(|event| crate::domain::Change::told_by(event).unwrap().is_none());
    own.map(|event| format!("{} {}", event.type_.trim_start_matches("plaza.graph.v1."), event.aggregate_id)).collect()
}

const fn own(account: i64, own: Own, id: i64) -> OwnWrite {
    OwnWrite { account: AccountId(account), own, id, at: Timestamp(id), limits: Limits::NONE }
}

async fn keep(s: &Subject, account: i64, what: Own, id: i64) -> Result<OwnWritten> {
    s.store.own(&cx(), own(account, what, id)).await
}

fn about(name: &str, public: bool) -> About {
    About { name: name.to_owned(), public, exclusive: false }
}

fn ids(numbers: &[i64]) -> Vec<AccountId> {
    numbers.iter().copied().map(AccountId).collect()
}

async fn tags(s: &Subject, account: i64, size: usize) -> Vec<(String, i64)> {
    let (mut all, mut before) = (Vec::new(), i64::MAX);
    loop {
        let page = s.store.tags(&cx(), AccountId(account), before, size).await.unwrap();
        assert!(page.len() <= size);
        let Some(last) = page.last() else { return all };
        before = last.id;
        all.extend(page.into_iter().map(|tag| (tag.tag, tag.at.0)));
    }
}

pub(super) async fn hashtags_are_followed_once_and_listed_newest_first(s: Subject) {
    let tag = |name: &str| Own::FollowTag(name.to_owned());
    for (id, name) in [(10, "rust"), (11, "höhle"), (12, "🦀"), (13, "rust")] {
        keep(&s, 1, tag(name), id).await.unwrap();
    }
    keep(&s, 2, tag("rust"), 14).await.unwrap();
    let expected = [("🦀".to_owned(), 12), ("höhle".to_owned(), 11), ("rust".to_owned(), 10)];
    for size in [1, 2, 3, 9] {
        assert_eq!(tags(&s, 1, size).await, expected, "in pages of {size}");
    }
    for id in [20, 21] {
        keep(&s, 1, Own::UnfollowTag("höhle".to_owned()), id).await.unwrap();
    }
    assert_eq!(tags(&s, 1, 9).await.len(), 2);
    assert_eq!(s.store.held(&cx(), AccountId(0), 9).await.unwrap(), ids(&[1, 2]));
    assert_eq!(s.store.held_among(&cx(), &ids(&[1, 2, 3])).await.unwrap(), ids(&[1, 2]));
    keep(&s, 2, Own::UnfollowTag("rust".to_owned()), 22).await.unwrap();
    assert_eq!(s.store.held(&cx(), AccountId(0), 9).await.unwrap(), [A]);
    let told = noticed(&s).await;
    let changed = |account| format!("FollowedHashtagsChanged {account}");
    assert_eq!(told, [1, 1, 1, 2, 1, 2].map(changed));
}

pub(super) async fn words_are_muted_until_their_end(s: Subject) {
    let now = plaza_core::Clock::now(&*s.clock);
    let mute = |word: &str, until| Own::MuteWord(word.to_owned(), until);
    keep(&s, 1, mute("spoiler", None), 10).await.unwrap();
    keep(&s, 1, mute("spoiler", None), 11).await.unwrap();
    keep(&s, 1, mute("final score", Some(now)), 12).await.unwrap();
    keep(&s, 1, mute("cake", Some(now.plus_ms(1))), 13).await.unwrap();
    let listed = async |at: Timestamp, size| {
        let (mut all, mut before) = (Vec::new(), i64::MAX);
        loop {
            let page = s.store.words(&cx(), A, at, before, size).await.unwrap();
            let Some(last) = page.last() else { return all };
            before = last.id;
            all.extend(page.into_iter().map(|word| (word.word, word.until)));
        }
    };
    let (spoiler, cake) = (("spoiler".to_owned(), None), ("cake".to_owned(), Some(now.plus_ms(1))));
    for size in [1, 2, 9] {
        let score = ("final score".to_owned(), Some(now));
        assert_eq!(listed(now.plus_ms(-1), size).await, [cake.clone(), score, spoiler.clone()]);
        assert_eq!(listed(now, size).await, [cake.clone(), spoiler.clone()]);
    }
    // Another end replaces the one before, and what has run out goes.
    keep(&s, 1, mute("spoiler", Some(now.plus_ms(5))), 14).await.unwrap();
    assert_eq!(listed(now, 9).await, [("spoiler".to_owned(), Some(now.plus_ms(5))), cake]);
    assert_eq!(s.store.prune(&cx()).await.unwrap(), 1);
    for (id, word) in [(15, "spoiler"), (16, "spoiler"), (17, "cake"), (18, "final score")] {
        keep(&s, 1, Own::UnmuteWord(word.to_owned()), id).await.unwrap();
    }
    assert!(listed(Timestamp(0), 9).await.is_empty());
    assert!(s.store.held(&cx(), AccountId(0), 9).await.unwrap().is_empty());
    assert_eq!(noticed(&s).await, ["MutedWordsChanged 1"; 6]);
}

pub(super) async fn a_list_is_made_changed_and_deleted_by_its_owner(s: Subject) {
    let made = keep(&s, 1, Own::CreateList(about("friends", false)), 10).await.unwrap().list.unwrap();
    assert_eq!(made, List { id: 10, owner: A, about: about("friends", false) });
    keep(&s, 1, Own::CreateList(about("news", true)), 11).await.unwrap();
    keep(&s, 2, Own::CreateList(about("other", true)), 12).await.unwrap();
    assert_eq!(s.store.list(&cx(), 10).await.unwrap(), Some(made));
    let names = async |account, only_public| {
        let mut names = Vec::new();
        let mut before = i64::MAX;
        while let Some(list) = s.store.lists(&cx(), AccountId(account), only_public, before, 1).await.unwrap().pop() {
            before = list.id;
            names.push(list.about.name);
        }
        names
    };
    assert_eq!(
        (names(1, false).await, names(1, true).await),
        (vec!["news".into(), "friends".into()], vec!["news".into()])
    );
    let exclusive = About { exclusive: true, ..about("close friends", true) };
    for id in [20, 21] {
        let changed = keep(&s, 1, Own::UpdateList(10, exclusive.clone()), id).await.unwrap();
        assert_eq!(changed.list.unwrap().about, exclusive);
    }
    for (account, list) in [(2, 10), (1, 99)] {
        let refused = [
            keep(&s, account, Own::UpdateList(list, about("mine", true)), 30).await,
            keep(&s, account, Own::DeleteList(list), 31).await,
            keep(&s, account, Own::AddMembers(list, ids(&[3])), 32).await,
            keep(&s, account, Own::RemoveMembers(list, ids(&[3])), 33).await,
        ];
        assert!(refused.iter().all(|refused| refused.as_ref().is_err_and(|e| e.is(reason::LIST_NOT_FOUND))));
    }
    assert_eq!(s.store.list(&cx(), 10).await.unwrap().unwrap().about, exclusive);
    keep(&s, 1, Own::DeleteList(10), 40).await.unwrap();
    assert!(keep(&s, 1, Own::DeleteList(10), 41).await.unwrap_err().is(reason::LIST_NOT_FOUND));
    assert_eq!((s.store.list(&cx(), 10).await.unwrap(), names(1, false).await), (None, vec!["news".into()]));
    let told = ["ListChanged 1", "ListChanged 1", "ListChanged 2", "ListChanged 1", "ListDeleted 1"];
    assert_eq!(noticed(&s).await, told);
    assert_eq!(s.store.held(&cx(), AccountId(0), 9).await.unwrap(), ids(&[1, 2]));
}

async fn members(s: &Subject, list: i64, size: usize) -> Vec<i64> {
    let (mut all, mut after) = (Vec::new(), AccountId(0));
    loop {
        let page = s.store.members(&cx(), list, after, size).await.unwrap();
        assert!(page.len() <= size);
        let Some(last) = page.last() else { return all };
        after = *last;
        all.extend(page.iter().map(|id| id.get()));
    }
}

pub(super) async fn only_followed_accounts_are_on_a_list(s: Subject) {
    keep(&s, 1, Own::CreateList(about("friends", false)), 10).await.unwrap();
    for (n, other) in [9, 5, 7].into_iter().enumerate() {
        s.store.follow(&cx(), write(1, other, i64::try_from(n).unwrap())).await.unwrap();
    }
    let error = keep(&s, 1, Own::AddMembers(10, ids(&[9, 6, 5])), 20).await.unwrap_err();
    assert!(error.is(reason::NOT_FOLLOWED), "{error}");
    assert!(error.metadata().iter().any(|(key, value)| key == "account_id" && value == "6"), "{error:?}");
    assert!(members(&s, 10, 9).await.is_empty(), "all or none");
    for id in [21, 22] {
        keep(&s, 1, Own::AddMembers(10, ids(&[9, 5, 9])), id).await.unwrap();
    }
    keep(&s, 1, Own::AddMembers(10, ids(&[5, 7])), 23).await.unwrap();
    for size in [1, 2, 9] {
        assert_eq!(members(&s, 10, size).await, [5, 7, 9], "in pages of {size}");
    }
    for id in [24, 25] {
        keep(&s, 1, Own::RemoveMembers(10, ids(&[5, 6])), id).await.unwrap();
    }
    assert_eq!(members(&s, 10, 9).await, [7, 9]);
    let told = ["ListChanged 1", "ListMembersChanged 1", "ListMembersChanged 1", "ListMembersChanged 1"];
    assert_eq!(noticed(&s).await, told);
    keep(&s, 1, Own::DeleteList(10), 30).await.unwrap();
    assert!(members(&s, 10, 9).await.is_empty());
}

pub(super) async fn whoever_is_followed_no_more_leaves_the_lists(s: Subject) {
    for (id, other) in [(10, 5), (11, 6), (12, 7), (13, 8)] {
        s.store.follow(&cx(), write(1, other, id)).await.unwrap();
        s.store.follow(&cx(), write(2, other, id)).await.unwrap();
        keep(&s, if id % 2 == 0 { 1 } else { 2 }, Own::CreateList(about("list", false)), id).await.unwrap();
    }
    for (account, list) in [(1, 10), (1, 12), (2, 11)] {
        keep(&s, account, Own::AddMembers(list, ids(&[5, 6, 7, 8])), 20).await.unwrap();
    }
    let before = noticed(&s).await.len();
    s.store.unfollow(&cx(), write(1, 5, 30)).await.unwrap();
    s.store.block(&cx(), write(6, 1, 30)).await.unwrap();
    s.store.change(&cx(), Action::RemoveFollower, write(7, 1, 30)).await.unwrap();
    // Following again brings nobody back.
    s.store.follow(&cx(), write(1, 5, 40)).await.unwrap();
    for list in [10, 12] {
        assert_eq!(members(&s, list, 9).await, [8]);
    }
    assert_eq!(members(&s, 11, 9).await, [5, 6, 7, 8], "the lists of others stay as they are");
    assert_eq!(noticed(&s).await.split_off(before), ["ListMembersChanged 1"; 6]);
    let position = s.store.unfollow(&cx(), write(1, 8, 50)).await.unwrap().position;
    assert_eq!(s.store.outbox().last_position(&cx()).await.unwrap(), position);
}

pub(super) async fn what_an_account_keeps_has_limits(s: Subject) {
    let limits = Limits { hashtags: 1, words: 1, lists: 1, members: 2, ..Limits::NONE };
    let keep = async |what, id| s.store.own(&cx(), OwnWrite { limits, ..own(1, what, id) }).await;
    let over = |outcome: Result<OwnWritten>| assert!(outcome.unwrap_err().is(reason::LIMIT_REACHED));
    let (tag, word) = (|name: &str| Own::FollowTag(name.to_owned()), |w: &str| Own::MuteWord(w.to_owned(), None));
    for id in [1, 2] {
        keep(tag("a"), id).await.unwrap();
        keep(word("a"), id).await.unwrap();
    }
    over(keep(tag("b"), 3).await);
    over(keep(word("b"), 3).await);
    keep(Own::CreateList(about("one", false)), 4).await.unwrap();
    over(keep(Own::CreateList(about("two", false)), 5).await);
    for other in 5..9 {
        s.store.follow(&cx(), write(1, other, other)).await.unwrap();
    }
    over(keep(Own::AddMembers(4, ids(&[5, 6, 7])), 6).await);
    keep(Own::AddMembers(4, ids(&[5, 6])), 7).await.unwrap();
    keep(Own::AddMembers(4, ids(&[6, 5])), 8).await.unwrap();
    over(keep(Own::AddMembers(4, ids(&[8])), 9).await);
    keep(Own::RemoveMembers(4, ids(&[5])), 10).await.unwrap();
    keep(Own::AddMembers(4, ids(&[8])), 11).await.unwrap();
    assert_eq!(members(&s, 4, 9).await, [6, 8]);
}

pub(super) async fn a_repeated_change_gets_the_first_answer(s: Subject) {
    let (cx, create) = (request(7, "CreateList", 1), |id| own(1, Own::CreateList(about("friends", false)), id));
    let first = s.store.own(&cx, create(10)).await.unwrap();
    assert_eq!(s.store.own(&cx, create(11)).await.unwrap(), first);
    assert_eq!(s.store.lists(&cx, A, false, i64::MAX, 9).await.unwrap().len(), 1);
    let other = request(7, "DeleteList", 1);
    assert!(s.store.own(&other, own(1, Own::DeleteList(10), 12)).await.unwrap_err().is(reason::REQUEST_ID_REUSED));
    let mute = |until| own(1, Own::MuteWord("cake".to_owned(), Some(Timestamp(until))), until);
    let cx = request(8, "MuteWord", 1);
    let first = s.store.own(&cx, mute(50)).await.unwrap();
    assert_eq!((first.until, s.store.own(&cx, mute(60)).await.unwrap()), (Some(Timestamp(50)), first));
}

pub(super) async fn what_an_erased_account_kept_is_gone(s: Subject) {
    for (account, other) in [(5, 1), (1, 5)] {
        s.store.follow(&cx(), write(account, other, 1)).await.unwrap();
        let list = 10 + account;
        keep(&s, account, Own::CreateList(about("list", true)), list).await.unwrap();
        keep(&s, account, Own::AddMembers(list, ids(&[other])), list).await.unwrap();
        keep(&s, account, Own::FollowTag("rust".to_owned()), list).await.unwrap();
        keep(&s, account, Own::MuteWord("cake".to_owned(), None), list).await.unwrap();
    }
    let mut erased = Vec::new();
    for _ in 0..4 {
        erased.push(s.store.erase(&cx(), AccountId(5), 2).await.unwrap());
    }
    assert_eq!(erased, [2, 2, 1, 0]);
    assert_eq!((s.store.list(&cx(), 15).await.unwrap(), members(&s, 11, 9).await), (None, vec![]));
    assert!(tags(&s, 5, 9).await.is_empty());
    assert!(s.store.words(&cx(), AccountId(5), Timestamp(0), i64::MAX, 9).await.unwrap().is_empty());
    assert_eq!(s.store.held(&cx(), AccountId(0), 9).await.unwrap(), [A]);
    assert_eq!((tags(&s, 1, 9).await.len(), s.store.list(&cx(), 11).await.unwrap().is_some()), (1, true));
    for what in [Own::FollowTag("rust".to_owned()), Own::CreateList(about("new", true))] {
        assert!(keep(&s, 5, what, 50).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    }
    let told = noticed(&s).await.split_off(8);
    assert_eq!(told, ["ListMembersChanged 5", "ListMembersChanged 1", "ListDeleted 5"]);
}
