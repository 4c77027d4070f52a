//! Repost and UndoRepost.

use plaza_core::reason;
use plaza_proto::posts::v1::{ListPostRefsRequest, PostRef, RepostRequest, UndoRepostRequest};

use crate::support::{World, nobody, service, token, user};

#[tokio::test]
async fn repost_and_undo_repost_are_idempotent_and_exact() {
    let w = World::new().await;
    let id = w.post(1, w.text("a")).await;
    assert_eq!(w.undo_repost(2, id).await.unwrap(), 0);
    let first = w.repost(2, id).await.unwrap();
    assert_eq!((first.repost_count, first.repost_id > id), (1, true));
    assert_eq!(w.repost(2, id).await.unwrap(), first, "it stands already");
    assert_eq!(w.repost(1, id).await.unwrap().repost_count, 2);
    let (mine, others) = (w.get(&user(2), id).await.unwrap(), w.get(&user(3), id).await.unwrap());
    assert_eq!((mine.reposted, mine.repost_count, others.reposted, others.liked), (true, 2, false, false));
    assert!(!w.get(&nobody(), id).await.unwrap().reposted);
    assert_eq!((w.undo_repost(2, id).await.unwrap(), w.undo_repost(2, id).await.unwrap()), (1, 1));
    assert!(w.repost(2, id).await.unwrap().repost_id > first.repost_id, "another repost");
    let told: Vec<String> = w.told().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(told, ["PostCreated", "Reposted", "Reposted", "RepostUndone", "Reposted"]);
}

#[tokio::test]
async fn a_repeated_repost_or_undo_repost_gives_the_first_answer() {
    let w = World::new().await;
    let id = w.post(1, w.text("a")).await;
    let request = RepostRequest { request_id: w.request_id(), post_id: id };
    let (first, second) = (user(2), user(2));
    let answer = w.posts.repost(&first, request.clone()).await.unwrap();
    let undo = UndoRepostRequest { request_id: w.request_id(), post_id: id };
    let undone = w.posts.undo_repost(&user(2), undo.clone()).await.unwrap();
    w.repost(3, id).await.unwrap();
    w.graph.block(1, 2);
    assert_eq!(w.posts.repost(&second, request).await.unwrap(), answer);
    assert_eq!(w.posts.undo_repost(&user(2), undo).await.unwrap(), undone);
    assert_eq!(token(&first), token(&second));
    assert_eq!(w.get(&user(3), id).await.unwrap().repost_count, 1);
}

#[tokio::test]
async fn only_a_public_post_in_sight_can_be_given_a_repost() {
    let w = World::new().await;
    w.graph.follow(2, 1);
    w.graph.block(1, 3);
    let (public, followers) = (w.post(1, w.text("p")).await, w.post(1, w.followers("f")).await);
    for account in [1, 2] {
        let refused = w.repost(account, followers).await.unwrap_err();
        assert!(refused.is(reason::REPOST_NOT_ALLOWED), "{account}: {refused}");
        assert_eq!(refused.violations()[0].field, "post_id");
        assert_eq!(w.undo_repost(account, followers).await.unwrap(), 0);
        assert!(w.repost(account, public).await.is_ok());
    }
    assert!(w.repost(4, followers).await.unwrap_err().is(reason::POST_NOT_FOUND));
    assert!(w.repost(3, public).await.unwrap_err().is(reason::POST_NOT_FOUND));
    assert!(w.undo_repost(3, public).await.unwrap_err().is(reason::POST_NOT_FOUND));
    w.delete(1, public).await.unwrap();
    assert!(w.repost(2, public).await.unwrap_err().is(reason::POST_NOT_FOUND));
}

#[tokio::test]
async fn list_post_refs_mixes_posts_and_reposts_by_their_ids() {
    let w = World::new().await;
    let mut expected = Vec::new();
    for n in 0..30_i64 {
        let author_id = 1 + n % 3;
        let post_id = w.post(author_id, w.text("a")).await;
        expected.insert(0, PostRef { post_id, author_id, ..PostRef::default() });
        if n % 2 == 0 {
            let reposter_id = 4 + n % 2;
            let repost_id = w.repost(reposter_id, post_id).await.unwrap().repost_id;
            expected.insert(0, PostRef { post_id, author_id, repost_id, reposter_id });
        }
    }
    let refs = async |before_id, page_size, include_reposts| {
        let request = ListPostRefsRequest { author_ids: (1..=9).collect(), before_id, page_size, include_reposts };
        w.posts.list_post_refs(&service(), request).await.unwrap().refs
    };
    assert_eq!(refs(0, 1_000, true).await, expected);
    assert_eq!(refs(0, 7, true).await, expected[..7]);
    assert_eq!(refs(expected[3].post_id.max(expected[3].repost_id), 5, true).await, expected[4..9]);
    let posts: Vec<PostRef> = expected.iter().filter(|r| r.repost_id == 0).copied().collect();
    assert_eq!(refs(0, 1_000, false).await, posts);
}
