//! Accounts that somebody may want to follow.

use std::collections::HashMap;

use plaza_core::{AccountId, Result, Timestamp};
use plaza_stores::SqlResultExt as _;
use rusqlite::{Connection, params};

use crate::domain::{Reach, Suggestion};

use super::reads::{account_id, collect, rows};

const FOLLOWING: &str = "SELECT followee FROM follows WHERE follower = ?1 ORDER BY at DESC, followee DESC LIMIT ?2";
const TAGS: &str = "SELECT tag FROM followed_tags WHERE account = ?1 ORDER BY id DESC LIMIT ?2";
const TAGGED: &str = "SELECT account FROM followed_tags WHERE tag = ?1 ORDER BY id DESC, account DESC LIMIT ?2";
/// Whether nothing speaks against suggesting the second to the first.
const IS_NEW: &str = "
    SELECT NOT EXISTS (SELECT 1 FROM follows WHERE follower = ?1 AND followee = ?2)
       AND NOT EXISTS (SELECT 1 FROM follow_requests WHERE requester = ?1 AND target = ?2)
       AND NOT EXISTS (SELECT 1 FROM blocks WHERE blocker = ?1 AND blocked = ?2)
       AND NOT EXISTS (SELECT 1 FROM blocks WHERE blocker = ?2 AND blocked = ?1)
       AND NOT EXISTS (SELECT 1 FROM mutes WHERE muter = ?1 AND muted = ?2 AND (until IS NULL OR until > ?3))
       AND NOT EXISTS (SELECT 1 FROM dismissed WHERE account = ?1 AND other = ?2)";

pub(super) fn suggestions(
    conn: &Connection,
    account: AccountId,
    now: Timestamp,
    reach: Reach,
    limit: usize,
) -> Result<Vec<Suggestion>> {
    let snapshot = conn.unchecked_transaction().sql()?;
    let mut found: HashMap<AccountId, (Vec<AccountId>, i64)> = HashMap::new();
    for friend in collect(&snapshot, FOLLOWING, params![account.get(), rows(reach.friends)], account_id)? {
        for other in collect(&snapshot, FOLLOWING, params![friend.get(), rows(reach.each)], account_id)? {
            found.entry(other).or_default().0.push(friend);
        }
    }
    let tags = collect(&snapshot, TAGS, params![account.get(), rows(reach.tags)], |row| row.get::<_, String>(0))?;
    for tag in tags {
        for other in collect(&snapshot, TAGGED, params![tag, rows(reach.per_tag)], account_id)? {
            found.entry(other).or_default().1 += 1;
        }
    }
    found.remove(&account);
    let ranked = |(account, (mut through, hashtags)): (AccountId, (Vec<AccountId>, i64))| {
        through.sort_unstable();
        Suggestion { account, through, hashtags }
    };
    let mut ranked: Vec<Suggestion> = found.into_iter().map(ranked).collect();
    ranked.sort_unstable_by_key(Suggestion::rank);
    let mut new = snapshot.prepare_cached(IS_NEW).sql()?;
    let mut best = Vec::with_capacity(limit);
    for suggestion in ranked {
        if best.len() == limit {
            break;
        }
        let params = params![account.get(), suggestion.account.get(), now.0];
        if new.query_row(params, |row| row.get(0)).sql()? {
            best.push(suggestion);
        }
    }
    Ok(best)
}
