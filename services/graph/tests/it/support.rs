//! A graph service of its own for each test, with accounts that the test makes and deletes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use plaza_core::{AccountId, Caller, Cx, Env, Error, ManualClock, Result, Secret, Timestamp, Token, reason};
use plaza_graph::{App, Config, Deps};
use plaza_proto::accounts::v1::*;
use plaza_proto::graph::v1::*;
use plaza_rpc::Gate;
use plaza_stores::{Faults, StoreAddress};
use tokio::time::Instant;

pub(crate) const START: Timestamp = Timestamp(1_800_000_000_000);

/// The accounts service, as far as the graph uses it.
#[derive(Default)]
pub(crate) struct Accounts {
    known: Mutex<BTreeSet<i64>>,
    protected: Mutex<BTreeSet<i64>>,
    hidden: Mutex<BTreeSet<i64>>,
    pub(crate) faults: Faults,
}

impl Accounts {
    pub(crate) fn add(&self, ids: impl IntoIterator<Item = i64>) {
        self.known.lock().extend(ids);
    }

    /// It does not want to be found.
    pub(crate) fn hide(&self, id: i64) {
        self.hidden.lock().insert(id);
    }

    pub(crate) fn protect(&self, id: i64, protected: bool) {
        let mut all = self.protected.lock();
        if protected {
            all.insert(id)
        } else {
            all.remove(&id)
        };
    }

    pub(crate) fn delete(&self, id: i64) {
        self.known.lock().remove(&id);
    }

    fn get(&self, id: i64) -> Option<Account> {
        self.known.lock().contains(&id).then(|| Account {
            account_id: id,
            protected: self.protected.lock().contains(&id),
            discoverable: !self.hidden.lock().contains(&id),
            ..Account::default()
        })
    }
}

#[async_trait]
impl AccountsService for Accounts {
    async fn get_account(&self, cx: &Cx, req: GetAccountRequest) -> Result<GetAccountResponse> {
        assert_eq!(cx.caller().service, Some("graph"));
        self.faults.check().await?;
        let account = self.get(req.account_id).ok_or_else(|| Error::new(reason::ACCOUNT_NOT_FOUND))?;
        Ok(GetAccountResponse { account: Some(account) })
    }

    async fn batch_get_accounts(&self, cx: &Cx, req: BatchGetAccountsRequest) -> Result<BatchGetAccountsResponse> {
        assert_eq!(cx.caller().service, Some("graph"));
        self.faults.check().await?;
        Ok(BatchGetAccountsResponse { accounts: req.account_ids.iter().filter_map(|id| self.get(*id)).collect() })
    }
}

/// The service and what it stands in.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) graph: Arc<dyn GraphService>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) env: Env,
    requests: AtomicU64,
}

impl World {
    /// With accounts 1 to 20.
    pub(crate) async fn new() -> Self {
        Self::with(Config { store: StoreAddress::Memory, ..Config::default() }).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let clock = ManualClock::new(START);
        let env = Env::manual(clock.clone(), 1);
        let secret = Secret::new([7; 32]);
        let gate = Gate::builder(env.clone(), &secret).build();
        let accounts = Arc::new(Accounts::default());
        accounts.add(1..=20);
        let client = AccountsServiceClient::local(AccountsServiceEntry::new(accounts.clone(), &gate));
        let deps = Deps { env: env.clone(), gate, secret, accounts: client };
        let app = App::build(config, deps).await.unwrap();
        Self { graph: app.service(), app, accounts, clock, env, requests: AtomicU64::new(1) }
    }

    /// A request id that was not used before.
    pub(crate) fn request_id(&self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// `a` follows `b`, a millisecond after whatever was before; the relationship and the token.
    pub(crate) async fn follow(&self, a: i64, b: i64) -> Result<(Relationship, Token)> {
        self.clock.advance(1);
        let cx = user(a);
        let request = FollowRequest { request_id: self.request_id(), account_id: b };
        let answer = self.graph.follow(&cx, request).await?;
        Ok((answer.relationship.unwrap(), cx.take_outcome().token))
    }

    pub(crate) async fn unfollow(&self, a: i64, b: i64) -> Result<(Relationship, Token)> {
        let cx = user(a);
        let request = UnfollowRequest { request_id: self.request_id(), account_id: b };
        let answer = self.graph.unfollow(&cx, request).await?;
        Ok((answer.relationship.unwrap(), cx.take_outcome().token))
    }

    pub(crate) async fn block(&self, a: i64, b: i64) -> Result<(Relationship, Token)> {
        let cx = user(a);
        let request = BlockRequest { request_id: self.request_id(), account_id: b };
        let answer = self.graph.block(&cx, request).await?;
        Ok((answer.relationship.unwrap(), cx.take_outcome().token))
    }

    pub(crate) async fn unblock(&self, a: i64, b: i64) -> Result<(Relationship, Token)> {
        let cx = user(a);
        let request = UnblockRequest { request_id: self.request_id(), account_id: b };
        let answer = self.graph.unblock(&cx, request).await?;
        Ok((answer.relationship.unwrap(), cx.take_outcome().token))
    }

    /// How the caller of `cx` stands to `others`.
    pub(crate) async fn relationships(&self, cx: &Cx, others: &[i64]) -> Vec<Relationship> {
        let request = BatchGetRelationshipsRequest { account_ids: others.to_vec() };
        self.graph.batch_get_relationships(cx, request).await.unwrap().relationships
    }

    /// Followers and following of one account.
    pub(crate) async fn counts(&self, account: i64) -> (i64, i64) {
        let request = BatchGetCountsRequest { account_ids: vec![account] };
        let counts = self.graph.batch_get_counts(&nobody(), request).await.unwrap().counts;
        (counts[0].followers, counts[0].following)
    }

    /// The types of all events so far, without the package.
    pub(crate) async fn told(&self) -> Vec<String> {
        let events = self.app.outbox().read_after(&service(), 0, 100_000).await.unwrap();
        events.iter().map(|e| format!("{} {}", e.type_.rsplit('.').next().unwrap(), e.aggregate_id)).collect()
    }
}

fn call(caller: Caller) -> Cx {
    Cx::new(caller, Instant::now() + Duration::from_secs(30))
}

/// Nobody signed in.
pub(crate) fn nobody() -> Cx {
    call(Caller::default())
}

/// A signed-in user.
pub(crate) fn user(id: i64) -> Cx {
    call(Caller::user(AccountId(id)))
}

/// A service on its own behalf.
pub(crate) fn service() -> Cx {
    call(Caller::service("feeds"))
}

/// A service on a user's behalf.
pub(crate) fn service_for(id: i64) -> Cx {
    call(Caller { account: Some(AccountId(id)), ..Caller::service("feeds") })
}

/// A relationship without any edge.
pub(crate) fn stranger(account_id: i64) -> Relationship {
    Relationship { account_id, ..Relationship::default() }
}
