//! A platform in this process.

use plaza::config::{Service, Settings};
use plaza::load::Door;
use plaza::platform::{Listeners, Platform, Running};
use plaza_core::Env;
use plaza_proto::accounts::v1::{AccountsService as _, CreateAccountRequest, GetAccountByHandleRequest};
use plaza_proto::feeds::v1::{FeedsService as _, StreamHomeFeedRequest};
use tokio::net::TcpListener;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

pub(crate) async fn start(settings: Settings) -> Running {
    Platform::start(settings, Env::system()).await.expect("a platform")
}

pub(crate) async fn start_some(settings: Settings, services: &[Service]) -> Running {
    let listeners = Listeners::bind(&settings).await.unwrap();
    Platform::start_on(settings, Env::system(), services, listeners).await.expect("a platform")
}

/// A port that nobody listens on.
pub(crate) async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

pub(crate) fn outside(running: &Running) -> Door {
    Door::outside(&format!("http://{}", running.grpc())).expect("an address")
}

async fn create(door: &Door, handle: &str) -> i64 {
    let request = CreateAccountRequest {
        request_id: uuid::Uuid::from_u128(7).to_string(),
        handle: handle.to_owned(),
        email: format!("{handle}@example.com"),
        password: plaza::people::PASSWORD.to_owned(),
        display_name: String::new(),
    };
    let created = door.anybody().accounts.create_account(&Door::cx(), request).await.expect("an account");
    created.account.expect("an account").account_id
}

async fn find(door: &Door, handle: &str) -> i64 {
    let request = GetAccountByHandleRequest { handle: handle.to_owned() };
    let found = door.anybody().accounts.get_account_by_handle(&Door::cx(), request).await.expect("an account");
    found.account.expect("an account").account_id
}

#[tokio::test]
async fn an_ephemeral_platform_starts_serves_and_stops() {
    let running = start(Settings::ephemeral()).await;
    assert_ne!((running.grpc().port(), running.admin().port()), (0, 0));
    let id = create(&outside(&running), "ada").await;
    assert_eq!(find(&running.door().unwrap(), "ADA").await, id, "the same platform from within");
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", running.grpc())).unwrap();
    let mut health = HealthClient::new(channel.connect().await.unwrap());
    let request = HealthCheckRequest { service: "plaza.posts.v1.PostsService".to_owned() };
    assert_eq!(health.check(request).await.unwrap().into_inner().status, 1);
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_second_start_on_the_same_data_carries_on() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(Settings::in_folder(folder.path())).await;
    let id = create(&outside(&running), "ada").await;
    running.shutdown().await.unwrap();
    let running = start(Settings::in_folder(folder.path())).await;
    assert_eq!(find(&outside(&running), "ada").await, id);
    let door = outside(&running);
    let again = door.sign_in(id.into(), "ada", uuid::Uuid::from_u128(8).to_string()).await;
    assert!(!again.unwrap().access_token.is_empty());
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn two_processes_do_not_run_a_service_on_the_same_data() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(Settings::in_folder(folder.path())).await;
    let refused = Platform::start(Settings::in_folder(folder.path()), Env::system()).await.unwrap_err().to_string();
    assert!(refused.contains("another process runs accounts") && refused.contains("--data-dir"), "{refused}");
    running.shutdown().await.unwrap();
    start(Settings::in_folder(folder.path())).await.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = Settings { grpc_address: taken.local_addr().unwrap(), ..Settings::ephemeral() };
    let refused = Platform::start(settings, Env::system()).await.unwrap_err().to_string();
    let told = format!("{} cannot be listened on: another process listens there", taken.local_addr().unwrap());
    assert!(refused.contains(&told) && refused.contains("--grpc-address"), "{refused}");
}

#[tokio::test]
async fn a_service_whose_peer_is_nowhere_says_so() {
    let settings = Settings::ephemeral();
    let listeners = Listeners::bind(&settings).await.unwrap();
    let started = Platform::start_on(settings, Env::system(), &[Service::Posts], listeners).await;
    let refused = started.unwrap_err().to_string();
    assert!(refused.contains("`peers.graph` is not set") && refused.contains("--peer graph="), "{refused}");
}

#[tokio::test]
async fn several_processes_of_feeds_must_share_them() {
    let mut settings = Settings::ephemeral();
    for service in Service::ALL {
        settings.peers.set(service, "http://127.0.0.1:1,http://127.0.0.1:2");
    }
    let refuse = async |settings: &Settings| {
        let listeners = Listeners::bind(settings).await.unwrap();
        let started = Platform::start_on(settings.clone(), Env::system(), &[Service::Feeds], listeners).await;
        started.unwrap_err().to_string()
    };
    let refused = refuse(&settings).await;
    assert!(refused.contains("`peers.feeds` names several") && refused.contains("`feeds.store`"), "{refused}");
    settings.feeds.store = "redis://127.0.0.1:1".parse().unwrap();
    let refused = refuse(&settings).await;
    assert!(refused.contains("`peers.feeds` names several") && refused.contains("`feeds.positions`"), "{refused}");
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    Platform::migrate(Settings::in_folder(folder.path()), Env::system()).await.unwrap();
    // Not a database at all stands in for one that cannot be read.
    std::fs::write(folder.path().join("posts.db"), "x".repeat(4_096)).unwrap();
    let refused = Platform::start(Settings::in_folder(folder.path()), Env::system()).await.unwrap_err().to_string();
    assert!(refused.starts_with("posts cannot start: "), "{refused}");
}

#[tokio::test]
async fn shutting_down_ends_streams_with_unavailable() {
    use futures::StreamExt as _;

    let running = start(Settings::ephemeral()).await;
    let door = outside(&running);
    let id = create(&door, "ada").await;
    let ada = door.sign_in(id.into(), "ada", uuid::Uuid::from_u128(9).to_string()).await.unwrap();
    let mut live = ada.clients.feeds.stream_home_feed(&ada.cx(), StreamHomeFeedRequest::default()).await.unwrap();
    live.next().await.expect("opened").unwrap();
    let (stopped, ended) = tokio::join!(running.shutdown(), live.next());
    stopped.unwrap();
    assert_eq!(ended.expect("an error before the end").unwrap_err().code(), plaza_core::Code::Unavailable);
}
