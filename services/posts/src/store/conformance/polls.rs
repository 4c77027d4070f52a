//! Polls and votes.

use std::time::Duration;

use futures::future::join_all;
use plaza_core::{AccountId, PostId, reason};

use super::threads::edit;
use super::{GRACE, Subject, Told, cx, new, request};
use crate::domain::{Choices, NewPoll, Results, Sensitive};
use crate::store::{END, Edit, NewPost, Vote};

const HOUR_MS: i64 = 3_600_000;

/// A post that asks for one, or several, of three options, for an hour.
pub(super) fn asking(author: i64, multiple: bool) -> NewPost {
    let options = ["a", "b", "c"].map(str::to_owned).to_vec();
    let poll = NewPoll { options, multiple, hides: false, open: Duration::from_secs(3_600) };
    NewPost { poll: Some(poll), ..new(author, "which?") }
}

pub(super) const fn vote(account: i64, post: PostId, bits: i32) -> Vote {
    Vote { post, account: AccountId(account), choices: Choices::of(bits) }
}

impl Subject {
    /// The results as readers see them, which must be those that a recount gives.
    pub(super) async fn results(&self, id: PostId) -> Option<Results> {
        let kept = self.post(id).await.and_then(|post| Some(post.poll.as_ref()?.results.clone()));
        if kept.is_some() {
            assert_eq!(kept, self.store.recount_poll(&cx(), id).await.unwrap(), "results of {id}");
        }
        kept
    }
}

fn results(votes: [i64; 3], voters: i64) -> Option<Results> {
    Some(Results { votes: votes.to_vec(), voters })
}

pub(super) async fn a_poll_is_kept_with_its_post_and_counts_each_account_once(s: Subject) {
    let asked = asking(1, true);
    let published = s.publish(asked.clone()).await;
    let id = published.post;
    let mut expected = asked.published(&published);
    assert_eq!(s.post(id).await.unwrap().poll, expected.poll);
    let first = s.store.vote(&request(1, "VotePoll", 1), vote(2, id, 0b101)).await.unwrap();
    let again = s.store.vote(&request(1, "VotePoll", 1), vote(2, id, 0b101)).await.unwrap();
    assert_eq!((&first.votes[..], first.voters), (&[1, 0, 1][..], 1));
    assert_eq!(again, first);
    assert_eq!(s.store.answered_vote(&request(1, "VotePoll", 1)).await.unwrap(), Some(first.clone()));
    let second = s.store.vote(&cx(), vote(1, id, 0b110)).await.unwrap();
    assert_eq!((&second.votes[..], second.voters), (&[1, 1, 2][..], 2));
    assert!(s.store.vote(&cx(), vote(2, id, 0b010)).await.unwrap_err().is(reason::ALREADY_VOTED));
    expected.poll.as_mut().unwrap().results = Results { votes: vec![1, 1, 2], voters: 2 };
    assert_eq!((s.post(id).await.unwrap().poll.clone(), s.results(id).await), (expected.poll, results([1, 1, 2], 2)));
    let other = s.publish(asking(1, false)).await.post;
    let mut voted = s.store.votes(&cx(), AccountId(2), &[other, id]).await.unwrap();
    assert_eq!(voted.pop(), Some((id, Choices::of(0b101))));
    assert_eq!(voted, []);
    s.store.vote(&cx(), vote(2, other, 0b010)).await.unwrap();
    let all = [(other, Choices::of(0b010)), (id, Choices::of(0b101))];
    assert_eq!(s.store.votes_of(&cx(), AccountId(2), END, 9).await.unwrap(), all);
    assert_eq!(s.store.votes_of(&cx(), AccountId(2), END, 1).await.unwrap(), all[..1]);
    assert_eq!(s.store.votes_of(&cx(), AccountId(2), other, 9).await.unwrap(), all[1..]);
    let told: Vec<Told> =
        s.told().await.into_iter().map(|(_, told)| told).filter(|t| matches!(t, Told::Other(..))).collect();
    assert_eq!(told, [id, id, other].map(|post| Told::Other("PollVoted", post)));
}

pub(super) async fn votes_are_taken_of_living_posts_that_ask_and_until_the_poll_closes(s: Subject) {
    let (asks, asks_nothing) = (s.publish(asking(1, false)).await.post, s.publish(new(1, "a")).await.post);
    let refused = async |post| s.store.vote(&cx(), vote(2, post, 1)).await.unwrap_err();
    assert!(refused(asks_nothing).await.is(reason::POLL_NOT_FOUND));
    assert!(refused(PostId(3)).await.is(reason::POST_NOT_FOUND));
    s.clock.advance(HOUR_MS - 1);
    s.store.vote(&cx(), vote(3, asks, 1)).await.unwrap();
    s.clock.advance(1);
    assert!(refused(asks).await.is(reason::POLL_CLOSED));
    assert!(s.store.vote(&cx(), vote(3, asks, 1)).await.unwrap_err().is(reason::ALREADY_VOTED));
    assert_eq!(s.results(asks).await, results([1, 0, 0], 1));
    s.store.delete(&cx(), AccountId(1), asks).await.unwrap();
    assert!(refused(asks).await.is(reason::POST_NOT_FOUND));
}

pub(super) async fn what_a_poll_asks_stays_once_somebody_has_voted(s: Subject) {
    let id = s.publish(asking(1, false)).await.post;
    s.store.edit(&cx(), edit(1, id, "which one?")).await.unwrap();
    s.store.vote(&cx(), vote(2, id, 1)).await.unwrap();
    assert!(s.store.edit(&cx(), edit(1, id, "which not?")).await.unwrap_err().is(reason::POLL_HAS_VOTES));
    let warned = Edit { sensitive: Sensitive { is: true, warning: "w".to_owned() }, ..edit(1, id, "which one?") };
    assert_eq!(s.store.edit(&cx(), warned).await.unwrap().count, 2);
    assert_eq!(s.results(id).await, results([1, 0, 0], 1));
}

/// Each account tries several times, at once.
pub(super) async fn a_thousand_votes_at_once_are_counted_exactly(s: Subject) {
    let id = s.publish(asking(1, true)).await.post;
    let calls = (0..1_000_i32).map(|n| {
        let s = s.clone();
        async move { s.store.vote(&cx(), vote(100 + i64::from(n % 300), id, n % 7 + 1)).await.is_ok() }
    });
    let taken = join_all(calls).await.into_iter().filter(|taken| *taken).count();
    assert_eq!((taken, s.results(id).await.unwrap().voters), (300, 300));
}

pub(super) async fn a_vote_goes_with_its_account(s: Subject) {
    let mut polls = Vec::new();
    for _ in 0..5 {
        let id = s.publish(asking(2, true)).await.post;
        s.store.vote(&cx(), vote(1, id, 0b011)).await.unwrap();
        s.store.vote(&cx(), vote(3, id, 0b110)).await.unwrap();
        polls.push(id);
    }
    s.store.delete(&cx(), AccountId(2), polls[4]).await.unwrap();
    while s.store.prune(&cx()).await.unwrap() > 0 {}
    assert_eq!(s.store.held(&cx(), AccountId(0), 10).await.unwrap(), [1, 2, 3].map(AccountId));
    let told = s.told().await.len();
    let mut erased = 0;
    loop {
        let some = s.store.erase_votes(&cx(), AccountId(1), 2).await.unwrap();
        erased += some;
        if some < 2 {
            break;
        }
    }
    assert_eq!(erased, 4, "a deleted post's votes are pruned");
    for id in &polls[..4] {
        assert_eq!(s.results(*id).await, results([0, 1, 1], 1));
    }
    assert_eq!(s.told().await.len() - told, 4);
    assert_eq!(s.store.held_among(&cx(), &[AccountId(1), AccountId(3)]).await.unwrap(), [AccountId(3)]);
    assert!(s.store.vote(&cx(), vote(1, polls[0], 1)).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
}

/// For a store with grace.
pub(super) async fn a_poll_comes_back_with_its_post_and_goes_for_good_with_it(s: Subject) {
    let id = s.publish(asking(1, true)).await.post;
    for (account, bits) in [(2, 0b101), (3, 0b001), (4, 0b010)] {
        s.store.vote(&cx(), vote(account, id, bits)).await.unwrap();
    }
    let before = s.post(id).await.unwrap().poll.clone();
    s.store.delete(&cx(), AccountId(1), id).await.unwrap();
    assert_eq!(s.results(id).await, None);
    let buried = s.store.graves(&cx(), AccountId(1), END, 9).await.unwrap();
    assert_eq!(buried[0].poll_options, ["a", "b", "c"]);
    s.store.erase_votes(&cx(), AccountId(3), 10).await.unwrap();
    s.store.restore(&cx(), AccountId(1), id).await.unwrap();
    assert_eq!(s.results(id).await, results([1, 1, 1], 2));
    assert_ne!(s.post(id).await.unwrap().poll, before);
    s.store.delete(&cx(), AccountId(1), id).await.unwrap();
    s.clock.advance(i64::try_from(GRACE.as_millis()).unwrap());
    while s.store.prune(&cx()).await.unwrap() > 0 {}
    assert_eq!(s.store.recount_poll(&cx(), id).await.unwrap(), None);
    assert_eq!(s.store.held(&cx(), AccountId(0), 10).await.unwrap(), []);
}
