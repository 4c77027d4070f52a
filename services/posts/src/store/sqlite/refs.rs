//! The newest posts of many authors: a lazy merge of the authors' own lists.
//!
//! First each author's newest post is looked up, many authors in one statement; then a heap gives the newest of all, and
//! its author's next posts are looked up a few at a time. So the cost is one look-up for each author and a part of one
//! for each post served, whatever the authors wrote besides.

use std::collections::{BinaryHeap, HashMap, VecDeque};

use plaza_core::{AccountId, Cx, Error, PostId, Result, reason};
use plaza_stores::{Ids, SqlResultExt as _, Sqlite};
use rusqlite::{Connection, params};

use super::rows;
use crate::domain::PostRef;

/// How many authors one statement looks up: about a millisecond, after which other calls get their turn.
const AUTHORS_AT_ONCE: usize = 500;
/// How many posts are served between two such pauses.
const POSTS_AT_ONCE: usize = 200;
/// How many posts of an author are looked up together once the first is used.
const AHEAD: usize = 8;

pub(super) async fn newest(
    db: &Sqlite,
    cx: &Cx,
    authors: &[AccountId],
    before: PostId,
    limit: usize,
) -> Result<Vec<PostRef>> {
    let mut merge = Merge::default();
    for part in authors.chunks(AUTHORS_AT_ONCE) {
        merge.heads.extend(db.read(cx, |conn| heads(conn, part, before)).await?);
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

#[derive(Default)]
struct Merge {
    /// For each author that has more: the newest post not served.
    heads: BinaryHeap<PostRef>,
    /// What follows it, as far as it is looked up.
    ahead: HashMap<AccountId, VecDeque<PostId>>,
}

impl Merge {
    /// Moves up to `count` of the newest posts to `refs`.
    fn take(&mut self, conn: &Connection, count: usize, refs: &mut Vec<PostRef>) -> Result<()> {
        for _ in 0..count {
            let Some(head) = self.heads.pop() else { break };
            let ahead = self.ahead.entry(head.author).or_default();
            if ahead.is_empty() {
                *ahead = following(conn, head)?;
            }
            if let Some(post) = ahead.pop_front() {
                self.heads.push(PostRef { post, author: head.author });
            }
            refs.push(head);
        }
        Ok(())
    }
}

fn heads(conn: &Connection, authors: &[AccountId], before: PostId) -> Result<Vec<PostRef>> {
    let ids: Vec<i64> = authors.iter().map(|a| a.0).collect();
    let mut statement = conn
        .prepare_cached(
            "SELECT value, (SELECT id FROM posts INDEXED BY posts_by_author
                            WHERE author_id = author.value AND id < ?2 AND deleted_at IS NULL ORDER BY id DESC LIMIT 1)
             FROM json_each(?1) AS author",
        )
        .sql()?;
    let head = |row: &rusqlite::Row<'_>| {
        let author = AccountId(row.get(0)?);
        Ok(row.get::<_, Option<i64>>(1)?.map(|post| PostRef { post: PostId(post), author }))
    };
    let rows = statement.query_map(params![Ids(&ids), before.0], head).sql()?;
    rows.filter_map(Result::transpose).collect::<rusqlite::Result<_>>().sql()
}

fn following(conn: &Connection, head: PostRef) -> Result<VecDeque<PostId>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT id FROM posts INDEXED BY posts_by_author WHERE author_id = ?1 AND id < ?2 AND deleted_at IS NULL
             ORDER BY id DESC LIMIT ?3",
        )
        .sql()?;
    let rows = statement
        .query_map(params![head.author.0, head.post.0, rows::limit(AHEAD)], |row| Ok(PostId(row.get(0)?)))
        .sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}
