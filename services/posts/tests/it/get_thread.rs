//! GetThread and ListReplies.

use plaza_core::{Cx, Result, reason};
use plaza_proto::posts::v1::{GetThreadRequest, GetThreadResponse, ListRepliesRequest, ThreadPost};

use crate::support::{World, nobody, user};

async fn get_thread(w: &World, cx: &Cx, post_id: i64, depth: i32) -> Result<GetThreadResponse> {
    let request = GetThreadRequest { post_id, depth, ..GetThreadRequest::default() };
    w.posts.get_thread(cx, request).await
}

/// Places as id, depth, whether there is a post.
fn places(told: &[ThreadPost]) -> Vec<(i64, i32, bool)> {
    told.iter().map(|place| (place.post_id, place.depth, place.post.is_some())).collect()
}

async fn list_replies(w: &World, cx: &Cx, post_id: i64, size: i32, token: &str) -> Result<(Vec<ThreadPost>, String)> {
    let request = ListRepliesRequest { post_id, page_size: size, page_token: token.to_owned() };
    let page = w.posts.list_replies(cx, request).await?;
    Ok((page.replies, page.next_page_token))
}

#[tokio::test]
async fn get_thread_tells_of_what_is_above_and_below() {
    let w = World::new().await;
    let root = w.post(1, w.text("root")).await;
    let middle = w.post(2, w.reply("middle", root)).await;
    let post = w.post(3, w.reply("post", middle)).await;
    let first = w.post(1, w.reply("first", post)).await;
    let second = w.post(2, w.reply("second", post)).await;
    let under = w.post(3, w.reply("under the first", first)).await;
    let deep = w.post(4, w.reply("deep", under)).await;
    let deeper = w.post(4, w.reply("deeper", deep)).await;
    let thread = get_thread(&w, &nobody(), post, 0).await.unwrap();
    assert_eq!(places(&thread.ancestors), [(root, 0, true), (middle, 0, true)]);
    let told = thread.post.unwrap();
    assert_eq!((told.post_id, told.reply_to_id, told.post.unwrap().text.as_str()), (post, middle, "post"));
    assert_eq!(places(&thread.replies), [(first, 1, true), (under, 2, true), (deep, 3, true), (second, 1, true)]);
    let more: Vec<bool> = thread.replies.iter().map(|place| place.has_more_replies).collect();
    assert_eq!(more, [false, false, true, false]);
    let shallow = get_thread(&w, &nobody(), post, 1).await.unwrap();
    assert_eq!(places(&shallow.replies), [(first, 1, true), (second, 1, true)]);
    let all = get_thread(&w, &nobody(), root, 99).await.unwrap();
    assert_eq!(all.replies.iter().map(|place| place.depth).max(), Some(6));
    assert!(places(&all.replies).contains(&(deeper, 6, true)));
    assert!(get_thread(&w, &nobody(), 5, 0).await.unwrap_err().is(reason::POST_NOT_FOUND));
    let refused = get_thread(&w, &nobody(), post, -1).await.unwrap_err();
    assert_eq!(refused.violations()[0].field, "depth");
}

#[tokio::test]
async fn deleted_and_hidden_posts_stand_as_tombstones_where_something_is_below() {
    let w = World::new().await;
    let root = w.post(1, w.text("root")).await;
    let gone = w.post(2, w.reply("gone", root)).await;
    let under = w.post(3, w.reply("under", gone)).await;
    let silent = w.post(2, w.reply("gone and silent", root)).await;
    let hidden = w.post(4, w.reply("hidden", root)).await;
    let below = w.post(5, w.reply("below", hidden)).await;
    let unheard = w.post(4, w.reply("hidden and silent", root)).await;
    for id in [gone, silent] {
        w.delete(2, id).await.unwrap();
    }
    w.graph.block(4, 9);
    let thread = get_thread(&w, &user(9), root, 0).await.unwrap();
    let told = [(gone, 1, false), (under, 2, true), (hidden, 1, false), (below, 2, true)];
    assert_eq!(places(&thread.replies), told);
    let of_others = get_thread(&w, &user(8), root, 0).await.unwrap();
    assert!(places(&of_others.replies).contains(&(unheard, 1, true)));
    let up = get_thread(&w, &user(9), below, 0).await.unwrap();
    assert_eq!(places(&up.ancestors), [(root, 0, true), (hidden, 0, false)]);
    // The tombstone itself can be asked for, what is hidden cannot.
    let tombstone = get_thread(&w, &user(9), gone, 0).await.unwrap();
    assert_eq!((tombstone.post.unwrap().post, places(&tombstone.replies)), (None, vec![(under, 1, true)]));
    for post in [hidden, silent] {
        assert!(get_thread(&w, &user(9), post, 0).await.unwrap_err().is(reason::POST_NOT_FOUND));
    }
    let replies = list_replies(&w, &user(9), root, 0, "").await.unwrap().0;
    assert_eq!(places(&replies), [(gone, 1, false), (hidden, 1, false)]);
    assert!(replies.iter().all(|place| place.has_more_replies));
    assert_eq!(places(&list_replies(&w, &user(9), gone, 0, "").await.unwrap().0), [(under, 1, true)]);
    assert!(list_replies(&w, &user(9), hidden, 0, "").await.unwrap_err().is(reason::POST_NOT_FOUND));
    w.delete(1, root).await.unwrap();
    let headless = get_thread(&w, &user(9), under, 0).await.unwrap();
    assert_eq!(places(&headless.ancestors), [(root, 0, false), (gone, 0, false)]);
}

#[tokio::test]
async fn get_thread_and_list_replies_page_and_are_bounded() {
    let w = World::new().await;
    let root = w.post(1, w.text("root")).await;
    let mut children = Vec::new();
    for n in 0..12 {
        let id = w.post(2, w.reply("r", root)).await;
        children.push(id);
        for _ in 0..(if n == 0 { 8 } else { 0 }) {
            w.post(3, w.reply("r", id)).await;
        }
    }
    let (mut walked, mut token) = (Vec::new(), String::new());
    loop {
        let request = GetThreadRequest { post_id: root, page_size: 5, page_token: token.clone(), depth: 0 };
        let page = w.posts.get_thread(&nobody(), request).await.unwrap();
        let first = page.replies.iter().filter(|place| place.depth == 1);
        walked.extend(first.map(|place| place.post_id));
        if token.is_empty() {
            assert_eq!(page.replies.len(), 5 + 5, "five below the first, and that there are more is told");
            assert!(page.replies[0].has_more_replies);
        }
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(walked, children);
    let (first, next) = list_replies(&w, &user(1), root, 7, "").await.unwrap();
    let (second, end) = list_replies(&w, &user(1), root, 7, &next).await.unwrap();
    let both = [first, second].concat();
    assert_eq!((both.iter().map(|place| place.post_id).collect::<Vec<_>>(), end.as_str()), (children, ""));
    assert!(list_replies(&w, &user(2), root, 7, &next).await.unwrap_err().is(reason::PAGE_TOKEN_INVALID));
    // A line of replies, longer than is told of at once.
    let mut last = root;
    for _ in 0..130 {
        last = w.post(1, w.reply("on", last)).await;
    }
    let thread = get_thread(&w, &nobody(), last, 0).await.unwrap();
    assert_eq!(thread.ancestors.len(), 100);
    assert_eq!(thread.ancestors[99].post_id, thread.post.unwrap().reply_to_id);
}
