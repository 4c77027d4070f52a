//! A service of its own for each test.

use std::sync::Arc;
use std::time::Duration;

use plaza_accounts::{App, Config, Deps};
use plaza_core::{AccountId, Caller, Cx, Env, Error, ManualClock, Result, Secret, Timestamp};
use plaza_proto::accounts::v1::*;
use plaza_rpc::Gate;
use tokio::time::Instant;
use uuid::Uuid;

pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) env: Env,
    pub(crate) client: AccountsServiceClient,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Config::ephemeral()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self::seeded(config, 7).await
    }

    pub(crate) async fn seeded(config: Config, seed: u64) -> Self {
        let clock = ManualClock::new(Timestamp(1_800_000_000_000));
        let env = Env::manual(clock.clone(), seed);
        let secret = Secret::new([1; 32]);
        let gate = Gate::builder(env.clone(), &secret).build();
        let app = App::build(config, Deps { env: env.clone(), gate, secret }).await.unwrap();
        let client = app.client();
        Self { app, clock, env, client }
    }

    /// Signs up and answers the account as its owner sees it.
    pub(crate) async fn join(&self, handle: &str) -> Account {
        let answer = self.client.create_account(&guest(), draft(handle)).await.unwrap();
        answer.account.unwrap()
    }

    pub(crate) async fn get(&self, cx: &Cx, account_id: i64) -> Result<Account> {
        Ok(self.client.get_account(cx, GetAccountRequest { account_id }).await?.account.unwrap())
    }

    pub(crate) async fn verify(&self, login: &str, password: &str) -> Result<i64> {
        let request = VerifyPasswordRequest { login: login.to_owned(), password: password.to_owned() };
        Ok(self.client.verify_password(&service(), request).await?.account_id)
    }

    /// How many events there are.
    pub(crate) async fn events(&self) -> i64 {
        self.app.outbox().last_position(&service()).await.unwrap()
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

pub(crate) fn service() -> Cx {
    by(Caller::service("test"))
}

/// The `n`-th request id.
pub(crate) fn request_id(n: u128) -> String {
    Uuid::from_u128(n).to_string()
}

/// A good request to create an account; its request id depends on the handle.
pub(crate) fn draft(handle: &str) -> CreateAccountRequest {
    let seed = handle.bytes().fold(1_u128, |seed, b| seed.wrapping_mul(257) + u128::from(b));
    CreateAccountRequest {
        request_id: request_id(seed),
        handle: handle.to_owned(),
        email: format!("{handle}@example.org"),
        password: PASSWORD.to_owned(),
        display_name: String::new(),
    }
}

/// What an error says of itself: reason and first field.
pub(crate) fn said(error: &Error) -> (&str, &str) {
    (error.reason(), error.violations().first().map_or("", |v| v.field.as_str()))
}
