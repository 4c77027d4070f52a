//! What a read replica is asked for.
//!
//! A replica may be behind by any time, so it is asked only where that cannot make an answer wrong, or can be noticed. An
//! answer that somebody may keep in a cache comes from the primary: the newest posts, and posts themselves. A page further
//! down lacks posts only if the replica has not got as far as the page begins; it is taken from a replica that holds a
//! post which is newer than that by [`MARGIN_MS`].

use plaza_core::{Cx, PostId, Result};
use plaza_stores::postgres::Conn;
use plaza_stores::{PgResultExt as _, Postgres};
use sqlx::PgConnection;

use crate::store::END;

/// More than a transaction takes that draws an id and commits it: so long after an id was drawn no lower one is committed.
const MARGIN_MS: i64 = 15_000;

/// The store's reads of lists.
#[derive(Clone, Debug)]
pub(super) struct Lists {
    pub(super) db: Postgres,
    /// Whether there is a replica.
    pub(super) replica: bool,
}

impl Lists {
    /// Runs `f` where all is known of posts below `before`.
    pub(super) async fn read<T, F, Fut>(&self, cx: &Cx, before: PostId, f: F) -> Result<T>
    where
        F: Fn(Conn) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        if self.replica && before < END && cx.token().is_empty() {
            let f = &f;
            let read = |mut conn: Conn| async move {
                if reaches(&mut conn, before).await? { f(conn).await.map(Some) } else { Ok(None) }
            };
            if let Some(answer) = self.db.read_replica(cx, read).await? {
                return Ok(answer);
            }
        }
        self.db.read(cx, f).await
    }
}

/// Whether the server that is asked has all posts below `before`.
async fn reaches(conn: &mut PgConnection, before: PostId) -> Result<bool> {
    let newest: Option<i64> = sqlx::query_scalar("SELECT max(id) FROM posts").fetch_one(conn).await.sql()?;
    Ok(newest.is_some_and(|newest| PostId(newest).time() > before.time().plus_ms(MARGIN_MS)))
}
