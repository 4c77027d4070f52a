//! What accounts keep for themselves: hashtags, words, lists.

use neo4rs::{Query, Row};
use plaza_core::{AccountId, Cx, Error, Result, Timestamp, reason};
use plaza_stores::neo4j::{Fault, Neo4j, Tx, get};

use crate::domain::{About, List, Notice, Own, OwnWrite, Tag, Word, refuse_over};

use super::reads::{listed, numbers, rows};

const IS_ERASED: &str = "MATCH (e:ErasedAccount{ns} {id: $account}) RETURN count(e) AS count";

const HAS_TAG: &str = "OPTIONAL MATCH ()-[f:FOLLOWS_TAG{ns} {account: $account, tag: $tag}]->()
    RETURN count(f) AS had, COUNT { ()-[g:FOLLOWS_TAG{ns} {account: $account}]->() } AS count";
const FOLLOW_TAG: &str = "MERGE (a:Account{ns} {id: $account}) MERGE (t:Hashtag{ns} {tag: $tag})
    CREATE (a)-[:FOLLOWS_TAG{ns} {account: $account, tag: $tag, id: $id, at: $at}]->(t)";
const UNFOLLOW_TAG: &str = "MATCH ()-[f:FOLLOWS_TAG{ns} {account: $account, tag: $tag}]->() DELETE f";
const FORGET_TAG: &str = "MATCH (t:Hashtag{ns} {tag: $tag}) WHERE NOT EXISTS { (t)--() } DELETE t";
const TAGS: &str = "MATCH ()-[f:FOLLOWS_TAG{ns}]->() USING INDEX SEEK f:FOLLOWS_TAG{ns}(account, id)
    WHERE f.account = $account AND f.id < $before
    RETURN f.id AS id, f.tag AS tag, f.at AS at ORDER BY f.account DESC, f.id DESC LIMIT $limit";

const WORD: &str = "OPTIONAL MATCH (w:MutedWord{ns} {account: $account, word: $word})
    RETURN w.id AS id, w.until AS until, COUNT { (v:MutedWord{ns} {account: $account}) } AS count";
const MUTE_WORD: &str = "MERGE (a:Account{ns} {id: $account})
    MERGE (w:MutedWord{ns} {account: $account, word: $word}) SET w.id = $id, w.until = $until
    MERGE (a)-[:MUTES_WORD{ns}]->(w)";
const UNMUTE_WORD: &str = "MATCH (w:MutedWord{ns} {account: $account, word: $word}) DETACH DELETE w";
const WORDS: &str = "MATCH (w:MutedWord{ns}) USING INDEX SEEK w:MutedWord{ns}(account, id)
    WHERE w.account = $account AND w.id < $before AND (w.until IS NULL OR w.until > $now)
    RETURN w.id AS id, w.word AS word, w.until AS until ORDER BY w.account DESC, w.id DESC LIMIT $limit";
const PRUNE_WORDS: &str = "MATCH (w:MutedWord{ns}) USING INDEX SEEK w:MutedWord{ns}(until) WHERE w.until <= $now
    WITH w, w.account AS account LIMIT $limit DETACH DELETE w RETURN collect(account) AS ids";

const COUNT_LISTS: &str = "MATCH (l:List{ns} {owner: $account}) RETURN count(l) AS count";
const CREATE_LIST: &str = "MERGE (a:Account{ns} {id: $account})
    CREATE (a)-[:OWNS_LIST{ns}]->(:List{ns} {id: $list, owner: $account, name: $name, public: $public,
                                            exclusive: $exclusive})";
const UPDATE_LIST: &str =
    "MATCH (l:List{ns} {id: $list}) SET l.name = $name, l.public = $public, l.exclusive = $exclusive";
const DELETE_LIST: &str = "MATCH (l:List{ns} {id: $list}) DETACH DELETE l";
const ABOUT: &str =
    " RETURN l.id AS id, l.owner AS owner, l.name AS name, l.public AS public, l.exclusive AS exclusive";
const LIST: &str = "MATCH (l:List{ns} {id: $list})";
const LISTS: &str = "MATCH (l:List{ns}) USING INDEX SEEK l:List{ns}(owner, id)
    WHERE l.owner = $account AND l.id < $before AND (l.public OR NOT $public)
    WITH l ORDER BY l.owner DESC, l.id DESC LIMIT $limit";

/// Of the accounts that are to be on a list: those that its owner follows, those that are on it, and how many are.
const ADDING: &str = "RETURN
    COLLECT { UNWIND $members AS member MATCH ()-[f:FOLLOWS{ns} {follower: $account, followee: member}]->()
              USING INDEX SEEK f:FOLLOWS{ns}(follower, followee) RETURN member } AS followed,
    COLLECT { UNWIND $members AS member MATCH ()-[m:HAS_MEMBER{ns} {list: $list, member: member}]->()
              USING INDEX SEEK m:HAS_MEMBER{ns}(list, member) RETURN member } AS there,
    COUNT { (:List{ns} {id: $list})-[:HAS_MEMBER{ns}]->() } AS count";
const ADD_MEMBERS: &str = "MATCH (l:List{ns} {id: $list})
    UNWIND $members AS member MATCH (b:Account{ns} {id: member})
    MERGE (l)-[m:HAS_MEMBER{ns} {list: $list, member: member}]->(b) ON CREATE SET m.owner = $account";
const REMOVE_MEMBERS: &str = "UNWIND $members AS member MATCH ()-[m:HAS_MEMBER{ns} {list: $list, member: member}]->()
    USING INDEX SEEK m:HAS_MEMBER{ns}(list, member) DELETE m";
const MEMBERS: &str = "MATCH ()-[m:HAS_MEMBER{ns}]->() USING INDEX SEEK m:HAS_MEMBER{ns}(list, member)
    WHERE m.list = $list AND m.member > $after
    WITH m.member AS id ORDER BY m.list, m.member LIMIT $limit RETURN collect(id) AS ids";

const DISMISS: &str = "MERGE (a:Account{ns} {id: $account}) MERGE (b:Account{ns} {id: $other})
    MERGE (a)-[d:DISMISSES{ns} {account: $account, other: $other}]->(b) ON CREATE SET d.id = $id";
const OLDEST_DISMISSED: &str = "MATCH ()-[d:DISMISSES{ns}]->() USING INDEX SEEK d:DISMISSES{ns}(account, id)
    WHERE d.account = $account AND d.id IS NOT NULL
    WITH d, d.other AS id ORDER BY d.account DESC, d.id DESC SKIP $kept DELETE d RETURN collect(id) AS ids";
const DISMISSED: &str = "MATCH ()-[d:DISMISSES{ns}]->() USING INDEX SEEK d:DISMISSES{ns}(account, other)
    WHERE d.account = $account AND d.other > $after
    WITH d.other AS id ORDER BY d.account, d.other LIMIT $limit RETURN collect(id) AS ids";
const ERASE_DISMISSED: &str = "
    CALL { MATCH ()-[d:DISMISSES{ns} {account: $account}]->() RETURN d, d.other AS id
           UNION MATCH ()-[d:DISMISSES{ns} {other: $account}]->() RETURN d, d.account AS id }
    WITH d, id LIMIT $limit DELETE d RETURN collect(id) AS ids";
const ERASE_LISTS: &str = "MATCH (l:List{ns} {owner: $account}) WITH l, l.id AS id LIMIT $limit
    DETACH DELETE l RETURN collect(id) AS ids";
const ERASE_TAGS: &str = "MATCH ()-[f:FOLLOWS_TAG{ns} {account: $account}]->(t)
    WITH f, t LIMIT $limit DELETE f WITH t WHERE NOT EXISTS { (t)--() } DELETE t";
const SOME_TAGS: &str = "MATCH ()-[f:FOLLOWS_TAG{ns} {account: $account}]->() WITH f LIMIT $limit
    RETURN count(f) AS count";
const ERASE_WORDS: &str = "MATCH (w:MutedWord{ns} {account: $account}) WITH w, w.id AS id LIMIT $limit
    DETACH DELETE w RETURN collect(id) AS ids";
const FORGET_LONELY: &str =
    "UNWIND $accounts AS account MATCH (a:Account{ns} {id: account}) WHERE NOT EXISTS { (a)--() } DELETE a";

/// What came of a change: the list, if it makes or alters one, and what is to be told.
pub(super) type Performed = (Option<List>, Vec<Notice>);

/// Performs a change; its outcome is an error of the account's, the fault one of the store.
pub(super) async fn perform(tx: &mut Tx, write: &OwnWrite) -> Result<Result<Performed>, Fault> {
    let account = write.account;
    if number(tx, tx.query(IS_ERASED).param("account", account.get()), "count").await? > 0 {
        return Ok(Err(Error::new(reason::ACCOUNT_NOT_FOUND).with("account_id", account)));
    }
    let notices = match &write.own {
        Own::FollowTag(tag) => follow_tag(tx, write, tag).await?,
        Own::UnfollowTag(tag) => Ok(unfollow_tag(tx, account, tag).await?),
        Own::MuteWord(word, until) => mute_word(tx, write, word, *until).await?,
        Own::UnmuteWord(word) => Ok(unmute_word(tx, account, word).await?),
        Own::CreateList(about) => return create_list(tx, write, about).await,
        Own::UpdateList(id, about) => return update_list(tx, account, *id, about).await,
        Own::DeleteList(id) => delete_list(tx, account, *id).await?,
        Own::Dismiss(other) => dismiss(tx, write, *other).await?,
        Own::AddMembers(id, members) => add_members(tx, write, *id, members).await?,
        Own::RemoveMembers(id, members) => remove_members(tx, account, *id, members).await?,
    };
    Ok(notices.map(|notices| (None, notices)))
}

async fn follow_tag(tx: &mut Tx, write: &OwnWrite, tag: &str) -> Result<Result<Vec<Notice>>, Fault> {
    let of = |query: Query| query.param("account", write.account.get()).param("tag", tag);
    let found = tx.rows(of(tx.query(HAS_TAG))).await?;
    let Some(row) = found.first() else { return Ok(Ok(Vec::new())) };
    let (had, count): (i64, i64) = (get(row, "had")?, get(row, "count")?);
    if had > 0 {
        return Ok(Ok(Vec::new()));
    }
    if let Err(error) = refuse_over(count, write.limits.hashtags) {
        return Ok(Err(error));
    }
    tx.run(of(tx.query(FOLLOW_TAG)).param("id", write.id).param("at", write.at.0)).await?;
    Ok(Ok(vec![Notice::Tags(write.account)]))
}

async fn unfollow_tag(tx: &mut Tx, account: AccountId, tag: &str) -> Result<Vec<Notice>, Fault> {
    let of = |query: Query| query.param("account", account.get()).param("tag", tag);
    if number(tx, of(tx.query(HAS_TAG)), "had").await? == 0 {
        return Ok(Vec::new());
    }
    tx.run(of(tx.query(UNFOLLOW_TAG))).await?;
    tx.run(tx.query(FORGET_TAG).param("tag", tag)).await?;
    forget_lonely(tx, &[account]).await?;
    Ok(vec![Notice::Tags(account)])
}

async fn mute_word(
    tx: &mut Tx,
    write: &OwnWrite,
    word: &str,
    until: Option<Timestamp>,
) -> Result<Result<Vec<Notice>>, Fault> {
    let of = |query: Query| query.param("account", write.account.get()).param("word", word);
    let found = tx.rows(of(tx.query(WORD))).await?;
    let Some(row) = found.first() else { return Ok(Ok(Vec::new())) };
    let (id, before, count): (Option<i64>, Option<i64>, i64) =
        (get(row, "id")?, get(row, "until")?, get(row, "count")?);
    let until = until.map(|until| until.0);
    if id.is_some() {
        if before == until && until.is_none_or(|until| until > write.at.0) {
            return Ok(Ok(Vec::new()));
        }
    } else if let Err(error) = refuse_over(count, write.limits.words) {
        return Ok(Err(error));
    }
    tx.run(of(tx.query(MUTE_WORD)).param("id", write.id).param("until", until)).await?;
    Ok(Ok(vec![Notice::Words(write.account)]))
}

async fn unmute_word(tx: &mut Tx, account: AccountId, word: &str) -> Result<Vec<Notice>, Fault> {
    let of = |query: Query| query.param("account", account.get()).param("word", word);
    let found = tx.rows(of(tx.query(WORD))).await?;
    let id: Option<i64> = found.first().map_or(Ok(None), |row| get(row, "id"))?;
    if id.is_none() {
        return Ok(Vec::new());
    }
    tx.run(of(tx.query(UNMUTE_WORD))).await?;
    forget_lonely(tx, &[account]).await?;
    Ok(vec![Notice::Words(account)])
}

async fn create_list(tx: &mut Tx, write: &OwnWrite, about: &About) -> Result<Result<Performed>, Fault> {
    let count = number(tx, tx.query(COUNT_LISTS).param("account", write.account.get()), "count").await?;
    if let Err(error) = refuse_over(count, write.limits.lists) {
        return Ok(Err(error));
    }
    let query = tx.query(CREATE_LIST).param("account", write.account.get());
    tx.run(described(query, write.id, about)).await?;
    let list = List { id: write.id, owner: write.account, about: about.clone() };
    Ok(Ok((Some(list), vec![Notice::List(write.account, write.id)])))
}

async fn update_list(tx: &mut Tx, owner: AccountId, id: i64, about: &About) -> Result<Result<Performed>, Fault> {
    let mut list = match owned(tx, owner, id).await? {
        Ok(list) => list,
        Err(error) => return Ok(Err(error)),
    };
    if list.about == *about {
        return Ok(Ok((Some(list), Vec::new())));
    }
    tx.run(described(tx.query(UPDATE_LIST), id, about)).await?;
    list.about = about.clone();
    Ok(Ok((Some(list), vec![Notice::List(owner, id)])))
}

fn described(query: Query, id: i64, about: &About) -> Query {
    let query = query.param("list", id).param("name", about.name.as_str());
    query.param("public", about.public).param("exclusive", about.exclusive)
}

async fn delete_list(tx: &mut Tx, owner: AccountId, id: i64) -> Result<Result<Vec<Notice>>, Fault> {
    if let Err(error) = owned(tx, owner, id).await? {
        return Ok(Err(error));
    }
    tx.run(tx.query(DELETE_LIST).param("list", id)).await?;
    forget_lonely(tx, &[owner]).await?;
    Ok(Ok(vec![Notice::ListGone(owner, id)]))
}

async fn add_members(
    tx: &mut Tx,
    write: &OwnWrite,
    id: i64,
    members: &[AccountId],
) -> Result<Result<Vec<Notice>>, Fault> {
    let owner = write.account;
    if let Err(error) = owned(tx, owner, id).await? {
        return Ok(Err(error));
    }
    let of = |query: Query, members: &[AccountId]| {
        query.param("account", owner.get()).param("list", id).param("members", numbers(members))
    };
    let found = tx.rows(of(tx.query(ADDING), members)).await?;
    let Some(row) = found.first() else { return Ok(Ok(Vec::new())) };
    let (followed, there): (Vec<i64>, Vec<i64>) = (get(row, "followed")?, get(row, "there")?);
    if let Some(stranger) = members.iter().find(|member| !followed.contains(&member.get())) {
        return Ok(Err(Error::new(reason::NOT_FOLLOWED).with("account_id", *stranger)));
    }
    let mut new: Vec<AccountId> = members.iter().filter(|member| !there.contains(&member.get())).copied().collect();
    new.sort_unstable();
    new.dedup();
    if new.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let count: i64 = get(row, "count")?;
    let more = i64::try_from(new.len()).unwrap_or(i64::MAX) - 1;
    if let Err(error) = refuse_over(count + more, write.limits.members) {
        return Ok(Err(error));
    }
    tx.run(of(tx.query(ADD_MEMBERS), &new)).await?;
    Ok(Ok(vec![Notice::Members(owner, id)]))
}

async fn dismiss(tx: &mut Tx, write: &OwnWrite, other: AccountId) -> Result<Result<Vec<Notice>>, Fault> {
    if number(tx, tx.query(IS_ERASED).param("account", other.get()), "count").await? > 0 {
        return Ok(Err(Error::new(reason::ACCOUNT_NOT_FOUND).with("account_id", other)));
    }
    let query = tx.query(DISMISS).param("account", write.account.get()).param("other", other.get());
    tx.run(query.param("id", write.id)).await?;
    let oldest = tx.query(OLDEST_DISMISSED).param("account", write.account.get());
    let found = tx.rows(oldest.param("kept", write.limits.dismissed)).await?;
    let forgotten: Vec<i64> = found.first().map_or(Ok(Vec::new()), |row| get(row, "ids"))?;
    let forgotten: Vec<AccountId> = forgotten.into_iter().map(AccountId).collect();
    forget_lonely(tx, &forgotten).await?;
    Ok(Ok(Vec::new()))
}

async fn remove_members(
    tx: &mut Tx,
    owner: AccountId,
    id: i64,
    members: &[AccountId],
) -> Result<Result<Vec<Notice>>, Fault> {
    if let Err(error) = owned(tx, owner, id).await? {
        return Ok(Err(error));
    }
    let of = |query: Query| query.param("account", owner.get()).param("list", id).param("members", numbers(members));
    let found = tx.rows(of(tx.query(ADDING))).await?;
    let there: Vec<i64> = found.first().map_or(Ok(Vec::new()), |row| get(row, "there"))?;
    if there.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    tx.run(of(tx.query(REMOVE_MEMBERS))).await?;
    Ok(Ok(vec![Notice::Members(owner, id)]))
}

/// The account's own list.
async fn owned(tx: &mut Tx, owner: AccountId, id: i64) -> Result<Result<List>, Fault> {
    let found = tx.rows(tx.query(&format!("{LIST}{ABOUT}")).param("list", id)).await?;
    let list = found.first().map(read_list).transpose()?.filter(|list| list.owner == owner);
    Ok(list.ok_or_else(|| Error::new(reason::LIST_NOT_FOUND)))
}

/// Erases up to `limit` of what an account kept; its follows are gone by then. How many, and what is to be told.
pub(super) async fn erase(tx: &mut Tx, account: AccountId, limit: usize) -> Result<(usize, Vec<Notice>), Fault> {
    let mut left = limit;
    let part = |query: Query, left: usize| query.param("account", account.get()).param("limit", rows(left));
    let found = tx.rows(part(tx.query(ERASE_LISTS), left)).await?;
    let lists: Vec<i64> = found.first().map_or(Ok(Vec::new()), |row| get(row, "ids"))?;
    left -= lists.len();
    let tags = number(tx, part(tx.query(SOME_TAGS), left), "count").await?;
    tx.run(part(tx.query(ERASE_TAGS), left)).await?;
    left -= usize::try_from(tags).unwrap_or_default();
    let found = tx.rows(part(tx.query(ERASE_WORDS), left)).await?;
    let words: Vec<i64> = found.first().map_or(Ok(Vec::new()), |row| get(row, "ids"))?;
    left -= words.len();
    let found = tx.rows(part(tx.query(ERASE_DISMISSED), left)).await?;
    let dismissed: Vec<i64> = found.first().map_or(Ok(Vec::new()), |row| get(row, "ids"))?;
    left -= dismissed.len();
    if left < limit {
        let ends: Vec<AccountId> = dismissed.into_iter().map(AccountId).chain([account]).collect();
        forget_lonely(tx, &ends).await?;
    }
    Ok((limit - left, lists.into_iter().map(|list| Notice::ListGone(account, list)).collect()))
}

/// Deletes up to `limit` muted words that have run out; returns how many.
pub(super) async fn prune_words(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<usize, Fault> {
    let found = tx.rows(tx.query(PRUNE_WORDS).param("now", now.0).param("limit", limit)).await?;
    let accounts: Vec<i64> = found.first().map_or(Ok(Vec::new()), |row| get(row, "ids"))?;
    let accounts: Vec<AccountId> = accounts.into_iter().map(AccountId).collect();
    if !accounts.is_empty() {
        forget_lonely(tx, &accounts).await?;
    }
    Ok(accounts.len())
}

async fn forget_lonely(tx: &mut Tx, accounts: &[AccountId]) -> Result<(), Fault> {
    tx.run(tx.query(FORGET_LONELY).param("accounts", numbers(accounts))).await
}

/// A number that a query returns.
async fn number(tx: &mut Tx, query: Query, column: &str) -> Result<i64, Fault> {
    let found = tx.rows(query).await?;
    Ok(found.first().map_or(Ok(0), |row| get(row, column))?)
}

pub(super) async fn tags(db: &Neo4j, cx: &Cx, account: AccountId, before: i64, limit: usize) -> Result<Vec<Tag>> {
    let query = db.query(TAGS).param("account", account.get()).param("before", before);
    let found = db.read(cx, query.param("limit", rows(limit))).await?;
    let tag = |row: &Row| Ok(Tag { id: get(row, "id")?, tag: get(row, "tag")?, at: Timestamp(get(row, "at")?) });
    found.iter().map(tag).collect()
}

pub(super) async fn words(
    db: &Neo4j,
    cx: &Cx,
    account: AccountId,
    now: Timestamp,
    before: i64,
    limit: usize,
) -> Result<Vec<Word>> {
    let query = db.query(WORDS).param("account", account.get()).param("before", before).param("now", now.0);
    let found = db.read(cx, query.param("limit", rows(limit))).await?;
    let word = |row: &Row| {
        let until: Option<i64> = get(row, "until")?;
        Ok(Word { id: get(row, "id")?, word: get(row, "word")?, until: until.map(Timestamp) })
    };
    found.iter().map(word).collect()
}

pub(super) async fn list(db: &Neo4j, cx: &Cx, id: i64) -> Result<Option<List>> {
    let found = db.read(cx, db.query(&format!("{LIST}{ABOUT}")).param("list", id)).await?;
    found.first().map(read_list).transpose()
}

pub(super) async fn lists(
    db: &Neo4j,
    cx: &Cx,
    owner: AccountId,
    only_public: bool,
    before: i64,
    limit: usize,
) -> Result<Vec<List>> {
    let query = db.query(&format!("{LISTS}{ABOUT} ORDER BY id DESC")).param("account", owner.get());
    let query = query.param("before", before).param("public", only_public).param("limit", rows(limit));
    db.read(cx, query).await?.iter().map(read_list).collect()
}

fn read_list(row: &Row) -> Result<List> {
    let about = About { name: get(row, "name")?, public: get(row, "public")?, exclusive: get(row, "exclusive")? };
    Ok(List { id: get(row, "id")?, owner: AccountId(get(row, "owner")?), about })
}

pub(super) async fn dismissed(
    db: &Neo4j,
    cx: &Cx,
    account: AccountId,
    after: AccountId,
    limit: usize,
) -> Result<Vec<AccountId>> {
    let query = db.query(DISMISSED).param("account", account.get()).param("after", after.get());
    listed(db, cx, query.param("limit", rows(limit))).await
}

pub(super) async fn members(db: &Neo4j, cx: &Cx, list: i64, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
    let query = db.query(MEMBERS).param("list", list).param("after", after.get());
    listed(db, cx, query.param("limit", rows(limit))).await
}
