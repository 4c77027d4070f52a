//! A service of its own for each test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plaza_core::{AccountId, Caller, Cx, Env, Error, ManualClock, Result, Secret, SessionId, Timestamp};
use plaza_proto::accounts::v1::AccountsServiceClient;
use plaza_proto::sessions::v1::*;
use plaza_rpc::{Gate, TokenVerifier, Verified};
use plaza_sessions::{App, Config, Deps, SessionVerifier};
use tokio::time::Instant;
use uuid::Uuid;

use crate::people::{PASSWORD, People};

pub(crate) const START: i64 = 1_800_000_000_000;
pub(crate) const ADA: i64 = 7;
pub(crate) const BOB: i64 = 9;

pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) env: Env,
    pub(crate) gate: Arc<Gate>,
    pub(crate) people: Arc<People>,
    pub(crate) client: SessionsServiceClient,
    pub(crate) verifier: Arc<SessionVerifier>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self::seeded(config, 7).await
    }

    pub(crate) async fn seeded(config: Config, seed: u64) -> Self {
        let clock = ManualClock::new(Timestamp(START));
        let env = Env::manual(clock.clone(), seed);
        let secret = Secret::new([1; 32]);
        let gate = Gate::builder(env.clone(), &secret).build();
        let people = People::of(&[("ada", ADA), ("bob", BOB)]);
        let accounts = AccountsServiceClient::local(people.clone());
        let deps = Deps { env: env.clone(), gate: gate.clone(), secret, accounts };
        let app = App::build(config, deps).await.unwrap();
        let client = app.client();
        let verifier = SessionVerifier::new(client.clone(), env.clone(), "plaza");
        assert!(gate.set_verifier(verifier.for_gate()));
        Self { app, clock, env, gate, people, client, verifier }
    }

    pub(crate) async fn sign_in(&self, login: &str) -> SignInResponse {
        self.client.sign_in(&guest(), credentials(login)).await.unwrap()
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<RefreshSessionResponse> {
        let request = RefreshSessionRequest { request_id: request_id(), refresh_token: token.to_owned() };
        self.client.refresh_session(&guest(), request).await
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Verified> {
        self.verifier.verify(token).await
    }

    pub(crate) async fn list(&self, cx: &Cx) -> Vec<Session> {
        let request = ListSessionsRequest { page_size: 100, page_token: String::new() };
        self.client.list_sessions(cx, request).await.unwrap().sessions
    }
}

pub(crate) fn by(caller: Caller) -> Cx {
    Cx::new(caller, Instant::now() + Duration::from_secs(10))
}

pub(crate) fn guest() -> Cx {
    by(Caller::default())
}

pub(crate) fn user(id: i64) -> Cx {
    by(Caller::user(AccountId(id)))
}

/// A user in a session.
pub(crate) fn within(session: &Session) -> Cx {
    by(Caller { session: Some(SessionId(session.session_id)), ..Caller::user(AccountId(session.account_id)) })
}

pub(crate) fn service() -> Cx {
    by(Caller::service("test"))
}

/// A request id that no other call has.
pub(crate) fn request_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u128(NEXT.fetch_add(1, Ordering::Relaxed).into()).to_string()
}

pub(crate) fn credentials(login: &str) -> SignInRequest {
    SignInRequest {
        request_id: request_id(),
        login: login.to_owned(),
        password: PASSWORD.to_owned(),
        device_name: "phone".to_owned(),
    }
}

/// What an error says of itself: reason and first field.
pub(crate) fn said(error: &Error) -> (&str, &str) {
    (error.reason(), error.violations().first().map_or("", |v| v.field.as_str()))
}
