//! The newest posts, or reposts, of many authors: a lazy merge of the authors' own lists.
//!
//! First each author's newest post is looked up, many authors in one statement; then a heap gives the newest of all, and
//! its author's next posts are looked up a few at a time. So the cost is one look-up for each author and a part of one
//! for each post served, whatever the authors wrote besides.

use std::collections::{BinaryHeap, HashMap, VecDeque};

use plaza_core::{AccountId, Cx, Error, PostId, Result, reason};
use plaza_stores::{Ids, SqlResultExt as _, Sqlite};
use rusqlite::{Connection, params};

use super::rows;
use crate::store::lists::{List, Row};

/// How many authors one statement looks up: about a millisecond, after which other calls get their turn.
const AUTHORS_AT_ONCE: usize = 500;
/// How many posts are served between two such pauses.
const POSTS_AT_ONCE: usize = 200;
/// How many posts of an author are looked up together once the first is used.
const AHEAD: usize = 8;

pub(super) async fn newest(
    db: &Sqlite,
    cx: &Cx,
    list: List,
    accounts: &[AccountId],
    before: PostId,
    limit: usize,
) -> Result<Vec<Row>> {
    let mut merge = Merge { list, heads: BinaryHeap::new(), ahead: HashMap::new() };
    for part in accounts.chunks(AUTHORS_AT_ONCE) {
        merge.heads.extend(db.read(cx, |conn| heads(conn, list, part, before)).await?);
        pause(cx).await?;
    }
    let mut refs = Vec::with_capacity(limit.min(1_000));
    while refs.len() < limit && !merge.heads.is_empty() {
        let part = POSTS_AT_ONCE.min(limit - refs.len());
        db.read(cx, |conn| merge.take(conn, part, &mut refs)).await?;
        pause(cx).await?;
    }
    Ok(refs)
}

/// Lets others run, and ends the work when time is up.
async fn pause(cx: &Cx) -> Result<()> {
    tokio::task::yield_now().await;
    if cx.remaining().is_zero() { Err(Error::new(reason::DEADLINE_EXCEEDED)) } else { Ok(()) }
}

struct Merge {
    list: List,
    /// For each account that has more: the newest entry not served.
    heads: BinaryHeap<Row>,
    /// What follows it, as far as it is looked up.
    ahead: HashMap<AccountId, VecDeque<Row>>,
}

impl Merge {
    /// Moves up to `count` of the newest entries to `refs`.
    fn take(&mut self, conn: &Connection, count: usize, refs: &mut Vec<Row>) -> Result<()> {
        for _ in 0..count {
            let Some(head) = self.heads.pop() else { break };
            let ahead = self.ahead.entry(head.list).or_default();
            if ahead.is_empty() {
                *ahead = following(conn, self.list, head)?;
            }
            self.heads.extend(ahead.pop_front());
            refs.push(head);
        }
        Ok(())
    }
}

/// The newest entry of each list.
const fn heads_sql(list: List) -> &'static str {
    match list {
        List::Posts => {
            "SELECT p.id, account.value, p.id, p.author_id FROM json_each(?1) AS account
             CROSS JOIN posts AS p ON p.id = (
                SELECT id FROM posts INDEXED BY posts_by_author
                WHERE author_id = account.value AND id < ?2 AND deleted_at IS NULL ORDER BY id DESC LIMIT 1)"
        }
        List::Reposts => {
            "SELECT m.id, m.account_id, m.post_id, p.author_id FROM json_each(?1) AS account
             CROSS JOIN marks AS m INDEXED BY marks_by_account
                ON m.account_id = account.value AND m.kind = 2 AND m.id = (
                    SELECT m.id FROM marks AS m INDEXED BY marks_by_account
                    CROSS JOIN posts AS p ON p.id = m.post_id AND p.deleted_at IS NULL
                    WHERE m.account_id = account.value AND m.kind = 2 AND m.id < ?2 ORDER BY m.id DESC LIMIT 1)
             CROSS JOIN posts AS p ON p.id = m.post_id"
        }
    }
}

/// What follows an entry in its list.
const fn following_sql(list: List) -> &'static str {
    match list {
        List::Posts => {
            "SELECT id, author_id, id, author_id FROM posts INDEXED BY posts_by_author
             WHERE author_id = ?1 AND id < ?2 AND deleted_at IS NULL ORDER BY id DESC LIMIT ?3"
        }
        List::Reposts => {
            "SELECT m.id, m.account_id, m.post_id, p.author_id FROM marks AS m INDEXED BY marks_by_account
             CROSS JOIN posts AS p ON p.id = m.post_id AND p.deleted_at IS NULL
             WHERE m.account_id = ?1 AND m.kind = 2 AND m.id < ?2 ORDER BY m.id DESC LIMIT ?3"
        }
    }
}

fn heads(conn: &Connection, list: List, accounts: &[AccountId], before: PostId) -> Result<Vec<Row>> {
    let ids: Vec<i64> = accounts.iter().map(|a| a.0).collect();
    let mut statement = conn.prepare_cached(heads_sql(list)).sql()?;
    let rows = statement.query_map(params![Ids(&ids), before.0], entry).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}

fn following(conn: &Connection, list: List, head: Row) -> Result<VecDeque<Row>> {
    let mut statement = conn.prepare_cached(following_sql(list)).sql()?;
    let rows = statement.query_map(params![head.list.0, head.id, rows::limit(AHEAD)], entry).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}

fn entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let (list, post) = (AccountId(row.get(1)?), PostId(row.get(2)?));
    Ok(Row { id: row.get(0)?, list, post, author: AccountId(row.get(3)?) })
}
