//! Likes, reposts, bookmarks and quotes.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use plaza_core::{AccountId, Env, ManualClock, PostId, Timestamp, reason};

use super::polls::{asking, vote};
use super::{Subject, Told, bookmark, cx, like, new, quote, reply, repost, undone};
use crate::domain::{Counts, Mark, QuotePolicy, RepostRef};
use crate::store::{END, FEW_MARKS, MarkChange, NewPost, Place};

const NEWEST: Place<AccountId> = Place { id: i64::MAX, of: AccountId(0) };

pub(super) async fn each_kind_of_mark_is_set_once_and_counted_apart(s: Subject) {
    let id = s.publish(new(1, "a")).await.post;
    for (change, likes, reposts, bookmarks) in [
        (repost(2, id), 0, 1, 0),
        (repost(2, id), 0, 1, 0),
        (bookmark(2, id), 0, 1, 1),
        (like(2, id), 1, 1, 1),
        (undone(bookmark(3, id)), 1, 1, 1),
        (bookmark(3, id), 1, 1, 2),
        (undone(repost(2, id)), 1, 0, 2),
        (undone(bookmark(2, id)), 1, 0, 1),
    ] {
        let marked = s.store.set_mark(&cx(), change).await.unwrap();
        let counts = Counts { likes, reposts, bookmarks, ..Counts::default() };
        assert_eq!(s.counts(id).await, Some(counts), "{change:?}");
        assert_eq!(marked.count, counts.of(change.mark), "{change:?}");
    }
    let mut marked = s.store.marked(&cx(), AccountId(2), &[id, PostId(1)]).await.unwrap();
    marked.extend(s.store.marked(&cx(), AccountId(3), &[id]).await.unwrap());
    assert_eq!(marked, [(id, Mark::Like), (id, Mark::Bookmark)]);
}

pub(super) async fn a_mark_keeps_its_id_until_it_is_taken_back(s: Subject) {
    let id = s.publish(new(1, "a")).await.post;
    let nothing = s.store.set_mark(&cx(), undone(repost(2, id))).await.unwrap();
    assert_eq!((nothing.id, nothing.position), (0, None));
    let first = s.store.set_mark(&cx(), repost(2, id)).await.unwrap();
    let again = s.store.set_mark(&cx(), repost(2, id)).await.unwrap();
    assert!(first.id > id.0, "a repost stands above all earlier posts");
    assert_eq!((again.id, again.position), (first.id, None));
    let back = s.store.set_mark(&cx(), undone(repost(2, id))).await.unwrap();
    let later = s.publish(new(1, "b")).await.post;
    let second = s.store.set_mark(&cx(), repost(2, id)).await.unwrap();
    assert_eq!(back.id, first.id);
    assert!(second.id > later.0);
    let (author, account) = (AccountId(1), AccountId(2));
    let told: Vec<Told> = s.told().await.into_iter().map(|(_, told)| told).collect();
    let expected = [
        Told::Created(id, author, None),
        Told::Reposted(id, author, account, first.id),
        Told::RepostUndone(id, author, account, first.id),
        Told::Created(later, author, None),
        Told::Reposted(id, author, account, second.id),
    ];
    assert_eq!(told, expected);
}

pub(super) async fn those_who_mark_a_post_are_listed_last_first(s: Subject) {
    let (id, other) = (s.publish(new(1, "a")).await.post, s.publish(new(1, "b")).await.post);
    let accounts: Vec<i64> = (0..25).map(|n| 10 + n * 7 % 25).collect();
    for account in &accounts {
        s.store.set_mark(&cx(), like(*account, id)).await.unwrap();
        s.store.set_mark(&cx(), repost(*account + 100, id)).await.unwrap();
        s.store.set_mark(&cx(), like(*account, other)).await.unwrap();
    }
    s.store.set_mark(&cx(), undone(like(accounts[3], id))).await.unwrap();
    let expected: Vec<i64> = accounts.iter().rev().copied().filter(|a| *a != accounts[3]).collect();
    let (mut walked, mut before) = (Vec::new(), NEWEST);
    while let Some(last) = s.store.markers(&cx(), id, Mark::Like, before, 4).await.unwrap().last() {
        walked.extend(s.store.markers(&cx(), id, Mark::Like, before, 4).await.unwrap().iter().map(|p| p.of.0));
        before = *last;
    }
    assert_eq!(walked, expected);
    assert_eq!(s.store.markers(&cx(), id, Mark::Repost, NEWEST, 100).await.unwrap().len(), 25);
    assert_eq!(s.store.markers(&cx(), id, Mark::Bookmark, NEWEST, 100).await.unwrap(), []);
}

pub(super) async fn what_an_account_keeps_is_listed_last_first(s: Subject) {
    let mut kept = Vec::new();
    for _ in 0..12 {
        kept.push(s.publish(new(1, "a")).await.post);
    }
    kept.rotate_left(5);
    for id in &kept {
        s.store.set_mark(&cx(), bookmark(2, *id)).await.unwrap();
        s.store.set_mark(&cx(), like(2, *id)).await.unwrap();
        s.store.set_mark(&cx(), bookmark(3, *id)).await.unwrap();
    }
    let (mut walked, mut before) = (Vec::new(), Place { id: i64::MAX, of: PostId(0) });
    loop {
        let page = s.store.marked_by(&cx(), AccountId(2), Mark::Bookmark, before, 5).await.unwrap();
        let Some(last) = page.last() else { break };
        before = *last;
        walked.extend(page.iter().map(|place| place.of));
    }
    kept.reverse();
    assert_eq!(walked, kept);
}

pub(super) async fn quotes_are_counted_and_listed(s: Subject) {
    let quoted = s.publish(NewPost { quote_policy: QuotePolicy::Followers, ..new(1, "quoted") }).await.post;
    let mut quotes = Vec::new();
    for n in 0..9 {
        let id = s.publish(quote(2 + n, "look", quoted)).await.post;
        quotes.insert(0, id);
    }
    let both = s.publish(NewPost { reply_to: Some(quoted), ..quote(2, "both", quoted) }).await.post;
    assert_eq!(s.counts(quoted).await, Some(Counts { replies: 1, quotes: 10, ..Counts::default() }));
    let read = s.post(both).await.unwrap();
    assert_eq!((read.quote_of, read.reply_to, read.root), (Some(quoted), Some(quoted), quoted));
    assert_eq!(s.post(quoted).await.unwrap().quote_policy, QuotePolicy::Followers);
    s.store.delete(&cx(), AccountId(2), both).await.unwrap();
    s.store.delete(&cx(), s.post(quotes[4]).await.unwrap().author, quotes.remove(4)).await.unwrap();
    assert_eq!(s.counts(quoted).await, Some(Counts { quotes: 8, ..Counts::default() }));
    assert_eq!(s.store.quotes(&cx(), quoted, END, 3).await.unwrap(), quotes[..3]);
    assert_eq!(s.store.quotes(&cx(), quoted, quotes[2], 100).await.unwrap(), quotes[3..]);
    s.store.delete(&cx(), AccountId(1), quoted).await.unwrap();
    assert_eq!(s.post(quotes[0]).await.unwrap().quote_of, Some(quoted), "a quote outlives what it quotes");
}

pub(super) async fn a_quote_needs_a_living_target(s: Subject) {
    let gone = s.publish(new(1, "a")).await.post;
    s.store.delete(&cx(), AccountId(1), gone).await.unwrap();
    for target in [gone, PostId(1)] {
        let error = s.store.publish(&cx(), quote(2, "b", target)).await.unwrap_err();
        assert!(error.is(reason::QUOTE_TARGET_NOT_FOUND));
        assert_eq!(error.violations()[0].field, "quote_of_id");
    }
}

pub(super) async fn reposts_of_many_accounts_are_merged(s: Subject) {
    let mut posts = Vec::new();
    for author in 1..=6 {
        posts.push(s.publish(new(author, "a")).await.post);
    }
    let mut all = Vec::new();
    for n in 0..90_usize {
        let (account, at) = (10 + i64::try_from(n * n % 17).unwrap(), n % 6);
        let marked = s.store.set_mark(&cx(), repost(account, posts[at])).await.unwrap();
        if marked.position.is_some() {
            let author = AccountId(1 + i64::try_from(at).unwrap());
            all.insert(0, RepostRef { repost: marked.id, account: AccountId(account), post: posts[at], author });
        }
        s.store.set_mark(&cx(), like(account, posts[at])).await.unwrap();
    }
    s.store.delete(&cx(), AccountId(2), posts[1]).await.unwrap();
    all.retain(|r| r.post != posts[1]);
    let accounts: Vec<AccountId> = (1..=200).map(AccountId).collect();
    assert!(all.len() > 20);
    assert_eq!(s.store.repost_refs(&cx(), &accounts, END, 1_000).await.unwrap(), all);
    assert_eq!(s.store.repost_refs(&cx(), &accounts, END, 7).await.unwrap(), all[..7]);
    let below = PostId(all[4].repost);
    assert_eq!(s.store.repost_refs(&cx(), &accounts, below, 7).await.unwrap(), all[5..12]);
    let some = [AccountId(10), AccountId(11), AccountId(14)];
    let expected: Vec<RepostRef> = all.iter().filter(|r| some.contains(&r.account)).copied().collect();
    assert_eq!(s.store.repost_refs(&cx(), &some, END, 1_000).await.unwrap(), expected);
}

pub(super) async fn an_erased_account_leaves_no_mark(s: Subject) {
    let mut posts = Vec::new();
    for _ in 0..5 {
        let id = s.publish(new(2, "other")).await.post;
        for change in [like(1, id), repost(1, id), bookmark(1, id), bookmark(3, id)] {
            s.store.set_mark(&cx(), change).await.unwrap();
        }
        posts.push(id);
    }
    let told = s.told().await.len();
    while s.store.erase_marks(&cx(), AccountId(1), 4).await.unwrap() >= 4 {}
    for id in &posts {
        assert_eq!(s.counts(*id).await, Some(Counts { bookmarks: 1, ..Counts::default() }));
    }
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, told) in &s.told().await[told..] {
        let kind = match told {
            Told::Unliked(_, AccountId(2), AccountId(1)) => "unliked",
            Told::RepostUndone(_, AccountId(2), AccountId(1), repost) if *repost > 0 => "undone",
            Told::Unbookmarked(_, AccountId(2)) => "unbookmarked",
            _ => "something else",
        };
        *kinds.entry(kind).or_default() += 1;
    }
    assert_eq!(kinds, BTreeMap::from([("unliked", 5), ("undone", 5), ("unbookmarked", 5)]));
    assert_eq!(s.store.held_among(&cx(), &[AccountId(1)]).await.unwrap(), []);
    let late = s.store.set_mark(&cx(), repost(1, posts[0])).await.unwrap_err();
    assert!(late.is(reason::ACCOUNT_NOT_FOUND));
}

/// How many accounts take part in the random operations.
const ACCOUNTS: i64 = 20;

/// 10,000 operations, 32 at a time, on few posts: likes, reposts, bookmarks, votes, replies, quotes, deletions.
pub(super) async fn random_marks_at_once_leave_exact_counts(s: Subject) {
    let mut targets = Vec::new();
    for author in 1..=8 {
        targets.push(s.publish(asking(author, true)).await.post);
    }
    let env = Env::manual(ManualClock::new(Timestamp(1_800_000_000_000)), 7);
    let tasks = (0..32_i64).map(|task| {
        let (s, targets, env) = (s.clone(), targets.clone(), env.clone());
        tokio::spawn(async move {
            for _ in 0..312 {
                step(&s, &env, 100 + task % ACCOUNTS, &targets).await;
            }
        })
    });
    for task in join_all(tasks.collect::<Vec<_>>()).await {
        task.unwrap();
    }
    for target in &targets {
        let counts = s.counts(*target).await.unwrap();
        assert!((1..=ACCOUNTS).contains(&s.results(*target).await.unwrap().voters));
        let few = s.post(*target).await.unwrap().marks.clone();
        assert!(
            few.is_none_or(|marks| counts.marks() <= FEW_MARKS && i64::try_from(marks.len()) == Ok(counts.marks()))
        );
        for mark in Mark::ALL {
            let listed = s.store.markers(&cx(), *target, mark, NEWEST, 1_000).await.unwrap();
            let distinct: BTreeSet<AccountId> = listed.iter().map(|place| place.of).collect();
            assert_eq!((i64::try_from(listed.len()), distinct.len()), (Ok(counts.of(mark)), listed.len()));
        }
    }
}

async fn step(s: &Subject, env: &Env, account: i64, targets: &[PostId]) {
    let target = targets[usize::try_from(env.below(8)).unwrap()];
    let mark = Mark::ALL[usize::try_from(env.below(3)).unwrap()];
    let change = MarkChange { mark, post: target, account: AccountId(account), set: env.below(2) == 0 };
    match env.below(10) {
        0 | 1 => {
            let answer = if env.below(2) == 0 { reply(account, "r", target) } else { quote(account, "q", target) };
            let id = s.publish(answer).await.post;
            if env.below(2) == 0 {
                s.store.delete(&cx(), AccountId(account), id).await.unwrap();
            }
        }
        // Most have voted by then.
        2 | 3 => {
            let choices = i32::try_from(env.below(7)).unwrap() + 1;
            if let Err(refusal) = s.store.vote(&cx(), vote(account, target, choices)).await {
                assert!(refusal.is(reason::ALREADY_VOTED), "{refusal}");
            }
        }
        4 => assert!(s.store.posts(&cx(), targets).await.unwrap().iter().all(Option::is_some)),
        _ => drop(s.store.set_mark(&cx(), change).await.unwrap()),
    }
}
