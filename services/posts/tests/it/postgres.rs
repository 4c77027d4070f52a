//! The whole service on Postgres, as its settings choose it. What the engine does is in the store's conformance suite.

use plaza_core::{AccountId, reason};
use plaza_events::NewEvent;
use plaza_proto::accounts::v1::AccountDeleted;
use plaza_proto::posts::v1::ListPostRefsRequest;
use plaza_stores::postgres::Scratch;
use plaza_testkit::{Store, wait};

use crate::support::{World, nobody, service, token, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_runs_on_postgres() {
    let Some(server) = Store::Postgres.address() else { return };
    let schema = Scratch::new(server, Store::unique_name());
    let w = World::on(schema.address().unwrap()).await;
    let request = w.text("first #tag");
    let (cx, again) = (user(1), user(1));
    let first = w.posts.create_post(&cx, request.clone()).await.unwrap();
    assert_eq!(w.posts.create_post(&again, request).await.unwrap(), first);
    assert_eq!(token(&cx), token(&again));
    let root = first.post.unwrap().post_id;
    let answer = w.create(2, w.reply("answer", root)).await.unwrap();
    assert_eq!((w.like(2, root).await.unwrap(), w.like(3, root).await.unwrap()), (1, 2));
    let read = w.get(&user(3), root).await.unwrap();
    assert_eq!((read.like_count, read.reply_count, read.liked, read.text.as_str()), (2, 1, true, "first #tag"));
    let hidden = w.post(1, w.followers("hidden")).await;
    assert_eq!(w.page(&nobody(), 1, 10, "").await.unwrap().0, [root]);
    assert_eq!(w.page(&user(1), 1, 10, "").await.unwrap().0, [hidden, root]);
    let request =
        ListPostRefsRequest { author_ids: vec![1, 2, 3], before_id: 0, page_size: 10, include_reposts: false };
    let refs = w.posts.list_post_refs(&service(), request).await.unwrap().refs;
    assert_eq!(refs.iter().map(|r| r.post_id).collect::<Vec<_>>(), [hidden, answer.post_id, root]);
    w.delete(1, hidden).await.unwrap();
    assert!(w.get(&user(1), hidden).await.unwrap_err().is(reason::POST_NOT_FOUND));
    erased(&w, root).await;
    assert_eq!(w.app.maintain(&service()).await.unwrap(), 0);
    w.app.close().await;
    assert!(w.get(&nobody(), answer.post_id).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
}

/// Account 2, which replied and liked, leaves nothing behind.
async fn erased(w: &World, root: i64) {
    w.accounts.delete(2);
    let deleted = NewEvent::new(&w.env, None, "account", 2, &AccountDeleted { account_id: 2 }).placed("accounts", 1);
    w.app.projections().remove(0).0.apply(&service(), &[deleted]).await.unwrap();
    assert_eq!(w.recount(root).await, Some((1, 0)));
    let read = w.get(&user(3), root).await.unwrap();
    assert_eq!((read.like_count, read.reply_count), (1, 0));
    assert_eq!(w.app.store().held(&service(), AccountId(0), 10).await.unwrap(), [1, 3].map(AccountId));
    let told = wait::until("all events to be readable", async || Some(w.told().await).filter(|told| told.len() == 8));
    let kinds: Vec<String> = told.await.into_iter().map(|(kind, _)| kind).collect();
    let (created, rest) = (["PostCreated", "PostCreated", "PostLiked", "PostLiked"], &kinds[4..]);
    assert_eq!(kinds[..4], created);
    assert_eq!(rest, ["PostCreated", "PostDeleted", "PostDeleted", "PostUnliked"]);
}
