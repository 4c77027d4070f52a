//! Events that come twice, late, or in another order.

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;
use plaza_core::{Cx, Env, ManualClock, Result, Timestamp};
use proptest::prelude::*;

use super::support::cx;
use crate::log::conformance::sample;
use crate::{Digest, Event, Projection};

/// Copies a truth that is a map; uses the default `apply`.
#[derive(Default)]
struct Mirror {
    truth: Mutex<BTreeMap<i64, i64>>,
    held: Mutex<BTreeMap<i64, i64>>,
    projected: Mutex<Vec<Vec<i64>>>,
}

#[async_trait]
impl Projection for Mirror {
    fn name(&self) -> &'static str {
        "mirror"
    }

    fn sources(&self) -> &[&'static str] {
        &["things"]
    }

    fn keys(&self, event: &Event) -> Vec<i64> {
        vec![event.aggregate_id]
    }

    async fn project(&self, _: &Cx, keys: &[i64]) -> Result<()> {
        self.projected.lock().push(keys.to_vec());
        let (truth, mut held) = (self.truth.lock(), self.held.lock());
        for key in keys {
            match truth.get(key) {
                Some(value) => held.insert(*key, *value),
                None => held.remove(key),
            };
        }
        Ok(())
    }

    async fn scan_truth(&self, _: &Cx, _: i64, _: usize) -> Result<Vec<(i64, Digest)>> {
        Ok(Vec::new())
    }

    async fn digests(&self, _: &Cx, keys: &[i64]) -> Result<Vec<Option<Digest>>> {
        Ok(vec![None; keys.len()])
    }
}

fn event(key: i64, position: i64) -> Event {
    Event { aggregate_id: key, ..sample("things", position) }
}

#[tokio::test]
async fn the_keys_of_a_batch_are_projected_once_each() {
    let mirror = Mirror::default();
    let events: Vec<_> = (1..).zip([3, 1, 3, 2, 1]).map(|(position, key)| event(key, position)).collect();
    mirror.apply(&cx(), &events).await.unwrap();
    mirror.apply(&cx(), &[]).await.unwrap();
    assert_eq!(*mirror.projected.lock(), [vec![3, 1, 2]]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Writes go on while events are delivered; each event is delivered at least once after its write, in any order and
    /// any number of times. In the end the copy is the truth.
    #[test]
    fn any_order_with_any_repeats_leads_to_the_same_state(
        writes in prop::collection::vec((0..6_i64, prop::option::of(0..100_i64)), 1..40),
        deliveries in prop::collection::vec(prop::collection::vec(0..40_usize, 0..6), 0..30),
        shuffle in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let env = Env::manual(ManualClock::new(Timestamp(0)), shuffle);
            let mirror = Mirror::default();
            let mut deliveries = deliveries.into_iter();
            for (written, (key, value)) in writes.iter().enumerate() {
                match value {
                    Some(value) => mirror.truth.lock().insert(*key, *value),
                    None => mirror.truth.lock().remove(key),
                };
                if let Some(batch) = deliveries.next() {
                    let batch: Vec<_> =
                        batch.iter().filter(|i| **i <= written).map(|i| event(writes[*i].0, *i as i64)).collect();
                    mirror.apply(&cx(), &batch).await.unwrap();
                }
            }
            let mut rest: Vec<_> = writes.iter().enumerate().map(|(i, (key, _))| event(*key, i as i64)).collect();
            for i in (1..rest.len()).rev() {
                let j = env.below(i as u64 + 1) as usize;
                rest.swap(i, j);
            }
            for batch in rest.chunks(3) {
                mirror.apply(&cx(), batch).await.unwrap();
            }
            assert_eq!(*mirror.held.lock(), *mirror.truth.lock());
        });
    }
}
