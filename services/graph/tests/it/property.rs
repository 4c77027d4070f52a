//! Random sequences of operations against the brute-force model.

use plaza_core::Env;
use plaza_graph::store::conformance::Subject;
use plaza_graph::store::conformance::model::{Op, check, random_ops};
use proptest::prelude::*;

use crate::conformance::{bare, cached};
use crate::ground::on_neo4j;

const ACCOUNTS: i64 = 8;

fn pair() -> impl Strategy<Value = (i64, i64)> {
    (1..=ACCOUNTS, 1..ACCOUNTS).prop_map(|(a, step)| (a, (a + step - 1) % ACCOUNTS + 1))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => pair().prop_map(|(a, b)| Op::Follow(a, b)),
        4 => pair().prop_map(|(a, b)| Op::Unfollow(a, b)),
        3 => pair().prop_map(|(a, b)| Op::Block(a, b)),
        3 => pair().prop_map(|(a, b)| Op::Unblock(a, b)),
        1 => pair().prop_map(|(a, b)| Op::RemoveFollower(a, b)),
        3 => (pair(), prop::option::of(0_i64..40)).prop_map(|((a, b), ms)| Op::Mute(a, b, ms)),
        2 => pair().prop_map(|(a, b)| Op::Unmute(a, b)),
        3 => pair().prop_map(|(a, b)| Op::Ask(a, b)),
        2 => pair().prop_map(|(a, b)| Op::Accept(a, b)),
        1 => pair().prop_map(|(a, b)| Op::Reject(a, b)),
        1 => pair().prop_map(|(a, b)| Op::Cancel(a, b)),
        1 => (1..=ACCOUNTS, 1_usize..4).prop_map(|(a, at_once)| Op::Erase(a, at_once)),
    ]
}

fn agrees(subject: &Subject, ops: &[Op]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(check(&*subject.store, ACCOUNTS, ops));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_the_model(ops in prop::collection::vec(op(), 0..160)) {
        agrees(&bare(), &ops);
    }

    #[test]
    fn the_cached_engine_agrees_with_the_model(ops in prop::collection::vec(op(), 0..160), side_limit in 1_usize..8) {
        agrees(&cached(side_limit, 1 << 20), &ops);
    }
}

/// Fewer and from one seed each, as each takes a server some seconds; the seed is in the failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neo4j_agrees_with_the_model() {
    on_neo4j(async |ground| {
        for _ in 0..3 {
            let seed = Env::system().below(u64::MAX);
            println!("seed {seed}");
            let subject = ground.cached(4, 1 << 20).await;
            let ops = random_ops(&Env::manual(subject.clock.clone(), seed), ACCOUNTS.unsigned_abs(), 120);
            check(&*subject.store, ACCOUNTS, &ops).await;
            subject.store.close().await;
        }
    })
    .await;
}
