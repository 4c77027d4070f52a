//! Drafts that are published at their time.

use plaza_core::{Error, Timestamp, reason};
use plaza_events::NewEvent;
use plaza_proto::accounts::v1::AccountDeactivated;
use plaza_proto::posts::v1::*;
use plaza_stores::StoreAddress;
use plaza_stores::postgres::Scratch;
use plaza_testkit::{Store, wait};

use crate::drafts::{create_draft, drafts, published, said, seconds};
use crate::support::{START, World, nobody, service, user};

/// Waits until the account has no draft with a time left.
async fn done(w: &World, author: i64) -> Vec<Draft> {
    wait::until("no draft to be due", async || {
        Some(drafts(w, author).await).filter(|all| all.iter().all(|draft| draft.publish_time.is_none()))
    })
    .await
}

#[tokio::test]
async fn a_draft_with_a_time_is_published_then_and_not_before() {
    let w = World::new().await;
    create_draft(&w, 1, said("first @a7"), seconds(10)).await.unwrap();
    create_draft(&w, 1, said("later"), seconds(3_600)).await.unwrap();
    w.clock.advance(9_000);
    let due = w.app.store().due(&service(), Timestamp(START.0 + 9_999), None, 9).await.unwrap();
    assert_eq!((due, published(&w, 1).await), (vec![], vec![]));
    w.clock.advance(1_000);
    let posts = wait::until("the post", async || Some(published(&w, 1).await).filter(|posts| !posts.is_empty())).await;
    let post = w.get(&nobody(), posts[0]).await.unwrap();
    assert_eq!((post.text.as_str(), post.spans[0].account_id, post.create_time), ("first @a7", 7, seconds(10)));
    assert_eq!((drafts(&w, 1).await.len(), posts.len()), (1, 1));
}

#[tokio::test]
async fn a_draft_is_published_as_it_was_replaced_last() {
    let w = World::new().await;
    let draft_id = create_draft(&w, 1, said("old"), seconds(10)).await.unwrap();
    let (request_id, post) = (w.request_id(), Some(said("new")));
    let update = UpdateDraftRequest { request_id, draft_id, post, publish_time: seconds(20) };
    w.posts.update_draft(&user(1), update.clone()).await.unwrap();
    w.clock.advance(15_000);
    let due = w.app.store().due(&service(), Timestamp(START.0 + 15_000), None, 9).await.unwrap();
    assert_eq!(due, [], "it has another time");
    w.clock.advance(5_000);
    assert_eq!(done(&w, 1).await, []);
    let posts = published(&w, 1).await;
    assert_eq!((posts.len(), w.get(&user(1), posts[0]).await.unwrap().text.as_str()), (1, "new"));
    let late = UpdateDraftRequest { request_id: w.request_id(), publish_time: None, ..update };
    assert!(w.posts.update_draft(&user(1), late).await.unwrap_err().is(reason::DRAFT_NOT_FOUND));
}

#[tokio::test]
async fn a_draft_that_cannot_be_published_at_its_time_says_why_and_holds_nobody_up() {
    let w = World::new().await;
    let (target, quoted) = (w.post(2, w.text("target")).await, w.post(2, w.text("quoted")).await);
    create_draft(&w, 1, NewPost { reply_to_id: target, ..said("reply") }, seconds(10)).await.unwrap();
    create_draft(&w, 3, NewPost { quote_of_id: quoted, ..said("quote") }, seconds(10)).await.unwrap();
    create_draft(&w, 4, NewPost { reply_to_id: quoted, ..said("blocked") }, seconds(10)).await.unwrap();
    create_draft(&w, 5, said("deactivated"), seconds(10)).await.unwrap();
    create_draft(&w, 6, said("fine"), seconds(11)).await.unwrap();
    w.delete(2, target).await.unwrap();
    w.delete(2, quoted).await.unwrap();
    w.graph.block(2, 4);
    w.accounts.delete(5);
    let hidden = NewEvent::new(&w.env, None, "account", 5, &AccountDeactivated { account_id: 5 }).placed("accounts", 1);
    w.app.followers()[0].0.apply(&service(), &[hidden]).await.unwrap();
    w.clock.advance(11_000);
    let reasons = ["REPLY_TARGET_NOT_FOUND", "QUOTE_TARGET_NOT_FOUND", "REPLY_TARGET_NOT_FOUND", "ACCOUNT_NOT_FOUND"];
    for (author, reason) in [1, 3, 4, 5].into_iter().zip(reasons) {
        let draft = done(&w, author).await.remove(0);
        assert_eq!((draft.failure.as_str(), draft.publish_time), (reason, None), "{author}");
    }
    assert_eq!(done(&w, 6).await, []);
    assert_eq!(published(&w, 6).await.len(), 1);
}

#[tokio::test]
async fn what_fails_for_now_is_tried_again_and_a_day_later_given_up() {
    let w = World::new().await;
    let target = w.post(2, w.text("target")).await;
    let post = NewPost { reply_to_id: target, ..said("reply") };
    create_draft(&w, 1, post.clone(), seconds(10)).await.unwrap();
    w.graph.faults.fail(Error::new(reason::PEER_UNAVAILABLE));
    w.clock.advance(10_000);
    create_draft(&w, 3, said("answers nothing"), seconds(11)).await.unwrap();
    w.clock.advance(1_000);
    assert_eq!(done(&w, 3).await, []);
    let kept = drafts(&w, 1).await.remove(0);
    assert_eq!((kept.publish_time, kept.failure.as_str()), (seconds(10), ""), "still to be published");
    w.graph.faults.clear();
    assert_eq!((done(&w, 1).await, published(&w, 1).await.len()), (vec![], 1));
    w.graph.faults.fail(Error::new(reason::PEER_UNAVAILABLE));
    create_draft(&w, 1, post, seconds(20)).await.unwrap();
    w.clock.advance(86_400_000 + 20_000);
    let kept = done(&w, 1).await.remove(0);
    assert_eq!(kept.failure, "PEER_UNAVAILABLE");
}

/// One process ends before the time, and another starts after it.
#[tokio::test]
async fn what_came_due_while_nothing_ran_is_published_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let address = || StoreAddress::sqlite(folder.path().join("posts.db"));
    let one = World::on(address()).await;
    for n in 0..100 {
        create_draft(&one, 1 + n % 3, said(&n.to_string()), seconds(10 + n % 3)).await.unwrap();
    }
    one.app.close().await;
    let again = World::on(address()).await;
    again.clock.advance(15_000);
    each_once(&again, 100).await;
}

/// Two processes on one database publish all, and neither twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_replicas_publish_each_draft_once() {
    let Some(server) = Store::Postgres.address() else { return };
    let schema = Scratch::new(server, Store::unique_name());
    let one = World::on(schema.address().unwrap()).await;
    let two = World::on(schema.address().unwrap()).await;
    for n in 0..100 {
        create_draft(&one, 1 + n % 3, said(&n.to_string()), seconds(10 + n % 3)).await.unwrap();
    }
    one.clock.advance(15_000);
    two.clock.advance(15_000);
    each_once(&two, 100).await;
    one.app.close().await;
    two.app.close().await;
}

/// Accounts 1 to 3 have published the numbers below `count`, each once, and keep no draft.
async fn each_once(w: &World, count: usize) {
    let mut texts: Vec<usize> = Vec::new();
    for author in 1..=3 {
        assert_eq!(done(w, author).await, []);
        for post in w.batch(&user(author), &published(w, author).await).await.unwrap() {
            texts.push(post.text.parse().unwrap());
        }
    }
    texts.sort_unstable();
    assert_eq!(texts, (0..count).collect::<Vec<_>>());
}
