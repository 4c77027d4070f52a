//! The heads of profiles.

use plaza_core::{AccountId, Env, Error, PostId, Result, reason};
use plaza_proto::posts::v1::{PostPinned, PostUnpinned};
use plaza_stores::PgResultExt as _;
use sqlx::PgConnection;

use super::batch::{Done, Job};
use super::edits::{living_author, present};
use super::locks::Locks;
use super::single::{Came, Single, tell};
use crate::store::{Changed, MAX_PINS, PinChange, Pinned};

/// Not shared: how many an account has pinned is counted.
pub(super) async fn lock(conn: &mut PgConnection, change: PinChange) -> Result<()> {
    let mut locks = Locks::default();
    locks.own_account(change.author);
    locks.share_post(change.post);
    locks.take(conn).await
}

pub(super) async fn set(
    conn: &mut PgConnection,
    env: &Env,
    job: &Job<Single>,
    PinChange { post, author, set }: PinChange,
) -> Result<Done<Came>> {
    present(conn, author).await?;
    if living_author(conn, post).await? != Some(author) {
        return Err(Error::new(reason::POST_NOT_FOUND));
    }
    let pins = of(conn, author).await?;
    if pins.contains(&post) == set {
        return Ok(done(None));
    }
    let (post_id, author_id) = (post.0, author.0);
    if !set {
        let delete = "DELETE FROM pins WHERE account_id = $1 AND post_id = $2";
        sqlx::query(delete).bind(author_id).bind(post_id).execute(&mut *conn).await.sql()?;
        return Ok(done(Some(tell(conn, env, job, post, &PostUnpinned { post_id, author_id }).await?)));
    }
    if pins.len() >= MAX_PINS {
        return Err(Error::new(reason::TOO_MANY_PINS));
    }
    // Above the others, whichever process pinned those.
    let insert = "INSERT INTO pins (account_id, post_id, id)
                  SELECT $1, $2, greatest($3, (SELECT max(id) + 1 FROM pins WHERE account_id = $1))";
    sqlx::query(insert).bind(author_id).bind(post_id).bind(env.next_id()).execute(&mut *conn).await.sql()?;
    Ok(done(Some(tell(conn, env, job, post, &PostPinned { post_id, author_id }).await?)))
}

fn done(position: Option<i64>) -> Done<Came> {
    Done { outcome: Came::Pinned(Pinned { position }), changed: Changed::default() }
}

pub(super) async fn of(conn: &mut PgConnection, account: AccountId) -> Result<Vec<PostId>> {
    let pins: Vec<i64> = sqlx::query_scalar("SELECT post_id FROM pins WHERE account_id = $1 ORDER BY id DESC")
        .bind(account.0)
        .fetch_all(conn)
        .await
        .sql()?;
    Ok(pins.into_iter().map(PostId).collect())
}
