//! ListLikers and ListReposters.

use plaza_core::{Cx, Result, reason};
use plaza_proto::posts::v1::{ListLikersRequest, ListRepostersRequest};

use crate::support::{World, nobody, user};

async fn likers(w: &World, cx: &Cx, post_id: i64, page_size: i32, token: &str) -> Result<(Vec<i64>, String)> {
    let request = ListLikersRequest { post_id, page_size, page_token: token.to_owned() };
    let page = w.posts.list_likers(cx, request).await?;
    Ok((page.account_ids, page.next_page_token))
}

async fn reposters(w: &World, cx: &Cx, post_id: i64, page_size: i32, token: &str) -> Result<(Vec<i64>, String)> {
    let request = ListRepostersRequest { post_id, page_size, page_token: token.to_owned() };
    let page = w.posts.list_reposters(cx, request).await?;
    Ok((page.account_ids, page.next_page_token))
}

#[tokio::test]
async fn list_likers_and_list_reposters_page_through_all_the_last_one_first() {
    let w = World::new().await;
    let id = w.post(1, w.text("a")).await;
    for n in 10..35 {
        w.like(n, id).await.unwrap();
        w.repost(n + 100, id).await.unwrap();
    }
    let (mut walked, mut token) = (Vec::new(), String::new());
    loop {
        let (page, next) = likers(&w, &nobody(), id, 10, &token).await.unwrap();
        walked.extend(page);
        token = next;
        if token.is_empty() {
            break;
        }
        w.like(5, id).await.unwrap();
    }
    assert_eq!(walked, (10..35).rev().collect::<Vec<_>>());
    assert_eq!(reposters(&w, &nobody(), id, 3, "").await.unwrap().0, [134, 133, 132]);
}

#[tokio::test]
async fn list_likers_and_list_reposters_keep_to_sight_and_to_blocks() {
    let w = World::new().await;
    let (public, followers) = (w.post(1, w.text("p")).await, w.post(1, w.followers("f")).await);
    w.graph.follow(2, 1);
    for account in [2, 3, 4] {
        w.like(account, public).await.unwrap();
        w.repost(account, public).await.unwrap();
    }
    w.like(2, followers).await.unwrap();
    w.graph.block(3, 5);
    w.graph.block(5, 4);
    w.graph.block(1, 6);
    assert_eq!(likers(&w, &user(5), public, 0, "").await.unwrap().0, [2], "a block, either way, hides the account");
    assert_eq!(reposters(&w, &user(5), public, 0, "").await.unwrap().0, [2]);
    assert_eq!(likers(&w, &user(7), public, 0, "").await.unwrap().0, [4, 3, 2]);
    assert_eq!(likers(&w, &user(1), followers, 0, "").await.unwrap().0, [2]);
    for (viewer, post) in [(6, public), (7, followers)] {
        assert!(likers(&w, &user(viewer), post, 0, "").await.unwrap_err().is(reason::POST_NOT_FOUND));
        assert!(reposters(&w, &user(viewer), post, 0, "").await.unwrap_err().is(reason::POST_NOT_FOUND));
    }
    let token = likers(&w, &user(7), public, 1, "").await.unwrap().1;
    assert!(reposters(&w, &user(7), public, 1, &token).await.unwrap_err().is(reason::PAGE_TOKEN_INVALID));
    assert!(likers(&w, &user(8), public, 1, &token).await.unwrap_err().is(reason::PAGE_TOKEN_INVALID));
}
