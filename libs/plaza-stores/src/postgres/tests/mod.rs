//! On a real server, each test in a schema of its own.

mod batch;
mod calls;
mod requests;
mod start;

use std::time::Duration;

use plaza_core::Cx;
use plaza_testkit::Store;

use super::{Postgres, PostgresOptions, Scratch};
use crate::{Migration, ServerAddress, ServerKind};

const THINGS: &[Migration] = &[
    Migration { name: "0001_things", sql: "CREATE TABLE things (id bigint PRIMARY KEY, value bigint NOT NULL)" },
    Migration { name: "0002_requests", sql: super::requests::SCHEMA },
];

fn cx() -> Cx {
    within(10_000)
}

fn within(ms: u64) -> Cx {
    Cx::background("test", Duration::from_millis(ms))
}

/// A schema for the test, none without a server.
fn scratch() -> Option<Scratch> {
    Some(Scratch::new(Store::Postgres.address()?, Store::unique_name()))
}

fn server(scratch: &Scratch) -> ServerAddress {
    scratch.address().unwrap().server(ServerKind::Postgres).unwrap().clone()
}

async fn open(scratch: &Scratch) -> Postgres {
    Postgres::open(&server(scratch), PostgresOptions::new("test"), THINGS).await.unwrap()
}

async fn values(db: &Postgres) -> Vec<(i64, i64)> {
    let context = cx();
    let read = db.read(&context, |mut conn| async move {
        use super::PgResultExt as _;
        sqlx::query_as("SELECT id, value FROM things ORDER BY id").fetch_all(&mut *conn).await.sql()
    });
    read.await.unwrap()
}
