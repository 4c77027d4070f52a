//! Posts that are not published yet.

use plaza_core::{AccountId, Env, Error, Result, Timestamp, reason};
use plaza_stores::PgResultExt as _;
use sqlx::PgConnection;

use super::batch::Done;
use super::edits::present;
use super::locks::Locks;
use super::rows;
use super::single::Came;
use crate::store::{Changed, Draft, DraftChange, DraftVersion, DraftWork, Drafted, Kept};

/// Not shared: how many drafts an account has is counted, and a draft is changed or published by one at a time.
pub(super) async fn lock(conn: &mut PgConnection, change: &DraftChange) -> Result<()> {
    let mut locks = Locks::default();
    locks.own_account(change.account);
    locks.take(conn).await
}

pub(super) async fn change(conn: &mut PgConnection, env: &Env, change: &DraftChange) -> Result<Done<Came>> {
    present(conn, change.account).await?;
    let account = change.account.0;
    let id = match &change.work {
        DraftWork::Keep(kept, most) => keep(conn, env, account, kept, *most).await?,
        DraftWork::Replace(id, Kept { post, publish_at }) => {
            let update = "UPDATE drafts SET post = $3, publish_at = $4, failure = '', version = version + 1
                          WHERE account_id = $1 AND id = $2";
            let query = sqlx::query(update).bind(account).bind(id).bind(post).bind(publish_at.map(|at| at.0));
            found(query.execute(&mut *conn).await.sql()?.rows_affected())?;
            *id
        }
        DraftWork::Delete(id) => {
            let query = sqlx::query("DELETE FROM drafts WHERE account_id = $1 AND id = $2").bind(account).bind(id);
            found(query.execute(&mut *conn).await.sql()?.rows_affected())?;
            *id
        }
    };
    Ok(Done { outcome: Came::Drafted(Drafted { id }), changed: Changed::default() })
}

async fn keep(conn: &mut PgConnection, env: &Env, account: i64, kept: &Kept, most: usize) -> Result<i64> {
    let of_account = "SELECT count(*), coalesce(max(id), 0) FROM drafts WHERE account_id = $1";
    let (held, highest): (i64, i64) = sqlx::query_as(of_account).bind(account).fetch_one(&mut *conn).await.sql()?;
    if held >= rows::limit(most) {
        return Err(Error::new(reason::TOO_MANY_DRAFTS).with("limit", most.to_string()));
    }
    // Above the others, whichever process made those.
    let id = env.next_id_above(highest);
    let insert = "INSERT INTO drafts (account_id, id, post, publish_at) VALUES ($1, $2, $3, $4)";
    let query = sqlx::query(insert).bind(account).bind(id).bind(&kept.post).bind(kept.publish_at.map(|at| at.0));
    query.execute(&mut *conn).await.sql()?;
    Ok(id)
}

/// Tells of drafts of accounts that are locked, each named once, whether they still stand as they were read.
pub(super) async fn standing(conn: &mut PgConnection, drafts: &[(AccountId, DraftVersion)]) -> Result<Vec<Result<()>>> {
    let found: Vec<Option<i64>> = sqlx::query_scalar(
        "SELECT (SELECT version FROM drafts AS d WHERE d.account_id = named.account_id AND d.id = named.id)
         FROM unnest($1::int8[], $2::int8[]) WITH ORDINALITY AS named (account_id, id, place) ORDER BY place",
    )
    .bind(drafts.iter().map(|(account, _)| account.0).collect::<Vec<_>>())
    .bind(drafts.iter().map(|(_, draft)| draft.id).collect::<Vec<_>>())
    .fetch_all(conn)
    .await
    .sql()?;
    let stands = |(version, (_, draft)): (Option<i64>, &(AccountId, DraftVersion))| match version {
        Some(version) if version == draft.version => Ok(()),
        Some(_) => Err(Error::new(reason::WRITE_CONFLICT)),
        None => Err(no_draft()),
    };
    Ok(found.into_iter().zip(drafts).map(stands).collect())
}

/// Deletes drafts that are published.
pub(super) async fn end(conn: &mut PgConnection, drafts: &[(AccountId, DraftVersion)]) -> Result<()> {
    sqlx::query(
        "DELETE FROM drafts AS d USING unnest($1::int8[], $2::int8[]) AS named (account_id, id)
         WHERE d.account_id = named.account_id AND d.id = named.id",
    )
    .bind(drafts.iter().map(|(account, _)| account.0).collect::<Vec<_>>())
    .bind(drafts.iter().map(|(_, draft)| draft.id).collect::<Vec<_>>())
    .execute(conn)
    .await
    .sql()?;
    Ok(())
}

pub(super) async fn fail(
    conn: &mut PgConnection,
    account: AccountId,
    draft: DraftVersion,
    failure: &str,
) -> Result<()> {
    let update = "UPDATE drafts SET publish_at = NULL, failure = $4, version = version + 1
                  WHERE account_id = $1 AND id = $2 AND version = $3";
    let query = sqlx::query(update).bind(account.0).bind(draft.id).bind(draft.version).bind(failure);
    query.execute(conn).await.sql()?;
    Ok(())
}

/// Account, id, version, post, time, failure.
type Row = (i64, i64, i64, Vec<u8>, Option<i64>, String);

fn draft((account, id, version, post, publish_at, failure): Row) -> Draft {
    let kept = Kept { post, publish_at: publish_at.map(Timestamp) };
    Draft { account: AccountId(account), id, version, kept, failure }
}

pub(super) async fn of(conn: &mut PgConnection, account: AccountId, before: i64, limit: usize) -> Result<Vec<Draft>> {
    let found: Vec<Row> = sqlx::query_as(
        "SELECT account_id, id, version, post, publish_at, failure FROM drafts WHERE account_id = $1 AND id < $2
         ORDER BY id DESC LIMIT $3",
    )
    .bind(account.0)
    .bind(before)
    .bind(rows::limit(limit))
    .fetch_all(conn)
    .await
    .sql()?;
    Ok(found.into_iter().map(draft).collect())
}

pub(super) async fn due(
    conn: &mut PgConnection,
    now: Timestamp,
    after: Option<&Draft>,
    limit: usize,
) -> Result<Vec<Draft>> {
    let (at, account, id) = after.map_or((i64::MIN, 0, 0), Draft::due_place);
    let found: Vec<Row> = sqlx::query_as(
        "SELECT account_id, id, version, post, publish_at, failure FROM drafts
         WHERE publish_at <= $1 AND (publish_at, account_id, id) > ($2, $3, $4)
         ORDER BY publish_at, account_id, id LIMIT $5",
    )
    .bind(now.0)
    .bind(at)
    .bind(account)
    .bind(id)
    .bind(rows::limit(limit))
    .fetch_all(conn)
    .await
    .sql()?;
    Ok(found.into_iter().map(draft).collect())
}

fn found(rows: u64) -> Result<()> {
    if rows == 0 { Err(no_draft()) } else { Ok(()) }
}

fn no_draft() -> Error {
    Error::new(reason::DRAFT_NOT_FOUND)
}
