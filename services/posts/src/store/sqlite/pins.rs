//! The heads of profiles.

use plaza_core::{AccountId, Error, PostId, Result, reason};
use plaza_proto::posts::v1::{PostPinned, PostUnpinned};
use plaza_stores::SqlResultExt as _;
use rusqlite::{Connection, params};

use super::writes::{Write, no_post};
use crate::store::{MAX_PINS, PinChange, Pinned};

impl Write<'_> {
    pub(super) fn set_pin(&mut self, PinChange { post, author, set }: PinChange) -> Result<Pinned> {
        self.present(author)?;
        self.living(post)?.filter(|target| target.author == author).ok_or_else(no_post)?;
        let pins = of(self.conn, author)?;
        if pins.contains(&post) == set {
            return Ok(Pinned { position: None });
        }
        let (post_id, author_id) = (post.0, author.0);
        if !set {
            self.run("DELETE FROM pins WHERE account_id = ?1 AND post_id = ?2", (author_id, post_id))?;
            return Ok(Pinned { position: Some(self.emit(post, &PostUnpinned { post_id, author_id })?) });
        }
        if pins.len() >= MAX_PINS {
            return Err(Error::new(reason::TOO_MANY_PINS));
        }
        let pin = params![author_id, post_id, self.env.next_id()];
        self.run("INSERT INTO pins (account_id, post_id, id) VALUES (?1, ?2, ?3)", pin)?;
        Ok(Pinned { position: Some(self.emit(post, &PostPinned { post_id, author_id })?) })
    }
}

pub(super) fn of(conn: &Connection, account: AccountId) -> Result<Vec<PostId>> {
    let mut statement = conn.prepare_cached("SELECT post_id FROM pins WHERE account_id = ?1 ORDER BY id DESC").sql()?;
    let rows = statement.query_map([account.0], |row| Ok(PostId(row.get(0)?))).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}
