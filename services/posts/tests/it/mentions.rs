//! Mentions, resolved when a post is written; sensitive posts and languages.

use plaza_core::{Error, Token, reason};
use plaza_events::NewEvent;
use plaza_proto::accounts::v1::PreferencesUpdated;
use plaza_proto::posts::v1::{CreatePostRequest, Post, SpanKind, Visibility};
use tokio::time::Instant;

use crate::support::{World, nobody, service, user};

fn mentioned(post: &Post) -> Vec<(&str, i64)> {
    let mentions = post.spans.iter().filter(|span| span.kind() == SpanKind::Mention);
    mentions.map(|span| (span.value.as_str(), span.account_id)).collect()
}

#[tokio::test]
async fn mentions_name_accounts_and_keep_them() {
    let w = World::new().await;
    let request = w.text("@a7 and @A9, @nobody, @a7 again #a7");
    let post = w.create(1, request.clone()).await.unwrap();
    assert_eq!(mentioned(&post), [("a7", 7), ("a9", 9), ("nobody", 0), ("a7", 7)]);
    assert_eq!(w.get(&nobody(), post.post_id).await.unwrap(), post);
    // The handles belong to others by now; the post and the answer to the same request stay what they were.
    w.accounts.rename("a7", 70);
    assert_eq!(w.create(1, request).await.unwrap(), post);
    assert_eq!(w.get(&nobody(), post.post_id).await.unwrap(), post);
    assert_eq!(mentioned(&w.create(1, w.text("@a7")).await.unwrap()), [("a7", 70)]);
}

#[tokio::test]
async fn those_whom_a_post_mentions_see_it() {
    let w = World::new().await;
    let post = w.post(1, w.seen_by(Visibility::Mentioned, "for @a7 alone")).await;
    assert!(w.get(&user(7), post).await.is_ok() && w.get(&user(1), post).await.is_ok());
    assert!(w.get(&user(8), post).await.unwrap_err().is(reason::POST_NOT_FOUND));
    assert!(w.repost(7, post).await.unwrap_err().is(reason::REPOST_NOT_ALLOWED));
    assert!(w.create(7, w.quote("look", post)).await.unwrap_err().is(reason::QUOTE_NOT_ALLOWED));
    assert!(w.like(7, post).await.is_ok() && w.create(7, w.reply("thanks", post)).await.is_ok());
    w.graph.block(7, 1);
    assert!(w.get(&user(7), post).await.unwrap_err().is(reason::POST_NOT_FOUND));
}

#[tokio::test]
async fn without_accounts_a_post_with_mentions_waits_and_others_do_not() {
    let w = World::new().await;
    w.accounts.faults.fail(Error::new(reason::PEER_UNAVAILABLE));
    assert!(w.create(1, w.text("@a7")).await.unwrap_err().is(reason::PEER_UNAVAILABLE));
    let own = w.post(1, w.text("plain")).await;
    assert!(w.get(&user(1), own).await.is_ok());
    assert!(
        w.get(&user(3), own).await.unwrap_err().is(reason::PEER_UNAVAILABLE),
        "nobody guesses how an author stands"
    );
    w.accounts.faults.clear();
    assert!(w.get(&user(3), own).await.is_ok());
}

#[tokio::test]
async fn posts_of_protected_authors_are_not_handed_on() {
    let w = World::new().await;
    let post = w.post(1, w.text("public, with @a7")).await;
    w.accounts.protect(1);
    w.graph.follow(2, 1);
    for account in [1, 2, 7] {
        assert!(w.get(&user(account), post).await.is_ok());
        assert!(w.repost(account, post).await.unwrap_err().is(reason::REPOST_NOT_ALLOWED));
    }
    assert!(w.create(2, w.quote("q", post)).await.unwrap_err().is(reason::QUOTE_NOT_ALLOWED));
    assert!(w.create(1, w.quote("q", post)).await.is_ok());
    assert!(w.get(&user(3), post).await.unwrap_err().is(reason::POST_NOT_FOUND));
    assert!(w.get(&nobody(), post).await.unwrap_err().is(reason::POST_NOT_FOUND));
}

#[tokio::test]
async fn a_post_with_a_warning_is_sensitive() {
    let w = World::new().await;
    let request = CreatePostRequest { warning: "spoiler".to_owned(), language: "pt-BR".to_owned(), ..w.text("a") };
    let post = w.create(1, request).await.unwrap();
    assert_eq!((post.sensitive, post.warning.as_str(), post.language.as_str()), (true, "spoiler", "pt-BR"));
    let bare = w.create(1, CreatePostRequest { sensitive: true, ..w.text("a") }).await.unwrap();
    assert_eq!((bare.sensitive, bare.warning.as_str(), bare.language.as_str()), (true, "", ""));
    assert!(!w.create(1, w.text("a")).await.unwrap().sensitive);
    assert_eq!(w.get(&nobody(), post.post_id).await.unwrap(), post);
}

#[tokio::test]
async fn posts_of_an_author_who_is_out_of_sight_are_for_the_author_alone() {
    let w = World::new().await;
    let post = w.post(1, w.text("public, with @a7")).await;
    w.graph.follow(2, 1);
    w.accounts.delete(1);
    for account in [2, 3, 7] {
        assert!(w.get(&user(account), post).await.unwrap_err().is(reason::POST_NOT_FOUND));
    }
    assert!(w.get(&nobody(), post).await.unwrap_err().is(reason::POST_NOT_FOUND));
    assert!(w.get(&user(1), post).await.is_ok());
    w.accounts.restore(1);
    assert!(w.get(&user(3), post).await.is_ok(), "nothing is remembered while no events are heard");
}

/// While accounts' events are heard it is remembered who is protected, until an event says that it may be another.
#[tokio::test]
async fn who_is_protected_is_remembered_until_an_event_says_otherwise() {
    let w = World::new().await;
    let post = w.post(1, w.text("a")).await;
    let followers = w.app.followers();
    let (follow, followed) = followers.iter().find(|(follow, _)| follow.name() == "posts-authors").unwrap();
    assert_eq!(follow.sources(), ["accounts"]);
    followed.heard(Instant::now());
    assert!(w.get(&nobody(), post).await.is_ok());
    w.accounts.protect(1);
    assert!(w.get(&nobody(), post).await.is_ok(), "as remembered");
    let token = Token::parse("accounts=5").unwrap();
    assert!(w.get(&nobody().with_token(token), post).await.is_err(), "whoever has seen the change gets past it");
    let updated = NewEvent::new(&w.env, None, "account", 1, &PreferencesUpdated { account_id: 1 });
    follow.apply(&service(), &[updated.placed("accounts", 5)]).await.unwrap();
    assert!(w.get(&nobody(), post).await.unwrap_err().is(reason::POST_NOT_FOUND));
}
