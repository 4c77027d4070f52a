//! What is asked beyond one account's own edges: in common, familiar, the shortest path.

use std::collections::{BTreeMap, BTreeSet};

use plaza_core::{AccountId, Env, ManualClock, Timestamp};

use super::{Subject, cx, write};
use crate::domain::{Arm, Direction, Familiar, MAX_HOPS, Path};

const ME: AccountId = AccountId(1);

fn ids(accounts: &[AccountId]) -> Vec<i64> {
    accounts.iter().map(|account| account.get()).collect()
}

async fn follow(s: &Subject, pairs: &[(i64, i64)]) {
    for (n, (a, b)) in pairs.iter().enumerate() {
        s.store.follow(&cx(), write(*a, *b, i64::try_from(n).unwrap())).await.unwrap();
    }
}

/// All that two arms have in common, looking at `scan` at once.
async fn common(s: &Subject, one: Arm, other: Arm, scan: usize) -> Vec<i64> {
    let (mut all, mut after) = (Vec::new(), AccountId(0));
    loop {
        let part = s.store.common(&cx(), one, other, after, scan).await.unwrap();
        assert!(part.found.iter().all(|id| *id > after) && part.found.len() <= scan);
        all.extend(ids(&part.found));
        let Some(looked_to) = part.looked_to else { return all };
        after = looked_to;
    }
}

pub(super) async fn what_two_accounts_have_in_common_is_found_in_parts(s: Subject) {
    follow(&s, &[(1, 5), (1, 9), (1, 7), (1, 2), (2, 9), (2, 5), (2, 1), (7, 1), (2, 8), (5, 1)]).await;
    let arm = |account, way| Arm { account: AccountId(account), way };
    let (mine, theirs) = (arm(1, Direction::Following), arm(2, Direction::Following));
    for scan in [1, 2, 3, 4, 100] {
        assert_eq!(common(&s, mine, theirs, scan).await, [5, 9], "{scan} at once");
        assert_eq!(common(&s, theirs, mine, scan).await, [5, 9], "{scan} at once");
        assert_eq!(common(&s, mine, arm(1, Direction::Followers), scan).await, [2, 5, 7], "{scan} at once");
    }
    assert!(common(&s, mine, arm(77, Direction::Following), 3).await.is_empty());
    assert!(common(&s, arm(77, Direction::Following), mine, 3).await.is_empty());
}

pub(super) async fn familiar_followers_come_newest_first_from_either_side(s: Subject) {
    // 20 has fewer followers than I follow, 30 has more.
    follow(&s, &[(1, 2), (1, 3), (1, 4), (1, 5), (3, 20), (2, 20), (9, 20)]).await;
    follow(&s, &[(10, 30), (11, 30), (12, 30), (5, 30), (2, 30), (4, 30), (13, 30)]).await;
    let bounds = |few, scan| Familiar { few, scan };
    let ask = async |accounts: &[i64], bounds| {
        let accounts: Vec<AccountId> = accounts.iter().copied().map(AccountId).collect();
        let found = s.store.familiar(&cx(), ME, &accounts, bounds).await.unwrap();
        found.iter().map(|few| ids(few)).collect::<Vec<_>>()
    };
    // Of 20 by when they followed it, of 30 by when I followed them.
    let expected = [vec![2, 3], vec![], vec![5, 4, 2], vec![2, 3]];
    assert_eq!(ask(&[20, 99, 30, 20], bounds(5, 100)).await, expected);
    assert_eq!(ask(&[20, 30], bounds(1, 100)).await, [vec![2], vec![5]]);
    assert_eq!(ask(&[20, 30], bounds(5, 2)).await, [vec![2], vec![5, 4]], "the newest two are looked at");
    let nobody = s.store.familiar(&cx(), AccountId(77), &[AccountId(20)], bounds(5, 9)).await.unwrap();
    assert_eq!(nobody, [vec![]]);
}

async fn path(s: &Subject, from: i64, to: i64) -> Option<Vec<i64>> {
    match s.store.path(&cx(), AccountId(from), AccountId(to)).await.unwrap() {
        Path::Found(way) => Some(ids(&way)),
        Path::None => None,
        Path::GaveUp => Some(vec![]),
    }
}

pub(super) async fn the_shortest_path_is_found_and_leads_round_blocks(s: Subject) {
    let long: Vec<(i64, i64)> = (1..=9).map(|n| (n, n + 1)).collect();
    follow(&s, &long).await;
    assert_eq!(path(&s, 1, 2).await, Some(vec![1, 2]));
    assert_eq!(path(&s, 1, 7).await, Some((1..=7).collect()), "six hops");
    assert_eq!(path(&s, 1, 8).await, None, "seven are too many");
    assert_eq!((path(&s, 7, 1).await, path(&s, 1, 99).await, path(&s, 99, 1).await), (None, None, None));
    follow(&s, &[(1, 20), (20, 6)]).await;
    assert_eq!(path(&s, 1, 7).await, Some(vec![1, 20, 6, 7]));
    assert_eq!(path(&s, 1, 9).await, Some(vec![1, 20, 6, 7, 8, 9]));
    s.store.block(&cx(), write(20, 1, 50)).await.unwrap();
    assert_eq!(path(&s, 1, 7).await, Some((1..=7).collect()));
    s.store.block(&cx(), write(1, 4, 50)).await.unwrap();
    assert_eq!((path(&s, 1, 7).await, path(&s, 1, 4).await, path(&s, 1, 20).await), (None, None, None));
    assert_eq!(path(&s, 2, 7).await, Some((2..=7).collect()), "another's blocks are no matter");
}

/// How many follows a way from `from` to `to` takes, by brute force.
fn hops(follows: &BTreeSet<(i64, i64)>, hidden: &BTreeSet<i64>, from: i64, to: i64) -> Option<usize> {
    let mut reached = BTreeMap::from([(from, 0)]);
    for hop in 1..=MAX_HOPS {
        let front: Vec<i64> = reached.iter().filter(|(_, at)| **at == hop - 1).map(|(id, _)| *id).collect();
        for (_, b) in follows.iter().filter(|(a, b)| front.contains(a) && !hidden.contains(b)) {
            reached.entry(*b).or_insert(hop);
        }
    }
    reached.get(&to).copied()
}

pub(super) async fn random_walks_agree_with_brute_force(s: Subject) {
    let env = Env::manual(ManualClock::new(Timestamp(1_800_000_000_000)), 23);
    let account = || i64::try_from(1 + env.below(24)).unwrap();
    let (mut follows, mut hidden) = (BTreeSet::new(), BTreeSet::new());
    for at in 0..34 {
        let (a, b) = (account(), account());
        if a != b {
            s.store.follow(&cx(), write(a, b, at)).await.unwrap();
            follows.insert((a, b));
        }
    }
    for at in 0..2 {
        let other = 2 + account() % 23;
        s.store.block(&cx(), write(1, other, at)).await.unwrap();
        follows.retain(|pair| ![(1, other), (other, 1)].contains(pair));
        hidden.insert(other);
    }
    let mut found = 0;
    for to in 2..=24 {
        let way = path(&s, 1, to).await;
        let expected = hops(&follows, &hidden, 1, to);
        assert_eq!(way.as_ref().map(|way| way.len() - 1), expected, "from 1 to {to}: {way:?}");
        if let Some(way) = way {
            assert_eq!((way.first(), way.last()), (Some(&1), Some(&to)));
            assert!(way.windows(2).all(|pair| follows.contains(&(pair[0], pair[1]))), "{way:?}");
            assert!(!way.iter().any(|id| hidden.contains(id)), "{way:?}");
            found += 1;
        }
        let (mine, theirs) = (Direction::Following, Direction::Following);
        let (one, other) = (Arm { account: ME, way: mine }, Arm { account: AccountId(to), way: theirs });
        let of = |who| follows.iter().filter(move |(a, _)| *a == who).map(|(_, b)| *b);
        let both: Vec<i64> = of(1).filter(|id| of(to).any(|b| b == *id)).collect();
        assert_eq!(common(&s, one, other, 2).await, both, "of 1 and {to}");
    }
    assert!(found > 3, "the sample shows something");
}
