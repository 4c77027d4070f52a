//! Accounts that somebody may want to follow: one query.

use neo4rs::Row;
use plaza_core::{AccountId, Cx, Result, Timestamp};
use plaza_stores::neo4j::{Neo4j, get};

use crate::domain::{Reach, Suggestion};

use super::reads::rows;

/// Each step takes the newest of an index, so that the work is bounded whatever hangs on an account or a hashtag. What
/// speaks against a suggestion is looked up from the best on, until there are enough.
const SUGGESTIONS: &str = "
    CALL {
        MATCH ()-[e:FOLLOWS{ns}]->() USING INDEX SEEK e:FOLLOWS{ns}(follower, at, followee)
        WHERE e.follower = $account AND e.at IS NOT NULL AND e.followee IS NOT NULL
        WITH e.followee AS friend ORDER BY e.follower DESC, e.at DESC, e.followee DESC LIMIT $friends
        CALL (friend) {
            MATCH ()-[g:FOLLOWS{ns}]->() USING INDEX SEEK g:FOLLOWS{ns}(follower, at, followee)
            WHERE g.follower = friend AND g.at IS NOT NULL AND g.followee IS NOT NULL
            RETURN g.followee AS id ORDER BY g.follower DESC, g.at DESC, g.followee DESC LIMIT $each
        }
        RETURN id, friend, 0 AS tagged
      UNION ALL
        MATCH ()-[t:FOLLOWS_TAG{ns}]->() USING INDEX SEEK t:FOLLOWS_TAG{ns}(account, id)
        WHERE t.account = $account AND t.id IS NOT NULL
        WITH t.tag AS tag ORDER BY t.account DESC, t.id DESC LIMIT $tags
        CALL (tag) {
            MATCH ()-[u:FOLLOWS_TAG{ns}]->() USING INDEX SEEK u:FOLLOWS_TAG{ns}(tag, id, account)
            WHERE u.tag = tag AND u.id IS NOT NULL AND u.account IS NOT NULL
            RETURN u.account AS id ORDER BY u.tag DESC, u.id DESC, u.account DESC LIMIT $per_tag
        }
        RETURN id, null AS friend, 1 AS tagged
    }
    WITH id, collect(friend) AS through, sum(tagged) AS hashtags WHERE id <> $account
    WITH id, through, hashtags ORDER BY 2 * size(through) + hashtags DESC, id
    WHERE NOT EXISTS { MATCH ()-[x:FOLLOWS{ns} {follower: $account, followee: id}]->()
                       USING INDEX SEEK x:FOLLOWS{ns}(follower, followee) }
      AND NOT EXISTS { MATCH ()-[x:REQUESTS{ns} {requester: $account, target: id}]->()
                       USING INDEX SEEK x:REQUESTS{ns}(requester, target) }
      AND NOT EXISTS { MATCH ()-[x:BLOCKS{ns} {blocker: $account, blocked: id}]->()
                       USING INDEX SEEK x:BLOCKS{ns}(blocker, blocked) }
      AND NOT EXISTS { MATCH ()-[x:BLOCKS{ns} {blocker: id, blocked: $account}]->()
                       USING INDEX SEEK x:BLOCKS{ns}(blocker, blocked) }
      AND NOT EXISTS { MATCH ()-[x:MUTES{ns} {muter: $account, muted: id}]->()
                       USING INDEX SEEK x:MUTES{ns}(muter, muted) WHERE x.until IS NULL OR x.until > $now }
      AND NOT EXISTS { MATCH ()-[x:DISMISSES{ns} {account: $account, other: id}]->()
                       USING INDEX SEEK x:DISMISSES{ns}(account, other) }
    RETURN id, through, hashtags LIMIT $limit";

pub(super) async fn suggestions(
    db: &Neo4j,
    cx: &Cx,
    account: AccountId,
    now: Timestamp,
    reach: Reach,
    limit: usize,
) -> Result<Vec<Suggestion>> {
    let query = db.query(SUGGESTIONS).param("account", account.get()).param("now", now.0);
    let query = query.param("friends", rows(reach.friends)).param("each", rows(reach.each));
    let query = query.param("tags", rows(reach.tags)).param("per_tag", rows(reach.per_tag));
    let found = db.read(cx, query.param("limit", rows(limit))).await?;
    let suggestion = |row: &Row| -> Result<Suggestion> {
        let mut through: Vec<i64> = get(row, "through")?;
        through.sort_unstable();
        let through = through.into_iter().map(AccountId).collect();
        Ok(Suggestion { account: AccountId(get(row, "id")?), through, hashtags: get(row, "hashtags")? })
    };
    let mut best: Vec<Suggestion> = found.iter().map(suggestion).collect::<Result<_>>()?;
    best.sort_unstable_by_key(Suggestion::rank);
    Ok(best)
}
