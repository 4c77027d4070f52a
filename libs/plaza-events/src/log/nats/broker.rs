//! The connection, and the streams that are made on it.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{Context, ContextBuilder, kv, stream};
use async_nats::{Client, ConnectOptions, Event as ConnectionEvent};
use plaza_core::{Cx, Env, Result};
use plaza_stores::ServerAddress;
use tokio::sync::{Mutex, watch};

use super::NatsOptions;
use super::errors::{NatsResultExt as _, unavailable};
use super::names::Names;

/// A lost connection is tried again after this time at most.
const RECONNECT: Duration = Duration::from_secs(1);
/// A connection on which nothing comes back for two of these is given up.
const PING: Duration = Duration::from_secs(3);
/// The longest that the driver waits for an answer; every call has its own deadline as well.
const REQUEST: Duration = Duration::from_secs(5);
/// A call waits this long for a connection that is away, in case it is just coming back.
const COMING_BACK: Duration = Duration::from_millis(300);
/// Ids of events are remembered this long by the server, against publications that come twice.
const DUPLICATES: Duration = Duration::from_secs(120);

/// The first version that knows ids of events in atomic batches.
const SERVER: (i64, i64, i64) = (2, 12, 1);

/// The broker of one log.
pub(super) struct Broker {
    pub(super) client: Client,
    pub(super) js: Context,
    pub(super) names: Names,
    pub(super) options: NatsOptions,
    pub(super) env: Env,
    connected: watch::Receiver<bool>,
    streams: Mutex<Option<Arc<Streams>>>,
}

/// The streams of one log.
pub(super) struct Streams {
    pub(super) events: stream::Stream,
    pub(super) dead: stream::Stream,
    pub(super) turns: kv::Store,
}

/// How the stream of events is.
pub(super) struct Extent {
    /// When it was made, in nanoseconds: one that is made anew numbers its events from 1 again.
    pub(super) epoch: i64,
    /// The number of the first event that it still has.
    pub(super) first: u64,
    /// The number that it gave last.
    pub(super) last: u64,
}

impl Streams {
    /// How the stream of events is now.
    pub(super) async fn extent(&self) -> Result<Extent> {
        let info = self.events.get_info().await.nats("look at stream")?;
        let epoch = i64::try_from(info.created.unix_timestamp_nanos()).unwrap_or_default();
        Ok(Extent { epoch, first: info.state.first_sequence, last: info.state.last_sequence })
    }
}

impl Broker {
    /// Starts to connect, and goes on trying for ever.
    pub(super) async fn connect(address: &ServerAddress, options: NatsOptions, env: Env) -> Result<Self> {
        let (connected, seen) = watch::channel(false);
        let connecting = ConnectOptions::new()
            .name("plaza")
            .retry_on_initial_connect()
            .max_reconnects(None)
            .connection_timeout(RECONNECT)
            .ping_interval(PING)
            .request_timeout(Some(REQUEST))
            .reconnect_delay_callback(|attempts| {
                let doublings = u32::try_from(attempts.min(6)).unwrap_or(0);
                (Duration::from_millis(20) * 2_u32.pow(doublings)).min(RECONNECT)
            })
            .event_callback(move |event| {
                match &event {
                    ConnectionEvent::Connected => drop(connected.send_replace(true)),
                    ConnectionEvent::Disconnected | ConnectionEvent::Closed => drop(connected.send_replace(false)),
                    _ => {}
                }
                async move { tracing::debug!(%event, "event broker") }
            });
        let client = connecting.connect(address.url()).await.nats("connect")?;
        let js = ContextBuilder::new().timeout(REQUEST).ack_timeout(REQUEST).build(client.clone());
        let names = Names::new(&options.prefix);
        Ok(Self { client, js, names, options, env, connected: seen, streams: Mutex::new(None) })
    }

    /// Whether there is a connection now.
    pub(super) fn is_connected(&self) -> bool {
        *self.connected.borrow()
    }

    /// Waits a moment for a connection.
    async fn connected(&self, cx: &Cx) -> Result<()> {
        let mut connected = self.connected.clone();
        let back = tokio::time::timeout(COMING_BACK.min(cx.remaining()), connected.wait_for(|connected| *connected));
        match back.await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(unavailable("connect", "not connected")),
        }
    }

    /// The streams, made if they are missing.
    pub(super) async fn streams(&self, cx: &Cx) -> Result<Arc<Streams>> {
        cx.within(async {
            self.connected(cx).await?;
            let mut known = self.streams.lock().await;
            if let Some(streams) = &*known {
                return Ok(streams.clone());
            }
            let streams = Arc::new(self.make_streams().await?);
            *known = Some(streams.clone());
            Ok(streams)
        })
        .await
    }

    /// Does `work` on the streams within the deadline. After a failure they are looked at anew: they may be gone.
    pub(super) async fn on<T>(&self, cx: &Cx, work: impl AsyncFnOnce(&Streams) -> Result<T>) -> Result<T> {
        let streams = self.streams(cx).await?;
        let done = cx.within(work(&streams)).await;
        if done.as_ref().is_err_and(plaza_core::Error::is_transient) {
            self.forget_streams().await;
        }
        done
    }

    /// Looks at the streams anew at the next call.
    pub(super) async fn forget_streams(&self) {
        *self.streams.lock().await = None;
    }

    async fn make_streams(&self) -> Result<Streams> {
        let (major, minor, patch) = SERVER;
        if !self.client.is_server_compatible(major, minor, patch) {
            let version = self.client.server_info().version;
            let old = format!("the server is {version}, and {major}.{minor}.{patch} or later is needed");
            return Err(unavailable("connect", old));
        }
        let events = self.make_stream(self.declared_events()).await?;
        let dead = self.make_stream(self.declared_dead()).await?;
        let turns = self.js.create_or_update_key_value(kv::Config {
            bucket: self.names.turns(),
            description: "where each consumer stands, and who has its turn".to_owned(),
            history: 1,
            num_replicas: self.options.replicas,
            ..kv::Config::default()
        });
        let turns = turns.await.nats("make bucket")?;
        Ok(Streams { events, dead, turns })
    }

    async fn make_stream(&self, declared: stream::Config) -> Result<stream::Stream> {
        let made = self.js.create_or_update_stream(declared).await.nats("make stream")?;
        self.js.get_stream(made.config.name).await.nats("look at stream")
    }

    /// No limits: what is old goes when every consumer has read it. A publication is one atomic batch.
    fn declared_events(&self) -> stream::Config {
        stream::Config {
            name: self.names.events(),
            description: Some("the event log".to_owned()),
            subjects: vec![self.names.all_events()],
            discard: stream::DiscardPolicy::New,
            duplicate_window: DUPLICATES,
            allow_direct: true,
            allow_atomic_publish: true,
            num_replicas: self.options.replicas,
            ..stream::Config::default()
        }
    }

    fn declared_dead(&self) -> stream::Config {
        stream::Config {
            name: self.names.dead(),
            description: Some("events that consumers gave up".to_owned()),
            subjects: vec![self.names.all_dead_letters()],
            max_messages_per_subject: 1,
            allow_direct: true,
            num_replicas: self.options.replicas,
            ..stream::Config::default()
        }
    }
}
