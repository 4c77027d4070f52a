//! Who may call what.

use plaza_core::{AccountId, Caller, Env, Reason, Result, Scopes, Secret, SessionId, reason};
use plaza_rpc::{Cx, ServiceKey, auth};
use std::sync::atomic::Ordering;

use crate::sample::*;
use crate::world::{START, World, both, by, nobody, user};

fn refusal<T>(result: Result<T>) -> Option<String> {
    result.err().map(|error| error.reason().to_owned())
}

async fn call(client: &SampleServiceClient, cx: &Cx, method: &str) -> Option<String> {
    match method {
        "Echo" => refusal(client.echo(cx, EchoRequest::default()).await),
        "Whoami" => refusal(client.whoami(cx, WhoamiRequest {}).await),
        "GetSecret" => refusal(client.get_secret(cx, GetSecretRequest { account_id: 1 }).await),
        "ListAll" => refusal(client.list_all(cx, ListAllRequest {}).await),
        _ => refusal(client.reset(cx, ResetRequest {}).await),
    }
}

const METHODS: [&str; 5] = ["Echo", "Whoami", "GetSecret", "ListAll", "Reset"];

async fn expect(client: &SampleServiceClient, cx: &Cx, who: &str, expected: [Option<Reason>; 5]) {
    for (method, expected) in METHODS.into_iter().zip(expected) {
        let found = call(client, cx, method).await;
        assert_eq!(found.as_deref(), expected.map(|reason| reason.name), "{who} calls {method}");
    }
}

const MISSING: Option<Reason> = Some(reason::CREDENTIALS_MISSING);
const DENIED: Option<Reason> = Some(reason::PERMISSION_DENIED);

#[tokio::test]
async fn nobody_gets_what_is_public() {
    let world = World::new().await;
    let expected = [None, MISSING, MISSING, MISSING, MISSING];
    expect(&world.stranger(), &nobody(), "nobody", expected).await;
    expect(&world.local_nobody(), &nobody(), "nobody", expected).await;
}

#[tokio::test]
async fn users_get_their_own() {
    let world = World::new().await;
    let token = |account: i64| format!("user.{account}.5.{}", START.0 + 60_000);
    let (owner, other) = (world.bearer(&token(1)), world.bearer(&token(2)));
    expect(&owner, &nobody(), "the owner", [None, None, None, DENIED, DENIED]).await;
    expect(&other, &nobody(), "another user", [None, None, DENIED, DENIED, DENIED]).await;
    let local = world.local_nobody();
    expect(&local, &user(1), "the owner", [None, None, None, DENIED, DENIED]).await;
    expect(&local, &user(2), "another user", [None, None, DENIED, DENIED, DENIED]).await;
}

#[tokio::test]
async fn an_app_password_gets_what_its_scopes_allow_and_services_for_it_all_they_need() {
    const NONE: Option<Reason> = Some(reason::SCOPE_MISSING);
    let world = World::new().await;
    let bearer = |scopes: u8| world.bearer(&format!("user.1.5.{}.{scopes}", START.0 + 60_000));
    let (read, write) = (bearer(1), bearer(2));
    expect(&read, &nobody(), "a reader", [None, None, None, NONE, NONE]).await;
    expect(&write, &nobody(), "a writer", [NONE, NONE, NONE, NONE, NONE]).await;
    let create = |name: &str| CreateThingRequest {
        request_id: "00000000-0000-4000-8000-000000000001".to_owned(),
        name: name.to_owned(),
    };
    assert_eq!(refusal(read.create_thing(&nobody(), create("a")).await).as_deref(), Some(reason::SCOPE_MISSING.name));
    assert_eq!(refusal(write.create_thing(&nobody(), create("a")).await), None);
    let writer = by(Caller { scopes: Scopes::from_bits(2), ..Caller::user(AccountId(1)) });
    expect(&world.local_nobody(), &writer, "a writer in the process", [NONE, NONE, NONE, NONE, NONE]).await;
    for client in [world.local(), world.remote()] {
        let client = client.as_service("feeds");
        expect(&client, &writer, "a service for a writer", [None, None, None, None, DENIED]).await;
    }
}

#[tokio::test]
async fn services_get_what_is_theirs_and_what_their_user_gets() {
    both(|_, client| async move {
        expect(&client, &nobody(), "a service", [None, MISSING, MISSING, None, DENIED]).await;
        expect(&client, &user(1), "a service for the owner", [None, None, None, None, DENIED]).await;
        expect(&client, &user(2), "a service for another", [None, None, DENIED, None, DENIED]).await;
    })
    .await;
}

#[tokio::test]
async fn operators_are_the_service_admin() {
    let world = World::new().await;
    let expected = [None, MISSING, MISSING, None, None];
    expect(&world.remote().as_service("admin"), &nobody(), "admin", expected).await;
    let admin = by(Caller { admin: true, ..Caller::service("admin") });
    expect(&world.local().as_service("admin"), &admin, "admin", expected).await;
}

#[tokio::test]
async fn who_calls_is_the_same_on_both_ways() {
    both(|_, client| async move {
        let cx = by(Caller { session: Some(SessionId(9)), ..Caller::user(AccountId(1)) });
        let who = client.whoami(&cx, WhoamiRequest {}).await.unwrap();
        assert_eq!(who, WhoamiResponse { account_id: 1, session_id: 9, service: "tester".to_owned() });
        assert_eq!(cx.take_outcome().token.to_string(), "sample=7");
    })
    .await;
}

#[tokio::test]
async fn a_bad_token_is_refused_even_where_none_is_needed() {
    let world = World::new().await;
    let expired = format!("user.1.5.{}", START.0);
    for (token, expected) in [
        ("", reason::CREDENTIALS_INVALID),
        ("nonsense", reason::CREDENTIALS_INVALID),
        (&*"x".repeat(5_000), reason::CREDENTIALS_INVALID),
        (&expired, reason::CREDENTIALS_EXPIRED),
    ] {
        let error = world.bearer(token).echo(&nobody(), EchoRequest::default()).await.unwrap_err();
        assert!(error.is(expected), "{token}: {error}");
    }
}

#[tokio::test]
async fn a_verified_token_is_remembered_until_it_ends_or_is_revoked() {
    let world = World::new().await;
    let client = world.bearer(&format!("user.1.5.{}", START.0 + 1_000));
    for _ in 0..3 {
        client.whoami(&nobody(), WhoamiRequest {}).await.unwrap();
    }
    assert_eq!(world.verifier.verified.load(Ordering::SeqCst), 1);

    world.verifier.revoked.lock().insert(5);
    let error = client.whoami(&nobody(), WhoamiRequest {}).await.unwrap_err();
    assert!(error.is(reason::SESSION_REVOKED), "{error}");
    world.verifier.revoked.lock().clear();

    world.clock.advance(1_000);
    let error = client.whoami(&nobody(), WhoamiRequest {}).await.unwrap_err();
    assert!(error.is(reason::CREDENTIALS_EXPIRED), "{error}");
}

#[tokio::test]
async fn validation_comes_before_the_question_whose_it_is() {
    both(|_, client| async move {
        let error = client.get_secret(&user(2), GetSecretRequest { account_id: 0 }).await.unwrap_err();
        assert_eq!((error.reason(), &*error.violations()[0].field), ("INVALID_FIELDS", "account_id"));
    })
    .await;
}

#[tokio::test]
async fn a_service_whose_token_a_peer_refuses_does_not_blame_its_caller() {
    let world = World::new().await;
    let other = ServiceKey::new(&Secret::new([8; 32]), &Env::manual(world.clock.clone(), 1));
    let channel = || world.channel().with_key(&other);
    let service = SampleServiceClient::remote(channel()).as_service("feeds");
    let error = service.whoami(&user(1), WhoamiRequest {}).await.unwrap_err();
    assert!(error.is(reason::PEER_UNAVAILABLE), "{error}");
    // An operator has to know.
    let operator = SampleServiceClient::remote(channel()).as_service(auth::ADMIN);
    let error = operator.whoami(&nobody(), WhoamiRequest {}).await.unwrap_err();
    assert!(error.is(reason::CREDENTIALS_INVALID), "{error}");
}
