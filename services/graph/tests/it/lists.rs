//! `ListFollowers`, `ListFollowing`, `ListFollowerIds`, `ListFollowingIds`.

use plaza_core::{Cx, reason};
use plaza_proto::graph::v1::{
    FollowEdge, ListFollowerIdsRequest, ListFollowersRequest, ListFollowingIdsRequest, ListFollowingRequest,
};

use crate::support::{START, World, nobody, service, service_for, user};

/// The followers of an account as the caller sees them, page by page.
pub(crate) async fn followers(w: &World, cx: &Cx, account_id: i64, page_size: i32) -> Vec<FollowEdge> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListFollowersRequest { account_id, page_size, page_token };
        let page = w.graph.list_followers(cx, request).await.unwrap();
        assert!(page.followers.len() <= usize::try_from(page_size).unwrap());
        all.extend(page.followers);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

async fn following(w: &World, cx: &Cx, account_id: i64, page_size: i32) -> Vec<i64> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListFollowingRequest { account_id, page_size, page_token };
        let page = w.graph.list_following(cx, request).await.unwrap();
        all.extend(ids(&page.following));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

fn ids(edges: &[FollowEdge]) -> Vec<i64> {
    edges.iter().map(|edge| edge.account_id).collect()
}

#[tokio::test]
async fn list_followers_is_newest_first_with_times() {
    let w = World::new().await;
    for follower in [4, 2, 9] {
        w.follow(follower, 1).await.unwrap();
    }
    for size in [1, 2, 3, 20] {
        assert_eq!(ids(&followers(&w, &nobody(), 1, size).await), [9, 2, 4]);
    }
    let newest = &followers(&w, &nobody(), 1, 1).await[0];
    let (seconds, nanos) = START.plus_ms(3).seconds_nanos();
    assert_eq!(newest.follow_time, Some(prost_types::Timestamp { seconds, nanos }));
    assert!(followers(&w, &nobody(), 999, 5).await.is_empty());
}

#[tokio::test]
async fn list_following_is_newest_first() {
    let w = World::new().await;
    for followee in [4, 2, 9] {
        w.follow(1, followee).await.unwrap();
    }
    for size in [1, 2, 3, 20] {
        assert_eq!(following(&w, &user(7), 1, size).await, [9, 2, 4]);
    }
}

#[tokio::test]
async fn the_last_page_has_no_token() {
    let w = World::new().await;
    for follower in 2..=5 {
        w.follow(follower, 1).await.unwrap();
    }
    let request = |page_size| ListFollowersRequest { account_id: 1, page_size, ..Default::default() };
    assert!(w.graph.list_followers(&nobody(), request(4)).await.unwrap().next_page_token.is_empty());
    assert!(!w.graph.list_followers(&nobody(), request(3)).await.unwrap().next_page_token.is_empty());
    assert_eq!(w.graph.list_followers(&nobody(), request(0)).await.unwrap().followers.len(), 4);
}

#[tokio::test]
async fn blocks_hide_accounts_from_lists_both_ways() {
    let w = World::new().await;
    for follower in 2..=9 {
        w.follow(follower, 1).await.unwrap();
        w.follow(1, follower).await.unwrap();
    }
    w.block(2, 5).await.unwrap();
    w.block(6, 2).await.unwrap();
    for size in [1, 2, 3, 7, 100] {
        for cx in [user(2), service_for(2)] {
            assert_eq!(ids(&followers(&w, &cx, 1, size).await), [9, 8, 7, 4, 3, 2], "in pages of {size}");
            assert_eq!(following(&w, &cx, 1, size).await, [9, 8, 7, 4, 3, 2], "in pages of {size}");
        }
        for cx in [nobody(), user(1), user(3), service()] {
            assert_eq!(followers(&w, &cx, 1, size).await.len(), 8);
        }
    }
}

#[tokio::test]
async fn a_list_of_an_account_that_blocks_the_reader_is_empty() {
    let w = World::new().await;
    w.follow(2, 1).await.unwrap();
    w.follow(1, 3).await.unwrap();
    w.block(1, 4).await.unwrap();
    w.block(5, 1).await.unwrap();
    assert!(followers(&w, &user(4), 1, 10).await.is_empty());
    assert!(following(&w, &user(4), 1, 10).await.is_empty());
    // Who blocks the account can look.
    assert_eq!(ids(&followers(&w, &user(5), 1, 10).await), [2]);
    assert_eq!(following(&w, &user(5), 1, 10).await, [3]);
    assert_eq!(ids(&followers(&w, &user(1), 1, 10).await), [2]);
}

#[tokio::test]
async fn a_page_of_which_very_many_are_hidden_is_short_and_goes_on() {
    let w = World::new().await;
    w.accounts.add(21..=60);
    for follower in 2..=60 {
        w.follow(follower, 1).await.unwrap();
    }
    for hidden in 11..=60 {
        w.block(2, hidden).await.unwrap();
    }
    let request = ListFollowersRequest { account_id: 1, page_size: 5, ..Default::default() };
    let first = w.graph.list_followers(&user(2), request).await.unwrap();
    assert!(first.followers.is_empty() && !first.next_page_token.is_empty());
    assert_eq!(ids(&followers(&w, &user(2), 1, 5).await), (2..=10).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn page_tokens_are_bound_to_list_account_and_caller() {
    let w = World::new().await;
    for other in 3..=8 {
        w.follow(other, 1).await.unwrap();
        w.follow(1, other).await.unwrap();
    }
    let request = ListFollowersRequest { account_id: 1, page_size: 2, page_token: String::new() };
    let page_token = w.graph.list_followers(&user(2), request.clone()).await.unwrap().next_page_token;
    let with = |page_token: &str| ListFollowersRequest { page_token: page_token.to_owned(), ..request.clone() };
    w.graph.list_followers(&user(2), with(&page_token)).await.unwrap();
    let borrowed = [
        w.graph.list_followers(&user(3), with(&page_token)).await.err(),
        w.graph.list_followers(&nobody(), with(&page_token)).await.err(),
        w.graph.list_followers(&user(2), ListFollowersRequest { account_id: 3, ..with(&page_token) }).await.err(),
        w.graph.list_followers(&user(2), with("forged")).await.err(),
        w.graph.list_following(&user(2), ListFollowingRequest { account_id: 1, page_size: 2, page_token }).await.err(),
    ];
    for error in borrowed {
        let error = error.unwrap();
        assert!(error.is(reason::PAGE_TOKEN_INVALID));
        assert_eq!(error.violations()[0].field, "page_token");
    }
}

#[tokio::test]
async fn list_follower_ids_rises() {
    let w = World::new().await;
    for follower in [9, 3, 5] {
        w.follow(follower, 1).await.unwrap();
    }
    let list = async |after_id, page_size| {
        let request = ListFollowerIdsRequest { account_id: 1, after_id, page_size };
        w.graph.list_follower_ids(&service(), request).await.unwrap().account_ids
    };
    assert_eq!(list(0, 0).await, [3, 5, 9]);
    assert_eq!(list(0, 2).await, [3, 5]);
    assert_eq!(list(5, 2).await, [9]);
    assert!(list(9, 2).await.is_empty());
}

#[tokio::test]
async fn list_following_ids_rises() {
    let w = World::new().await;
    for followee in [9, 3, 5] {
        w.follow(1, followee).await.unwrap();
    }
    let list = async |after_id, page_size| {
        let request = ListFollowingIdsRequest { account_id: 1, after_id, page_size };
        w.graph.list_following_ids(&service_for(2), request).await.unwrap().account_ids
    };
    assert_eq!(list(0, 1_000_000).await, [3, 5, 9]);
    assert_eq!(list(3, 1).await, [5]);
}
