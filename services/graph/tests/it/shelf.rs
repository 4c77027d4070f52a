//! Hashtags and words: `FollowHashtag`, `UnfollowHashtag`, `ListFollowedHashtags`, `MuteWord`, `UnmuteWord`,
//! `ListMutedWords`.

use plaza_core::{Code, Result, reason};
use plaza_graph::Config;
use plaza_proto::graph::v1::*;
use plaza_stores::StoreAddress;

use crate::support::{START, World, nobody, service, service_for, user};

async fn follow(w: &World, a: i64, hashtag: &str) -> Result<String> {
    w.clock.advance(1);
    let request = FollowHashtagRequest { request_id: w.request_id(), hashtag: hashtag.to_owned() };
    w.graph.follow_hashtag(&user(a), request).await.map(|answer| answer.hashtag)
}

async fn followed(w: &World, a: i64, page_size: i32) -> Vec<String> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListFollowedHashtagsRequest { page_size, page_token };
        let page = w.graph.list_followed_hashtags(&user(a), request).await.unwrap();
        assert!(page.hashtags.iter().all(|tag| tag.follow_time.is_some()));
        all.extend(page.hashtags.into_iter().map(|tag| tag.hashtag));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

#[tokio::test]
async fn follow_hashtag_takes_any_spelling_and_list_followed_hashtags_is_newest_first() {
    let w = World::new().await;
    for (asked, kept) in [("#Rust", "rust"), ("ＲＵＳＴ", "rust"), ("straße", "strasse"), ("＃🦀", "🦀")] {
        assert_eq!(follow(&w, 1, asked).await.unwrap(), kept);
    }
    follow(&w, 2, "other").await.unwrap();
    for size in [1, 2, 1_000] {
        assert_eq!(followed(&w, 1, size).await, ["🦀", "strasse", "rust"], "in pages of {size}");
    }
    for asked in ["", "#", "1", "two words", "#a#b", &"a".repeat(101), &"a".repeat(111), "\u{7}"] {
        let error = follow(&w, 1, asked).await.unwrap_err();
        assert_eq!(
            (error.code(), error.violations()[0].field.as_str()),
            (Code::InvalidArgument, "hashtag"),
            "{asked:?}"
        );
    }
    assert_eq!(
        w.told().await,
        ["FollowedHashtagsChanged 1"; 3].into_iter().chain(["FollowedHashtagsChanged 2"]).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn unfollow_hashtag_ends_it_in_any_spelling() {
    let w = World::new().await;
    follow(&w, 1, "rust").await.unwrap();
    for _ in 0..2 {
        let request = UnfollowHashtagRequest { request_id: w.request_id(), hashtag: "#RUST".to_owned() };
        assert_eq!(w.graph.unfollow_hashtag(&user(1), request).await.unwrap().hashtag, "rust");
    }
    assert!(followed(&w, 1, 10).await.is_empty());
    assert_eq!(w.told().await.len(), 2);
}

async fn mute(w: &World, word: &str, duration_seconds: i64) -> Result<MutedWord> {
    w.clock.advance(1);
    let request = MuteWordRequest { request_id: w.request_id(), word: word.to_owned(), duration_seconds };
    w.graph.mute_word(&user(1), request).await.map(|answer| answer.muted_word.unwrap())
}

async fn muted(w: &World, page_size: i32) -> Vec<String> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListMutedWordsRequest { page_size, page_token };
        let page = w.graph.list_muted_words(&service_for(1), request).await.unwrap();
        all.extend(page.muted_words.into_iter().map(|word| word.word));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

#[tokio::test]
async fn mute_word_stands_until_its_end_and_list_muted_words_tells_which_do() {
    let w = World::new().await;
    assert_eq!(mute(&w, " Spoiler ", 0).await.unwrap(), MutedWord { word: "spoiler".to_owned(), expire_time: None });
    let end = mute(&w, "Final Score", 60).await.unwrap().expire_time.unwrap();
    let (seconds, nanos) = START.plus_ms(60_002).seconds_nanos();
    assert_eq!(end, prost_types::Timestamp { seconds, nanos });
    for size in [1, 2, 50] {
        assert_eq!(muted(&w, size).await, ["final score", "spoiler"], "in pages of {size}");
    }
    w.clock.advance(60_000);
    assert_eq!(muted(&w, 50).await, ["spoiler"]);
    for (word, seconds, field) in [
        ("", 0, "word"),
        (" \u{3000}", 0, "word"),
        ("two\nlines", 0, "word"),
        (&"a".repeat(101), 0, "word"),
        ("fine", -1, "duration_seconds"),
    ] {
        let error = mute(&w, word, seconds).await.unwrap_err();
        assert_eq!((error.code(), error.violations()[0].field.as_str()), (Code::InvalidArgument, field), "{word:?}");
    }
}

#[tokio::test]
async fn unmute_word_lifts_it_and_a_repeated_mute_word_gets_the_first_answer() {
    let w = World::new().await;
    let request = MuteWordRequest { request_id: w.request_id(), word: "cake".to_owned(), duration_seconds: 60 };
    let first = w.graph.mute_word(&user(1), request.clone()).await.unwrap();
    w.clock.advance(5_000);
    assert_eq!(w.graph.mute_word(&user(1), request).await.unwrap(), first);
    for _ in 0..2 {
        let request = UnmuteWordRequest { request_id: w.request_id(), word: "CAKE".to_owned() };
        w.graph.unmute_word(&user(1), request).await.unwrap();
    }
    assert!(muted(&w, 10).await.is_empty());
    assert_eq!(w.told().await, ["MutedWordsChanged 1", "MutedWordsChanged 1"]);
}

#[tokio::test]
async fn hashtags_and_words_are_the_callers_own_and_limited() {
    let config =
        Config { store: StoreAddress::Memory, max_followed_hashtags: 1, max_muted_words: 1, ..Config::default() };
    let w = World::with(config).await;
    follow(&w, 1, "a").await.unwrap();
    mute(&w, "a", 0).await.unwrap();
    assert!(follow(&w, 1, "b").await.unwrap_err().is(reason::LIMIT_REACHED));
    assert!(mute(&w, "b", 0).await.unwrap_err().is(reason::LIMIT_REACHED));
    assert!(followed(&w, 2, 10).await.is_empty());
    for cx in [nobody(), service()] {
        let refused = w.graph.list_followed_hashtags(&cx, ListFollowedHashtagsRequest::default()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        let refused = w.graph.list_muted_words(&cx, ListMutedWordsRequest::default()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
}
