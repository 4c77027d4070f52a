//! Each store taken away in each way, under a mixed load on the whole platform with two replicas of posts and feeds.
//!
//! During a fault no call waits past its deadline, those that do not need the store succeed, the others say UNAVAILABLE
//! with a reason, and nothing crashes. After it everything works within ten seconds without a restart, nothing that was
//! acknowledged is lost and nothing happened twice.

use std::collections::BTreeMap;
use std::time::Duration;

use plaza_core::{Code, Token};
use plaza_proto::feeds::v1::GetUserFeedRequest;
use plaza_proto::graph::v1::BatchGetCountsRequest;
use plaza_testkit::{Backends, Person, Sandbox, Store, wait};
use tokio::time::Instant;

use crate::load::{Crowd, DEADLINE, Kind, MARGIN, Sample, each_kind_worked};
use crate::table::{self, Row};

pub(crate) const AUTHORS: usize = 4;
/// How soon everything must work again.
const RECOVERY: Duration = Duration::from_secs(10);
/// So long everything must work to count as recovered.
const CALM: Duration = Duration::from_secs(1);

/// What is done to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Killed,
    Stopped,
    Cut,
    Slow,
}

impl Fault {
    const ALL: [Self; 4] = [Self::Killed, Self::Stopped, Self::Cut, Self::Slow];

    fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed with -9, back 5 s later",
            Self::Stopped => "stopped (SIGSTOP) for 20 s",
            Self::Cut => "its connections cut, five times in 3 s",
            Self::Slow => "500 ms slower each way for 10 s",
        }
    }

    /// Brings it about and ends it.
    async fn inflict(self, backends: &mut Backends, store: Store) {
        match self {
            Self::Killed => {
                backends.server(store).kill().await;
                tokio::time::sleep(Duration::from_secs(5)).await;
                backends.server(store).restart().await;
            }
            Self::Stopped => {
                backends.server(store).pause();
                tokio::time::sleep(Duration::from_secs(20)).await;
                backends.server(store).resume();
            }
            Self::Cut => {
                for _ in 0..5 {
                    backends.proxy(store).cut();
                    tokio::time::sleep(Duration::from_millis(600)).await;
                }
            }
            Self::Slow => {
                backends.proxy(store).delay(Duration::from_millis(500));
                tokio::time::sleep(Duration::from_secs(10)).await;
                backends.proxy(store).delay(Duration::ZERO);
            }
        }
    }
}

/// The calls that do not need a store: they must go on while it is away, from caches or on the degraded path.
fn unaffected(store: Store) -> &'static [Kind] {
    match store {
        Store::Postgres => &[],
        Store::Redis => &[Kind::Profile, Kind::Post, Kind::Like, Kind::Follow, Kind::Home],
        Store::Neo4j => &[Kind::SignIn, Kind::Profile, Kind::Post, Kind::Home],
        Store::RedisCache | Store::Nats => &Kind::ALL,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_store_may_be_killed_stopped_cut_or_slow() {
    let Some(mut backends) = Backends::start().await else { return };
    let mut sandbox = Sandbox::cluster(&backends, &[]).await;
    let mut rows = Vec::new();
    for store in Store::ALL {
        for fault in Fault::ALL {
            rows.push(suffer(&mut sandbox, &mut backends, store, fault).await);
        }
    }
    table::report(&rows);
    sandbox.stop().await;
}

/// One fault under load, with all that must hold during and after it.
async fn suffer(sandbox: &mut Sandbox, backends: &mut Backends, store: Store, fault: Fault) -> Row {
    let (guest, name) = (sandbox.guest(), format!("{}_{fault:?}", store.name().replace('-', "_")).to_lowercase());
    eprintln!("{}: {}", store.name(), fault.name());
    let mut crowd = Crowd::start(&guest, &name, AUTHORS).await;
    recovered(&crowd, Instant::now(), "before the fault").await;

    let began = Instant::now();
    fault.inflict(backends, store).await;
    let ended = Instant::now();
    let took = recovered(&crowd, ended, &format!("after {name}")).await;
    crowd.finish(&guest).await;

    sandbox.assert_alive();
    let samples = crowd.between(began, ended);
    judge(&samples, unaffected(store), &name);
    nothing_lost_or_twice(sandbox, &crowd, &name).await;
    Row::new(store.name(), fault.name(), &samples, took)
}

/// Waits until every kind of call has succeeded for a while; how long after `since` that while began.
pub(crate) async fn recovered(crowd: &Crowd, since: Instant, when: &str) -> Duration {
    let mut calm_since = since;
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let samples = crowd.between(calm_since, Instant::now());
        if let Some(last) = samples.iter().filter(|s| s.error.is_some()).map(|s| s.began).max() {
            calm_since = last + Duration::from_micros(1);
        }
        let fine = crowd.between(calm_since, Instant::now());
        if each_kind_worked(&fine) && calm_since.elapsed() >= CALM {
            return calm_since - since;
        }
        let failing: BTreeMap<&str, String> =
            samples.iter().filter_map(|s| Some((s.kind.name(), s.error.as_ref()?.to_string()))).collect();
        assert!(calm_since - since <= RECOVERY && since.elapsed() <= RECOVERY * 3, "{when}: not well: {failing:?}");
    }
}

/// What the calls during a fault came to.
fn judge(samples: &[Sample], unaffected: &[Kind], name: &str) {
    for sample in samples {
        let kind = sample.kind.name();
        assert!(sample.took <= DEADLINE + MARGIN, "{name}: {kind} waited {:?}: {:?}", sample.took, sample.error);
        let Some(error) = &sample.error else { continue };
        assert!(!unaffected.contains(&sample.kind), "{name}: {kind} does not need the store: {error}");
        let said = matches!(
            error.code(),
            Code::Unavailable | Code::DeadlineExceeded | Code::Aborted | Code::ResourceExhausted
        );
        assert!(said, "{name}: {kind} failed with {:?}: {error}", error.code());
    }
}

/// The state after a fault is what was acknowledged, once.
pub(crate) async fn nothing_lost_or_twice(sandbox: &Sandbox, crowd: &Crowd, name: &str) {
    let (wrong, posts) = {
        let record = crowd.record.lock();
        (record.wrong.clone(), record.posts.clone())
    };
    assert!(wrong.is_empty(), "{name}: {wrong:?}");
    let mut there = BTreeMap::new();
    for author in &crowd.authors {
        for (text, id) in posts_by(author).await {
            assert!(there.insert(text.clone(), id).is_none(), "{name}: `{text}` is there twice");
        }
    }
    assert_eq!(there, posts, "{name}: what is there and what was acknowledged");
    let mut ids: Vec<i64> = posts.values().copied().collect();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    wait::until(&format!("{name}: the reader's whole feed"), || async {
        (crowd.reader.walk_home(&Token::default(), 100).await.ok()? == ids).then_some(())
    })
    .await;
    let follows = crowd.follows();
    wait::until(&format!("{name}: {follows} followers of the star"), || async {
        let request = BatchGetCountsRequest { account_ids: vec![crowd.star.id()] };
        let counts = crowd.reader.call(request).await.ok()?.message.counts;
        (counts[0].followers == follows).then_some(())
    })
    .await;
    let letters = sandbox.run(&["dlq", "list"]).await;
    assert!(!letters.contains("projection"), "{name}: no event was given up: {letters}");
}

/// The texts of an author's posts with their ids.
async fn posts_by(author: &Person) -> Vec<(String, i64)> {
    let (mut posts, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = GetUserFeedRequest { account_id: author.id(), page_size: 100, page_token };
        let page = author.call(request).await.expect("a page").message;
        posts.extend(page.posts.into_iter().map(|post| (post.text, post.post_id)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return posts;
        }
    }
}
