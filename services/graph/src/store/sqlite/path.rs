//! The shortest way from one account to another: breadth first from both ends, always the smaller front.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use plaza_core::{AccountId, Result};
use plaza_stores::SqlResultExt as _;
use rusqlite::Connection;

use crate::domain::{MAX_HOPS, Path};

use super::reads::collect;

/// How many follows one search looks at.
const BUDGET: usize = 300_000;

/// One end of the search.
struct Front {
    /// From here on: the follows of an account, or its followers.
    sql: &'static str,
    /// Everybody reached, with the account before.
    before: HashMap<i64, i64>,
    /// Those reached last.
    edge: Vec<i64>,
}

impl Front {
    fn new(start: i64, sql: &'static str) -> Self {
        Self { sql, before: HashMap::from([(start, start)]), edge: vec![start] }
    }

    /// Goes one step on; whom the other end has reached as well, if anybody. `None` if the budget is used up.
    fn step(&mut self, search: &mut Search<'_>, other: &Self) -> Result<Option<Step>> {
        let mut reached = Vec::new();
        for at in std::mem::take(&mut self.edge) {
            let next: Vec<i64> = collect(search.conn, self.sql, (at, search.budget()), |row| row.get(0))?;
            let Some(left) = search.left.checked_sub(next.len()).filter(|left| *left > 0) else { return Ok(None) };
            search.left = left;
            for id in next {
                if let Entry::Vacant(vacant) = self.before.entry(id) {
                    if search.is_hidden(id)? {
                        continue;
                    }
                    vacant.insert(at);
                    if other.before.contains_key(&id) {
                        return Ok(Some(Step::Met(id)));
                    }
                    reached.push(id);
                }
            }
        }
        self.edge = reached;
        Ok(Some(if self.edge.is_empty() { Step::End } else { Step::On }))
    }

    /// The way from `id` back to where this end began.
    fn back(&self, mut id: i64) -> Vec<i64> {
        let mut way = vec![id];
        while let Some(before) = self.before.get(&id).filter(|before| **before != id) {
            id = *before;
            way.push(id);
        }
        way
    }
}

enum Step {
    Met(i64),
    On,
    End,
}

struct Search<'a> {
    conn: &'a Connection,
    viewer: i64,
    left: usize,
}

impl Search<'_> {
    fn budget(&self) -> i64 {
        i64::try_from(self.left).unwrap_or(i64::MAX)
    }

    /// Whether a block stands between the account and whoever asks.
    fn is_hidden(&self, id: i64) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM blocks WHERE blocker = ?1 AND blocked = ?2)
                       OR EXISTS (SELECT 1 FROM blocks WHERE blocker = ?2 AND blocked = ?1)";
        self.conn.prepare_cached(sql).sql()?.query_row([self.viewer, id], |row| row.get(0)).sql()
    }
}

pub(super) fn path(conn: &Connection, from: AccountId, to: AccountId) -> Result<Path> {
    let snapshot = conn.unchecked_transaction().sql()?;
    let mut search = Search { conn: &snapshot, viewer: from.get(), left: BUDGET };
    if search.is_hidden(to.get())? {
        return Ok(Path::None);
    }
    let mut ahead = Front::new(from.get(), "SELECT followee FROM follows WHERE follower = ?1 LIMIT ?2");
    let mut behind = Front::new(to.get(), "SELECT follower FROM follows WHERE followee = ?1 LIMIT ?2");
    for _ in 0..MAX_HOPS {
        let step = if ahead.edge.len() <= behind.edge.len() {
            ahead.step(&mut search, &behind)?
        } else {
            behind.step(&mut search, &ahead)?
        };
        match step {
            None => return Ok(Path::GaveUp),
            Some(Step::End) => return Ok(Path::None),
            Some(Step::On) => {}
            Some(Step::Met(id)) => {
                let mut way = ahead.back(id);
                way.reverse();
                way.extend(behind.back(id).into_iter().skip(1));
                return Ok(Path::Found(way.into_iter().map(AccountId).collect()));
            }
        }
    }
    Ok(Path::None)
}
