//! What an account's export says of its sessions.

use plaza_core::reason;
use plaza_proto::sessions::v1::export_record::Record;
use plaza_proto::sessions::v1::*;
use plaza_sessions::Config;
use plaza_testkit::RedisKeys;

use crate::people::PASSWORD;
use crate::world::{ADA, BOB, START, World, credentials, guest, request_id, said, service, user};

impl World {
    /// All that is handed out of an account.
    async fn exported(&self, account_id: i64) -> Vec<Record> {
        let (mut told, mut page_token) = (Vec::new(), String::new());
        loop {
            let page = self.client.export_records(&service(), ExportRecordsRequest { account_id, page_token }).await;
            let page = page.unwrap();
            told.extend(page.records.into_iter().map(|record| record.record.unwrap()));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return told;
            }
        }
    }
}

async fn all_kinds(config: Config) {
    let w = World::with(config).await;
    let device = |name: &str| SignInRequest { device_name: name.to_owned(), ..credentials("ada") };
    let first = w.client.sign_in(&guest(), device("phone")).await.unwrap().session.unwrap();
    w.clock.advance(1);
    let second = w.client.sign_in(&guest(), device("tablet")).await.unwrap().session.unwrap();
    let (name, scopes, password) = ("bot".to_owned(), vec![Scope::Read.into()], PASSWORD.to_owned());
    let create = CreateAppPasswordRequest { request_id: request_id(), name, scopes, password };
    let app = w.client.create_app_password(&user(ADA), create).await.unwrap();
    let begin = BeginTotpSetupRequest { request_id: request_id(), password: PASSWORD.to_owned() };
    let begun = w.client.begin_totp_setup(&user(ADA), begin).await.unwrap();
    w.sign_in("bob").await;

    let device = |ms: i64| {
        Record::KnownDevice(KnownDevice {
            last_use_time: Some(prost_types::Timestamp {
                seconds: START / 1_000,
                nanos: i32::try_from(ms).unwrap() * 1_000_000,
            }),
        })
    };
    let expected = [
        Record::Session(second.clone()),
        Record::Session(first.clone()),
        Record::AppPassword(app.app_password.unwrap()),
        Record::SecondFactor(SecondFactor { confirmed: false, recovery_codes_left: 0 }),
        device(1),
        device(0),
    ];
    let told = w.exported(ADA).await;
    assert_eq!(told, expected);
    let text = format!("{told:?}");
    assert!(!text.contains(&app.password) && !text.contains(&begun.secret), "no secret");
    assert_eq!(w.exported(BOB).await.len(), 2);
    assert!(w.exported(404).await.is_empty());
    w.app.close().await;
}

#[tokio::test]
async fn export_records_hands_out_all_there_is_of_one_account() {
    all_kinds(Config::default()).await;
    if let Some(keys) = RedisKeys::new() {
        all_kinds(Config { store: keys.address().parse().unwrap(), ..Config::default() }).await;
    }
}

#[tokio::test]
async fn export_records_goes_on_page_by_page() {
    let w = World::with(Config { max_sessions: 1_000, ..Config::default() }).await;
    for _ in 0..230 {
        w.sign_in("ada").await;
    }
    let told = w.exported(ADA).await;
    let ids: Vec<i64> = told
        .iter()
        .filter_map(|record| match record {
            Record::Session(session) => Some(session.session_id),
            _ => None,
        })
        .collect();
    assert!(ids.len() == 230 && ids.windows(2).all(|pair| pair[0] > pair[1]));
    let first = w.client.export_records(&service(), request(ADA, "")).await.unwrap();
    assert_eq!(first.records.len(), 100);
}

#[tokio::test]
async fn export_records_is_for_services_and_its_tokens_for_one_account() {
    let w = World::with(Config { max_sessions: 1_000, ..Config::default() }).await;
    for _ in 0..110 {
        w.sign_in("ada").await;
    }
    let refused = w.client.export_records(&user(ADA), request(ADA, "")).await.unwrap_err();
    assert!(refused.is(reason::PERMISSION_DENIED), "the owner asks accounts");
    let refused = w.client.export_records(&service(), request(0, "")).await.unwrap_err();
    assert_eq!(said(&refused), ("INVALID_FIELDS", "account_id"));
    let token = w.client.export_records(&service(), request(ADA, "")).await.unwrap().next_page_token;
    let refused = w.client.export_records(&service(), request(BOB, &token)).await.unwrap_err();
    assert_eq!(said(&refused), ("PAGE_TOKEN_INVALID", "page_token"));
}

fn request(account_id: i64, page_token: &str) -> ExportRecordsRequest {
    ExportRecordsRequest { account_id, page_token: page_token.to_owned() }
}
