//! Channels to peers that are several machines: which of them is called, and what happens while they come and go.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{Code, reason};
use plaza_rpc::client::Resolver;
use plaza_rpc::{Channel, ChannelConfig, Cx, Result, ServeConfig};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::sample::*;
use crate::world::{Options, World, nobody, within};

const SERVICE: &str = "plaza.sample.v1.SampleService";
/// Longer than any test waits for a condition.
const PATIENCE: Duration = Duration::from_secs(20);

fn serve() -> ServeConfig {
    ServeConfig { grace: Duration::from_millis(50), ..ServeConfig::default() }
}

async fn world() -> World {
    World::with(Options { serve: serve(), ..Options::default() }).await
}

async fn world_at(listen: SocketAddr) -> World {
    World::with(Options { serve: serve(), listen: Some(listen), ..Options::default() }).await
}

fn channel(addresses: &[SocketAddr]) -> Channel {
    let list: Vec<String> = addresses.iter().map(|address| format!("http://{address}")).collect();
    Channel::connect(&list.join(","), &ChannelConfig::default()).unwrap()
}

async fn echo(channel: &Channel, cx: &Cx) -> Result<()> {
    let client = SampleServiceClient::remote(channel.clone());
    client.echo(cx, EchoRequest::default()).await.map(drop)
}

async fn echoes(channel: &Channel, count: usize) {
    for n in 0..count {
        echo(channel, &nobody()).await.unwrap_or_else(|e| panic!("call {n}: {e:?}"));
    }
}

/// Asks until the answer is yes.
async fn until<F: Future<Output = bool>>(what: &str, mut probe: impl FnMut() -> F) {
    let end = Instant::now() + PATIENCE;
    while !probe().await {
        assert!(Instant::now() < end, "waited in vain for {what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn calls_go_to_every_machine() {
    let (a, b) = (world().await, world().await);
    let channel = channel(&[a.address, b.address]);
    echoes(&channel, 20).await;
    assert_eq!((a.echoes(), b.echoes()), (10, 10));
    assert_eq!((channel.state().machines, channel.state().up), (2, 2));
}

#[tokio::test]
async fn a_machine_with_much_in_hand_gets_fewer_calls() {
    let (a, b) = (world().await, world().await);
    let channel = channel(&[a.address, b.address]);
    let wait = FailRequest { how: Some(fail_request::How::Wait(true)) };
    let client = SampleServiceClient::remote(channel.clone());
    let working = tokio::spawn(async move { client.fail(&nobody(), wait).await });
    let busy = tokio::select! {
        () = a.waiting.notified() => (&a, &b),
        () = b.waiting.notified() => (&b, &a),
    };
    echoes(&channel, 10).await;
    assert_eq!((busy.0.echoes(), busy.1.echoes()), (0, 10));
    busy.0.go.notify_one();
    working.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_machine_that_dies_is_left_alone_and_one_that_comes_back_is_called_again() {
    let (a, b) = (world().await, world().await);
    let channel = channel(&[a.address, b.address]);
    echoes(&channel, 4).await;
    let address = b.address;
    b.shut_down().await;
    echoes(&channel, 20).await;
    assert_eq!(channel.state().up, 1);
    let b = world_at(address).await;
    until("the machine to be called again", || async {
        echo(&channel, &nobody()).await.unwrap();
        b.echoes() > 0
    })
    .await;
    assert_eq!(channel.state().up, 2);
}

#[tokio::test]
async fn machines_that_restart_in_turn_under_load_fail_no_call() {
    let (mut a, mut b) = (world().await, world().await);
    let channel = channel(&[a.address, b.address]);
    let (stop, calls) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..8)
        .map(|_| {
            let (channel, stop, calls) = (channel.clone(), stop.clone(), calls.clone());
            tokio::spawn(async move {
                while stop.load(Ordering::Relaxed) == 0 {
                    echo(&channel, &nobody()).await.unwrap();
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..3 {
        for world in [&mut a, &mut b] {
            let address = world.address;
            let done = calls.load(Ordering::Relaxed);
            until("calls to both machines", || async { calls.load(Ordering::Relaxed) > done + 50 }).await;
            let old = std::mem::replace(world, World::new().await);
            old.shut_down().await;
            *world = world_at(address).await;
            until("both machines to be up", || async { channel.state().up == 2 }).await;
        }
    }
    stop.store(1, Ordering::Relaxed);
    for load in load {
        load.await.unwrap();
    }
}

#[tokio::test]
async fn nobody_at_any_address_is_an_error_at_once() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let channel = channel(&[address]);
    let start = Instant::now();
    let error = echo(&channel, &nobody()).await.unwrap_err();
    assert!(error.is(reason::PEER_UNAVAILABLE) && error.retry_delay().is_some(), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(channel.check(&nobody(), SERVICE).await.unwrap_err().is(reason::PEER_UNAVAILABLE));
    let back = world_at(address).await;
    until("the machine to be called", || async { echo(&channel, &nobody()).await.is_ok() }).await;
    channel.check(&nobody(), SERVICE).await.unwrap();
    back.health.set(SERVICE, false);
    assert!(channel.check(&nobody(), SERVICE).await.unwrap_err().is(reason::PEER_UNAVAILABLE));
    echo(&channel, &nobody()).await.unwrap();
}

/// Takes connections and never says a word, as a process does that was stopped.
async fn mute() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn a_silent_machine_holds_no_call_past_its_deadline_and_is_left_alone() {
    let ((_held, silent), speaks) = (mute().await, world().await);
    let alone = channel(&[silent]);
    let start = Instant::now();
    let error = echo(&alone, &within(Duration::from_millis(300))).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(start.elapsed() < Duration::from_secs(1));

    let both = channel(&[silent, speaks.address]);
    // A read that went to the silent one moves on when that is known.
    let read = || async { echo(&both, &nobody()).await.unwrap() };
    futures::future::join_all((0..4).map(|_| read())).await;
    assert_eq!((both.state().up, speaks.echoes()), (1, 4));
    // From now on none waits.
    let start = Instant::now();
    echoes(&both, 20).await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_mutation_that_may_have_begun_is_not_sent_again() {
    let ((_held, silent), speaks) = (mute().await, world().await);
    let both = channel(&[silent, speaks.address]);
    let create = |n: u32| {
        let client = SampleServiceClient::remote(both.clone());
        let request_id = format!("00000000-0000-4000-8000-{n:012}");
        async move {
            let request = CreateThingRequest { request_id, ..CreateThingRequest::default() };
            client.create_thing(&within(Duration::from_secs(3)), request).await
        }
    };
    let (one, other) = tokio::join!(create(1), create(2));
    let lost = [&one, &other].into_iter().filter_map(|answer| answer.as_ref().err());
    assert!(lost.map(plaza_core::Error::code).eq([Code::DeadlineExceeded]), "{one:?} {other:?}");
}

/// Names whose machines a test sets.
#[derive(Default)]
struct Names {
    machines: Mutex<Vec<SocketAddr>>,
    asked: AtomicUsize,
}

#[async_trait::async_trait]
impl Resolver for Names {
    async fn resolve(&self, host: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        assert_eq!(host, "sample");
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.machines.lock().clone() {
            none if none.is_empty() => Err(io::ErrorKind::NotFound.into()),
            some => Ok(some),
        }
    }
}

fn named(names: &Arc<Names>, resolve_every: Duration) -> Channel {
    let config = ChannelConfig { resolve_every, ..ChannelConfig::default() };
    Channel::connect_with("http://sample:7000", &config, names.clone()).unwrap()
}

#[tokio::test]
async fn a_name_stands_for_the_machines_that_it_has_now() {
    let (a, b, names) = (world().await, world().await, Arc::new(Names::default()));
    let channel = named(&names, Duration::from_millis(20));
    assert!(echo(&channel, &nobody()).await.unwrap_err().is(reason::PEER_UNAVAILABLE), "nobody knows the name yet");
    *names.machines.lock() = vec![a.address];
    until("the name to be known", || async { echo(&channel, &nobody()).await.is_ok() }).await;
    *names.machines.lock() = vec![a.address, b.address];
    until("the new machine to be called", || async {
        echo(&channel, &nobody()).await.unwrap();
        b.echoes() > 0
    })
    .await;
    *names.machines.lock() = vec![b.address];
    until("the old machine to be forgotten", || async {
        echo(&channel, &nobody()).await.unwrap();
        channel.state().machines == 1
    })
    .await;
    // A name server that is away takes nothing away.
    names.machines.lock().clear();
    let (before, asked) = (a.echoes(), names.asked.load(Ordering::SeqCst));
    until("two more questions", || async {
        echo(&channel, &nobody()).await.unwrap();
        names.asked.load(Ordering::SeqCst) > asked + 1
    })
    .await;
    assert_eq!(a.echoes(), before);
}

#[tokio::test]
async fn a_name_is_looked_up_anew_when_no_machine_of_it_answers() {
    let (a, names) = (world().await, Arc::new(Names::default()));
    *names.machines.lock() = vec![a.address];
    // Only a failure makes it look again.
    let channel = named(&names, Duration::from_secs(3_600));
    echoes(&channel, 1).await;
    assert_eq!(names.asked.load(Ordering::SeqCst), 1);
    a.shut_down().await;
    let b = world().await;
    *names.machines.lock() = vec![b.address];
    until("the new machine to be called", || async { echo(&channel, &nobody()).await.is_ok() }).await;
    assert_eq!(channel.state().machines, 1);
}
