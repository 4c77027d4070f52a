//! Bad input that no single field shows: borrowed tokens, forged credentials, masks, deadlines, bodies over the limit.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use plaza_core::{Code, Token, reason};
use plaza_proto::accounts::v1::{Account, CreateAccountRequest, UpdateProfileRequest};
use plaza_proto::feeds::v1::GetHomeFeedRequest;
use plaza_proto::graph::v1::{FollowRequest, ListFollowersRequest, ListFollowingRequest};
use plaza_proto::posts::v1::{CreatePostRequest, ListPostsByAuthorRequest};
use plaza_testkit::person::request_id;
use plaza_testkit::{Guest, Person, Sandbox, Shape};
use prost::Message as _;

const HOME: &str = "/plaza.feeds.v1.FeedsService/GetHomeFeed";
const CREATE_POST: &str = "/plaza.posts.v1.PostsService/CreatePost";

#[tokio::test]
async fn a_page_token_is_good_for_one_list_and_one_caller() {
    let sandbox = Sandbox::start(Shape::OneProcess).await;
    let guest = sandbox.guest();
    let (ada, ben, cid) = (guest.join("ada").await, guest.join("ben").await, guest.join("cid").await);
    for n in 0..3 {
        ada.post(&format!("post {n}")).await.expect("post");
    }
    ben.follow(&ada).await.expect("follow");
    cid.follow(&ada).await.expect("follow");
    let followers = |page_token: String, account_id| ListFollowersRequest { account_id, page_size: 1, page_token };
    let token = ada.call(followers(String::new(), ada.id())).await.expect("a page").message.next_page_token;
    assert!(!token.is_empty());
    ada.call(followers(token.clone(), ada.id())).await.expect("good for what it was made for");

    let other_caller = ben.call(followers(token.clone(), ada.id())).await.expect_err("another caller");
    let other_filter = ada.call(followers(token.clone(), ben.id())).await.expect_err("another account");
    let following = ListFollowingRequest { account_id: ada.id(), page_size: 1, page_token: token.clone() };
    let other_list = ada.call(following).await.expect_err("another list");
    let by_author =
        ListPostsByAuthorRequest { author_id: ada.id(), page_size: 1, page_token: token.clone(), ..Default::default() };
    let other_service = ada.call(by_author).await.expect_err("another service");
    let home = GetHomeFeedRequest { page_size: 1, page_token: token, ..GetHomeFeedRequest::default() };
    let other_feed = ada.call(home).await.expect_err("the home feed");
    for error in [other_caller, other_filter, other_list, other_service, other_feed] {
        assert!(error.is(reason::PAGE_TOKEN_INVALID), "{error}");
        super::assert_refused("a borrowed page token", &error, &[Code::InvalidArgument], Some("page_token"));
    }
    sandbox.stop().await;
}

fn jwt(header: &str, payload: &str, signature: &[u8]) -> String {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    format!("{}.{}.{}", part(header.as_bytes()), part(payload.as_bytes()), part(signature))
}

/// Access tokens that look almost right.
fn forged(person: &Person) -> Vec<(&'static str, String)> {
    let token = &person.tokens.access_token;
    let parts: Vec<&str> = token.split('.').collect();
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64");
    let header = String::from_utf8(decode(parts[0])).expect("text");
    let payload = String::from_utf8(decode(parts[1])).expect("text");
    let other_user = payload.replace(&person.id().to_string(), "1");
    vec![
        ("empty", String::new()),
        ("no JWT", "abc".to_owned()),
        ("the algorithm none", jwt(r#"{"alg":"none","typ":"JWT"}"#, &payload, b"")),
        ("HS256", jwt(&header.replace("EdDSA", "HS256"), &payload, &[7; 32])),
        ("another's key", format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode([7; 64]))),
        ("another kid", jwt(r#"{"alg":"EdDSA","typ":"JWT","kid":"nobody"}"#, &payload, &[7; 64])),
        ("another subject", format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(&other_user), parts[2])),
        ("a refresh token", person.tokens.refresh_token.clone()),
        ("a very long one", format!("{token}{}", "A".repeat(3_000))),
    ]
}

#[tokio::test]
async fn forged_credentials_are_refused_also_where_none_are_needed() {
    let sandbox = Sandbox::start(Shape::OneProcess).await;
    let guest = sandbox.guest();
    let ada = guest.join("ada").await;
    let public = "/plaza.accounts.v1.AccountsService/GetAccountByHandle";
    let by_handle = plaza_proto::accounts::v1::GetAccountByHandleRequest { handle: "ada".to_owned() }.encode_to_vec();
    for (what, token) in forged(&ada) {
        for (path, body) in [(HOME, Vec::new()), (public, by_handle.clone())] {
            let error = super::raw(&sandbox, path, Some(&token), body).await.expect_err(what);
            super::assert_refused(what, &error, &[Code::Unauthenticated], None);
        }
    }
    for (key, value) in
        [("plaza-caller", ada.id().to_string()), ("plaza-service", "feeds.9999999999999.AAAA".to_owned())]
    {
        let error = super::raw_with(&sandbox, HOME, &[(key, value)], Vec::new()).await.expect_err(key);
        super::assert_refused(key, &error, &[Code::Unauthenticated, Code::PermissionDenied], None);
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn bodies_deadlines_and_tokens_out_of_bounds() {
    let sandbox = Sandbox::start(Shape::OneProcess).await;
    let ada = sandbox.guest().join("ada").await;
    let bearer = format!("Bearer {}", ada.tokens.access_token);
    let auth = ("authorization", bearer);
    let post =
        |text: String| CreatePostRequest { request_id: request_id(), text, ..Default::default() }.encode_to_vec();

    let huge = post("x".repeat(5 << 20));
    let error = super::raw_with(&sandbox, CREATE_POST, std::slice::from_ref(&auth), huge).await.expect_err("5 MiB");
    assert!(error.is(reason::MESSAGE_TOO_LARGE), "{error}");
    for timeout in ["0n", "1n"] {
        let metadata = [auth.clone(), ("grpc-timeout", timeout.to_owned())];
        let late = super::raw_with(&sandbox, CREATE_POST, &metadata, post("late".to_owned())).await;
        assert_eq!(late.expect_err("no time").code(), Code::DeadlineExceeded, "{timeout}");
    }
    for token in ["posts", "posts=-1", "no token"] {
        let metadata = [auth.clone(), (Token::METADATA_KEY, token.to_owned())];
        let error = super::raw_with(&sandbox, HOME, &metadata, Vec::new()).await.expect_err(token);
        super::assert_refused(token, &error, &[Code::InvalidArgument], Some(Token::METADATA_KEY));
    }
    let unknown = super::raw_with(&sandbox, "/plaza.posts.v1.PostsService/Explode", &[auth], Vec::new()).await;
    assert!(unknown.expect_err("no such method").is(reason::METHOD_UNKNOWN));
    assert!(ada.walk_home(&Token::default(), 10).await.expect("a walk").is_empty(), "nothing was written");
    sandbox.stop().await;
}

async fn refused_mask(ada: &Person, paths: &[&str]) -> plaza_core::Error {
    let account = Account { bio: "b".to_owned(), handle: "root".to_owned(), ..Default::default() };
    let update_mask = Some(prost_types::FieldMask { paths: paths.iter().map(ToString::to_string).collect() });
    let (request_id, account_id) = (request_id(), ada.id());
    let request =
        UpdateProfileRequest { request_id, account_id, account: Some(account), update_mask, etag: String::new() };
    ada.call(request).await.expect_err(&paths.join(","))
}

#[tokio::test]
async fn masks_name_only_what_can_be_set() {
    let sandbox = Sandbox::start(Shape::OneProcess).await;
    let ada = sandbox.guest().join("ada").await;
    for paths in
        [&[][..], &["handle"], &["bio", "account_id"], &["email"], &["nonsense"], &["bio.length"], &["*"], &[""]]
    {
        let error = refused_mask(&ada, paths).await;
        super::assert_refused(&format!("{paths:?}"), &error, &[Code::InvalidArgument], Some("update_mask"));
    }
    sandbox.stop().await;
}

async fn sign_up(guest: &Guest, handle: &str, email: &str) -> plaza_core::Error {
    let request = CreateAccountRequest {
        request_id: request_id(),
        handle: handle.to_owned(),
        email: email.to_owned(),
        password: "long enough".to_owned(),
        display_name: String::new(),
    };
    guest.call(request).await.expect_err(handle)
}

#[tokio::test]
async fn handles_and_addresses_that_cannot_be_had() {
    let sandbox = Sandbox::start(Shape::OneProcess).await;
    let guest = sandbox.guest();
    let ada = guest.join("ada").await;
    for handle in ["admin", "Root", "SUPPORT", "plaza"] {
        let error = sign_up(&guest, handle, "x@example.org").await;
        super::assert_refused(handle, &error, &[Code::InvalidArgument], Some("handle"));
        assert!(error.is(reason::HANDLE_RESERVED), "{error}");
    }
    assert!(sign_up(&guest, "ADA", "new@example.org").await.is(reason::HANDLE_TAKEN));
    assert!(sign_up(&guest, "ada2", "ADA@example.org").await.is(reason::EMAIL_TAKEN));
    let own = FollowRequest { request_id: request_id(), account_id: ada.id() };
    let error = ada.call(own).await.expect_err("oneself");
    super::assert_refused("following oneself", &error, &[Code::InvalidArgument], Some("account_id"));
    sandbox.stop().await;
}
