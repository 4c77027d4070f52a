//! Two replicas over one store, of which one applies the events and both hear them.

use plaza_feeds::Config;

use crate::stream_home_feed::{is_quiet, open, post};
use crate::support::{Bench, Engine, config, user_with};

on_each_engine![
    what_one_replica_applies_the_other_shows,
    a_token_gets_past_the_lists_of_a_replica_that_is_behind,
    each_replica_sends_to_its_own_readers,
    a_replica_that_takes_over_forgets_its_lists,
    a_page_of_a_feed_that_another_replica_built_can_be_read_without_graph,
];

/// As with a store on a server.
fn shared() -> Config {
    Config { store: "redis://127.0.0.1".parse().unwrap(), ..config() }
}

/// The one that applies events, and the other.
async fn pair(engine: Engine, accounts: i64) -> (Bench, Bench) {
    let busy = Bench::with(engine, accounts, &shared()).await;
    let idle = busy.beside(&shared());
    (busy, idle)
}

/// One applies what happened, both hear of it.
async fn deliver(busy: &Bench, idle: &Bench) {
    let events = busy.world.drain();
    busy.apply(&events).await;
    idle.follow(&events).await.unwrap();
}

async fn what_one_replica_applies_the_other_shows(engine: Engine) {
    let (busy, idle) = pair(engine, 6).await;
    for author in 2..=4 {
        busy.world.follow(1, author);
        busy.world.post(author);
    }
    assert_eq!(idle.page(1, 20).await.posts, busy.world.home(1), "built here");
    deliver(&busy, &idle).await;
    for n in 0..12 {
        busy.world.post(2 + n % 3);
        if n % 4 == 1 {
            busy.world.unfollow(1, 2 + n % 3);
        }
        if n % 4 == 3 {
            busy.world.follow(1, 5);
            busy.world.post(5);
        }
        deliver(&busy, &idle).await;
        assert_eq!(idle.page(1, 20).await.posts, busy.world.home(1));
        assert_eq!(busy.page(1, 20).await.posts, busy.world.home(1));
    }
}

async fn a_token_gets_past_the_lists_of_a_replica_that_is_behind(engine: Engine) {
    let (busy, idle) = pair(engine, 9).await;
    // One whom many follow is pulled when a page is read.
    for reader in 5..=9 {
        busy.world.follow(reader, 3);
    }
    busy.world.follow(1, 2);
    busy.page(1, 20).await;
    busy.world.post(2);
    busy.world.post(3);
    deliver(&busy, &idle).await;
    assert_eq!(idle.page(1, 20).await.posts, busy.world.home(1), "and keeps whom the reader follows");
    assert!(!idle.held(1).await.unwrap().0.contains(&busy.world.home(3)[0]), "not pushed");
    busy.world.follow(1, 3);
    let events = busy.world.drain();
    busy.apply(&events).await;
    let token: Vec<String> = events.iter().map(|event| format!("{}={}", event.source, event.position)).collect();
    // The other has not heard of it, but knows that it is applied.
    idle.marks.raise(events.iter().map(|event| (event.source.as_str(), event.position)));
    let page = idle.page_with(&user_with(1, &token.join(",")), 20, "").await.unwrap();
    assert_eq!((page.posts, page.degraded), (busy.world.home(1), Vec::new()));
    idle.follow(&events).await.unwrap();
    assert_eq!(idle.page(1, 20).await.posts, busy.world.home(1));
}

async fn each_replica_sends_to_its_own_readers(engine: Engine) {
    let (busy, idle) = pair(engine, 9).await;
    busy.world.follow(1, 2);
    busy.world.follow(4, 2);
    for reader in 5..=9 {
        busy.world.follow(reader, 3);
    }
    busy.world.follow(1, 3);
    deliver(&busy, &idle).await;
    let (mut here, mut there, mut nobody) = (open(&busy, 4).await, open(&idle, 1).await, open(&idle, 3).await);
    let posts = [busy.world.post(2), busy.world.post(3), busy.world.post(1)];
    deliver(&busy, &idle).await;
    for expected in posts {
        assert_eq!(post(&mut there).await, expected);
    }
    assert_eq!(post(&mut here).await, posts[0]);
    assert_eq!(post(&mut nobody).await, posts[1], "their own");
    assert!(is_quiet(&mut here) && is_quiet(&mut there) && is_quiet(&mut nobody));
}

async fn a_replica_that_takes_over_forgets_its_lists(engine: Engine) {
    let (busy, idle) = pair(engine, 4).await;
    busy.world.follow(1, 3);
    for reader in [1, 2] {
        busy.page(reader, 5).await;
    }
    deliver(&busy, &idle).await;
    // The other once applied events too, and knows the author's followers from then.
    let before = busy.world.post(3);
    let events = busy.world.drain();
    idle.apply(&events).await;
    busy.world.follow(2, 3);
    let events = busy.world.drain();
    busy.apply(&events).await;
    // It was deaf meanwhile, and takes over.
    idle.projection.took_over();
    let after = busy.world.post(3);
    let events = busy.world.drain();
    idle.apply(&events).await;
    let held = idle.held(2).await.unwrap().0;
    assert!(held.contains(&after) && held.contains(&before), "{held:?}");
}

async fn a_page_of_a_feed_that_another_replica_built_can_be_read_without_graph(engine: Engine) {
    let (busy, idle) = pair(engine, 4).await;
    busy.world.follow(1, 2);
    busy.world.post(2);
    deliver(&busy, &idle).await;
    assert_eq!(busy.page(1, 5).await.posts, busy.world.home(1));
    assert_eq!(idle.page(1, 5).await.posts, busy.world.home(1));
    busy.world.graph_faults.fail(plaza_core::Error::new(plaza_core::reason::PEER_UNAVAILABLE));
    let page = idle.page(1, 5).await;
    assert_eq!((page.posts, page.degraded), (busy.world.home(1), vec!["graph".to_owned()]));
}
