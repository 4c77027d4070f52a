//! Quotes: CreatePost with `quote_of_id`, and ListQuotes.

use plaza_core::{Cx, Result, reason};
use plaza_proto::posts::v1::{CreatePostRequest, ListQuotesRequest, QuotePolicy};

use crate::support::{World, ids, nobody, user};

async fn quotes(w: &World, cx: &Cx, post_id: i64, page_size: i32, token: &str) -> Result<(Vec<i64>, String)> {
    let request = ListQuotesRequest { post_id, page_size, page_token: token.to_owned() };
    let page = w.posts.list_quotes(cx, request).await?;
    Ok((ids(&page.posts), page.next_page_token))
}

#[tokio::test]
async fn a_quote_counts_and_names_what_it_quotes() {
    let w = World::new().await;
    let quoted = w.post(1, w.text("a")).await;
    let quote = w.create(2, w.quote("look", quoted)).await.unwrap();
    assert_eq!((quote.quote_of_id, quote.reply_to_id, quote.root_id), (quoted, 0, quote.post_id));
    assert_eq!(w.get(&nobody(), quoted).await.unwrap().quote_count, 1);
    assert_eq!(w.get(&nobody(), quote.post_id).await.unwrap(), quote);
    w.delete(2, quote.post_id).await.unwrap();
    assert_eq!(w.get(&nobody(), quoted).await.unwrap().quote_count, 0);
}

#[tokio::test]
async fn authors_choose_who_quotes() {
    let w = World::new().await;
    w.graph.follow(2, 1);
    w.graph.block(1, 4);
    let with = |policy: QuotePolicy| CreatePostRequest { quote_policy: policy.into(), ..w.text("a") };
    let everyone = w.post(1, with(QuotePolicy::Everyone)).await;
    let followers = w.post(1, with(QuotePolicy::Followers)).await;
    let nobody = w.post(1, with(QuotePolicy::Nobody)).await;
    let hidden = w.post(1, w.followers("hidden")).await;
    // By the author, by a follower, by a stranger.
    for (post, policy, allowed) in [
        (everyone, QuotePolicy::Everyone, [true, true, true]),
        (followers, QuotePolicy::Followers, [true, true, false]),
        (nobody, QuotePolicy::Nobody, [true, false, false]),
        (hidden, QuotePolicy::Everyone, [true, false, false]),
    ] {
        assert_eq!(w.get(&user(1), post).await.unwrap().quote_policy(), policy);
        for (account, allowed) in [1, 2, 3].into_iter().zip(allowed) {
            match w.create(account, w.quote("q", post)).await {
                Ok(_) => assert!(allowed, "{account} quotes {policy:?}"),
                Err(e) if post == hidden && account == 3 => assert!(e.is(reason::QUOTE_TARGET_NOT_FOUND)),
                Err(e) => assert!(!allowed && e.is(reason::QUOTE_NOT_ALLOWED), "{account} at {policy:?}: {e}"),
            }
        }
        let refused = w.create(4, w.quote("q", post)).await.unwrap_err();
        assert!(refused.is(reason::QUOTE_TARGET_NOT_FOUND), "a block hides the post: {refused}");
        assert_eq!(refused.violations()[0].field, "quote_of_id");
    }
}

#[tokio::test]
async fn a_repeated_quote_is_answered_again_though_it_is_out_of_sight() {
    let w = World::new().await;
    let quoted = w.post(1, w.text("a")).await;
    let request = w.quote("q", quoted);
    let first = w.create(2, request.clone()).await.unwrap();
    w.graph.block(1, 2);
    assert_eq!(w.create(2, request).await.unwrap(), first);
}

#[tokio::test]
async fn list_quotes_shows_those_in_sight() {
    let w = World::new().await;
    let quoted = w.post(1, w.text("a")).await;
    let mut all = Vec::new();
    for n in 0..9 {
        let request = w.quote("q", quoted);
        let request = if n % 3 == 0 { CreatePostRequest { ..w.followers("f") } } else { request };
        let request = CreatePostRequest { quote_of_id: quoted, ..request };
        all.insert(0, (w.post(10 + n, request).await, 10 + n));
    }
    w.graph.follow(2, 10);
    w.graph.block(11, 2);
    let (mut walked, mut token) = (Vec::new(), String::new());
    loop {
        let (page, next) = quotes(&w, &user(2), quoted, 2, &token).await.unwrap();
        walked.extend(page);
        token = next;
        if token.is_empty() {
            break;
        }
    }
    let seen = |author: i64| author != 11 && (author == 10 || (author - 10) % 3 != 0);
    let expected: Vec<i64> = all.iter().filter(|(_, author)| seen(*author)).map(|(id, _)| *id).collect();
    assert_eq!(walked, expected);
    let token = quotes(&w, &user(2), quoted, 1, "").await.unwrap().1;
    assert!(quotes(&w, &user(3), quoted, 1, &token).await.unwrap_err().is(reason::PAGE_TOKEN_INVALID));
    w.graph.block(1, 3);
    assert!(quotes(&w, &user(3), quoted, 1, "").await.unwrap_err().is(reason::POST_NOT_FOUND));
}
