//! EditPost and ListRevisions.

use plaza_core::{Cx, Result, reason};
use plaza_proto::posts::v1::{EditPostRequest, ListRevisionsRequest, Revision};

use crate::support::{START, World, nobody, token, user};

async fn list_revisions(w: &World, cx: &Cx, post_id: i64, size: i32, token: &str) -> Result<(Vec<Revision>, String)> {
    let request = ListRevisionsRequest { post_id, page_size: size, page_token: token.to_owned() };
    let page = w.posts.list_revisions(cx, request).await?;
    Ok((page.revisions, page.next_page_token))
}

#[tokio::test]
async fn edit_post_changes_what_is_said_and_nothing_else() {
    let w = World::new().await;
    let post = w.create(1, w.text("first #one")).await.unwrap();
    w.like(2, post.post_id).await.unwrap();
    w.clock.advance(5_000);
    let request = EditPostRequest {
        request_id: w.request_id(),
        post_id: post.post_id,
        text: "second #two @a7".to_owned(),
        warning: "spoiler".to_owned(),
        language: "en".to_owned(),
        sensitive: false,
    };
    let (cx, again) = (user(1), user(1));
    let answer = w.posts.edit_post(&cx, request.clone()).await.unwrap();
    assert_eq!((answer.edit_count, answer.edit_time.unwrap().seconds), (1, START.0 / 1_000 + 5));
    let read = w.get(&user(2), post.post_id).await.unwrap();
    assert_eq!((read.text.as_str(), read.edit_count, read.edit_time), ("second #two @a7", 1, answer.edit_time));
    assert_eq!((read.sensitive, read.warning.as_str(), read.language.as_str()), (true, "spoiler", "en"));
    assert_eq!(
        (read.like_count, read.liked, read.create_time, read.spans[1].account_id),
        (1, true, post.create_time, 7)
    );
    w.edit(1, post.post_id, "third").await.unwrap();
    assert_eq!(w.posts.edit_post(&again, request).await.unwrap(), answer, "the first answer");
    assert_eq!(token(&cx), token(&again));
    assert_eq!(w.get(&nobody(), post.post_id).await.unwrap().text, "third");
    let told: Vec<String> = w.told().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(told, ["PostCreated", "PostLiked", "PostEdited", "PostEdited"]);
}

#[tokio::test]
async fn edit_post_is_for_the_author_and_checks_what_is_said() {
    let w = World::new().await;
    let id = w.post(1, w.text("a")).await;
    assert!(w.edit(2, id, "b").await.unwrap_err().is(reason::POST_NOT_FOUND));
    for text in ["", " \n ", "a\0"] {
        let refused = w.edit(1, id, text).await.unwrap_err();
        assert_eq!(refused.violations()[0].field, "text", "{text:?}");
    }
    assert_eq!(w.edit(1, id, "a").await.unwrap().edit_count, 0, "it says so already");
    w.delete(1, id).await.unwrap();
    assert!(w.edit(1, id, "b").await.unwrap_err().is(reason::POST_NOT_FOUND));
    assert_eq!(w.told().await.len(), 2);
}

#[tokio::test]
async fn list_revisions_pages_from_what_is_said_now_to_the_first() {
    let w = World::new().await;
    let id = w.post(1, w.followers("0")).await;
    for n in 1..=6 {
        w.clock.advance(1_000);
        w.edit(1, id, &n.to_string()).await.unwrap();
    }
    w.graph.follow(2, 1);
    let (mut walked, mut next) = (Vec::new(), String::new());
    loop {
        let (page, token) = list_revisions(&w, &user(2), id, 3, &next).await.unwrap();
        walked.extend(page);
        next = token;
        if next.is_empty() {
            break;
        }
    }
    let said: Vec<(i32, &str, i64)> =
        walked.iter().map(|r| (r.edit_count, r.text.as_str(), r.create_time.unwrap().seconds)).collect();
    let at = START.0 / 1_000;
    let expected = ["6", "5", "4", "3", "2", "1", "0"].into_iter().zip((0..=6).rev());
    assert_eq!(said, expected.map(|(text, n)| (n, text, at + i64::from(n))).collect::<Vec<_>>());
    assert!(list_revisions(&w, &user(3), id, 3, "").await.unwrap_err().is(reason::POST_NOT_FOUND));
    let token = list_revisions(&w, &user(2), id, 3, "").await.unwrap().1;
    assert!(list_revisions(&w, &user(1), id, 3, &token).await.unwrap_err().is(reason::PAGE_TOKEN_INVALID));
}
