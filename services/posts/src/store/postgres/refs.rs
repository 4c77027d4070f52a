//! The newest posts, or reposts, of many authors: a merge of their own lists, read in rounds of one statement each.
//!
//! The first round reads so many posts of each author as fill the page twice over if all wrote alike. What would then be
//! the page's last place is a floor, and only an author whose list, as far as it was read, ends above the floor can have
//! more to give: the next round reads on in those lists, down to the floor. So the cost is a look-up for each author and
//! a few for each post served, whatever the authors wrote besides; most pages take a round or two.

use std::cmp::Reverse;
use std::collections::HashMap;

use plaza_core::{AccountId, Cx, PostId, Result};
use plaza_stores::PgResultExt as _;
use plaza_stores::postgres::Conn;
use sqlx::PgConnection;

use super::replica::Lists;
use super::rows;
use crate::store::lists::{List, Row};

/// How many posts a round reads for each place of the page, shared out among the lists.
const GENEROUS: usize = 2;
/// How much of a list a round after the first reads at least.
const AT_LEAST: usize = 8;

pub(super) async fn newest(
    store: &Lists,
    cx: &Cx,
    list: List,
    accounts: &[AccountId],
    before: PostId,
    limit: usize,
) -> Result<Vec<Row>> {
    let mut page: Vec<Row> = Vec::new();
    // Each account with the id that their list is to be read on below.
    let mut lists: Vec<(AccountId, i64)> = accounts.iter().map(|account| (*account, before.0)).collect();
    let mut at_least = 1;
    while limit > 0 && !lists.is_empty() {
        let each = (GENEROUS * limit).div_ceil(lists.len()).max(at_least).min(limit);
        let (round, above) = (&lists, floor(&page, limit));
        let read = |mut conn: Conn| async move { next(&mut conn, list, round, above, each).await };
        // A replica is asked how far it has got in posts; reposts come from the primary.
        let read = match list {
            List::Posts => store.read(cx, before, read).await?,
            List::Reposts => store.db.read(cx, read).await?,
        };
        lists = unfinished(&read, each);
        page.extend(read);
        page.sort_unstable_by_key(|found| Reverse(*found));
        page.truncate(limit);
        let above = floor(&page, limit);
        lists.retain(|(_, last)| *last > above);
        at_least = AT_LEAST;
    }
    Ok(page)
}

/// What a further entry must be above to have a place.
fn floor(page: &[Row], limit: usize) -> i64 {
    page.last().filter(|_| page.len() >= limit).map_or(0, |last| last.id)
}

/// Those accounts of whom as many were read as were asked for, each with the last of them.
fn unfinished(read: &[Row], each: usize) -> Vec<(AccountId, i64)> {
    let mut lists: HashMap<AccountId, (usize, i64)> = HashMap::new();
    for found in read {
        let (count, last) = lists.entry(found.list).or_insert((0, found.id));
        (*count, *last) = (*count + 1, (*last).min(found.id));
    }
    let full = lists.into_iter().filter(|(_, (count, _))| *count >= each);
    full.map(|(account, (_, last))| (account, last)).collect()
}

/// Up to `$4` of every list, above the floor. The pairs keep the plan to the authors' index, as in
/// [`super::reads::ALL_BY_AUTHOR`].
pub(super) const NEXT: &str = "SELECT p.id, list.author_id, p.id, list.author_id
     FROM unnest($1::int8[], $2::int8[]) AS list (author_id, before_id) CROSS JOIN LATERAL (
        SELECT id FROM posts
        WHERE (author_id, id) < (list.author_id, list.before_id) AND (author_id, id) > (list.author_id, $3)
          AND deleted_at IS NULL
        ORDER BY author_id DESC, id DESC LIMIT $4) AS p";
/// As [`NEXT`], down the index of what accounts mark.
pub(super) const NEXT_REPOSTS: &str = "SELECT r.id, list.account_id, r.post_id, r.author_id
     FROM unnest($1::int8[], $2::int8[]) AS list (account_id, before_id) CROSS JOIN LATERAL (
        SELECT m.id, m.post_id, p.author_id
        FROM marks AS m JOIN posts AS p ON p.id = m.post_id AND p.deleted_at IS NULL
        WHERE (m.account_id, m.kind, m.id) < (list.account_id, 2::int2, list.before_id)
          AND (m.account_id, m.kind, m.id) > (list.account_id, 2::int2, $3)
        ORDER BY m.account_id DESC, m.kind DESC, m.id DESC LIMIT $4) AS r";

async fn next(
    conn: &mut PgConnection,
    list: List,
    lists: &[(AccountId, i64)],
    floor: i64,
    each: usize,
) -> Result<Vec<Row>> {
    let (accounts, before): (Vec<i64>, Vec<i64>) = lists.iter().map(|(account, last)| (account.0, *last)).unzip();
    let sql = match list {
        List::Posts => NEXT,
        List::Reposts => NEXT_REPOSTS,
    };
    let found: Vec<(i64, i64, i64, i64)> = sqlx::query_as(sql)
        .bind(accounts)
        .bind(before)
        .bind(floor)
        .bind(rows::limit(each))
        .fetch_all(conn)
        .await
        .sql()?;
    let row =
        |(id, list, post, author)| Row { id, list: AccountId(list), post: PostId(post), author: AccountId(author) };
    Ok(found.into_iter().map(row).collect())
}
