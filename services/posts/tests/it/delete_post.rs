//! DeletePost.

use plaza_core::reason;
use plaza_proto::posts::v1::DeletePostRequest;

use crate::support::{World, nobody, token, user};

#[tokio::test]
async fn a_deleted_post_is_gone_everywhere() {
    let w = World::new().await;
    let root = w.post(1, w.text("root")).await;
    let reply = w.post(2, w.reply("#reply", root)).await;
    w.like(3, reply).await.unwrap();
    w.delete(2, reply).await.unwrap();
    assert!(w.get(&user(2), reply).await.unwrap_err().is(reason::POST_NOT_FOUND));
    assert!(w.page(&user(2), 2, 0, "").await.unwrap().0.is_empty());
    assert_eq!(w.get(&nobody(), root).await.unwrap().reply_count, 0);
    assert!(w.like(3, reply).await.unwrap_err().is(reason::POST_NOT_FOUND));
    assert_eq!(w.told().await.last(), Some(&("PostDeleted".to_owned(), reply)));
}

#[tokio::test]
async fn only_the_author_deletes_and_only_once() {
    let w = World::new().await;
    let id = w.post(1, w.text("a")).await;
    assert!(w.delete(2, id).await.unwrap_err().is(reason::POST_NOT_FOUND));
    assert!(w.get(&nobody(), id).await.is_ok());
    let request = DeletePostRequest { request_id: w.request_id(), post_id: id };
    let (first, second) = (user(1), user(1));
    w.posts.delete_post(&first, request.clone()).await.unwrap();
    w.posts.delete_post(&second, request).await.unwrap();
    assert_eq!(token(&first), token(&second));
    assert!(w.delete(1, id).await.unwrap_err().is(reason::POST_NOT_FOUND));
    assert_eq!(w.told().await.len(), 2);
}
