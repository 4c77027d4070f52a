//! Posts that are not published yet.

use plaza_core::{AccountId, Error, Result, Timestamp, reason};
use plaza_stores::SqlResultExt as _;
use rusqlite::{Connection, Params, params};

use super::rows;
use super::writes::Write;
use crate::store::{Draft, DraftChange, DraftVersion, DraftWork, Drafted, Kept};

impl Write<'_> {
    pub(super) fn change_draft(&mut self, change: &DraftChange) -> Result<Drafted> {
        self.present(change.account)?;
        let account = change.account.0;
        match &change.work {
            DraftWork::Keep(kept, most) => self.keep_draft(account, kept, *most),
            DraftWork::Replace(id, Kept { post, publish_at }) => {
                let update = "UPDATE drafts SET post = ?3, publish_at = ?4, failure = '', version = version + 1
                              WHERE account_id = ?1 AND id = ?2";
                found(self.run(update, params![account, id, post, publish_at.map(|at| at.0)])?)?;
                Ok(Drafted { id: *id })
            }
            DraftWork::Delete(id) => {
                found(self.run("DELETE FROM drafts WHERE account_id = ?1 AND id = ?2", (account, id))?)?;
                Ok(Drafted { id: *id })
            }
        }
    }

    fn keep_draft(&self, account: i64, Kept { post, publish_at }: &Kept, most: usize) -> Result<Drafted> {
        let of_account = "SELECT count(*), coalesce(max(id), 0) FROM drafts WHERE account_id = ?1";
        let mut statement = self.conn.prepare_cached(of_account).sql()?;
        let (kept, highest): (i64, i64) = statement.query_row([account], |row| Ok((row.get(0)?, row.get(1)?))).sql()?;
        if kept >= rows::limit(most) {
            return Err(Error::new(reason::TOO_MANY_DRAFTS).with("limit", most.to_string()));
        }
        let id = self.env.next_id_above(highest);
        let insert = "INSERT INTO drafts (account_id, id, post, publish_at) VALUES (?1, ?2, ?3, ?4)";
        self.run(insert, params![account, id, post, publish_at.map(|at| at.0)])?;
        Ok(Drafted { id })
    }

    /// Deletes a draft that is published, if it still stands as it was read.
    pub(super) fn end_draft(&self, account: AccountId, draft: DraftVersion) -> Result<()> {
        let delete = "DELETE FROM drafts WHERE account_id = ?1 AND id = ?2 AND version = ?3";
        if self.run(delete, (account.0, draft.id, draft.version))? > 0 {
            return Ok(());
        }
        let mut statement = self.conn.prepare_cached("SELECT 1 FROM drafts WHERE account_id = ?1 AND id = ?2").sql()?;
        let replaced = statement.exists((account.0, draft.id)).sql()?;
        Err(if replaced { Error::new(reason::WRITE_CONFLICT) } else { no_draft() })
    }
}

pub(super) fn fail(conn: &Connection, account: AccountId, draft: DraftVersion, failure: &str) -> Result<()> {
    let update = "UPDATE drafts SET publish_at = NULL, failure = ?4, version = version + 1
                  WHERE account_id = ?1 AND id = ?2 AND version = ?3";
    conn.prepare_cached(update).sql()?.execute(params![account.0, draft.id, draft.version, failure]).sql()?;
    Ok(())
}

pub(super) fn of(conn: &Connection, account: AccountId, before: i64, limit: usize) -> Result<Vec<Draft>> {
    let sql = "SELECT account_id, id, version, post, publish_at, failure FROM drafts WHERE account_id = ?1 AND id < ?2
               ORDER BY id DESC LIMIT ?3";
    read(conn, sql, (account.0, before, rows::limit(limit)))
}

pub(super) fn due(conn: &Connection, now: Timestamp, after: Option<&Draft>, limit: usize) -> Result<Vec<Draft>> {
    let sql = "SELECT account_id, id, version, post, publish_at, failure FROM drafts
               WHERE publish_at <= ?1 AND (publish_at, account_id, id) > (?2, ?3, ?4)
               ORDER BY publish_at, account_id, id LIMIT ?5";
    let (at, account, id) = after.map_or((i64::MIN, 0, 0), Draft::due_place);
    read(conn, sql, (now.0, at, account, id, rows::limit(limit)))
}

fn read(conn: &Connection, sql: &str, params: impl Params) -> Result<Vec<Draft>> {
    let draft = |row: &rusqlite::Row<'_>| {
        let kept = Kept { post: row.get(3)?, publish_at: row.get::<_, Option<i64>>(4)?.map(Timestamp) };
        let (account, id, version) = (AccountId(row.get(0)?), row.get(1)?, row.get(2)?);
        Ok(Draft { account, id, version, kept, failure: row.get(5)? })
    };
    let mut statement = conn.prepare_cached(sql).sql()?;
    statement.query_map(params, draft).sql()?.collect::<rusqlite::Result<_>>().sql()
}

fn found(rows: usize) -> Result<()> {
    if rows == 0 { Err(no_draft()) } else { Ok(()) }
}

fn no_draft() -> Error {
    Error::new(reason::DRAFT_NOT_FOUND)
}
