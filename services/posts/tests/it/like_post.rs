//! LikePost and UnlikePost.

use futures::future::join_all;
use plaza_core::reason;
use plaza_proto::posts::v1::{LikePostRequest, UnlikePostRequest};

use crate::support::{World, nobody, token, user};

#[tokio::test]
async fn like_post_and_unlike_post_are_idempotent_and_exact() {
    let w = World::new().await;
    let id = w.post(1, w.text("a")).await;
    assert_eq!(w.unlike(2, id).await.unwrap(), 0);
    assert_eq!((w.like(2, id).await.unwrap(), w.like(2, id).await.unwrap()), (1, 1));
    assert_eq!(w.like(1, id).await.unwrap(), 2);
    let (mine, others) = (w.get(&user(2), id).await.unwrap(), w.get(&user(3), id).await.unwrap());
    assert_eq!((mine.liked, mine.like_count, others.liked, others.like_count), (true, 2, false, 2));
    assert!(!w.get(&nobody(), id).await.unwrap().liked);
    assert_eq!((w.unlike(2, id).await.unwrap(), w.unlike(2, id).await.unwrap()), (1, 1));
    let told: Vec<String> = w.told().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(told, ["PostCreated", "PostLiked", "PostLiked", "PostUnliked"]);
    assert_eq!(w.recount(id).await, Some((1, 0)));
}

#[tokio::test]
async fn a_repeated_like_post_or_unlike_post_gives_the_first_answer() {
    let w = World::new().await;
    let id = w.post(1, w.text("a")).await;
    let request = LikePostRequest { request_id: w.request_id(), post_id: id };
    let (first, second) = (user(2), user(2));
    let answer = w.posts.like_post(&first, request.clone()).await.unwrap();
    let undo = UnlikePostRequest { request_id: w.request_id(), post_id: id };
    let undone = w.posts.unlike_post(&user(2), undo.clone()).await.unwrap();
    w.like(3, id).await.unwrap();
    w.like(4, id).await.unwrap();
    // Neither answer changes nor does anything happen again, though the post is out of sight by now.
    w.graph.block(1, 2);
    assert_eq!(w.posts.like_post(&second, request).await.unwrap(), answer);
    assert_eq!(w.posts.unlike_post(&user(2), undo).await.unwrap(), undone);
    assert_eq!(token(&first), token(&second));
    assert_eq!((answer.like_count, undone.like_count), (1, 0));
    assert_eq!(w.recount(id).await, Some((2, 0)));
}

#[tokio::test]
async fn unlike_post_undo_repost_and_unbookmark_post_take_back_what_is_out_of_sight() {
    let w = World::new().await;
    let id = w.post(1, w.text("a")).await;
    w.like(2, id).await.unwrap();
    w.repost(2, id).await.unwrap();
    w.bookmark(2, id).await.unwrap();
    w.graph.block(1, 2);
    assert!(w.like(2, id).await.unwrap_err().is(reason::POST_NOT_FOUND));
    let request = UnlikePostRequest { request_id: w.request_id(), post_id: id };
    let first = w.posts.unlike_post(&user(2), request.clone()).await.unwrap();
    assert_eq!(w.posts.unlike_post(&user(2), request).await.unwrap(), first);
    assert_eq!((w.undo_repost(2, id).await.unwrap(), w.unbookmark(2, id).await.unwrap()), (0, 0));
    // What is not there tells nothing of the post.
    for refused in [w.unlike(2, id).await, w.undo_repost(2, id).await, w.unbookmark(2, id).await] {
        assert!(refused.unwrap_err().is(reason::POST_NOT_FOUND));
    }
    assert_eq!(w.recount(id).await, Some((0, 0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_at_one_post_leave_an_exact_count() {
    let w = World::new().await;
    let id = w.post(1, w.text("hot")).await;
    let calls = (0..1_000).map(|n| {
        let (w, account) = (&w, 10 + n);
        async move {
            w.like(account, id).await.unwrap();
            if n % 4 == 0 {
                w.unlike(account, id).await.unwrap();
            }
            if n % 8 == 0 {
                w.like(account, id).await.unwrap();
            }
            w.get(&user(account), id).await.unwrap().liked == (n % 4 != 0 || n % 8 == 0)
        }
    });
    assert!(join_all(calls).await.into_iter().all(|as_left| as_left));
    assert_eq!(w.get(&nobody(), id).await.unwrap().like_count, 875);
    assert_eq!(w.recount(id).await, Some((875, 0)));
}

/// Few likers come with the post, many are asked for: the viewer sees no difference.
#[tokio::test]
async fn whether_the_caller_likes_a_post_shows_however_many_do() {
    let w = World::new().await;
    let id = w.post(1, w.text("a")).await;
    for account in 10..60 {
        assert!(!w.get(&user(account), id).await.unwrap().liked);
        w.like(account, id).await.unwrap();
        assert!(w.get(&user(account), id).await.unwrap().liked);
        assert!(w.get(&user(10), id).await.unwrap().liked);
        assert!(!w.get(&user(9), id).await.unwrap().liked);
    }
    for account in 10..60 {
        w.unlike(account, id).await.unwrap();
        assert!(!w.get(&user(account), id).await.unwrap().liked);
    }
}
