//! An account with 10,000 followers.

use std::collections::BTreeSet;

use futures::future::join_all;
use plaza_events::NewEvent;
use plaza_proto::accounts::v1::AccountDeleted;
use plaza_proto::graph::v1::{ListFollowerIdsRequest, Relationship};

use crate::lists::followers;
use crate::support::{World, nobody, service, service_for, stranger};

const CROWD: i64 = 10_000;
const CELEBRITY: i64 = 1;

async fn gather(w: &World) {
    w.accounts.add(1_001..=1_000 + CROWD);
    let everybody: Vec<i64> = (1_001..=1_000 + CROWD).collect();
    for some in everybody.chunks(250) {
        let follows = some.iter().map(|follower| w.follow(*follower, CELEBRITY));
        assert!(join_all(follows).await.iter().all(Result::is_ok));
    }
    w.follow(CELEBRITY, 2).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_is_listed_counted_and_erased() {
    let w = World::new().await;
    gather(&w).await;
    assert_eq!(w.counts(CELEBRITY).await, (CROWD, 1));

    // Every follower once, newest first.
    let listed = followers(&w, &nobody(), CELEBRITY, 100).await;
    let distinct: BTreeSet<i64> = listed.iter().map(|edge| edge.account_id).collect();
    assert_eq!((listed.len(), distinct.len()), (10_000, 10_000));
    let time = |i: usize| listed[i].follow_time.map(|t| (t.seconds, t.nanos));
    assert!((1..listed.len()).all(|i| time(i - 1) >= time(i)));

    // By rising id, 5,000 at most at once.
    let page = async |after_id| {
        let request = ListFollowerIdsRequest { account_id: CELEBRITY, after_id, page_size: 50_000 };
        w.graph.list_follower_ids(&service(), request).await.unwrap().account_ids
    };
    let (first, second) = (page(0).await, page(6_000).await);
    assert_eq!((first.len(), first.first(), first.last()), (5_000, Some(&1_001), Some(&6_000)));
    assert_eq!((second.len(), second.last()), (5_000, Some(&11_000)));
    assert!(page(11_000).await.is_empty());

    // Too many for the cache: answered by the store.
    let expected = [
        Relationship { followed_by: true, ..stranger(4_711) },
        Relationship { following: true, ..stranger(2) },
        stranger(3),
    ];
    assert_eq!(w.relationships(&service_for(CELEBRITY), &[4_711, 2, 3]).await, expected);

    erase(&w).await;
}

async fn erase(w: &World) {
    assert!(w.relationships(&service_for(4_711), &[CELEBRITY]).await[0].following);
    w.accounts.delete(CELEBRITY);
    let event = NewEvent::new(&w.env, None, "account", CELEBRITY, &AccountDeleted { account_id: CELEBRITY });
    let (erasure, _) = w.app.projections().remove(0);
    erasure.apply(&service(), &[event.placed("accounts", 1)]).await.unwrap();
    assert!(followers(w, &nobody(), CELEBRITY, 100).await.is_empty());
    assert_eq!((w.counts(CELEBRITY).await, w.counts(2).await, w.counts(4_711).await), ((0, 0), (0, 0), (0, 0)));
    assert_eq!(w.relationships(&service_for(4_711), &[CELEBRITY]).await, [stranger(CELEBRITY)]);
    let told = w.told().await;
    let ended = told.iter().filter(|event| event.starts_with("Unfollowed ")).count();
    assert_eq!((told.len(), ended), (20_002, 10_001));
}
