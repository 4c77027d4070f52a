//! BatchGetPosts and GetPost: order, gaps, batches; what a write changed shows in the next read.

use plaza_core::reason;

use crate::support::{World, ids, nobody, user};

#[tokio::test]
async fn get_post_finds_what_there_is() {
    let w = World::new().await;
    let id = w.post(1, w.text("a")).await;
    assert_eq!(w.get(&nobody(), id).await.unwrap().text, "a");
    w.delete(1, id).await.unwrap();
    for missing in [id, 5, i64::MAX] {
        assert!(w.get(&user(1), missing).await.unwrap_err().is(reason::POST_NOT_FOUND));
    }
}

#[tokio::test]
async fn a_batch_keeps_order_and_duplicates_and_leaves_out_the_rest() {
    let w = World::new().await;
    let (a, b, gone) = (w.post(1, w.text("a")).await, w.post(2, w.text("b")).await, w.post(1, w.text("c")).await);
    w.delete(1, gone).await.unwrap();
    for _ in 0..2 {
        let posts = w.batch(&user(9), &[b, 3, a, gone, b, a]).await.unwrap();
        assert_eq!(ids(&posts), [b, a, b, a]);
    }
    assert_eq!(w.batch(&user(9), &[gone]).await.unwrap(), []);
}

#[tokio::test]
async fn graph_is_asked_once_for_a_page_and_not_at_all_if_it_need_not() {
    let w = World::new().await;
    let mut all = Vec::new();
    for author in 1..=50 {
        all.push(w.post(author, w.text("a")).await);
        all.push(w.post(author, w.text("b")).await);
    }
    let before = w.graph.calls();
    assert_eq!(w.batch(&user(1), &all).await.unwrap().len(), 100);
    assert_eq!(w.graph.calls(), before + 1);
    w.batch(&user(1), &all[..2]).await.unwrap();
    w.batch(&nobody(), &all).await.unwrap();
    assert_eq!(w.graph.calls(), before + 1);
}

#[tokio::test]
async fn a_write_shows_in_the_next_read() {
    let w = World::new().await;
    let a = w.post(1, w.text("a")).await;
    let b = w.post(2, w.text("b")).await;
    let seen = async || {
        let posts = w.batch(&user(5), &[a, b]).await.unwrap();
        posts.iter().map(|p| (p.like_count, p.reply_count, p.liked)).collect::<Vec<_>>()
    };
    assert_eq!(seen().await, [(0, 0, false), (0, 0, false)]);
    w.like(5, b).await.unwrap();
    assert_eq!(seen().await, [(0, 0, false), (1, 0, true)]);
    w.like(6, a).await.unwrap();
    let reply = w.post(7, w.reply("r", a)).await;
    assert_eq!(seen().await, [(1, 1, false), (1, 0, true)]);
    w.unlike(5, b).await.unwrap();
    w.delete(7, reply).await.unwrap();
    assert_eq!(seen().await, [(1, 0, false), (0, 0, false)]);
    w.delete(1, a).await.unwrap();
    assert_eq!(seen().await, [(0, 0, false)]);
}
