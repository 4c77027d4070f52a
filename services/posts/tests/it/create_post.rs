//! CreatePost.

use plaza_core::{Code, Token, id, reason};
use plaza_proto::posts::v1::{CreatePostRequest, Post, QuotePolicy, ReplyPolicy, Span, SpanKind, Visibility};

use crate::support::{START, World, nobody, token, user};

#[tokio::test]
async fn a_post_comes_back_as_it_is_read() {
    let w = World::new().await;
    let cx = user(1);
    let request = w.text("Grüße @Bob: #Straße https://a.example/b.");
    let created = w.posts.create_post(&cx, request).await.unwrap().post.unwrap();
    let span = |kind: SpanKind, start, end, value: &str| Span {
        kind: kind.into(),
        start,
        end,
        value: value.to_owned(),
        account_id: 0,
    };
    let expected = Post {
        post_id: created.post_id,
        author_id: 1,
        text: "Grüße @Bob: #Straße https://a.example/b.".to_owned(),
        spans: vec![
            span(SpanKind::Mention, 8, 12, "bob"),
            span(SpanKind::Hashtag, 14, 22, "strasse"),
            span(SpanKind::Link, 23, 42, "https://a.example/b"),
        ],
        visibility: Visibility::Public.into(),
        reply_to_id: 0,
        root_id: created.post_id,
        create_time: Some(prost_types::Timestamp { seconds: START.0 / 1_000, nanos: 0 }),
        quote_policy: QuotePolicy::Everyone.into(),
        reply_policy: ReplyPolicy::Everyone.into(),
        ..Post::default()
    };
    assert_eq!(id::time_of(created.post_id), START);
    assert_eq!(created, expected);
    assert_eq!(w.get(&nobody(), created.post_id).await.unwrap(), expected);
    assert_eq!(token(&cx), Token::parse("posts=1").unwrap());
    assert_eq!(w.told().await, [("PostCreated".to_owned(), created.post_id)]);
}

#[tokio::test]
async fn a_repeated_request_gives_the_same_post() {
    let w = World::new().await;
    let root = w.post(2, w.text("root")).await;
    let request = w.reply("#once", root);
    let (first, second) = (user(1), user(1));
    let post = w.posts.create_post(&first, request.clone()).await.unwrap();
    w.clock.advance(60_000);
    w.like(3, post.post.as_ref().unwrap().post_id).await.unwrap();
    assert_eq!(w.posts.create_post(&second, request.clone()).await.unwrap(), post);
    assert_eq!(token(&first), token(&second));
    // Though the author of the target blocks by now, and then is gone with it.
    w.graph.block(2, 1);
    assert_eq!(w.posts.create_post(&user(1), request.clone()).await.unwrap(), post);
    w.delete(2, root).await.unwrap();
    assert_eq!(w.posts.create_post(&user(1), request.clone()).await.unwrap(), post);
    let told = w.told().await;
    assert_eq!(told.iter().filter(|(kind, _)| kind == "PostCreated").count(), 2);

    let other = CreatePostRequest { text: "other".to_owned(), ..request.clone() };
    assert!(w.create(1, other).await.unwrap_err().is(reason::REQUEST_ID_REUSED));
    // The same id of another caller is another request.
    assert!(w.create(3, CreatePostRequest { reply_to_id: 0, ..request }).await.is_ok());
}

#[tokio::test]
async fn texts_out_of_bounds_are_refused() {
    let w = World::new().await;
    for text in ["", " \n\u{3000}", "\u{200b}", "a\0", "a\u{202e}b", &"a".repeat(501), &"é".repeat(9_000)] {
        let error = w.create(1, w.text(text)).await.unwrap_err();
        assert_eq!((error.code(), error.violations()[0].field.as_str()), (Code::InvalidArgument, "text"), "{text:?}");
    }
    for text in ["a", "two\n\nlines", &"a".repeat(500), &"👩\u{200d}👩\u{200d}👧".repeat(500)] {
        assert_eq!(w.create(1, w.text(text)).await.unwrap().text, text);
    }
    assert_eq!(w.told().await.len(), 4);
}

#[tokio::test]
async fn replies_count_and_carry_their_thread() {
    let w = World::new().await;
    let root = w.post(1, w.text("root")).await;
    let first = w.create(2, w.reply("first", root)).await.unwrap();
    assert_eq!((first.reply_to_id, first.root_id), (root, root));
    assert_eq!(w.get(&nobody(), root).await.unwrap().reply_count, 1);
    let second = w.create(1, w.reply("second", first.post_id)).await.unwrap();
    assert_eq!((second.reply_to_id, second.root_id), (first.post_id, root));
    w.post(3, w.reply("third", root)).await;
    assert_eq!(w.get(&nobody(), root).await.unwrap().reply_count, 2);
    w.delete(2, first.post_id).await.unwrap();
    assert_eq!(w.get(&nobody(), root).await.unwrap().reply_count, 1);
    assert_eq!(w.recount(root).await, Some((0, 1)));
}

#[tokio::test]
async fn a_reply_needs_a_target_in_sight() {
    let w = World::new().await;
    let gone = w.post(1, w.text("gone")).await;
    w.delete(1, gone).await.unwrap();
    let hidden = w.post(1, w.followers("hidden")).await;
    let public = w.post(1, w.text("public")).await;
    w.graph.block(1, 3);
    w.graph.follow(4, 1);
    let before = w.told().await;
    for (author, target) in [(2, gone), (2, hidden), (3, public), (4, gone), (2, 77)] {
        let error = w.create(author, w.reply("a", target)).await.unwrap_err();
        assert!(error.is(reason::REPLY_TARGET_NOT_FOUND), "{author} {target}");
        assert_eq!(error.violations()[0].field, "reply_to_id");
    }
    assert_eq!(w.told().await, before);
    for (author, target) in [(4, hidden), (1, hidden), (2, public)] {
        assert!(w.create(author, w.reply("a", target)).await.is_ok(), "{author} {target}");
    }
}

#[tokio::test]
async fn one_request_sent_many_times_at_once_publishes_once() {
    let w = World::new().await;
    let request = w.text("once");
    let calls = (0..20).map(|_| w.create(1, request.clone()));
    let answers = futures::future::join_all(calls).await;
    let refused = |e: &plaza_core::Error| e.is(reason::REQUEST_IN_FLIGHT) && e.retry_delay().is_some();
    assert!(answers.iter().all(|a| a.as_ref().map_or_else(refused, |_| true)));
    assert!(answers.iter().any(Result::is_ok));
    assert_eq!(w.told().await.len(), 1);
}
