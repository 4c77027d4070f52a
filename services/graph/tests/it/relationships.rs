//! `BatchGetRelationships`.

use plaza_graph::Config;
use plaza_proto::graph::v1::Relationship;
use plaza_stores::StoreAddress;

use crate::support::{World, service_for, stranger, user};

async fn populate(w: &World) {
    w.follow(1, 2).await.unwrap();
    w.follow(3, 1).await.unwrap();
    w.block(1, 4).await.unwrap();
    w.block(5, 1).await.unwrap();
}

#[tokio::test]
async fn batch_get_relationships_keeps_order_and_duplicates() {
    let w = World::new().await;
    populate(&w).await;
    let others = [5, 3, 999, 2, 1, 4, 2];
    let blocked_by = |blocked_by| {
        vec![
            Relationship { blocked_by, ..stranger(5) },
            Relationship { followed_by: true, ..stranger(3) },
            stranger(999),
            Relationship { following: true, ..stranger(2) },
            stranger(1),
            Relationship { blocking: true, ..stranger(4) },
            Relationship { following: true, ..stranger(2) },
        ]
    };
    // Who blocks them is told to a service that acts for the user, and not to the user.
    assert_eq!(w.relationships(&service_for(1), &others).await, blocked_by(true));
    assert_eq!(w.relationships(&user(1), &others).await, blocked_by(false));
}

#[tokio::test]
async fn a_change_by_either_side_shows_at_once() {
    let w = World::new().await;
    let cx = service_for(1);
    assert_eq!(w.relationships(&cx, &[2]).await, [stranger(2)]);
    w.follow(2, 1).await.unwrap();
    assert_eq!(w.relationships(&cx, &[2]).await, [Relationship { followed_by: true, ..stranger(2) }]);
    w.follow(1, 2).await.unwrap();
    let both = Relationship { followed_by: true, following: true, ..stranger(2) };
    assert_eq!(w.relationships(&cx, &[2]).await, [both]);
    w.block(2, 1).await.unwrap();
    assert_eq!(w.relationships(&cx, &[2]).await, [Relationship { blocked_by: true, ..stranger(2) }]);
    w.unblock(2, 1).await.unwrap();
    assert_eq!(w.relationships(&cx, &[2]).await, [stranger(2)]);
}

#[tokio::test]
async fn an_account_with_too_many_edges_for_the_cache_is_answered_for_as_well() {
    let config = Config { store: StoreAddress::Memory, cache_edges_per_side: 2, ..Config::default() };
    let w = World::with(config).await;
    populate(&w).await;
    for follower in [6, 7, 8] {
        w.follow(follower, 1).await.unwrap();
    }
    let told = w.relationships(&service_for(1), &[7, 2, 5, 999]).await;
    let expected = [
        Relationship { followed_by: true, ..stranger(7) },
        Relationship { following: true, ..stranger(2) },
        Relationship { blocked_by: true, ..stranger(5) },
        stranger(999),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn repeated_questions_are_answered_from_memory() {
    let w = World::new().await;
    populate(&w).await;
    for _ in 0..5 {
        w.relationships(&user(1), &[2, 3, 4]).await;
    }
    let gauges = w.app.gauges();
    let figure = |name| gauges.iter().find(|g| g.name == name).map(|g| g.value).unwrap();
    assert_eq!((figure("cache_hits_total"), figure("cache_misses_total")), (4.0, 1.0));
}
