//! Keeps a turn while events are applied, however long that takes.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Subject;
use async_nats::jetstream::AckKind;
use parking_lot::Mutex;
use plaza_core::Cx;
use tokio::time::Instant;

use super::broker::Broker;
use super::turn::{RENEW, TURN, Turn};

/// The pause after a failure to write.
const AGAIN: Duration = Duration::from_millis(250);

/// Writes the turn again and again, and tells the server that what is in hand is being worked on, until the turn lapses.
pub(super) async fn keep(broker: Arc<Broker>, turn: Arc<Turn>, hand: Arc<Mutex<Vec<(u64, Subject)>>>) {
    let working = broker.options.ack_wait / 3;
    let mut told_at = Instant::now();
    loop {
        let next = turn.renew_at().min(told_at + working).max(Instant::now() + AGAIN.min(working));
        tokio::time::sleep_until(next).await;
        if !turn.is_mine() {
            return;
        }
        if told_at.elapsed() >= working {
            told_at = Instant::now();
            progress(&broker, &hand).await;
        }
        if Instant::now() >= turn.renew_at() {
            let cx = Cx::background("log", TURN - RENEW);
            if let Err(error) = turn.write(&cx, |_| {}).await {
                tracing::warn!(%error, "the turn is not written; trying again");
            }
        }
    }
}

async fn progress(broker: &Broker, hand: &Mutex<Vec<(u64, Subject)>>) {
    let replies: Vec<Subject> = hand.lock().iter().map(|(_, reply)| reply.clone()).collect();
    for reply in replies {
        // An event that the server takes for lost is delivered again, which does no harm.
        if !broker.is_connected() || broker.client.publish(reply, AckKind::Progress.into()).await.is_err() {
            return;
        }
    }
}
