//! BookmarkPost, UnbookmarkPost and ListBookmarks.

use plaza_core::{Cx, Result, reason};
use plaza_proto::posts::v1::{BookmarkPostRequest, ListBookmarksRequest, UnbookmarkPostRequest};

use crate::support::{World, ids, nobody, user};

async fn bookmarks(w: &World, cx: &Cx, page_size: i32, token: &str) -> Result<(Vec<i64>, String)> {
    let request = ListBookmarksRequest { page_size, page_token: token.to_owned() };
    let page = w.posts.list_bookmarks(cx, request).await?;
    assert!(page.posts.iter().all(|post| post.bookmarked));
    Ok((ids(&page.posts), page.next_page_token))
}

#[tokio::test]
async fn bookmark_post_and_unbookmark_post_are_idempotent_and_tell_nobody_who() {
    let w = World::new().await;
    let id = w.post(1, w.text("a")).await;
    assert_eq!(w.unbookmark(2, id).await.unwrap(), 0);
    assert_eq!((w.bookmark(2, id).await.unwrap(), w.bookmark(2, id).await.unwrap()), (1, 1));
    let (mine, others) = (w.get(&user(2), id).await.unwrap(), w.get(&user(1), id).await.unwrap());
    assert_eq!((mine.bookmarked, mine.bookmark_count, others.bookmarked), (true, 1, false));
    assert_eq!(w.unbookmark(2, id).await.unwrap(), 0);
    let told: Vec<String> = w.told().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(told, ["PostCreated", "PostBookmarked", "PostUnbookmarked"]);
}

#[tokio::test]
async fn a_repeated_bookmark_post_or_unbookmark_post_gives_the_first_answer() {
    let w = World::new().await;
    let id = w.post(1, w.text("a")).await;
    let keep = BookmarkPostRequest { request_id: w.request_id(), post_id: id };
    let kept = w.posts.bookmark_post(&user(2), keep.clone()).await.unwrap();
    let drop = UnbookmarkPostRequest { request_id: w.request_id(), post_id: id };
    let dropped = w.posts.unbookmark_post(&user(2), drop.clone()).await.unwrap();
    w.bookmark(3, id).await.unwrap();
    w.graph.block(1, 2);
    assert_eq!(w.posts.bookmark_post(&user(2), keep).await.unwrap(), kept);
    assert_eq!(w.posts.unbookmark_post(&user(2), drop).await.unwrap(), dropped);
    assert_eq!(w.get(&user(3), id).await.unwrap().bookmark_count, 1);
}

#[tokio::test]
async fn list_bookmarks_shows_what_is_in_sight_last_kept_first() {
    let w = World::new().await;
    w.graph.follow(9, 1);
    let mut kept = Vec::new();
    for n in 0..9 {
        let request = if n % 3 == 0 { w.followers("f") } else { w.text("p") };
        let id = w.post(1 + n % 2, request).await;
        if w.bookmark(9, id).await.is_ok() {
            kept.insert(0, id);
        }
    }
    assert!(kept.len() < 9, "what is out of sight cannot be kept");
    let (first, next) = bookmarks(&w, &user(9), 4, "").await.unwrap();
    let (second, end) = bookmarks(&w, &user(9), 4, &next).await.unwrap();
    assert_eq!([first, second].concat(), kept);
    assert!(end.is_empty());
    assert_eq!(bookmarks(&w, &user(8), 0, "").await.unwrap(), (vec![], String::new()));
    // Bookmarks outlive that their posts are in sight, and show again when these are.
    w.graph.block(1, 9);
    let of_the_other = bookmarks(&w, &user(9), 0, "").await.unwrap().0;
    assert!(!of_the_other.is_empty() && of_the_other.len() < kept.len());
    w.delete(2, of_the_other[0]).await.unwrap();
    assert_eq!(bookmarks(&w, &user(9), 0, "").await.unwrap().0, of_the_other[1..]);
    assert!(bookmarks(&w, &user(8), 4, &next).await.unwrap_err().is(reason::PAGE_TOKEN_INVALID));
    assert!(bookmarks(&w, &nobody(), 4, "").await.unwrap_err().is(reason::CREDENTIALS_MISSING));
}
