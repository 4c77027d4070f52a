//! The newest posts of many authors: a merge of the authors' own lists, read in rounds of one statement each.
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
use crate::domain::PostRef;

/// How many posts a round reads for each place of the page, shared out among the lists.
const GENEROUS: usize = 2;
/// How much of a list a round after the first reads at least.
const AT_LEAST: usize = 8;

pub(super) async fn newest(
    store: &Lists,
    cx: &Cx,
    authors: &[AccountId],
    before: PostId,
    limit: usize,
) -> Result<Vec<PostRef>> {
    let mut page: Vec<PostRef> = Vec::new();
    // Each author with the post that their list is to be read on below.
    let mut lists: Vec<PostRef> = authors.iter().map(|author| PostRef { post: before, author: *author }).collect();
    let mut at_least = 1;
    while limit > 0 && !lists.is_empty() {
        let each = (GENEROUS * limit).div_ceil(lists.len()).max(at_least).min(limit);
        let (round, above) = (&lists, floor(&page, limit));
        let read = |mut conn: Conn| async move { next(&mut conn, round, above, each).await };
        let read = store.read(cx, before, read).await?;
        lists = unfinished(&read, each);
        page.extend(read);
        page.sort_unstable_by_key(|found| Reverse(*found));
        page.truncate(limit);
        let above = floor(&page, limit);
        lists.retain(|list| list.post > above);
        at_least = AT_LEAST;
    }
    Ok(page)
}

/// What a further post must be above to have a place.
fn floor(page: &[PostRef], limit: usize) -> PostId {
    page.last().filter(|_| page.len() >= limit).map_or(PostId(0), |last| last.post)
}

/// Those authors of whom as many were read as were asked for, each with the last of them.
fn unfinished(read: &[PostRef], each: usize) -> Vec<PostRef> {
    let mut lists: HashMap<AccountId, (usize, PostId)> = HashMap::new();
    for found in read {
        let (count, last) = lists.entry(found.author).or_insert((0, found.post));
        (*count, *last) = (*count + 1, (*last).min(found.post));
    }
    let full = lists.into_iter().filter(|(_, (count, _))| *count >= each);
    full.map(|(author, (_, post))| PostRef { post, author }).collect()
}

/// Up to `$4` of every list, above the floor. The pairs keep the plan to the authors' index, as in
/// [`super::reads::ALL_BY_AUTHOR`].
pub(super) const NEXT: &str = "SELECT p.id, list.author_id
     FROM unnest($1::int8[], $2::int8[]) AS list (author_id, before_id) CROSS JOIN LATERAL (
        SELECT id FROM posts
        WHERE (author_id, id) < (list.author_id, list.before_id) AND (author_id, id) > (list.author_id, $3)
          AND deleted_at IS NULL
        ORDER BY author_id DESC, id DESC LIMIT $4) AS p";

async fn next(conn: &mut PgConnection, lists: &[PostRef], floor: PostId, each: usize) -> Result<Vec<PostRef>> {
    let (authors, before): (Vec<i64>, Vec<i64>) = lists.iter().map(|list| (list.author.0, list.post.0)).unzip();
    let found: Vec<(i64, i64)> = sqlx::query_as(NEXT)
        .bind(authors)
        .bind(before)
        .bind(floor.0)
        .bind(rows::limit(each))
        .fetch_all(conn)
        .await
        .sql()?;
    Ok(found.into_iter().map(|(post, author)| PostRef { post: PostId(post), author: AccountId(author) }).collect())
}
