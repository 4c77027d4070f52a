//! `kill -9` at any moment, again and again, under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use plaza_core::{Code, Env, Error, Token};
use plaza_proto::accounts::v1::{CreateAccountRequest, DeleteAccountRequest};
use plaza_proto::graph::v1::{BatchGetCountsRequest, FollowRequest, UnfollowRequest};
use plaza_proto::posts::v1::{CreatePostRequest, GetPostRequest, LikePostRequest};
use plaza_testkit::person::{Outcome, PASSWORD, request_id};
use plaza_testkit::{Guest, Person, Sandbox, Shape, wait};

const KILLS: usize = 50;
const WRITERS: usize = 4;

/// Makes the same call, with the same request id, until it is answered.
pub(crate) async fn persist<T, F: Future<Output = Outcome<T>>>(call: impl FnMut() -> F) -> T {
    persist_unless(|_| false, call).await.expect("only a kill may get in the way")
}

/// As [`persist`], but an error that `done` knows says as well as an answer that the call has had its effect.
pub(crate) async fn persist_unless<T, F: Future<Output = Outcome<T>>>(
    done: impl Fn(&Error) -> bool,
    mut call: impl FnMut() -> F,
) -> Option<T> {
    let mut tries = 0;
    loop {
        match call().await {
            Ok(answer) => return Some(answer.message),
            Err(error) if tries > 0 && done(&error) => return None,
            Err(error) => assert!(passing(&error), "only a kill may get in the way: {error}"),
        }
        tries += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whether it is a trouble that a restart of the platform explains.
fn passing(error: &Error) -> bool {
    error.is_transient() || error.code() == Code::Unknown
}

/// What one writer got acknowledged.
#[derive(Default)]
struct History {
    posts: Vec<(i64, String)>,
    deleted: Vec<i64>,
}

/// Posts, likes, follows and deletes accounts until told to stop; every call is retried until it is acknowledged.
async fn write(guest: Guest, me: Person, name: String, star: i64, stop: Arc<AtomicBool>) -> History {
    let mut history = History::default();
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        let text = format!("{name} {n}");
        let post = CreatePostRequest { request_id: request_id(), text: text.clone(), ..Default::default() };
        let made = persist(|| me.call(post.clone())).await.post.expect("a post");
        history.posts.push((made.post_id, text));
        if n % 4 == 1 {
            // Somebody comes, follows, likes and leaves: all of it is to be undone by events.
            let handle = format!("{name}_{n}");
            let create = CreateAccountRequest {
                request_id: request_id(),
                handle: handle.clone(),
                email: format!("{handle}@example.org"),
                password: PASSWORD.to_owned(),
                display_name: String::new(),
            };
            let account = persist(|| guest.call(create.clone())).await.account.expect("an account");
            let tokens = loop {
                match guest.sign_in(&handle).await {
                    Ok(tokens) => break tokens,
                    Err(error) => assert!(passing(&error), "{error}"),
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            let other = Person { routes: guest.routes.clone(), account, tokens };
            let like = LikePostRequest { request_id: request_id(), post_id: made.post_id };
            persist(|| other.call(like.clone())).await;
            let follow = FollowRequest { request_id: request_id(), account_id: star };
            persist(|| other.call(follow.clone())).await;
            let delete = DeleteAccountRequest { request_id: request_id(), account_id: other.id() };
            // If the answer was lost, the account's session may have ended by the time of the retry.
            let gone = |error: &Error| error.code() == Code::Unauthenticated;
            persist_unless(gone, || other.call(delete.clone())).await;
            history.deleted.push(other.id());
        }
        n += 1;
    }
    history
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_lose_nothing_and_do_nothing_twice() {
    let env = Env::manual(plaza_core::ManualClock::new(plaza_core::Timestamp(0)), 11);
    let mut sandbox = Sandbox::start(Shape::OneProcess).await;
    let guest = sandbox.guest();
    let star = guest.join("star").await;
    let reader = guest.join("reader").await;
    let stop = Arc::new(AtomicBool::new(false));
    let (mut writers, mut tasks) = (Vec::new(), Vec::new());
    for n in 0..WRITERS {
        let writer = guest.join(&format!("writer{n}")).await;
        reader.follow(&writer).await.expect("follow");
        tasks.push(tokio::spawn(write(guest.clone(), writer.clone(), format!("w{n}"), star.id(), stop.clone())));
        writers.push(writer);
    }
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(20 + env.below(200))).await;
        sandbox.kill().await;
        sandbox.restart().await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    for (task, writer) in tasks.into_iter().zip(&writers) {
        let history = task.await.expect("a writer");
        assert_eq!(texts_by(writer).await, sorted(&history), "each acknowledged post is there, once");
        all.push(history);
    }
    settle(&sandbox, &star, &reader, &all).await;
    // Nobody's follow or unfollow was lost or counted twice.
    reader.call(UnfollowRequest { request_id: request_id(), account_id: writers[0].id() }).await.expect("unfollow");
    let counts = reader.call(BatchGetCountsRequest { account_ids: vec![reader.id()] }).await.expect("counts").message;
    assert_eq!(counts.counts[0].following, i64::try_from(WRITERS).expect("few") - 1);
    sandbox.stop().await;
}

/// Every event has reached every consumer: what left is erased everywhere, feeds are whole.
async fn settle(sandbox: &Sandbox, star: &Person, reader: &Person, all: &[History]) {
    let mut ids: Vec<i64> = all.iter().flat_map(|h| h.posts.iter().map(|(id, _)| *id)).collect();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    wait::until("the reader's feed", || async {
        (reader.walk_home(&Token::default(), 100).await.expect("a walk") == ids).then_some(())
    })
    .await;
    let deleted: usize = all.iter().map(|h| h.deleted.len()).sum();
    assert!(deleted > 0 && ids.len() > KILLS, "the load was real: {} posts, {deleted} accounts", ids.len());
    wait::until("the erasure of those who left", || async {
        let counts = reader.call(BatchGetCountsRequest { account_ids: vec![star.id()] }).await.expect("counts").message;
        let mut likes = 0;
        for id in &ids {
            let post = reader.call(GetPostRequest { post_id: *id }).await.expect("a post").message.post.expect("one");
            likes += post.like_count;
        }
        (counts.counts[0].followers == 0 && likes == 0).then_some(())
    })
    .await;
    assert!(!sandbox.run(&["dlq", "list"]).await.contains("projection"), "no event was given up");
}

async fn texts_by(author: &Person) -> Vec<String> {
    let (mut texts, mut page_token) = (Vec::new(), String::new());
    loop {
        let request =
            plaza_proto::feeds::v1::GetUserFeedRequest { account_id: author.id(), page_size: 100, page_token };
        let page = author.call(request).await.expect("a page").message;
        texts.extend(page.posts.into_iter().map(|p| p.text));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            texts.sort_unstable();
            return texts;
        }
    }
}

fn sorted(history: &History) -> Vec<String> {
    let mut texts: Vec<String> = history.posts.iter().map(|(_, text)| text.clone()).collect();
    texts.sort_unstable();
    texts
}
