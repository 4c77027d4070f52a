//! PinPost and UnpinPost, and what of them ListPostsByAuthor shows; its filter.

use plaza_core::{Cx, reason};
use plaza_proto::posts::v1::{ListPostsByAuthorRequest, ListPostsByAuthorResponse, PinPostRequest, UnpinPostRequest};

use crate::support::{World, ids, nobody, user};

async fn list(w: &World, cx: &Cx, page_size: i32, token: &str, exclude_replies: bool) -> ListPostsByAuthorResponse {
    let page_token = token.to_owned();
    let request = ListPostsByAuthorRequest { author_id: 1, page_size, page_token, exclude_replies, media_only: false };
    w.posts.list_posts_by_author(cx, request).await.unwrap()
}

#[tokio::test]
async fn pin_post_and_unpin_post_change_the_head_of_a_profile() {
    let w = World::new().await;
    let (a, b, c) = (w.post(1, w.text("a")).await, w.post(1, w.followers("b")).await, w.post(1, w.text("c")).await);
    let pin = PinPostRequest { request_id: w.request_id(), post_id: a };
    w.posts.pin_post(&user(1), pin.clone()).await.unwrap();
    w.pin(1, b).await.unwrap();
    w.posts.pin_post(&user(1), pin).await.unwrap();
    w.graph.follow(2, 1);
    let page = list(&w, &user(2), 2, "", false).await;
    assert_eq!((ids(&page.pinned), ids(&page.posts)), (vec![b, a], vec![c, b]));
    let next = list(&w, &user(2), 2, &page.next_page_token, false).await;
    assert_eq!((ids(&next.pinned), ids(&next.posts)), (vec![], vec![a]), "on the first page alone");
    assert_eq!(ids(&list(&w, &nobody(), 2, "", false).await.pinned), [a], "what is in sight");
    w.graph.block(1, 4);
    assert!(list(&w, &user(4), 2, "", false).await.pinned.is_empty());
    let unpin = UnpinPostRequest { request_id: w.request_id(), post_id: a };
    w.posts.unpin_post(&user(1), unpin.clone()).await.unwrap();
    w.pin(1, a).await.unwrap();
    w.posts.unpin_post(&user(1), unpin).await.unwrap();
    assert_eq!(ids(&list(&w, &user(1), 9, "", false).await.pinned), [a, b]);
    let told: Vec<String> = w.told().await.into_iter().map(|(kind, _)| kind).skip(3).collect();
    assert_eq!(told, ["PostPinned", "PostPinned", "PostUnpinned", "PostPinned"]);
}

#[tokio::test]
async fn pin_post_is_for_own_posts_and_bounded() {
    let w = World::new().await;
    let others = w.post(2, w.text("a")).await;
    assert!(w.pin(1, others).await.unwrap_err().is(reason::POST_NOT_FOUND));
    let unpin = UnpinPostRequest { request_id: w.request_id(), post_id: others };
    assert!(w.posts.unpin_post(&user(1), unpin).await.unwrap_err().is(reason::POST_NOT_FOUND));
    for n in 0..6 {
        let id = w.post(1, w.text("a")).await;
        let pinned = w.pin(1, id).await;
        assert!(pinned.map_or_else(|e| n == 5 && e.is(reason::TOO_MANY_PINS), |()| n < 5), "{n}");
    }
}

#[tokio::test]
async fn list_posts_by_author_can_leave_out_replies() {
    let w = World::new().await;
    let root = w.post(2, w.text("root")).await;
    let mut expected = Vec::new();
    for n in 0..20 {
        let request = if n % 3 == 0 { w.reply("r", root) } else { w.text("a") };
        let id = w.post(1, request).await;
        if n % 3 != 0 {
            expected.insert(0, id);
        }
    }
    let first = list(&w, &nobody(), 8, "", true).await;
    let second = list(&w, &nobody(), 8, &first.next_page_token, true).await;
    assert_eq!([ids(&first.posts), ids(&second.posts)].concat(), expected);
    let page_token = first.next_page_token;
    let other = ListPostsByAuthorRequest { author_id: 1, page_size: 8, page_token, ..Default::default() };
    let refused = w.posts.list_posts_by_author(&nobody(), other).await.unwrap_err();
    assert!(refused.is(reason::PAGE_TOKEN_INVALID), "a token is good for its filter");
}
