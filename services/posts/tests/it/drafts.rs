//! CreateDraft, UpdateDraft, GetDraft, ListDrafts, DeleteDraft, PublishDraft.

use plaza_core::{Cx, Result, reason};
use plaza_proto::posts::v1::*;

use crate::support::{START, World, nobody, user};

pub(crate) fn said(text: &str) -> NewPost {
    NewPost { text: text.to_owned(), ..NewPost::default() }
}

pub(crate) fn seconds(after_start: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: START.0 / 1_000 + after_start, nanos: 0 })
}

pub(crate) async fn create_draft(
    w: &World,
    author: i64,
    post: NewPost,
    publish_time: Option<prost_types::Timestamp>,
) -> Result<i64> {
    let request = CreateDraftRequest { request_id: w.request_id(), post: Some(post), publish_time };
    Ok(w.posts.create_draft(&user(author), request).await?.draft_id)
}

async fn list_drafts(w: &World, cx: &Cx, page_size: i32, token: &str) -> Result<(Vec<Draft>, String)> {
    let request = ListDraftsRequest { page_size, page_token: token.to_owned() };
    let page = w.posts.list_drafts(cx, request).await?;
    Ok((page.drafts, page.next_page_token))
}

pub(crate) async fn drafts(w: &World, author: i64) -> Vec<Draft> {
    list_drafts(w, &user(author), 0, "").await.unwrap().0
}

pub(crate) async fn published(w: &World, author: i64) -> Vec<i64> {
    w.page(&user(author), author, 100, "").await.unwrap().0
}

#[tokio::test]
async fn create_draft_update_draft_get_draft_and_delete_draft_keep_what_is_not_said_yet() {
    let w = World::new().await;
    let request = CreateDraftRequest { request_id: w.request_id(), post: Some(said("")), publish_time: None };
    let id = w.posts.create_draft(&user(1), request.clone()).await.unwrap().draft_id;
    assert_eq!(w.posts.create_draft(&user(1), request).await.unwrap().draft_id, id);
    let post = NewPost { visibility: Visibility::Followers.into(), warning: "w".to_owned(), ..said("better") };
    let request = UpdateDraftRequest {
        request_id: w.request_id(),
        draft_id: id,
        post: Some(post.clone()),
        publish_time: seconds(60),
    };
    w.posts.update_draft(&user(1), request.clone()).await.unwrap();
    let kept = drafts(&w, 1).await;
    let expected = Draft { draft_id: id, post: Some(post), publish_time: seconds(60), failure: String::new() };
    assert_eq!(kept, std::slice::from_ref(&expected));
    let get = GetDraftRequest { draft_id: id };
    assert_eq!(w.posts.get_draft(&user(1), get).await.unwrap().draft, Some(expected));
    assert!(w.posts.get_draft(&user(2), get).await.unwrap_err().is(reason::DRAFT_NOT_FOUND));
    assert!(w.posts.update_draft(&user(2), request).await.unwrap_err().is(reason::DRAFT_NOT_FOUND));
    let delete = |request_id| DeleteDraftRequest { request_id, draft_id: id };
    assert!(w.posts.delete_draft(&user(2), delete(w.request_id())).await.unwrap_err().is(reason::DRAFT_NOT_FOUND));
    let request = delete(w.request_id());
    w.posts.delete_draft(&user(1), request.clone()).await.unwrap();
    w.posts.delete_draft(&user(1), request).await.unwrap();
    assert_eq!((drafts(&w, 1).await, published(&w, 1).await, w.told().await), (vec![], vec![], vec![]));
}

#[tokio::test]
async fn list_drafts_pages_through_the_callers_own() {
    let w = World::new().await;
    let mut ids = Vec::new();
    for n in 0..7 {
        ids.insert(0, create_draft(&w, 1, said(&n.to_string()), None).await.unwrap());
    }
    let (first, token) = list_drafts(&w, &user(1), 4, "").await.unwrap();
    let (second, end) = list_drafts(&w, &user(1), 4, &token).await.unwrap();
    let all: Vec<i64> = first.iter().chain(&second).map(|draft| draft.draft_id).collect();
    assert_eq!((all, end.as_str()), (ids, ""));
    assert!(list_drafts(&w, &user(2), 4, &token).await.unwrap_err().is(reason::PAGE_TOKEN_INVALID));
    assert_eq!(drafts(&w, 2).await, []);
    assert!(list_drafts(&w, &nobody(), 4, "").await.unwrap_err().is(reason::CREDENTIALS_MISSING));
}

#[tokio::test]
async fn publish_draft_publishes_once_under_the_rules_of_create_post() {
    let w = World::new().await;
    let target = w.post(2, w.text("target")).await;
    let post = NewPost { reply_to_id: target, language: "en".to_owned(), ..said("hello @a7") };
    let id = create_draft(&w, 1, post, None).await.unwrap();
    let publish = |request_id, draft_id| PublishDraftRequest { request_id, draft_id };
    assert!(
        w.posts.publish_draft(&user(2), publish(w.request_id(), id)).await.unwrap_err().is(reason::DRAFT_NOT_FOUND)
    );
    w.graph.block(2, 1);
    let refused = w.posts.publish_draft(&user(1), publish(w.request_id(), id)).await.unwrap_err();
    assert!(refused.is(reason::REPLY_TARGET_NOT_FOUND));
    let other = create_draft(&w, 1, said("free"), None).await.unwrap();
    let request = publish(w.request_id(), other);
    let answer = w.posts.publish_draft(&user(1), request.clone()).await.unwrap();
    assert_eq!(w.posts.publish_draft(&user(1), request).await.unwrap(), answer);
    assert_eq!(w.get(&user(1), answer.post_id).await.unwrap().text, "free");
    let again = w.posts.publish_draft(&user(1), publish(w.request_id(), other)).await.unwrap_err();
    assert!(again.is(reason::DRAFT_NOT_FOUND));
    assert_eq!(drafts(&w, 1).await.len(), 1, "what is refused stays");
    let empty = create_draft(&w, 1, said(" "), None).await.unwrap();
    let refused = w.posts.publish_draft(&user(1), publish(w.request_id(), empty)).await.unwrap_err();
    assert_eq!(refused.violations()[0].field, "post.text");
}

#[tokio::test]
async fn a_time_needs_a_post_that_is_fit_and_lies_ahead_within_a_year() {
    let w = World::new().await;
    for (post, time, field) in [
        (said("a"), seconds(0), "publish_time"),
        (said("a"), seconds(-1), "publish_time"),
        (said("a"), seconds(367 * 86_400), "publish_time"),
        (said("a"), Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }), "publish_time"),
        (said(""), seconds(5), "post.text"),
        (NewPost { warning: "a\nb".to_owned(), ..said("a") }, seconds(5), "post.warning"),
        (NewPost { language: "!".to_owned(), ..said("a") }, None, "post.language"),
        (NewPost { reply_to_id: -1, ..said("a") }, None, "post.reply_to_id"),
    ] {
        let refused = create_draft(&w, 1, post, time).await.unwrap_err();
        assert_eq!(refused.violations()[0].field, field, "{refused}");
    }
    assert!(drafts(&w, 1).await.is_empty());
}

#[tokio::test]
async fn a_request_is_answered_again_though_its_time_has_passed() {
    let w = World::new().await;
    let request = CreateDraftRequest { request_id: w.request_id(), post: Some(said("a")), publish_time: seconds(60) };
    let id = w.posts.create_draft(&user(1), request.clone()).await.unwrap().draft_id;
    w.clock.advance(60_000);
    assert_eq!(w.posts.create_draft(&user(1), request.clone()).await.unwrap().draft_id, id);
    let other = CreateDraftRequest { request_id: w.request_id(), ..request };
    assert_eq!(w.posts.create_draft(&user(1), other).await.unwrap_err().violations()[0].field, "publish_time");
}

#[tokio::test]
async fn an_account_keeps_so_many_drafts_as_the_setting_says() {
    let w = World::new().await;
    for _ in 0..100 {
        create_draft(&w, 1, said("a"), None).await.unwrap();
    }
    let refused = create_draft(&w, 1, said("a"), None).await.unwrap_err();
    assert!(refused.is(reason::TOO_MANY_DRAFTS));
    create_draft(&w, 2, said("a"), None).await.unwrap();
}
