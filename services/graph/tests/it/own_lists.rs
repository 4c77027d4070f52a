//! `CreateList`, `UpdateList`, `DeleteList`, `GetList`, `ListLists`, `AddListMembers`, `RemoveListMembers`,
//! `ListListMembers`, `ListListMemberIds`.

use plaza_core::{Code, Cx, Error, Result, reason};
use plaza_graph::Config;
use plaza_proto::graph::v1::*;
use plaza_stores::StoreAddress;

use crate::support::{World, nobody, service, user};

async fn create(w: &World, owner: i64, name: &str, public: bool) -> Result<List> {
    w.clock.advance(1);
    let request = CreateListRequest { request_id: w.request_id(), name: name.to_owned(), public, exclusive: false };
    w.graph.create_list(&user(owner), request).await.map(|answer| answer.list.unwrap())
}

async fn add(w: &World, owner: i64, list_id: i64, account_ids: &[i64]) -> Result<()> {
    let request = AddListMembersRequest { request_id: w.request_id(), list_id, account_ids: account_ids.to_vec() };
    w.graph.add_list_members(&user(owner), request).await.map(drop)
}

async fn members(w: &World, cx: &Cx, list_id: i64, page_size: i32) -> Result<Vec<i64>> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListListMembersRequest { list_id, page_size, page_token };
        let page = w.graph.list_list_members(cx, request).await?;
        all.extend(page.account_ids);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

async fn names(w: &World, cx: &Cx, account_id: i64, page_size: i32) -> Vec<String> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListListsRequest { account_id, page_size, page_token };
        let page = w.graph.list_lists(cx, request).await.unwrap();
        all.extend(page.lists.into_iter().map(|list| list.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

fn is_missing(error: &Error) -> bool {
    (error.code(), error.reason()) == (Code::NotFound, "LIST_NOT_FOUND")
}

#[tokio::test]
async fn create_list_update_list_and_delete_list_are_the_owners() {
    let w = World::new().await;
    let list = create(&w, 1, " Friends ", false).await.unwrap();
    assert_eq!((list.owner_id, list.name.as_str(), list.public, list.exclusive), (1, "Friends", false, false));
    let update = async |account, list_id| {
        let (request_id, name) = (w.request_id(), "Close".to_owned());
        let request = UpdateListRequest { request_id, list_id, name, public: true, exclusive: true };
        w.graph.update_list(&user(account), request).await.map(|answer| answer.list.unwrap())
    };
    let delete = async |account, list_id| {
        let request = DeleteListRequest { request_id: w.request_id(), list_id };
        w.graph.delete_list(&user(account), request).await.map(drop)
    };
    assert!(is_missing(&update(2, list.list_id).await.unwrap_err()));
    assert!(is_missing(&delete(2, list.list_id).await.unwrap_err()));
    let changed = List { name: "Close".to_owned(), public: true, exclusive: true, ..list };
    assert_eq!(update(1, changed.list_id).await.unwrap(), changed);
    let request = GetListRequest { list_id: changed.list_id };
    assert_eq!(w.graph.get_list(&nobody(), request).await.unwrap().list, Some(changed.clone()));
    delete(1, changed.list_id).await.unwrap();
    assert!(is_missing(&delete(1, changed.list_id).await.unwrap_err()));
    assert_eq!(w.told().await, ["ListChanged 1", "ListChanged 1", "ListDeleted 1"]);
}

#[tokio::test]
async fn a_list_needs_a_name_in_one_line() {
    let w = World::new().await;
    for name in ["", " ", "two\nlines", "a\u{202e}b", &"a".repeat(101)] {
        let error = create(&w, 1, name, false).await.unwrap_err();
        assert_eq!((error.code(), error.violations()[0].field.as_str()), (Code::InvalidArgument, "name"), "{name:?}");
    }
    for cx in [nobody(), service()] {
        let request = CreateListRequest { request_id: w.request_id(), name: "n".to_owned(), ..Default::default() };
        assert_eq!(w.graph.create_list(&cx, request).await.unwrap_err().code(), Code::Unauthenticated);
    }
}

#[tokio::test]
async fn list_lists_shows_all_to_the_owner_and_public_ones_to_others() {
    let w = World::new().await;
    for (name, public) in [("a", false), ("b", true), ("c", false), ("d", true)] {
        create(&w, 1, name, public).await.unwrap();
    }
    for size in [1, 2, 3, 20] {
        assert_eq!(names(&w, &user(1), 1, size).await, ["d", "c", "b", "a"], "in pages of {size}");
        for cx in [user(2), nobody(), service()] {
            assert_eq!(names(&w, &cx, 1, size).await, ["d", "b"], "in pages of {size}");
        }
    }
    w.block(1, 2).await.unwrap();
    assert!(names(&w, &user(2), 1, 20).await.is_empty());
}

#[tokio::test]
async fn get_list_and_list_list_members_hide_what_is_private_or_blocked() {
    let w = World::new().await;
    for other in [5, 6, 7] {
        w.follow(1, other).await.unwrap();
    }
    let (private, public) = (create(&w, 1, "a", false).await.unwrap(), create(&w, 1, "b", true).await.unwrap());
    for list in [&private, &public] {
        add(&w, 1, list.list_id, &[7, 5, 6]).await.unwrap();
    }
    let get = async |cx: &Cx, list_id| w.graph.get_list(cx, GetListRequest { list_id }).await;
    for size in [1, 2, 20] {
        for list in [&private, &public] {
            assert_eq!(members(&w, &user(1), list.list_id, size).await.unwrap(), [5, 6, 7], "in pages of {size}");
        }
        assert_eq!(members(&w, &nobody(), public.list_id, size).await.unwrap(), [5, 6, 7], "in pages of {size}");
    }
    for cx in [user(2), nobody(), service()] {
        assert!(is_missing(&get(&cx, private.list_id).await.unwrap_err()));
        assert!(is_missing(&members(&w, &cx, private.list_id, 9).await.unwrap_err()));
    }
    w.block(6, 2).await.unwrap();
    assert_eq!(members(&w, &user(2), public.list_id, 9).await.unwrap(), [5, 7]);
    w.block(1, 2).await.unwrap();
    assert!(is_missing(&get(&user(2), public.list_id).await.unwrap_err()));
    assert!(is_missing(&members(&w, &user(2), public.list_id, 9).await.unwrap_err()));
    assert!(is_missing(&get(&user(1), 999).await.unwrap_err()));
}

#[tokio::test]
async fn add_list_members_takes_whom_the_owner_follows_and_an_unfollow_takes_them_off() {
    let w = World::new().await;
    for other in [5, 6, 7] {
        w.follow(1, other).await.unwrap();
    }
    let id = create(&w, 1, "a", false).await.unwrap().list_id;
    let error = add(&w, 1, id, &[5, 8]).await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::FailedPrecondition, "NOT_FOLLOWED"));
    assert!(is_missing(&add(&w, 2, id, &[5]).await.unwrap_err()));
    add(&w, 1, id, &[5, 6, 7]).await.unwrap();
    let ids = async |after_id, page_size| {
        let request = ListListMemberIdsRequest { list_id: id, after_id, page_size };
        w.graph.list_list_member_ids(&service(), request).await.unwrap().account_ids
    };
    assert_eq!((ids(0, 0).await, ids(0, 2).await, ids(6, 2).await), (vec![5, 6, 7], vec![5, 6], vec![7]));
    let (_, token) = w.unfollow(1, 6).await.unwrap();
    assert_eq!(ids(0, 0).await, [5, 7]);
    assert_eq!(token.to_string(), "graph=7", "the token covers what the unfollow did to the list");
    assert_eq!(w.told().await.iter().filter(|told| *told == "ListMembersChanged 1").count(), 2);
}

#[tokio::test]
async fn remove_list_members_takes_them_off_and_list_list_member_ids_is_for_services() {
    let w = World::new().await;
    for other in [5, 7] {
        w.follow(1, other).await.unwrap();
    }
    let id = create(&w, 1, "a", false).await.unwrap().list_id;
    add(&w, 1, id, &[5, 7]).await.unwrap();
    let remove = async |account| {
        let request = RemoveListMembersRequest { request_id: w.request_id(), list_id: id, account_ids: vec![5, 9] };
        w.graph.remove_list_members(&user(account), request).await.map(drop)
    };
    assert!(is_missing(&remove(2).await.unwrap_err()));
    remove(1).await.unwrap();
    remove(1).await.unwrap();
    assert_eq!(members(&w, &user(1), id, 9).await.unwrap(), [7]);
    let request = ListListMemberIdsRequest { list_id: id, ..Default::default() };
    assert_eq!(w.graph.list_list_member_ids(&service(), request).await.unwrap().account_ids, [7]);
    assert_eq!(w.graph.list_list_member_ids(&user(1), request).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn lists_and_members_are_limited() {
    let config = Config { store: StoreAddress::Memory, max_lists: 1, max_list_members: 1, ..Config::default() };
    let w = World::with(config).await;
    w.follow(1, 2).await.unwrap();
    w.follow(1, 3).await.unwrap();
    let id = create(&w, 1, "a", false).await.unwrap().list_id;
    assert!(create(&w, 1, "b", false).await.unwrap_err().is(reason::LIMIT_REACHED));
    assert!(add(&w, 1, id, &[2, 3]).await.unwrap_err().is(reason::LIMIT_REACHED));
    add(&w, 1, id, &[2]).await.unwrap();
}

#[tokio::test]
async fn a_repeated_create_list_makes_one() {
    let w = World::new().await;
    let request = CreateListRequest { request_id: w.request_id(), name: "a".to_owned(), ..Default::default() };
    let first = w.graph.create_list(&user(1), request.clone()).await.unwrap();
    assert_eq!(w.graph.create_list(&user(1), request.clone()).await.unwrap(), first);
    assert_eq!(names(&w, &user(1), 1, 9).await, ["a"]);
    let other = CreateListRequest { name: "b".to_owned(), ..request };
    assert!(w.graph.create_list(&user(1), other).await.unwrap_err().is(reason::REQUEST_ID_REUSED));
}
