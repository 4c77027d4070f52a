//! What an account's export says of its edges, and of what it keeps for itself.

use plaza_core::{Code, reason};
use plaza_graph::Config;
use plaza_proto::graph::v1::export_record::Record;
use plaza_proto::graph::v1::*;
use plaza_stores::StoreAddress;

use crate::ground::on_neo4j;
use crate::support::{World, service, user};

/// All that is handed out of an account.
async fn exported(w: &World, account_id: i64) -> Vec<Record> {
    let (mut told, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ExportRecordsRequest { account_id, page_token };
        let page = w.graph.export_records(&service(), request).await.unwrap();
        assert!(page.records.len() <= 500);
        told.extend(page.records.into_iter().map(|record| record.record.unwrap()));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return told;
        }
    }
}

/// The kind and the other account, or what else names it.
fn brief(record: &Record) -> (&'static str, String) {
    let (kind, name) = match record {
        Record::Following(edge) => ("following", edge.account_id.to_string()),
        Record::Follower(edge) => ("follower", edge.account_id.to_string()),
        Record::SentFollowRequest(edge) => ("sent", edge.account_id.to_string()),
        Record::ReceivedFollowRequest(edge) => ("received", edge.account_id.to_string()),
        Record::Block(edge) => ("block", edge.account_id.to_string()),
        Record::Mute(edge) => ("mute", edge.account_id.to_string()),
        Record::FollowedHashtag(tag) => ("tag", tag.hashtag.clone()),
        Record::MutedWord(word) => ("word", word.word.clone()),
        Record::List(list) => ("list", list.name.clone()),
        Record::ListMember(member) => ("member", member.account_id.to_string()),
        Record::DismissedSuggestion(dismissed) => ("dismissed", dismissed.account_id.to_string()),
    };
    (kind, name)
}

async fn briefs(w: &World, account: i64) -> Vec<(&'static str, String)> {
    exported(w, account).await.iter().map(brief).collect()
}

async fn list(w: &World, name: &str, account_ids: &[i64]) {
    let request_id = w.request_id();
    let request = CreateListRequest { request_id, name: name.to_owned(), public: false, exclusive: false };
    let list_id = w.graph.create_list(&user(1), request).await.unwrap().list.unwrap().list_id;
    if !account_ids.is_empty() {
        let request = AddListMembersRequest { request_id: w.request_id(), list_id, account_ids: account_ids.to_vec() };
        w.graph.add_list_members(&user(1), request).await.unwrap();
    }
    w.clock.advance(1);
}

/// Everything that account 1 can have, and what others have of it.
async fn populate(w: &World) {
    for (a, b) in [(1, 2), (1, 3), (4, 1), (5, 4)] {
        w.follow(a, b).await.unwrap();
    }
    w.accounts.protect(6, true);
    w.follow(1, 6).await.unwrap();
    w.accounts.protect(1, true);
    w.follow(7, 1).await.unwrap();
    for (a, b) in [(1, 8), (9, 1)] {
        w.graph.block(&user(a), BlockRequest { request_id: w.request_id(), account_id: b }).await.unwrap();
    }
    for (a, b) in [(1, 10), (11, 1)] {
        let request = MuteRequest { request_id: w.request_id(), account_id: b, ..MuteRequest::default() };
        w.graph.mute(&user(a), request).await.unwrap();
    }
    let request = FollowHashtagRequest { request_id: w.request_id(), hashtag: "#Rust".to_owned() };
    w.graph.follow_hashtag(&user(1), request).await.unwrap();
    let request = MuteWordRequest { request_id: w.request_id(), word: "Spoiler".to_owned(), duration_seconds: 0 };
    w.graph.mute_word(&user(1), request).await.unwrap();
    list(w, "first", &[2, 3]).await;
    list(w, "empty", &[]).await;
    list(w, "last", &[3]).await;
    let request = DismissSuggestionRequest { request_id: w.request_id(), account_id: 12 };
    w.graph.dismiss_suggestion(&user(1), request).await.unwrap();
}

async fn all_kinds(store: StoreAddress) {
    let w = World::with(Config { store, ..Config::default() }).await;
    populate(&w).await;
    let expected = [
        ("following", "3"),
        ("following", "2"),
        ("follower", "4"),
        ("sent", "6"),
        ("received", "7"),
        ("block", "8"),
        ("mute", "10"),
        ("tag", "rust"),
        ("word", "spoiler"),
        ("list", "last"),
        ("list", "empty"),
        ("list", "first"),
        ("member", "3"),
        ("member", "2"),
        ("member", "3"),
        ("dismissed", "12"),
    ];
    assert_eq!(briefs(&w, 1).await, expected.map(|(kind, name)| (kind, name.to_owned())));
    // What 9 and 11 think of 1 is theirs.
    assert_eq!(briefs(&w, 9).await, [("block", "1".to_owned())]);
    assert_eq!(briefs(&w, 11).await, [("mute", "1".to_owned())]);
    assert_eq!(briefs(&w, 12).await, []);
    w.app.close().await;
}

#[tokio::test]
async fn export_records_hands_out_all_there_is_of_one_account() {
    all_kinds(StoreAddress::Memory).await;
    on_neo4j(async |ground| all_kinds(StoreAddress::Server(ground.address)).await).await;
}

#[tokio::test]
async fn export_records_goes_on_page_by_page() {
    let w = World::new().await;
    w.accounts.add(21..=1_300);
    for other in 2..=1_300 {
        w.follow(1, other).await.unwrap();
    }
    for (name, range) in [("a", 2..=600), ("b", 3..=502), ("c", 700..=701)] {
        list(&w, name, &[]).await;
        let list_id = exported(&w, 1).await.iter().find_map(|record| match record {
            Record::List(list) if list.name == name => Some(list.list_id),
            _ => None,
        });
        for some in range.collect::<Vec<i64>>().chunks(100) {
            let (request_id, account_ids) = (w.request_id(), some.to_vec());
            let request = AddListMembersRequest { request_id, list_id: list_id.unwrap(), account_ids };
            w.graph.add_list_members(&user(1), request).await.unwrap();
        }
    }
    let told = briefs(&w, 1).await;
    let of = |kind: &str| -> Vec<i64> {
        told.iter().filter(|(told, _)| *told == kind).map(|(_, name)| name.parse().unwrap()).collect()
    };
    let (following, members) = (of("following"), of("member"));
    assert!(following.into_iter().eq((2..=1_300).rev()));
    assert!(members.into_iter().eq((700..=701).chain(3..=502).chain(2..=600)));
}

#[tokio::test]
async fn export_records_is_for_services_and_its_tokens_for_one_account() {
    let w = World::new().await;
    w.accounts.add(21..=600);
    for other in 2..=600 {
        w.follow(1, other).await.unwrap();
    }
    let ask = |account_id, token: &str| ExportRecordsRequest { account_id, page_token: token.to_owned() };
    let refused = w.graph.export_records(&user(1), ask(1, "")).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "the owner asks accounts");
    let refused = w.graph.export_records(&service(), ask(0, "")).await.unwrap_err();
    assert_eq!(refused.violations()[0].field, "account_id");
    let token = w.graph.export_records(&service(), ask(1, "")).await.unwrap().next_page_token;
    let refused = w.graph.export_records(&service(), ask(2, &token)).await.unwrap_err();
    assert!(refused.is(reason::PAGE_TOKEN_INVALID) && refused.violations()[0].field == "page_token");
}
