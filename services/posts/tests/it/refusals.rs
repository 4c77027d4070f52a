//! What every RPC refuses before anything is read or written.

use std::time::Duration;

use plaza_core::{AccountId, Caller, Code, Cx, Error, reason};
use plaza_proto::posts::v1::*;
use tokio::time::Instant;

use crate::support::{World, nobody, service, user};

/// The code, and the first field to blame.
fn said<T>(result: Result<T, Error>) -> (Code, String) {
    let error = result.err().unwrap();
    (error.code(), error.violations().first().map(|v| v.field.clone()).unwrap_or_default())
}

fn invalid(field: &str) -> (Code, String) {
    (Code::InvalidArgument, field.to_owned())
}

#[tokio::test]
async fn mutations_check_their_fields() {
    let w = World::new().await;
    for post_id in [0, -1, i64::MIN] {
        let request_id = w.request_id();
        let request = LikePostRequest { request_id: request_id.clone(), post_id };
        assert_eq!(said(w.posts.like_post(&user(1), request).await), invalid("post_id"));
        let request = UnlikePostRequest { request_id: request_id.clone(), post_id };
        assert_eq!(said(w.posts.unlike_post(&user(1), request).await), invalid("post_id"));
        let request = RepostRequest { request_id: request_id.clone(), post_id };
        assert_eq!(said(w.posts.repost(&user(1), request).await), invalid("post_id"));
        let request = UndoRepostRequest { request_id: request_id.clone(), post_id };
        assert_eq!(said(w.posts.undo_repost(&user(1), request).await), invalid("post_id"));
        let request = BookmarkPostRequest { request_id: request_id.clone(), post_id };
        assert_eq!(said(w.posts.bookmark_post(&user(1), request).await), invalid("post_id"));
        let request = UnbookmarkPostRequest { request_id: request_id.clone(), post_id };
        assert_eq!(said(w.posts.unbookmark_post(&user(1), request).await), invalid("post_id"));
        let request = RestorePostRequest { request_id: request_id.clone(), post_id };
        assert_eq!(said(w.posts.restore_post(&user(1), request).await), invalid("post_id"));
        let request = PinPostRequest { request_id: request_id.clone(), post_id };
        assert_eq!(said(w.posts.pin_post(&user(1), request).await), invalid("post_id"));
        let request = UnpinPostRequest { request_id: request_id.clone(), post_id };
        assert_eq!(said(w.posts.unpin_post(&user(1), request).await), invalid("post_id"));
        assert_eq!(said(w.edit(1, post_id, "a").await), invalid("post_id"));
        let request = DeletePostRequest { request_id, post_id };
        assert_eq!(said(w.posts.delete_post(&user(1), request).await), invalid("post_id"));
    }
    for request_id in ["", "7", "not-a-uuid-at-all-but-36-characters!"] {
        let request = CreatePostRequest { request_id: request_id.to_owned(), ..w.text("a") };
        assert_eq!(said(w.create(1, request).await), invalid("request_id"));
    }
    let request = CreatePostRequest { visibility: 7, ..w.text("a") };
    assert_eq!(said(w.create(1, request).await), invalid("visibility"));
    assert_eq!(said(w.create(1, w.reply("a", -1)).await), invalid("reply_to_id"));
    assert_eq!(said(w.create(1, w.quote("a", -1)).await), invalid("quote_of_id"));
    let request = CreatePostRequest { quote_policy: 9, ..w.text("a") };
    assert_eq!(said(w.create(1, request).await), invalid("quote_policy"));
    assert_eq!(said(w.create(1, w.text(&"a".repeat(16_385))).await), invalid("text"));
    let request = CreatePostRequest { reply_policy: 9, ..w.text("a") };
    assert_eq!(said(w.create(1, request).await), invalid("reply_policy"));
    for warning in ["two\nlines".to_owned(), "a\u{202e}b".to_owned(), "a".repeat(201)] {
        let request = CreatePostRequest { warning, ..w.text("a") };
        assert_eq!(said(w.create(1, request).await), invalid("warning"));
    }
    for language in ["e", "en us", "en_US", "-", "abcdefghi", "en-123456789"] {
        let request = CreatePostRequest { language: language.to_owned(), ..w.text("a") };
        assert_eq!(said(w.create(1, request).await), invalid("language"));
    }
    assert!(w.told().await.is_empty());
}

#[tokio::test]
async fn reads_check_their_fields() {
    let w = World::new().await;
    assert_eq!(said(w.get(&nobody(), 0).await), invalid("post_id"));
    assert_eq!(said(w.batch(&nobody(), &[]).await), invalid("post_ids"));
    assert_eq!(said(w.batch(&nobody(), &[1; 101]).await), invalid("post_ids"));
    assert_eq!(said(w.batch(&nobody(), &[1; 10_000]).await), invalid("post_ids"));
    assert_eq!(said(w.batch(&nobody(), &[1, 2, -3]).await), invalid("post_ids[2]"));
    assert_eq!(said(w.page(&nobody(), 0, 0, "").await), invalid("author_id"));
    assert_eq!(said(w.page(&nobody(), 1, -1, "").await), invalid("page_size"));
    assert_eq!(said(w.page(&nobody(), 1, 0, &"x".repeat(257)).await), invalid("page_token"));
    let refs = async |author_ids: Vec<i64>, before_id, page_size| {
        let request = ListPostRefsRequest { author_ids, before_id, page_size, include_reposts: false };
        said(w.posts.list_post_refs(&service(), request).await)
    };
    assert_eq!(refs(vec![], 0, 0).await, invalid("author_ids"));
    assert_eq!(refs(vec![1; 5_001], 0, 0).await, invalid("author_ids"));
    assert_eq!(refs(vec![0], 0, 0).await, invalid("author_ids[0]"));
    assert_eq!(refs(vec![1], -1, 0).await, invalid("before_id"));
    assert_eq!(refs(vec![1], 0, -1).await, invalid("page_size"));
}

#[tokio::test]
async fn mutations_need_somebody_signed_in() {
    let w = World::new().await;
    let id = w.post(1, w.text("a")).await;
    for cx in [nobody(), service()] {
        let request = DeletePostRequest { request_id: w.request_id(), post_id: id };
        assert!(w.posts.delete_post(&cx, request).await.unwrap_err().is(reason::CREDENTIALS_MISSING));
        let request = LikePostRequest { request_id: w.request_id(), post_id: id };
        assert!(w.posts.like_post(&cx, request).await.unwrap_err().is(reason::CREDENTIALS_MISSING));
        let request = UnlikePostRequest { request_id: w.request_id(), post_id: id };
        assert!(w.posts.unlike_post(&cx, request).await.unwrap_err().is(reason::CREDENTIALS_MISSING));
        assert!(w.posts.create_post(&cx, w.text("a")).await.unwrap_err().is(reason::CREDENTIALS_MISSING));
    }
    assert_eq!(w.told().await.len(), 1);
}

#[tokio::test]
async fn a_call_past_its_deadline_does_nothing() {
    let w = World::new().await;
    let late = Cx::new(Caller::user(AccountId(1)), Instant::now());
    let error = w.posts.create_post(&late, w.text("a")).await.unwrap_err();
    assert!(error.is(reason::DEADLINE_EXCEEDED));
    let waiting = Cx::new(Caller::user(AccountId(1)), Instant::now() + Duration::from_millis(20));
    let id = w.post(2, w.text("target")).await;
    w.graph.faults.hold();
    let error = w.posts.create_post(&waiting, w.reply("a", id)).await.unwrap_err();
    assert!(error.is(reason::DEADLINE_EXCEEDED));
    w.graph.faults.clear();
    assert_eq!(w.told().await.len(), 1);
}
