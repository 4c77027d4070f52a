//! Posts with media: CreatePost, EditPost, ListPostsByAuthor.

use plaza_core::{Cx, Result};
use plaza_proto::posts::v1::*;

use crate::support::{World, ids, nobody, user};

fn picture(source: &str, alt: &str) -> Media {
    Media { source: source.to_owned(), alt: alt.to_owned() }
}

fn with_picture(request: CreatePostRequest) -> CreatePostRequest {
    CreatePostRequest { media: vec![picture("m1", "a cat")], ..request }
}

async fn list(
    w: &World,
    cx: &Cx,
    (media_only, exclude_replies): (bool, bool),
    page_token: String,
) -> Result<(Vec<i64>, String)> {
    let request = ListPostsByAuthorRequest { author_id: 1, page_size: 2, page_token, media_only, exclude_replies };
    let page = w.posts.list_posts_by_author(cx, request).await?;
    Ok((ids(&page.posts), page.next_page_token))
}

/// All pages.
async fn walk(w: &World, cx: &Cx, filter: (bool, bool)) -> Vec<i64> {
    let (mut all, mut token) = list(w, cx, filter, String::new()).await.unwrap();
    while !token.is_empty() {
        let (page, next) = list(w, cx, filter, token).await.unwrap();
        all.extend(page);
        token = next;
    }
    all
}

#[tokio::test]
async fn media_come_with_their_post_in_order() {
    let w = World::new().await;
    let media = vec![picture("https://media.example/1.png", "a cat\nasleep"), picture("m_2-b", "")];
    let request = CreatePostRequest { media: media.clone(), ..w.text("look") };
    let created = w.create(1, request.clone()).await.unwrap();
    assert_eq!((&created.media, w.create(1, request).await.unwrap()), (&media, created.clone()));
    assert_eq!(w.get(&nobody(), created.post_id).await.unwrap().media, media);
    w.edit(1, created.post_id, "look there").await.unwrap();
    assert_eq!(w.get(&nobody(), created.post_id).await.unwrap().media, media, "they stay through edits");
    w.delete(1, created.post_id).await.unwrap();
    w.restore(1, created.post_id).await.unwrap();
    assert_eq!(w.get(&nobody(), created.post_id).await.unwrap().media, media);
}

#[tokio::test]
async fn a_post_may_be_without_text_beside_media_alone() {
    let w = World::new().await;
    let id = w.post(1, with_picture(w.text(""))).await;
    assert_eq!(w.get(&nobody(), id).await.unwrap().text, "");
    w.edit(1, id, "now with words").await.unwrap();
    w.edit(1, id, "").await.unwrap();
    let plain = w.post(1, w.text("a")).await;
    for refused in [
        w.edit(1, plain, "").await.unwrap_err(),
        w.edit(2, id, "").await.unwrap_err(),
        w.edit(1, id, " ").await.unwrap_err(),
        w.create(1, w.text("")).await.unwrap_err(),
        w.create(1, with_picture(w.text(" "))).await.unwrap_err(),
    ] {
        assert_eq!(refused.violations()[0].field, "text", "{refused}");
    }
}

#[tokio::test]
async fn media_that_are_not_right_are_refused_by_their_field() {
    let w = World::new().await;
    let long = "a".repeat(1_501);
    for (media, field) in [
        (vec![picture("m", ""); 5], "media"),
        (vec![picture("m", ""); 17], "media"),
        (vec![picture("", "a")], "media[0].source"),
        (vec![picture("m", ""), picture("http://plain.example", "")], "media[1].source"),
        (vec![picture("javascript:alert(1)", "")], "media[0].source"),
        (vec![picture("m", &long)], "media[0].alt"),
        (vec![picture("m", "a\u{7}b")], "media[0].alt"),
    ] {
        let refused = w.create(1, CreatePostRequest { media, ..w.text("a") }).await.unwrap_err();
        assert_eq!(refused.violations()[0].field, field, "{refused}");
    }
}

#[tokio::test]
async fn list_posts_by_author_can_do_without_posts_that_have_no_media() {
    let w = World::new().await;
    let mut expected: Vec<(i64, bool, bool)> = Vec::new();
    let root = w.post(2, w.text("root")).await;
    for n in 0..24 {
        let (has_media, hidden) = (n % 3 == 0, n % 4 == 0);
        let visibility = if hidden { Visibility::Followers } else { Visibility::Public };
        let request =
            CreatePostRequest { reply_to_id: if n % 2 == 0 { root } else { 0 }, ..w.seen_by(visibility, "a") };
        let id = w.post(1, if has_media { with_picture(request) } else { request }).await;
        if has_media {
            expected.insert(0, (id, n % 2 == 0, hidden));
        }
    }
    let gone = expected.remove(3).0;
    w.delete(1, gone).await.unwrap();
    w.graph.follow(3, 1);
    for (cx, sees_hidden) in [(user(1), true), (user(3), true), (user(4), false), (nobody(), false)] {
        let seen = || expected.iter().filter(|(.., hidden)| sees_hidden || !hidden);
        let all: Vec<i64> = seen().map(|(id, ..)| *id).collect();
        let openers: Vec<i64> = seen().filter(|(_, replies, _)| !replies).map(|(id, ..)| *id).collect();
        assert_eq!(walk(&w, &cx, (true, false)).await, all);
        assert_eq!(walk(&w, &cx, (true, true)).await, openers);
    }
    let token = list(&w, &user(1), (true, false), String::new()).await.unwrap().1;
    assert!(list(&w, &user(1), (false, false), token).await.is_err(), "a token is for one filter");
}
