//! The log on NATS JetStream: the suite, and what comes of several processes and of a broker that fails.

use std::sync::Arc;

use plaza_core::Env;
use plaza_stores::{ServerKind, StoreAddress};
use plaza_testkit::Store;

use crate::log::conformance;
use crate::log::{EventLog, NatsLog, NatsOptions};

/// A process's handle on the log of this prefix.
async fn open(address: &str, prefix: &str) -> NatsLog {
    let address: StoreAddress = address.parse().unwrap();
    let options = NatsOptions { prefix: prefix.to_owned(), ..NatsOptions::default() };
    NatsLog::connect(address.server(ServerKind::Nats).unwrap(), options, Env::system()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_nats_log_conforms() {
    let Some(address) = Store::Nats.address() else { return };
    let fresh = || async { Arc::new(open(&address, &Store::unique_name()).await) as Arc<dyn EventLog> };
    conformance::run(fresh).await.unwrap();
}
