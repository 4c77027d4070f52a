//! VotePoll, and polls as readers see them.

use plaza_core::{Cx, Result, reason};
use plaza_proto::posts::v1::*;

use crate::support::{World, nobody, user};

fn poll(options: &[&str], multiple: bool, hide_results: bool) -> Option<NewPoll> {
    let options = options.iter().map(|option| (*option).to_owned()).collect();
    Some(NewPoll { options, multiple, duration_seconds: 3_600, hide_results })
}

async fn ask(w: &World, author: i64, poll: Option<NewPoll>) -> i64 {
    w.post(author, CreatePostRequest { poll, ..w.text("which?") }).await
}

async fn vote(w: &World, account: i64, post_id: i64, choices: &[i32]) -> Result<VotePollResponse> {
    let request = VotePollRequest { request_id: w.request_id(), post_id, choices: choices.to_vec() };
    w.posts.vote_poll(&user(account), request).await
}

async fn seen(w: &World, cx: &Cx, post: i64) -> Poll {
    w.get(cx, post).await.unwrap().poll.unwrap()
}

fn counts(poll: &Poll) -> Vec<i64> {
    poll.options.iter().map(|option| option.vote_count).collect()
}

#[tokio::test]
async fn vote_poll_counts_each_account_once_and_shows_it_its_choice() {
    let w = World::new().await;
    let request = CreatePostRequest { poll: poll(&["yes", "no"], false, false), ..w.text("well?") };
    let created = w.create(1, request.clone()).await.unwrap();
    assert_eq!(w.create(1, request).await.unwrap(), created);
    let (id, asked) = (created.post_id, created.poll.unwrap());
    let close = created.create_time.map(|at| prost_types::Timestamp { seconds: at.seconds + 3_600, ..at });
    assert_eq!((asked.options[1].text.as_str(), asked.multiple, asked.close_time), ("no", false, close));
    assert_eq!(seen(&w, &user(1), id).await, asked);
    let request = VotePollRequest { request_id: w.request_id(), post_id: id, choices: vec![1] };
    let answer = w.posts.vote_poll(&user(2), request.clone()).await.unwrap();
    assert_eq!((&answer.vote_counts[..], answer.voter_count), (&[0, 1][..], 1));
    vote(&w, 3, id, &[0]).await.unwrap();
    let (mine, others) = (seen(&w, &user(2), id).await, seen(&w, &nobody(), id).await);
    assert_eq!((counts(&mine), mine.voter_count, &mine.own_choices[..]), (vec![1, 1], 2, &[1][..]));
    assert_eq!((counts(&others), others.voter_count, &others.own_choices[..]), (vec![1, 1], 2, &[][..]));
    assert!(vote(&w, 2, id, &[0]).await.unwrap_err().is(reason::ALREADY_VOTED));
    // The first answer again, though the post is out of sight by now.
    w.graph.block(1, 2);
    assert_eq!(w.posts.vote_poll(&user(2), request).await.unwrap(), answer);
    let told: Vec<String> = w.told().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(told, ["PostCreated", "PollVoted", "PollVoted"]);
}

#[tokio::test]
async fn vote_poll_refuses_what_the_poll_does_not_take() {
    let w = World::new().await;
    let (one, several) =
        (ask(&w, 1, poll(&["a", "b", "c"], false, false)).await, ask(&w, 1, poll(&["a", "b", "c"], true, false)).await);
    for (post, choices) in
        [(one, &[0, 1][..]), (one, &[3]), (one, &[]), (several, &[1, 1]), (several, &[-1]), (several, &[0, 3])]
    {
        let refused = vote(&w, 2, post, choices).await.unwrap_err();
        assert!(refused.violations()[0].field.starts_with("choices"), "{choices:?}: {refused}");
    }
    assert_eq!(vote(&w, 2, several, &[2, 0]).await.unwrap().vote_counts, [1, 0, 1]);
    let (plain, hidden) = (w.post(1, w.text("a")).await, {
        let poll = poll(&["a", "b"], false, false);
        w.post(1, CreatePostRequest { poll, ..w.followers("which?") }).await
    });
    assert!(vote(&w, 2, plain, &[0]).await.unwrap_err().is(reason::POLL_NOT_FOUND));
    assert!(vote(&w, 2, hidden, &[0]).await.unwrap_err().is(reason::POST_NOT_FOUND));
    w.graph.follow(2, 1);
    vote(&w, 2, hidden, &[0]).await.unwrap();
    w.graph.block(3, 1);
    assert!(vote(&w, 3, one, &[0]).await.unwrap_err().is(reason::POST_NOT_FOUND));
    let request = VotePollRequest { request_id: w.request_id(), post_id: one, choices: vec![0] };
    assert!(w.posts.vote_poll(&nobody(), request).await.unwrap_err().is(reason::CREDENTIALS_MISSING));
    w.clock.advance(3_600_000);
    assert!(vote(&w, 2, one, &[0]).await.unwrap_err().is(reason::POLL_CLOSED));
}

#[tokio::test]
async fn results_are_hidden_until_voted_or_closed() {
    let w = World::new().await;
    let id = ask(&w, 1, poll(&["a", "b"], false, true)).await;
    vote(&w, 2, id, &[1]).await.unwrap();
    for (cx, shows) in [(user(1), true), (user(2), true), (user(3), false), (nobody(), false)] {
        let poll = seen(&w, &cx, id).await;
        let votes = if shows { vec![0, 1] } else { vec![0, 0] };
        assert_eq!((counts(&poll), poll.results_hidden, poll.voter_count), (votes, !shows, 1));
    }
    let page = w.batch(&user(3), &[id]).await.unwrap();
    assert!(page[0].poll.as_ref().unwrap().results_hidden);
    vote(&w, 3, id, &[1]).await.unwrap();
    assert_eq!(counts(&seen(&w, &user(3), id).await), [0, 2]);
    w.clock.advance(3_600_000);
    let closed = seen(&w, &nobody(), id).await;
    assert_eq!((counts(&closed), closed.hide_results, closed.results_hidden), (vec![0, 2], true, false));
}

#[tokio::test]
async fn a_poll_that_is_not_right_is_refused_by_its_field() {
    let w = World::new().await;
    let fits = || poll(&["a", "b"], false, false).unwrap();
    let (long, seven) = ("a".repeat(51), ["1", "2", "3", "4", "5", "6", "7"]);
    for (poll, field) in [
        (poll(&["a"], false, false), "poll.options"),
        (poll(&seven, false, false), "poll.options"),
        (poll(&["a", "a "], false, false), "poll.options"),
        (poll(&["a", " "], false, false), "poll.options[1]"),
        (poll(&[&long, "b"], false, false), "poll.options[0]"),
        (poll(&["a\nb", "b"], false, false), "poll.options[0]"),
        (Some(NewPoll { duration_seconds: 299, ..fits() }), "poll.duration_seconds"),
        (Some(NewPoll { duration_seconds: 2_592_001, ..fits() }), "poll.duration_seconds"),
        (Some(NewPoll { duration_seconds: i64::MIN, ..fits() }), "poll.duration_seconds"),
    ] {
        let refused = w.create(1, CreatePostRequest { poll, ..w.text("a") }).await.unwrap_err();
        assert_eq!(refused.violations()[0].field, field, "{refused}");
    }
    let poll = Some(NewPoll { options: vec!["a".to_owned(); 17], ..fits() });
    let refused = w.create(1, CreatePostRequest { poll, ..w.text("a") }).await.unwrap_err();
    assert_eq!(refused.violations()[0].field, "poll.options");
}

#[tokio::test]
async fn a_draft_keeps_its_poll_and_the_poll_opens_when_it_is_published() {
    let w = World::new().await;
    let post = NewPost { poll: poll(&["a", "b"], true, false), ..crate::drafts::said("which?") };
    crate::drafts::create_draft(&w, 1, post.clone(), crate::drafts::seconds(7_200)).await.unwrap();
    assert_eq!(crate::drafts::drafts(&w, 1).await[0].post, Some(post));
    w.clock.advance(7_200_000);
    let posts = plaza_testkit::wait::until("the post", async || {
        Some(crate::drafts::published(&w, 1).await).filter(|posts| !posts.is_empty())
    });
    let id = posts.await[0];
    assert_eq!(seen(&w, &nobody(), id).await.close_time, crate::drafts::seconds(7_200 + 3_600));
    vote(&w, 2, id, &[0, 1]).await.unwrap();
}
