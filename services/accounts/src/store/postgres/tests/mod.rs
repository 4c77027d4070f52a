//! On a real server, each test in a schema of its own.

mod outage;
mod replicas;

use std::sync::Arc;

use plaza_core::Env;
use plaza_stores::ServerKind;
use plaza_stores::postgres::Scratch;
use plaza_testkit::Store;

use super::PostgresAccounts;
use crate::config::Config;
use crate::store::conformance::Made;
use crate::store::{CachedAccounts, Changed, OnChange, cache};

/// A schema for the test, none without a server.
fn scratch() -> Option<Scratch> {
    Some(Scratch::new(Store::Postgres.address()?, Store::unique_name()))
}

async fn open(scratch: &Scratch, env: Env, on_change: OnChange) -> PostgresAccounts {
    let address = scratch.address().unwrap();
    let server = address.server(ServerKind::Postgres).unwrap();
    PostgresAccounts::open(server, None, env, on_change).await.unwrap()
}

mod alone {
    use super::*;

    async fn make(env: Env, on_change: OnChange) -> Option<Made> {
        let scratch = scratch()?;
        let store = open(&scratch, env, on_change).await;
        Some(Made { store: Arc::new(store), keep: Box::new(scratch) })
    }

    crate::store::conformance::suite!(make);
}

mod behind_the_cache {
    use super::*;

    /// The suite's own listener comes behind the cache's.
    async fn make(env: Env, told: OnChange) -> Option<Made> {
        let scratch = scratch()?;
        let cache = cache::open(&Config::ephemeral(), &env).unwrap();
        let forget = cache::on_change(&cache);
        let both: OnChange = Arc::new(move |changed: &Changed| {
            forget(changed);
            told(changed);
        });
        let engine = Arc::new(open(&scratch, env, both).await);
        Some(Made { store: Arc::new(CachedAccounts::new(engine, cache)), keep: Box::new(scratch) })
    }

    crate::store::conformance::suite!(make);
}
