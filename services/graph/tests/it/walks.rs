//! `ListMutuals`, `BatchGetFamiliarFollowers`, `GetPath`.

use plaza_core::{Code, reason};
use plaza_proto::graph::v1::*;

use crate::support::{World, nobody, service, service_for, user};

async fn mutuals(w: &World, caller: i64, account_id: i64, page_size: i32) -> Vec<i64> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListMutualsRequest { account_id, page_size, page_token };
        let page = w.graph.list_mutuals(&user(caller), request).await.unwrap();
        assert!(page.account_ids.len() <= usize::try_from(page_size).unwrap());
        all.extend(page.account_ids);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

#[tokio::test]
async fn list_mutuals_is_what_both_follow_and_who_follows_back() {
    let w = World::new().await;
    for (a, b) in [(1, 9), (1, 5), (1, 7), (1, 6), (2, 5), (2, 9), (2, 7), (2, 6), (5, 1), (7, 1), (8, 1)] {
        w.follow(a, b).await.unwrap();
    }
    for size in [1, 2, 3, 4, 20] {
        assert_eq!(mutuals(&w, 1, 2, size).await, [5, 6, 7, 9], "in pages of {size}");
        assert_eq!(mutuals(&w, 2, 1, size).await, [5, 6, 7, 9], "in pages of {size}");
        assert_eq!(mutuals(&w, 1, 1, size).await, [5, 7], "in pages of {size}");
    }
    assert!(mutuals(&w, 1, 999, 5).await.is_empty());
    // Whom the other blocks sees nothing, and pages are for one list and one caller.
    let request = ListMutualsRequest { account_id: 2, page_size: 1, page_token: String::new() };
    let page_token = w.graph.list_mutuals(&user(1), request).await.unwrap().next_page_token;
    let request = ListMutualsRequest { account_id: 1, page_size: 1, page_token };
    assert!(w.graph.list_mutuals(&user(1), request).await.unwrap_err().is(reason::PAGE_TOKEN_INVALID));
    w.block(2, 1).await.unwrap();
    assert!(mutuals(&w, 1, 2, 5).await.is_empty());
}

async fn familiar(w: &World, caller: i64, account_ids: &[i64]) -> Vec<Vec<i64>> {
    let request = BatchGetFamiliarFollowersRequest { account_ids: account_ids.to_vec() };
    let told = w.graph.batch_get_familiar_followers(&user(caller), request).await.unwrap().familiar_followers;
    assert_eq!(told.iter().map(|one| one.account_id).collect::<Vec<_>>(), account_ids);
    told.into_iter().map(|one| one.follower_ids).collect()
}

#[tokio::test]
async fn batch_get_familiar_followers_names_a_few_whom_the_caller_follows() {
    let w = World::new().await;
    for friend in 2..=9 {
        w.follow(1, friend).await.unwrap();
        w.follow(friend, 20).await.unwrap();
    }
    w.follow(10, 20).await.unwrap();
    w.follow(2, 19).await.unwrap();
    assert_eq!(familiar(&w, 1, &[20, 19, 999, 18]).await, [vec![9, 8, 7, 6, 5], vec![2], vec![], vec![]]);
    w.block(19, 1).await.unwrap();
    assert_eq!(familiar(&w, 1, &[19]).await, [Vec::<i64>::new()]);
    assert_eq!(familiar(&w, 11, &[20]).await, [Vec::<i64>::new()]);
    for (account_ids, field) in [(vec![], "account_ids"), (vec![1; 21], "account_ids"), (vec![-1], "account_ids[0]")] {
        let request = BatchGetFamiliarFollowersRequest { account_ids };
        let error = w.graph.batch_get_familiar_followers(&user(1), request).await.unwrap_err();
        assert_eq!((error.code(), error.violations()[0].field.as_str()), (Code::InvalidArgument, field));
    }
}

#[tokio::test]
async fn get_path_leads_along_follows_and_round_blocks() {
    let w = World::new().await;
    for n in 1..=8 {
        w.follow(n, n + 1).await.unwrap();
    }
    let path = async |account_id| w.graph.get_path(&user(1), GetPathRequest { account_id }).await.unwrap();
    assert_eq!(path(4).await, GetPathResponse { account_ids: vec![1, 2, 3, 4], gave_up: false });
    assert_eq!(path(7).await.account_ids.len(), 7);
    assert_eq!((path(8).await, path(999).await), (GetPathResponse::default(), GetPathResponse::default()));
    w.block(3, 1).await.unwrap();
    assert_eq!(path(4).await, GetPathResponse::default());
    let error = w.graph.get_path(&user(1), GetPathRequest { account_id: 1 }).await.unwrap_err();
    assert!(error.is(reason::SELF_RELATION));
    assert_eq!(
        w.graph.get_path(&service_for(2), GetPathRequest { account_id: 4 }).await.unwrap().account_ids,
        [2, 3, 4]
    );
    for cx in [nobody(), service()] {
        let error = w.graph.get_path(&cx, GetPathRequest { account_id: 4 }).await.unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated);
        let error = w.graph.list_mutuals(&cx, ListMutualsRequest { account_id: 4, ..Default::default() }).await;
        assert_eq!(error.unwrap_err().code(), Code::Unauthenticated);
    }
}
