//! One machine that answers for a peer: its connections, how many calls it has in hand, and whether it answers at all.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::uri::PathAndQuery;
use prost::Message as _;
use tokio::sync::Notify;
use tonic::client::Grpc;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::ChannelConfig;
use super::connection::{Connection, Slot};
use crate::encoded::EncodedCodec;
use crate::status;

/// How long a machine may take to say how it is.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// The first wait before a machine that is away is looked at again; each further one is twice as long, ...
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// ... up to this.
const MAX_WAIT: Duration = Duration::from_secs(2);
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// What is known of a machine. The better ones come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum State {
    /// It answers, or was not asked yet.
    Up,
    /// It owes an answer for long, and is being asked how it is.
    Suspect,
    /// Connections are refused. Asking again costs little.
    Refusing,
    /// It takes connections and does not answer: a call that went there would wait for nothing.
    Silent,
}

/// One machine.
pub(super) struct Backend {
    pub address: SocketAddr,
    origin: Uri,
    config: ChannelConfig,
    slots: Vec<Slot>,
    turn: AtomicUsize,
    in_flight: AtomicUsize,
    state: AtomicU8,
    /// Whether somebody looks after it until it is up again.
    watched: AtomicBool,
    /// Told when it turned out to be silent.
    silenced: Notify,
}

/// A call in hand, until it is dropped.
pub(super) struct InFlight(Arc<Backend>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Backend {
    pub(super) fn new(address: SocketAddr, origin: Uri, config: ChannelConfig) -> Arc<Self> {
        let slots = (0..config.connections.max(1)).map(|_| Slot::default()).collect();
        let (turn, in_flight, state) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicU8::new(State::Up as u8));
        let (watched, silenced) = (AtomicBool::new(false), Notify::new());
        Arc::new(Self { address, origin, config, slots, turn, in_flight, state, watched, silenced })
    }

    pub(super) fn state(&self) -> State {
        match self.state.load(Ordering::Relaxed) {
            0 => State::Up,
            1 => State::Suspect,
            2 => State::Refusing,
            _ => State::Silent,
        }
    }

    /// How many calls it has in hand from here.
    pub(super) fn load(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts a call until the answer is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self.clone())
    }

    /// A client on one of its connections, which take turns.
    ///
    /// # Errors
    /// Why there is no connection: nothing was sent.
    pub(super) async fn client(&self) -> io::Result<Grpc<Connection>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.slots.len();
        let connection = self.slots[turn].get(self.address, &self.config).await?;
        Ok(Grpc::with_origin(connection, self.origin.clone()).max_decoding_message_size(self.config.max_response))
    }

    /// It answered something.
    pub(super) fn answered(&self) {
        if self.state() != State::Up {
            self.set(State::Up);
        }
    }

    /// It refused a connection.
    pub(super) fn refused(self: &Arc<Self>) {
        self.set(State::Refusing);
        self.watch(FIRST_WAIT);
    }

    /// It owes an answer for long.
    pub(super) fn suspect(self: &Arc<Self>) {
        let (up, suspect) = (State::Up as u8, State::Suspect as u8);
        if self.state.compare_exchange(up, suspect, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.watch(Duration::ZERO);
        }
    }

    /// Waits until it is silent.
    pub(super) async fn silence(&self) {
        loop {
            let silenced = self.silenced.notified();
            if self.state() == State::Silent {
                return;
            }
            silenced.await;
        }
    }

    fn set(&self, state: State) {
        let before = self.state.swap(state as u8, Ordering::Relaxed);
        if state == State::Silent {
            self.silenced.notify_waiters();
        }
        if before == state as u8 || state == State::Suspect {
            return;
        }
        let address = self.address;
        match state {
            State::Up if before == State::Suspect as u8 => tracing::debug!(%address, "a peer is slow, and answers"),
            State::Up => tracing::info!(%address, "a peer answers again"),
            _ => tracing::warn!(%address, ?state, "a peer does not answer"),
        }
    }

    /// Looks after it until it is up, if nobody does yet. Ends when it is dropped.
    fn watch(self: &Arc<Self>, wait: Duration) {
        if !self.watched.swap(true, Ordering::AcqRel) {
            tokio::spawn(watch(Arc::downgrade(self), wait));
        }
    }

    /// Asks it how it is. Any answer of its own is one, whatever it says.
    ///
    /// # Errors
    /// What it is instead of up.
    pub(super) async fn probe(&self, service: &str) -> Result<HealthCheckResponse, State> {
        let asked = async {
            let mut client = self.client().await.map_err(|_| State::Refusing)?;
            client.ready().await.map_err(|_| State::Refusing)?;
            let request = HealthCheckRequest { service: service.to_owned() };
            let mut request = tonic::Request::new(Bytes::from(request.encode_to_vec()));
            request.set_timeout(PROBE_TIMEOUT);
            let path = PathAndQuery::from_static(HEALTH);
            let answer = client.unary(request, path, EncodedCodec::<HealthCheckResponse>::default()).await;
            match answer {
                Ok(answer) => Ok(answer.into_inner()),
                Err(status) if status::is_of_transport(&status) => Err(State::Refusing),
                Err(_) => Ok(HealthCheckResponse::default()),
            }
        };
        match tokio::time::timeout(PROBE_TIMEOUT, asked).await {
            Ok(answer) => answer,
            Err(_) => {
                // What hangs on these connections stays there until its time is up; what comes does not.
                self.slots.iter().for_each(Slot::forget);
                Err(State::Silent)
            }
        }
    }
}

async fn watch(backend: Weak<Backend>, mut wait: Duration) {
    loop {
        tokio::time::sleep(wait).await;
        let Some(backend) = backend.upgrade() else { return };
        match backend.probe("").await {
            Ok(_) => {
                backend.watched.store(false, Ordering::Release);
                backend.answered();
                return;
            }
            Err(state) => backend.set(state),
        }
        wait = (wait * 2).clamp(FIRST_WAIT, MAX_WAIT);
    }
}
