//! A running sample service, and the ways to call it.

use std::collections::HashSet;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{AccountId, Caller, Env, Error, ManualClock, Result, Scopes, Secret, SessionId, Timestamp, reason};
use plaza_rpc::{
    CallLimits, Channel, ChannelConfig, Cx, Gate, Health, Limiter, LocalLimiter, ServeConfig, Server, TokenVerifier,
    Verified,
};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::sample::{DESCRIPTORS, Sample, SampleServiceClient, SampleServiceEntry, SampleServiceServer};

pub(crate) const START: Timestamp = Timestamp(1_800_000_000_000);

pub(crate) fn secret() -> Secret {
    Secret::new([7; 32])
}

/// Takes `user.<account>.<session>.<expiry in ms>`, and behind that the scopes of an app password as a number.
#[derive(Default)]
pub(crate) struct TestVerifier {
    pub(crate) verified: AtomicUsize,
    pub(crate) revoked: Mutex<HashSet<i64>>,
}

#[async_trait::async_trait]
impl TokenVerifier for TestVerifier {
    async fn verify(&self, token: &str) -> Result<Verified> {
        self.verified.fetch_add(1, Ordering::SeqCst);
        let numbers: Option<Vec<i64>> =
            token.strip_prefix("user.").map(|rest| rest.split('.').filter_map(|part| part.parse().ok()).collect());
        match numbers.as_deref() {
            Some(&[account, session, expires, scopes]) => {
                let scopes = u8::try_from(scopes).ok().and_then(Scopes::from_bits);
                let (account, session, expires) = (AccountId(account), SessionId(session), Timestamp(expires));
                Ok(Verified { account, session, scopes, expires })
            }
            Some(&[account, session, expires]) => {
                let (account, session, expires) = (AccountId(account), SessionId(session), Timestamp(expires));
                Ok(Verified { account, session, scopes: None, expires })
            }
            _ => Err(Error::new(reason::CREDENTIALS_INVALID)),
        }
    }

    fn is_revoked(&self, session: SessionId) -> bool {
        self.revoked.lock().contains(&session.get())
    }
}

/// What a test may want to be different.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) next: Option<SampleServiceClient>,
    pub(crate) serve: ServeConfig,
    pub(crate) limits: CallLimits,
    /// How much each caller may ask for, if there is a limit.
    pub(crate) per_minute: Option<u32>,
    /// Whether services just say their names.
    pub(crate) believes_names: bool,
    /// Where to listen, if not on any free port.
    pub(crate) listen: Option<SocketAddr>,
}

/// One process with the sample service.
pub(crate) struct World {
    pub(crate) gate: Arc<Gate>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) verifier: Arc<TestVerifier>,
    pub(crate) address: SocketAddr,
    pub(crate) health: Health,
    pub(crate) waiting: Arc<Notify>,
    pub(crate) go: Arc<Notify>,
    entry: Arc<SampleServiceEntry>,
    server: JoinHandle<Result<()>>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let clock = ManualClock::new(START);
        let env = Env::manual(clock.clone(), 1);
        let limiter = options.per_minute.map(|n| Arc::new(LocalLimiter::new(n, &env)) as Arc<dyn Limiter>);
        let gate = Gate::builder(env, &secret()).limits(options.limits).limiter(limiter);
        let gate = gate.believe_service_names(options.believes_names).build();
        let verifier = Arc::new(TestVerifier::default());
        assert!(gate.set_verifier(verifier.clone()));
        let sample = Sample { next: options.next, ..Sample::default() };
        let (waiting, go) = (sample.waiting.clone(), sample.go.clone());
        let entry = SampleServiceEntry::new(Arc::new(sample), &gate);
        let listen = options.listen.unwrap_or_else(|| "127.0.0.1:0".parse().unwrap());
        let listener = TcpListener::bind(listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server =
            Server::new(&gate, options.serve).mount(SampleServiceServer::new(entry.clone())).descriptors(DESCRIPTORS);
        let health = server.health();
        let server = tokio::spawn(server.serve(listener));
        Self { gate, clock, verifier, address, health, waiting, go, entry, server }
    }

    /// A client in the same process.
    pub(crate) fn local(&self) -> SampleServiceClient {
        SampleServiceClient::local(self.entry.clone()).as_service("tester")
    }

    /// A client in the same process that is no service.
    pub(crate) fn local_nobody(&self) -> SampleServiceClient {
        SampleServiceClient::local(self.entry.clone())
    }

    /// A client over gRPC.
    pub(crate) fn remote(&self) -> SampleServiceClient {
        let channel = self.channel().with_key(self.gate.service_key());
        SampleServiceClient::remote(channel).as_service("tester")
    }

    /// A client over gRPC without any credentials.
    pub(crate) fn stranger(&self) -> SampleServiceClient {
        SampleServiceClient::remote(self.channel())
    }

    /// A client over gRPC with an access token.
    pub(crate) fn bearer(&self, token: &str) -> SampleServiceClient {
        SampleServiceClient::remote(self.channel().with_bearer(token).unwrap())
    }

    pub(crate) fn channel(&self) -> Channel {
        Channel::connect(&self.address.to_string(), &ChannelConfig::default()).unwrap()
    }

    /// How many calls of `Echo` it has answered well.
    pub(crate) fn echoes(&self) -> u64 {
        let metrics = self.gate.metrics().render();
        let line = metrics.lines().find(|l| l.contains("method=\"Echo\"") && l.contains("code=\"OK\""));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
    }

    /// Tells the server to shut down, and waits until it has.
    pub(crate) async fn shut_down(self) {
        self.gate.shutdown().cancel();
        self.server.await.unwrap().unwrap();
    }
}

/// Runs one test body in the same process and over gRPC.
pub(crate) async fn both<F: Future<Output = ()>>(body: impl Fn(Arc<World>, SampleServiceClient) -> F) {
    let world = Arc::new(World::new().await);
    body(world.clone(), world.local()).await;
    body(world.clone(), world.remote()).await;
}

/// A call by nobody that may take as long as it likes.
pub(crate) fn nobody() -> Cx {
    by(Caller::default())
}

/// A call by a user.
pub(crate) fn user(account: i64) -> Cx {
    by(Caller::user(AccountId(account)))
}

pub(crate) fn by(caller: Caller) -> Cx {
    Cx::new(caller, Instant::now() + Duration::from_secs(20))
}

/// A call by nobody that has this long.
pub(crate) fn within(time: Duration) -> Cx {
    Cx::new(Caller::default(), Instant::now() + time)
}
