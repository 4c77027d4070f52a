//! Random sequences of operations against the brute-force model.

use plaza_graph::store::conformance::Subject;
use plaza_graph::store::conformance::model::{Op, check};
use proptest::prelude::*;

use crate::conformance::{bare, cached};

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
