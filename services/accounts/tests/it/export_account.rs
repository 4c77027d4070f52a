//! `ExportAccount`, with stand-ins for the other services.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt as _;
use parking_lot::Mutex;
use plaza_accounts::{Config, Holders};
use plaza_core::{AccountId, Caller, Cx, Error, Result, SessionId, reason};
use plaza_proto::accounts::v1::export_account_response::Update;
use plaza_proto::accounts::v1::*;
use plaza_proto::{feeds, graph, posts, sessions};
use serde_json::Value;

use crate::world::{World, by, request_id, said, user};

/// The other services: sessions hold one record on one page, graph and feeds nothing, posts as many as said, ten on a page.
#[derive(Default)]
struct Others {
    posts: i64,
    calls: AtomicUsize,
    broken: Mutex<Option<Error>>,
}

impl Others {
    fn asked(&self, cx: &Cx) {
        assert_eq!(cx.caller().service, Some("accounts"));
        self.calls.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait::async_trait]
impl sessions::v1::SessionsService for Others {
    async fn export_records(
        &self,
        cx: &Cx,
        _: sessions::v1::ExportRecordsRequest,
    ) -> Result<sessions::v1::ExportRecordsResponse> {
        self.asked(cx);
        let factor = sessions::v1::SecondFactor { confirmed: true, recovery_codes_left: 3 };
        let record = Some(sessions::v1::export_record::Record::SecondFactor(factor));
        let records = vec![sessions::v1::ExportRecord { record }];
        Ok(sessions::v1::ExportRecordsResponse { records, next_page_token: String::new() })
    }
}

#[async_trait::async_trait]
impl graph::v1::GraphService for Others {
    async fn export_records(
        &self,
        cx: &Cx,
        _: graph::v1::ExportRecordsRequest,
    ) -> Result<graph::v1::ExportRecordsResponse> {
        self.asked(cx);
        Ok(graph::v1::ExportRecordsResponse::default())
    }
}

#[async_trait::async_trait]
impl feeds::v1::FeedsService for Others {
    async fn export_records(
        &self,
        cx: &Cx,
        _: feeds::v1::ExportRecordsRequest,
    ) -> Result<feeds::v1::ExportRecordsResponse> {
        self.asked(cx);
        Ok(feeds::v1::ExportRecordsResponse::default())
    }
}

#[async_trait::async_trait]
impl posts::v1::PostsService for Others {
    async fn export_records(
        &self,
        cx: &Cx,
        req: posts::v1::ExportRecordsRequest,
    ) -> Result<posts::v1::ExportRecordsResponse> {
        self.asked(cx);
        let invalid = || Error::new(reason::PAGE_TOKEN_INVALID).on_field("page_token");
        let from: i64 = if req.page_token.is_empty() { 0 } else { req.page_token.parse().map_err(|_| invalid())? };
        if from > 0
            && let Some(error) = self.broken.lock().take()
        {
            return Err(error);
        }
        let to = self.posts.min(from + 10);
        let like = |post_id| posts::v1::PostMark { post_id, create_time: None };
        let record = |post_id| Some(posts::v1::export_record::Record::Like(like(post_id)));
        let records = (from..to).map(|post_id| posts::v1::ExportRecord { record: record(post_id) }).collect();
        let next_page_token = if to < self.posts { to.to_string() } else { String::new() };
        Ok(posts::v1::ExportRecordsResponse { records, next_page_token })
    }
}

fn connect(w: &World, posts: i64) -> Arc<Others> {
    let others = Arc::new(Others { posts, ..Others::default() });
    w.app.connect(Holders {
        sessions: sessions::v1::SessionsServiceClient::local(others.clone()),
        graph: graph::v1::GraphServiceClient::local(others.clone()),
        posts: posts::v1::PostsServiceClient::local(others.clone()),
        feeds: feeds::v1::FeedsServiceClient::local(others.clone()),
    });
    others
}

/// An owner whose session was opened now.
fn owner(w: &World, id: i64) -> Cx {
    by(Caller { session: Some(SessionId(w.env.next_id())), ..Caller::user(AccountId(id)) })
}

fn request(account_id: i64, resume_token: &str) -> ExportAccountRequest {
    ExportAccountRequest { account_id, resume_token: resume_token.to_owned() }
}

/// What came of an export before it ended, or broke.
#[derive(Debug, Default)]
struct Told {
    lines: Vec<Value>,
    progress: Vec<ExportProgress>,
    broke: Option<Error>,
}

impl Told {
    fn kinds(&self) -> Vec<String> {
        let text = |line: &Value, field: &str| line[field].as_str().unwrap().to_owned();
        self.lines.iter().map(|line| format!("{}.{}", text(line, "service"), text(line, "kind"))).collect()
    }
}

async fn export(w: &World, cx: &Cx, request: ExportAccountRequest) -> Result<Told> {
    let mut stream = w.client.export_account(cx, request).await?;
    let mut told = Told::default();
    while let Some(next) = stream.next().await {
        match next.map(|response| response.update.unwrap()) {
            Ok(Update::Lines(lines)) => {
                assert!(lines.ends_with('\n'));
                told.lines.extend(lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
            }
            Ok(Update::Progress(progress)) => {
                assert_eq!(progress.records, i64::try_from(told.lines.len()).unwrap_or_default());
                told.progress.push(progress);
            }
            Err(error) => told.broke = Some(error),
        }
    }
    Ok(told)
}

#[tokio::test]
async fn export_account_streams_what_every_service_holds_with_its_progress() {
    let w = World::with(Config { mailer: Some("folder:/nowhere".parse().unwrap()), ..Config::ephemeral() }).await;
    let id = w.join("ada").await.account_id;
    let handle = ChangeHandleRequest { request_id: request_id(1), account_id: id, handle: "ada_l".to_owned() };
    w.client.change_handle(&user(id), handle).await.unwrap();
    let verify = RequestEmailVerificationRequest { request_id: request_id(2), account_id: id };
    w.client.request_email_verification(&user(id), verify).await.unwrap();
    let others = connect(&w, 25);
    let told = export(&w, &owner(&w, id), request(id, "")).await.unwrap();
    assert!(told.broke.is_none());
    let own = ["accounts.account", "accounts.preferences", "accounts.kept_handle", "accounts.mail_ticket"];
    let expected = own.into_iter().chain(["sessions.second_factor"]).chain(["posts.like"; 25]);
    assert_eq!(told.kinds(), expected.collect::<Vec<_>>());
    assert_eq!(
        (&told.lines[0]["record"]["email"], &told.lines[2]["record"]["handle"]),
        (&"ada@example.org".into(), &"ada".into())
    );
    assert_eq!(
        (&told.lines[4]["record"]["recoveryCodesLeft"], &told.lines[29]["record"]["postId"]),
        (&3.into(), &"24".into())
    );
    let progress: Vec<_> =
        told.progress.iter().map(|p| (p.service.as_str(), p.records, p.services_done, p.services)).collect();
    let expected = [
        ("accounts", 4, 1, 5),
        ("sessions", 5, 2, 5),
        ("graph", 5, 3, 5),
        ("posts", 15, 3, 5),
        ("posts", 25, 3, 5),
        ("posts", 30, 4, 5),
        ("feeds", 30, 5, 5),
    ];
    assert_eq!(progress, expected);
    assert!(told.progress.iter().all(|p| p.resume_token.is_empty() == (p.services_done == 5)));
    assert_eq!(others.calls.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn export_account_goes_on_where_it_broke() {
    let w = World::new().await;
    let id = w.join("ada").await.account_id;
    let others = connect(&w, 25);
    let whole = export(&w, &owner(&w, id), request(id, "")).await.unwrap();
    for at in &whole.progress[..6] {
        let mut stream = w.client.export_account(&owner(&w, id), request(id, &at.resume_token)).await.unwrap();
        let (mut lines, mut last) = (0, None);
        while let Some(next) = stream.next().await {
            match next.unwrap().update.unwrap() {
                Update::Lines(some) => lines += some.lines().count(),
                Update::Progress(progress) => last = Some(progress),
            }
        }
        assert_eq!(lines, whole.lines.len() - usize::try_from(at.records).unwrap());
        assert_eq!(last.as_ref(), whole.progress.last());
    }
    *others.broken.lock() = Some(Error::new(reason::PEER_UNAVAILABLE));
    let told = export(&w, &owner(&w, id), request(id, "")).await.unwrap();
    assert!(told.broke.unwrap().is(reason::PEER_UNAVAILABLE));
    assert_eq!(told.progress.last(), whole.progress.get(3), "whoever reads it knows how far it came");
}

#[tokio::test]
async fn export_account_is_for_its_owner_who_signed_in_a_short_while_ago() {
    let w = World::new().await;
    let (id, other) = (w.join("ada").await.account_id, w.join("bob").await.account_id);
    connect(&w, 0);
    let refused = export(&w, &owner(&w, other), request(id, "")).await.unwrap_err();
    assert!(refused.is(reason::PERMISSION_DENIED));
    assert!(export(&w, &user(id), request(id, "")).await.unwrap_err().is(reason::SIGN_IN_AGAIN), "in no session");
    let cx = owner(&w, id);
    w.clock.advance(60 * 60_000);
    export(&w, &cx, request(id, "")).await.unwrap();
    w.clock.advance(1);
    assert!(export(&w, &cx, request(id, "")).await.unwrap_err().is(reason::SIGN_IN_AGAIN));
    // Out of sight it is the owner's as before; once it is gone there is nothing to tell.
    let request_of = |n| (request_id(n), id);
    let (request_id, account_id) = request_of(1);
    w.client.deactivate_account(&user(id), DeactivateAccountRequest { request_id, account_id }).await.unwrap();
    assert_eq!(export(&w, &owner(&w, id), request(id, "")).await.unwrap().kinds()[0], "accounts.account");
    let (request_id, account_id) = request_of(2);
    w.client.delete_account(&user(id), DeleteAccountRequest { request_id, account_id }).await.unwrap();
    let told = export(&w, &owner(&w, id), request(id, "")).await.unwrap();
    assert!(told.lines.is_empty() && told.broke.unwrap().is(reason::ACCOUNT_NOT_FOUND));
}

#[tokio::test]
async fn export_account_refuses_what_is_wrong() {
    let w = World::new().await;
    let id = w.join("ada").await.account_id;
    assert!(export(&w, &owner(&w, id), request(id, "")).await.unwrap_err().is(reason::EXPORT_OFF));
    connect(&w, 25);
    for bad in ["x", "5.0.", "0.-1.", &"1".repeat(512)] {
        let refused = export(&w, &owner(&w, id), request(id, bad)).await.unwrap_err();
        assert_eq!(said(&refused), ("PAGE_TOKEN_INVALID", "resume_token"), "{bad}");
    }
    let refused = export(&w, &owner(&w, id), request(id, &"1".repeat(513))).await.unwrap_err();
    assert_eq!(said(&refused), ("INVALID_FIELDS", "resume_token"));
    let told = export(&w, &owner(&w, id), request(id, "3.0.of-another")).await.unwrap();
    assert_eq!(said(told.broke.as_ref().unwrap()), ("PAGE_TOKEN_INVALID", "resume_token"), "the service says so");
}

#[tokio::test]
async fn export_account_runs_a_bounded_number_of_times_at_once() {
    let w = World::with(Config { exports_at_once: 2, export_sign_in_minutes: 0, ..Config::ephemeral() }).await;
    let id = w.join("ada").await.account_id;
    connect(&w, 25);
    let first = w.client.export_account(&user(id), request(id, "")).await.unwrap();
    let second = w.client.export_account(&user(id), request(id, "")).await.unwrap();
    let refused = export(&w, &user(id), request(id, "")).await.unwrap_err();
    assert!(refused.is(reason::OVERLOADED) && refused.retry_delay().is_some());
    drop(first);
    export(&w, &user(id), request(id, "")).await.expect("one that is not read any more has made room");
    w.app.close().await;
    drop(second);
    assert!(export(&w, &user(id), request(id, "")).await.unwrap_err().is(reason::EXPORT_OFF), "closed");
}
