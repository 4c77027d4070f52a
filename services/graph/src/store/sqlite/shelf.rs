//! What accounts keep for themselves: hashtags, words, lists.

use plaza_core::{AccountId, Error, Result, Timestamp, reason};
use plaza_stores::{SqlResultExt as _, requests};
use rusqlite::{Connection, Row, params};

use crate::domain::{About, List, Notice, Own, OwnWrite, Tag, Word, refuse_over};

use super::reads::{account_id, collect, rows};
use super::writes::Tx;

const LIST: &str = "SELECT id, owner, name, public, exclusive FROM lists WHERE id = ?1";

/// Performs a change; the list as it is then, if the change makes or alters one.
pub(super) fn perform(tx: &mut Tx<'_>, write: &OwnWrite) -> Result<Option<List>> {
    tx.require_present(write.account)?;
    match &write.own {
        Own::FollowTag(tag) => follow_tag(tx, write, tag).map(|()| None),
        Own::UnfollowTag(tag) => {
            let sql = "DELETE FROM followed_tags WHERE account = ?1 AND tag = ?2";
            if tx.execute(sql, params![write.account.get(), tag])? {
                tx.notify(Notice::Tags(write.account));
            }
            Ok(None)
        }
        Own::MuteWord(word, until) => mute_word(tx, write, word, *until).map(|()| None),
        Own::UnmuteWord(word) => {
            let sql = "DELETE FROM muted_words WHERE account = ?1 AND word = ?2";
            if tx.execute(sql, params![write.account.get(), word])? {
                tx.notify(Notice::Words(write.account));
            }
            Ok(None)
        }
        Own::CreateList(about) => create_list(tx, write, about).map(Some),
        Own::UpdateList(id, about) => update_list(tx, write.account, *id, about).map(Some),
        Own::DeleteList(id) => {
            owned(tx, write.account, *id)?;
            delete_list(tx, write.account, *id).map(|()| None)
        }
        Own::Dismiss(other) => dismiss(tx, write, *other).map(|()| None),
        Own::AddMembers(id, members) => add_members(tx, write, *id, members).map(|()| None),
        Own::RemoveMembers(id, members) => remove_members(tx, write.account, *id, members).map(|()| None),
    }
}

fn follow_tag(tx: &mut Tx<'_>, write: &OwnWrite, tag: &str) -> Result<()> {
    let sql = "INSERT OR IGNORE INTO followed_tags (account, tag, id, at) VALUES (?1, ?2, ?3, ?4)";
    if tx.execute(sql, params![write.account.get(), tag, write.id, write.at.0])? {
        let before = tx.number("SELECT count(*) - 1 FROM followed_tags WHERE account = ?1", write.account.get())?;
        refuse_over(before, write.limits.hashtags)?;
        tx.notify(Notice::Tags(write.account));
    }
    Ok(())
}

fn mute_word(tx: &mut Tx<'_>, write: &OwnWrite, word: &str, until: Option<Timestamp>) -> Result<()> {
    let sql = "SELECT until FROM muted_words WHERE account = ?1 AND word = ?2";
    let found = collect(tx.conn(), sql, params![write.account.get(), word], |row| row.get::<_, Option<i64>>(0))?;
    let until = until.map(|until| until.0);
    match found.first() {
        Some(before) if *before == until && until.is_none_or(|until| until > write.at.0) => return Ok(()),
        Some(_) => {}
        None => {
            let count = tx.number("SELECT count(*) FROM muted_words WHERE account = ?1", write.account.get())?;
            refuse_over(count, write.limits.words)?;
        }
    }
    let sql = "INSERT OR REPLACE INTO muted_words (account, word, id, until) VALUES (?1, ?2, ?3, ?4)";
    tx.execute(sql, params![write.account.get(), word, write.id, until])?;
    tx.notify(Notice::Words(write.account));
    Ok(())
}

fn create_list(tx: &mut Tx<'_>, write: &OwnWrite, about: &About) -> Result<List> {
    let count = tx.number("SELECT count(*) FROM lists WHERE owner = ?1", write.account.get())?;
    refuse_over(count, write.limits.lists)?;
    let sql = "INSERT INTO lists (id, owner, name, public, exclusive) VALUES (?1, ?2, ?3, ?4, ?5)";
    tx.execute(sql, params![write.id, write.account.get(), about.name, about.public, about.exclusive])?;
    tx.notify(Notice::List(write.account, write.id));
    Ok(List { id: write.id, owner: write.account, about: about.clone() })
}

fn update_list(tx: &mut Tx<'_>, owner: AccountId, id: i64, about: &About) -> Result<List> {
    if owned(tx, owner, id)?.about != *about {
        let sql = "UPDATE lists SET name = ?2, public = ?3, exclusive = ?4 WHERE id = ?1";
        tx.execute(sql, params![id, about.name, about.public, about.exclusive])?;
        tx.notify(Notice::List(owner, id));
    }
    Ok(List { id, owner, about: about.clone() })
}

/// Deletes a list with its members.
pub(super) fn delete_list(tx: &mut Tx<'_>, owner: AccountId, id: i64) -> Result<()> {
    tx.execute("DELETE FROM list_members WHERE list = ?1", [id])?;
    tx.execute("DELETE FROM lists WHERE id = ?1", [id])?;
    tx.notify(Notice::ListGone(owner, id));
    Ok(())
}

fn add_members(tx: &mut Tx<'_>, write: &OwnWrite, id: i64, members: &[AccountId]) -> Result<()> {
    owned(tx, write.account, id)?;
    let mut added = false;
    for member in members {
        if !tx.follows(write.account, *member)? {
            return Err(Error::new(reason::NOT_FOLLOWED).with("account_id", *member));
        }
        let sql = "INSERT OR IGNORE INTO list_members (list, member, owner) VALUES (?1, ?2, ?3)";
        added |= tx.execute(sql, params![id, member.get(), write.account.get()])?;
    }
    if added {
        let before = tx.number("SELECT count(*) - 1 FROM list_members WHERE list = ?1", id)?;
        refuse_over(before, write.limits.members)?;
        tx.notify(Notice::Members(write.account, id));
    }
    Ok(())
}

fn dismiss(tx: &mut Tx<'_>, write: &OwnWrite, other: AccountId) -> Result<()> {
    tx.require_present(other)?;
    let sql = "INSERT OR IGNORE INTO dismissed (account, other, id) VALUES (?1, ?2, ?3)";
    if tx.execute(sql, params![write.account.get(), other.get(), write.id])? {
        let sql = "DELETE FROM dismissed WHERE account = ?1 AND other IN
                   (SELECT other FROM dismissed WHERE account = ?1 ORDER BY id DESC LIMIT -1 OFFSET ?2)";
        tx.execute(sql, params![write.account.get(), write.limits.dismissed])?;
    }
    Ok(())
}

fn remove_members(tx: &mut Tx<'_>, owner: AccountId, id: i64, members: &[AccountId]) -> Result<()> {
    owned(tx, owner, id)?;
    let mut removed = false;
    for member in members {
        removed |= tx.execute("DELETE FROM list_members WHERE list = ?1 AND member = ?2", [id, member.get()])?;
    }
    if removed {
        tx.notify(Notice::Members(owner, id));
    }
    Ok(())
}

/// The account's own list.
fn owned(tx: &Tx<'_>, owner: AccountId, id: i64) -> Result<List> {
    let found = list(tx.conn(), id)?.filter(|list| list.owner == owner);
    found.ok_or_else(|| Error::new(reason::LIST_NOT_FOUND))
}

pub(super) fn tags(conn: &Connection, account: AccountId, before: i64, limit: usize) -> Result<Vec<Tag>> {
    let sql = "SELECT id, tag, at FROM followed_tags WHERE account = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
    collect(conn, sql, params![account.get(), before, rows(limit)], |row| {
        Ok(Tag { id: row.get(0)?, tag: row.get(1)?, at: Timestamp(row.get(2)?) })
    })
}

pub(super) fn words(
    conn: &Connection,
    account: AccountId,
    now: Timestamp,
    before: i64,
    limit: usize,
) -> Result<Vec<Word>> {
    let sql = "SELECT id, word, until FROM muted_words
               WHERE account = ?1 AND id < ?2 AND (until IS NULL OR until > ?4) ORDER BY id DESC LIMIT ?3";
    collect(conn, sql, params![account.get(), before, rows(limit), now.0], |row| {
        let until: Option<i64> = row.get(2)?;
        Ok(Word { id: row.get(0)?, word: row.get(1)?, until: until.map(Timestamp) })
    })
}

pub(super) fn list(conn: &Connection, id: i64) -> Result<Option<List>> {
    Ok(collect(conn, LIST, [id], read_list)?.pop())
}

pub(super) fn lists(
    conn: &Connection,
    owner: AccountId,
    only_public: bool,
    before: i64,
    limit: usize,
) -> Result<Vec<List>> {
    let sql = "SELECT id, owner, name, public, exclusive FROM lists
               WHERE owner = ?1 AND id < ?2 AND (public OR NOT ?4) ORDER BY id DESC LIMIT ?3";
    collect(conn, sql, params![owner.get(), before, rows(limit), only_public], read_list)
}

fn read_list(row: &Row<'_>) -> rusqlite::Result<List> {
    let about = About { name: row.get(2)?, public: row.get(3)?, exclusive: row.get(4)? };
    Ok(List { id: row.get(0)?, owner: AccountId(row.get(1)?), about })
}

pub(super) fn dismissed(
    conn: &Connection,
    account: AccountId,
    after: AccountId,
    limit: usize,
) -> Result<Vec<AccountId>> {
    let sql = "SELECT other FROM dismissed WHERE account = ?1 AND other > ?2 ORDER BY other LIMIT ?3";
    collect(conn, sql, params![account.get(), after.get(), rows(limit)], account_id)
}

pub(super) fn members(conn: &Connection, list: i64, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
    let sql = "SELECT member FROM list_members WHERE list = ?1 AND member > ?2 ORDER BY member LIMIT ?3";
    collect(conn, sql, params![list, after.get(), rows(limit)], account_id)
}

/// Deletes a bounded number of muted words that have run out; returns how many.
pub(super) fn prune_words(conn: &Connection, now: Timestamp) -> Result<usize> {
    let sql = "DELETE FROM muted_words WHERE (account, word) IN
               (SELECT account, word FROM muted_words WHERE until <= ?1 ORDER BY until LIMIT ?2)";
    conn.prepare_cached(sql).sql()?.execute(params![now.0, requests::PRUNE_LIMIT]).sql()
}
