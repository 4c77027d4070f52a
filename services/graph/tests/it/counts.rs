//! `BatchGetCounts`.

use plaza_proto::graph::v1::{BatchGetCountsRequest, Counts};

use crate::support::{World, nobody};

#[tokio::test]
async fn batch_get_counts_keeps_order_and_duplicates() {
    let w = World::new().await;
    for (a, b) in [(1, 2), (1, 3), (2, 3), (4, 3)] {
        w.follow(a, b).await.unwrap();
    }
    w.unfollow(4, 3).await.unwrap();
    let request = BatchGetCountsRequest { account_ids: vec![3, 999, 1, 4, 3] };
    let counts = w.graph.batch_get_counts(&nobody(), request).await.unwrap().counts;
    let of = |account_id, followers, following| Counts { account_id, followers, following };
    assert_eq!(counts, [of(3, 2, 0), of(999, 0, 0), of(1, 0, 2), of(4, 0, 0), of(3, 2, 0)]);
}
