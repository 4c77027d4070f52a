//! A schema for a test, gone with it.

use std::time::Duration;

use plaza_core::{Error, Result};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

use super::errors::PgResultExt as _;
use crate::StoreAddress;

/// How long dropping a schema may take.
const DROP: Duration = Duration::from_secs(10);

/// A schema of its own on a server that others use too. Dropping it drops the schema with all that is in it.
#[derive(Debug)]
pub struct Scratch {
    server: String,
    schema: String,
}

impl Scratch {
    /// Reserves `schema` on `server`, an address without one. Whoever opens the store creates it.
    #[must_use]
    pub fn new(server: impl Into<String>, schema: impl Into<String>) -> Self {
        Self { server: server.into(), schema: schema.into() }
    }

    /// The schema's address.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if the server's is none.
    pub fn address(&self) -> Result<StoreAddress> {
        let joint = if self.server.contains('?') { '&' } else { '?' };
        let text = format!("{}{joint}schema={}", self.server, self.schema);
        text.parse().map_err(|e| Error::invalid_field("server", format!("{e}")))
    }

    /// Runs statements in the schema, beside the store under test.
    ///
    /// # Errors
    /// The server's.
    pub async fn execute(&self, sql: &str) -> Result<()> {
        let mut conn = self.connect().await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.sql()?;
        Ok(())
    }

    /// A connection beside the store under test.
    ///
    /// # Errors
    /// The server's.
    pub async fn connect(&self) -> Result<PgConnection> {
        let options: PgConnectOptions = self.server.parse().sql()?;
        options.options([("search_path", &self.schema)]).connect().await.sql()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // On a thread of its own: the test's runtime cannot be waited for from here.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
                let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema);
                let dropped = runtime.block_on(async { tokio::time::timeout(DROP, self.execute(&drop)).await });
                if !matches!(dropped, Ok(Ok(()))) {
                    tracing::warn!(schema = self.schema, "a test's schema is left behind");
                }
            });
        });
    }
}
