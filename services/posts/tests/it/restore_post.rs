//! RestorePost.

use plaza_core::reason;
use plaza_proto::posts::v1::RestorePostRequest;

use crate::support::{World, ids, nobody, user};

#[tokio::test]
async fn restore_post_brings_a_deleted_post_back_within_its_time() {
    let w = World::new().await;
    let root = w.post(2, w.text("root")).await;
    let id = w.post(1, w.reply("back #tag", root)).await;
    w.like(3, id).await.unwrap();
    let before = w.get(&user(3), id).await.unwrap();
    w.delete(1, id).await.unwrap();
    assert!(w.get(&user(1), id).await.unwrap_err().is(reason::POST_NOT_FOUND));
    assert_eq!(w.get(&nobody(), root).await.unwrap().reply_count, 0);
    w.clock.advance(3_599_000);
    let request = RestorePostRequest { request_id: w.request_id(), post_id: id };
    w.posts.restore_post(&user(1), request.clone()).await.unwrap();
    w.posts.restore_post(&user(1), request).await.unwrap();
    assert_eq!(w.get(&user(3), id).await.unwrap(), before);
    assert_eq!(w.get(&nobody(), root).await.unwrap().reply_count, 1);
    assert_eq!(w.page(&nobody(), 1, 9, "").await.unwrap().0, [id]);
    assert_eq!(w.told().await.last().unwrap(), &("PostRestored".to_owned(), id));
}

#[tokio::test]
async fn restore_post_refuses_what_is_not_the_callers_or_too_old() {
    let w = World::new().await;
    let id = w.post(1, w.text("a")).await;
    assert!(w.restore(1, id).await.unwrap_err().is(reason::POST_NOT_RESTORABLE));
    w.delete(1, id).await.unwrap();
    assert!(w.restore(2, id).await.unwrap_err().is(reason::POST_NOT_RESTORABLE));
    w.clock.advance(3_600_000);
    assert!(w.restore(1, id).await.unwrap_err().is(reason::POST_NOT_RESTORABLE));
    assert_eq!(ids(&w.batch(&user(1), &[id]).await.unwrap()), [0; 0]);
}
