//! An account's export, on a platform of any shape.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use plaza_proto::accounts::v1::export_account_response::Update;
use plaza_proto::accounts::v1::{
    ChangeHandleRequest, ExportAccountRequest, ExportProgress, Preferences, RequestEmailVerificationRequest,
    UpdatePreferencesRequest,
};
use plaza_proto::feeds::v1::{FeedKind, SetReadPositionRequest};
use plaza_proto::graph::v1::{
    AddListMembersRequest, BlockRequest, CreateListRequest, DismissSuggestionRequest, FollowHashtagRequest,
    MuteRequest, MuteWordRequest,
};
use plaza_proto::posts::v1::{
    BookmarkPostRequest, CreateDraftRequest, CreatePostRequest, DeletePostRequest, EditPostRequest, LikePostRequest,
    NewPoll, NewPost, PinPostRequest, RepostRequest, VotePollRequest,
};
use plaza_proto::sessions::v1::{BeginTotpSetupRequest, CreateAppPasswordRequest, Scope};
use plaza_testkit::person::{PASSWORD, request_id};
use plaza_testkit::{Guest, Person, Sandbox};
use serde_json::Value;

/// The kinds of records that the docs promise, as `service.kind`.
pub(crate) fn promised() -> BTreeSet<String> {
    rows().into_iter().flat_map(|(service, _, told)| kinds(told).map(move |kind| format!("{service}.{kind}"))).collect()
}

/// The rows of the docs' table: service, table, and what of it is in the export.
pub(crate) fn rows() -> Vec<(&'static str, &'static str, &'static str)> {
    let docs = include_str!("../../docs/data-ownership.md");
    let (_, part) = docs.split_once("## An account is exported\n").expect("the part of the docs");
    let lines = part.split("\n## ").next().unwrap_or_default().lines();
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    let rows = lines.filter(|line| line.starts_with("| ")).skip(1).map(cells);
    rows.map(|row| (row[0], row[1].trim_matches('`'), row[2])).collect()
}

/// The kinds that a cell names; none if it says why there are none.
pub(crate) fn kinds(told: &'static str) -> impl Iterator<Item = &'static str> {
    let told = if told.starts_with("not: ") { "" } else { told };
    told.split('`').skip(1).step_by(2)
}

/// Has everything that there is to have.
async fn settle(guest: &Guest, ada: &Person) {
    let (ben, cid) = (guest.join("ben").await, guest.join("cid").await);
    let (shy, dan, eve) = (guest.join("shy").await, guest.join("dan").await, guest.join("eve").await);
    let account_id = ada.id();
    ada.call(ChangeHandleRequest { request_id: request_id(), account_id, handle: "ada_l".to_owned() })
        .await
        .expect("another handle");
    ada.call(RequestEmailVerificationRequest { request_id: request_id(), account_id }).await.expect("a mail");
    let (name, scopes, password) = ("bot".to_owned(), vec![Scope::Read.into()], PASSWORD.to_owned());
    ada.call(CreateAppPasswordRequest { request_id: request_id(), name, scopes, password })
        .await
        .expect("an app password");
    let begin = BeginTotpSetupRequest { request_id: request_id(), password: PASSWORD.to_owned() };
    ada.call(begin).await.expect("a second factor");
    graph(ada, [&ben, &cid, &shy, &dan, &eve]).await;
    posts(ada, &ben).await;
}

async fn protect(person: &Person) {
    let preferences = Some(Preferences { protected: true, ..Preferences::default() });
    let update_mask = Some(prost_types::FieldMask { paths: vec!["protected".to_owned()] });
    let (request_id, account_id) = (request_id(), person.id());
    person
        .call(UpdatePreferencesRequest { request_id, account_id, preferences, update_mask })
        .await
        .expect("preferences");
}

async fn graph(ada: &Person, [ben, cid, shy, dan, eve]: [&Person; 5]) {
    ada.follow(ben).await.expect("follow");
    cid.follow(ada).await.expect("a follower");
    protect(shy).await;
    ada.follow(shy).await.expect("a request");
    protect(ada).await;
    dan.follow(ada).await.expect("a request to her");
    ada.call(BlockRequest { request_id: request_id(), account_id: eve.id() }).await.expect("block");
    let mute = MuteRequest { request_id: request_id(), account_id: ben.id(), ..MuteRequest::default() };
    ada.call(mute).await.expect("mute");
    ada.call(FollowHashtagRequest { request_id: request_id(), hashtag: "rust".to_owned() }).await.expect("hashtag");
    let (word, duration_seconds) = ("spoiler".to_owned(), 0);
    ada.call(MuteWordRequest { request_id: request_id(), word, duration_seconds }).await.expect("word");
    let create = CreateListRequest { request_id: request_id(), name: "friends".to_owned(), ..Default::default() };
    let list_id = ada.call(create).await.expect("list").message.list.unwrap_or_default().list_id;
    let account_ids = vec![ben.id()];
    ada.call(AddListMembersRequest { request_id: request_id(), list_id, account_ids }).await.expect("member");
    ada.call(DismissSuggestionRequest { request_id: request_id(), account_id: dan.id() }).await.expect("dismissal");
}

async fn posts(ada: &Person, ben: &Person) {
    let theirs = ben.post("by ben").await.expect("post").0.post_id;
    let (kept, gone) = (ada.post("frist #rust").await.expect("post").0, ada.post("gone").await.expect("post").0);
    let (post_id, text) = (kept.post_id, "first #rust".to_owned());
    ada.call(EditPostRequest { request_id: request_id(), post_id, text, ..Default::default() }).await.expect("edit");
    ada.call(PinPostRequest { request_id: request_id(), post_id }).await.expect("pin");
    ada.call(DeletePostRequest { request_id: request_id(), post_id: gone.post_id }).await.expect("delete");
    ada.call(LikePostRequest { request_id: request_id(), post_id: theirs }).await.expect("like");
    ada.call(RepostRequest { request_id: request_id(), post_id: theirs }).await.expect("repost");
    ada.call(BookmarkPostRequest { request_id: request_id(), post_id: theirs }).await.expect("bookmark");
    let draft = Some(NewPost { text: "not yet".to_owned(), ..NewPost::default() });
    let draft = CreateDraftRequest { request_id: request_id(), post: draft, publish_time: None };
    ada.call(draft).await.expect("a draft");
    let options = vec!["yes".to_owned(), "no".to_owned()];
    let poll = Some(NewPoll { options, duration_seconds: 3_600, ..NewPoll::default() });
    let text = "well?".to_owned();
    let asks = CreatePostRequest { request_id: request_id(), text, poll, ..CreatePostRequest::default() };
    let post_id = ben.call(asks).await.expect("a poll").message.post.unwrap_or_default().post_id;
    ada.call(VotePollRequest { request_id: request_id(), post_id, choices: vec![0] }).await.expect("a vote");
    let (feed, place) = (FeedKind::Home.into(), theirs);
    ada.call(SetReadPositionRequest { request_id: request_id(), feed, place, force: false }).await.expect("position");
}

/// The lines of an export from a place on, and how far each page came.
async fn export(person: &Person, resume_token: &str) -> (Vec<String>, Vec<ExportProgress>) {
    let request = ExportAccountRequest { account_id: person.id(), resume_token: resume_token.to_owned() };
    let mut stream = person.stream(request).await.expect("a stream");
    let (mut lines, mut progress) = (Vec::new(), Vec::new());
    while let Some(next) = stream.next().await {
        match next.expect("no error").update.expect("an update") {
            Update::Lines(some) => lines.extend(some.lines().map(str::to_owned)),
            Update::Progress(some) => progress.push(some),
        }
    }
    (lines, progress)
}

fn kind(line: &str) -> String {
    let line: Value = serde_json::from_str(line).expect("JSON");
    let text = |field: &str| line[field].as_str().expect("a text").to_owned();
    assert!(line["record"].is_object(), "{line}");
    format!("{}.{}", text("service"), text("kind"))
}

pub(crate) async fn an_account_is_exported_whole(sandbox: Sandbox) {
    let guest = sandbox.guest();
    let ada = guest.join("ada").await;
    settle(&guest, &ada).await;
    let (lines, progress) = export(&ada, "").await;
    assert_eq!(lines.iter().map(|line| kind(line)).collect::<BTreeSet<_>>(), promised());
    let last = progress.last().expect("progress");
    let all = i64::try_from(lines.len()).expect("a number");
    assert_eq!((last.records, last.services_done, last.resume_token.as_str()), (all, last.services, ""));
    assert!(!lines.iter().any(|line| line.contains(PASSWORD) || line.contains(&ada.tokens.refresh_token)));
    let has = |text: &str| lines.iter().any(|line| line.contains(text));
    assert!(has("ada@example.org") && has("frist #rust") && has("gone") && !has("by ben"), "her own, not others'");

    let first = &progress[0];
    let (rest, _) = export(&ada, &first.resume_token).await;
    assert_eq!(rest[..], lines[usize::try_from(first.records).expect("a number")..], "it can be resumed");
    sandbox.stop().await;
}
