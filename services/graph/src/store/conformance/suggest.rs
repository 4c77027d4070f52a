//! Accounts that somebody may want to follow.

use std::collections::{BTreeMap, BTreeSet};

use plaza_core::{AccountId, Env, ManualClock, Timestamp, reason};

use super::{Subject, ask, cx, write};
use crate::domain::{Action, Limits, Mute, Own, OwnWrite, Reach, Scopes, Suggestion};

const ME: AccountId = AccountId(1);
const REACH: Reach = Reach { friends: 50, each: 50, tags: 50, per_tag: 50 };

async fn follow(s: &Subject, pairs: &[(i64, i64)]) {
    for (n, (a, b)) in pairs.iter().enumerate() {
        s.store.follow(&cx(), write(*a, *b, i64::try_from(n).unwrap())).await.unwrap();
    }
}

async fn keep(s: &Subject, account: i64, own: Own, id: i64, limits: Limits) -> plaza_core::Result<()> {
    let write = OwnWrite { account: AccountId(account), own, id, at: Timestamp(id), limits };
    s.store.own(&cx(), write).await.map(drop)
}

async fn tag(s: &Subject, account: i64, tag: &str, id: i64) {
    keep(s, account, Own::FollowTag(tag.to_owned()), id, Limits::NONE).await.unwrap();
}

/// Account, through whom, how many hashtags.
async fn suggested(s: &Subject, now: i64, reach: Reach, limit: usize) -> Vec<(i64, Vec<i64>, i64)> {
    let found = s.store.suggestions(&cx(), ME, Timestamp(now), reach, limit).await.unwrap();
    assert!(found.is_sorted_by_key(Suggestion::rank));
    let told = |found: Suggestion| {
        let through = found.through.iter().map(|id| id.get()).collect();
        (found.account.get(), through, found.hashtags)
    };
    found.into_iter().map(told).collect()
}

pub(super) async fn friends_of_friends_and_shared_hashtags_are_suggested_best_first(s: Subject) {
    assert!(suggested(&s, 0, REACH, 9).await.is_empty());
    follow(&s, &[(1, 3), (1, 2), (2, 10), (3, 10), (2, 11), (3, 1), (3, 2), (4, 12)]).await;
    for (n, (account, name)) in [(1, "a"), (1, "b"), (13, "a"), (13, "b"), (10, "a"), (14, "c")].iter().enumerate() {
        tag(&s, *account, name, i64::try_from(n).unwrap() + 1).await;
    }
    let expected = [(10, vec![2, 3], 1), (11, vec![2], 0), (13, vec![], 2)];
    assert_eq!(suggested(&s, 0, REACH, 9).await, expected);
    assert_eq!(suggested(&s, 0, REACH, 2).await, expected[..2]);
}

pub(super) async fn what_speaks_against_a_suggestion_leaves_it_out(s: Subject) {
    let others: Vec<i64> = (10..18).collect();
    follow(&s, &[(1, 2)]).await;
    for other in &others {
        s.store.follow(&cx(), write(2, *other, *other)).await.unwrap();
    }
    let ids = |found: Vec<(i64, Vec<i64>, i64)>| found.into_iter().map(|(id, ..)| id).collect::<Vec<_>>();
    assert_eq!(ids(suggested(&s, 0, REACH, 20).await), others);
    s.store.follow(&cx(), write(1, 10, 20)).await.unwrap();
    s.store.follow(&cx(), ask(1, 11, 20)).await.unwrap();
    s.store.block(&cx(), write(1, 12, 20)).await.unwrap();
    s.store.block(&cx(), write(13, 1, 20)).await.unwrap();
    let mute = |until| Action::Mute(Mute { scopes: Scopes::ALL, until });
    s.store.change(&cx(), mute(None), write(1, 14, 20)).await.unwrap();
    s.store.change(&cx(), mute(Some(Timestamp(90))), write(1, 15, 20)).await.unwrap();
    for id in [30, 31] {
        keep(&s, 1, Own::Dismiss(AccountId(16)), id, Limits::NONE).await.unwrap();
    }
    // What others do about them is no matter.
    keep(&s, 2, Own::Dismiss(AccountId(17)), 32, Limits::NONE).await.unwrap();
    s.store.change(&cx(), mute(None), write(17, 1, 20)).await.unwrap();
    assert_eq!(ids(suggested(&s, 89, REACH, 20).await), [17]);
    assert_eq!(ids(suggested(&s, 90, REACH, 20).await), [15, 17], "the mute has run out");
    assert_eq!(ids(suggested(&s, 90, REACH, 1).await), [15], "the limit counts what is left");
}

pub(super) async fn only_the_newest_are_looked_at(s: Subject) {
    follow(&s, &[(1, 2), (1, 3), (2, 10), (3, 11), (3, 12), (3, 13)]).await;
    for (n, (account, name)) in [(1, "a"), (1, "b"), (14, "a"), (15, "b"), (16, "b")].iter().enumerate() {
        tag(&s, *account, name, i64::try_from(n).unwrap() + 1).await;
    }
    let reach = Reach { friends: 1, each: 2, tags: 1, per_tag: 1 };
    let expected = [(12, vec![3], 0), (13, vec![3], 0), (16, vec![], 1)];
    assert_eq!(suggested(&s, 0, reach, 20).await, expected);
}

pub(super) async fn dismissals_are_forgotten_from_the_oldest_on_and_with_either_account(s: Subject) {
    follow(&s, &[(1, 2), (2, 10), (2, 11), (2, 12)]).await;
    let limits = Limits { dismissed: 2, ..Limits::NONE };
    for (id, other) in [(20, 10), (21, 11), (22, 11), (23, 12)] {
        keep(&s, 1, Own::Dismiss(AccountId(other)), id, limits).await.unwrap();
    }
    assert_eq!(suggested(&s, 0, REACH, 9).await, [(10, vec![2], 0)]);
    // 50 has nothing but being dismissed, 1 and 60 nothing else to be erased.
    keep(&s, 60, Own::Dismiss(AccountId(50)), 30, limits).await.unwrap();
    let held = s.store.held(&cx(), AccountId(12), 9).await.unwrap();
    assert_eq!(held, [50, 60].map(AccountId));
    assert_eq!(s.store.held_among(&cx(), &[50, 60, 70].map(AccountId)).await.unwrap(), held);
    assert_eq!(s.store.erase(&cx(), AccountId(50), 9).await.unwrap(), 1);
    assert!(s.store.held(&cx(), AccountId(12), 9).await.unwrap().is_empty());
    let error = keep(&s, 1, Own::Dismiss(AccountId(50)), 31, limits).await.unwrap_err();
    assert!(error.is(reason::ACCOUNT_NOT_FOUND), "{error}");
    let erased = [s.store.erase(&cx(), ME, 2).await.unwrap(), s.store.erase(&cx(), ME, 2).await.unwrap()];
    assert_eq!(erased, [2, 1], "a follow and two dismissals");
    assert_eq!(s.store.held(&cx(), AccountId(0), 9).await.unwrap(), [2, 10, 11, 12].map(AccountId));
}

pub(super) async fn dismissals_are_listed_by_rising_id(s: Subject) {
    for (id, (account, other)) in (20..).zip([(1, 12), (1, 10), (2, 10), (1, 11), (1, 10)]) {
        keep(&s, account, Own::Dismiss(AccountId(other)), id, Limits::NONE).await.unwrap();
    }
    let listed = async |after, limit| s.store.dismissed(&cx(), ME, AccountId(after), limit).await.unwrap();
    assert_eq!(listed(0, 9).await, [10, 11, 12].map(AccountId));
    assert_eq!(listed(0, 2).await, [10, 11].map(AccountId));
    assert_eq!(listed(10, 9).await, [11, 12].map(AccountId));
    assert!(listed(12, 9).await.is_empty());
}

pub(super) async fn random_suggestions_agree_with_brute_force(s: Subject) {
    let env = Env::manual(ManualClock::new(Timestamp(1_800_000_000_000)), 31);
    let account = || i64::try_from(1 + env.below(20)).unwrap();
    let (mut follows, mut tags) = (BTreeSet::new(), BTreeSet::new());
    for at in 0..90 {
        let (a, b) = (account(), account());
        if a != b {
            s.store.follow(&cx(), write(a, b, at)).await.unwrap();
            follows.insert((a, b));
        }
        if at % 3 == 0 {
            let name = ["a", "b", "c"][usize::try_from(env.below(3)).unwrap()];
            tag(&s, b, name, at + 1).await;
            tags.insert((b, name));
        }
    }
    let mut expected: BTreeMap<i64, (Vec<i64>, i64)> = BTreeMap::new();
    for (_, friend) in follows.iter().filter(|(a, _)| *a == 1) {
        for (_, other) in follows.iter().filter(|(a, _)| a == friend) {
            expected.entry(*other).or_default().0.push(*friend);
        }
    }
    for (_, name) in tags.iter().filter(|(a, _)| *a == 1) {
        for (other, _) in tags.iter().filter(|(_, other)| other == name) {
            expected.entry(*other).or_default().1 += 1;
        }
    }
    expected.retain(|other, _| *other != 1 && !follows.contains(&(1, *other)));
    let mut expected: Vec<_> = expected.into_iter().map(|(id, (through, tags))| (id, through, tags)).collect();
    expected.sort_by_key(|(id, through, tags)| (-2 * i64::try_from(through.len()).unwrap() - tags, *id));
    assert!(expected.len() > 3, "the sample shows something");
    for limit in [1, 3, 50] {
        let best = &expected[..limit.min(expected.len())];
        assert_eq!(suggested(&s, 0, REACH, limit).await, best, "the best {limit}");
    }
}
