//! Edits and what was said before; deleted posts brought back.

use plaza_core::{AccountId, Error, PostId, Result, Timestamp, reason};
use plaza_proto::posts::v1::{PostEdited, PostRestored};
use plaza_stores::SqlResultExt as _;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows;
use super::writes::{Write, no_post, number};
use crate::domain::{Edits, Revision, Sensitive, spans};
use crate::store::{Buried, Edit, Edited, MAX_EDITS, Restored, columns};

/// What a living post says, and whose it is.
struct Said {
    author: AccountId,
    text: String,
    spans: Option<String>,
    sensitive: Sensitive,
    language: String,
    edits: Edits,
}

impl Said {
    fn says(&self, edit: &Edit) -> bool {
        (&self.text, &self.sensitive, &self.language) == (&edit.text, &edit.sensitive, &edit.language)
    }
}

impl Write<'_> {
    pub(super) fn edit(&mut self, edit: &Edit) -> Result<Edited> {
        self.present(edit.author)?;
        let said = self.said(edit.post)?.filter(|said| said.author == edit.author).ok_or_else(no_post)?;
        if said.says(edit) {
            return Ok(Edited::new(said.edits, None));
        }
        if said.edits.count >= MAX_EDITS {
            return Err(Error::new(reason::TOO_MANY_EDITS));
        }
        if said.text != edit.text {
            self.no_votes(edit.post)?;
        }
        let (post, since) = (edit.post.0, said.edits.at.unwrap_or_else(|| edit.post.time()));
        let old = params![
            post,
            said.edits.count,
            since.0,
            said.text,
            said.spans,
            said.sensitive.is,
            said.sensitive.warning,
            said.language
        ];
        self.run("INSERT INTO revisions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", old)?;
        let edits = Edits { count: said.edits.count + 1, at: Some(self.env.now()) };
        let (spans, Sensitive { is, warning }) = (columns::encode_spans(&edit.spans)?, &edit.sensitive);
        let new = params![post, edit.text, spans, is, warning, edit.language, edits.count, edits.at.map(|at| at.0)];
        self.run(
            "UPDATE posts SET text = ?2, spans = ?3, sensitive = ?4, warning = ?5, language = ?6, edit_count = ?7,
                              edited_at = ?8 WHERE id = ?1",
            new,
        )?;
        self.run("DELETE FROM hashtags WHERE post_id = ?1", [post])?;
        self.tag(edit.post, &edit.spans)?;
        self.changed.posts.push(edit.post);
        let event = PostEdited { post_id: post, author_id: edit.author.0, edit_count: edits.count };
        Ok(Edited::new(edits, Some(self.emit(edit.post, &event)?)))
    }

    fn said(&self, post: PostId) -> Result<Option<Said>> {
        let said = |row: &rusqlite::Row<'_>| {
            Ok(Said {
                author: AccountId(row.get(0)?),
                text: row.get(1)?,
                spans: row.get(2)?,
                sensitive: Sensitive { is: row.get(3)?, warning: row.get(4)? },
                language: row.get(5)?,
                edits: Edits { count: row.get(6)?, at: row.get::<_, Option<i64>>(7)?.map(Timestamp) },
            })
        };
        self.conn
            .prepare_cached(
                "SELECT author_id, text, spans, sensitive, warning, language, edit_count, edited_at
                 FROM posts WHERE id = ?1 AND deleted_at IS NULL",
            )
            .sql()?
            .query_row([post.0], said)
            .optional()
            .sql()
    }

    pub(super) fn restore(&mut self, author: AccountId, post: PostId) -> Result<Restored> {
        self.present(author)?;
        let since = self.env.now().plus_ms(-self.grace);
        let restored = self.run(
            "UPDATE posts SET text = g.text, spans = g.spans, warning = g.warning, language = g.language, media = g.media,
                              deleted_at = NULL, kept = 0
             FROM graves AS g WHERE g.post_id = posts.id AND posts.id = ?1 AND g.author_id = ?2 AND g.at > ?3",
            (post.0, author.0, since.0),
        )?;
        if restored == 0 {
            return Err(Error::new(reason::POST_NOT_RESTORABLE));
        }
        self.run("DELETE FROM graves WHERE post_id = ?1", [post.0])?;
        self.run(
            "INSERT INTO post_counts (post_id, likes, replies, reposts, quotes, bookmarks)
             SELECT ?1, (SELECT count(*) FROM marks WHERE post_id = ?1 AND kind = 1),
                    (SELECT count(*) FROM posts WHERE reply_to_id = ?1 AND deleted_at IS NULL),
                    (SELECT count(*) FROM marks WHERE post_id = ?1 AND kind = 2),
                    (SELECT count(*) FROM posts WHERE quote_of_id = ?1 AND deleted_at IS NULL),
                    (SELECT count(*) FROM marks WHERE post_id = ?1 AND kind = 3)",
            [post.0],
        )?;
        self.count_votes_anew(post)?;
        let said = self.said(post)?.ok_or_else(no_post)?;
        self.tag(post, &columns::decode_spans(said.spans.as_deref())?)?;
        let target = self.living(post)?.ok_or_else(no_post)?;
        self.count_answer(target.reply_to, target.quote_of, 1)?;
        self.changed.posts.push(post);
        self.changed.authors.push(author);
        let (reply_to_id, quote_of_id) = (number(target.reply_to), number(target.quote_of));
        let event = PostRestored { post_id: post.0, author_id: author.0, reply_to_id, quote_of_id };
        Ok(Restored { position: self.emit(post, &event)? })
    }

    /// Lists a post under its hashtags.
    pub(super) fn tag(&self, post: PostId, found: &[crate::domain::Span]) -> Result<()> {
        for tag in spans::hashtags(found) {
            self.run("INSERT INTO hashtags (tag, post_id) VALUES (?1, ?2)", params![tag, post.0])?;
        }
        Ok(())
    }
}

pub(super) fn revisions(conn: &Connection, post: PostId, before: i32, limit: usize) -> Result<Vec<Revision>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT edit_count, at, text, spans, sensitive, warning, language FROM revisions
             WHERE post_id = ?1 AND edit_count < ?2 ORDER BY edit_count DESC LIMIT ?3",
        )
        .sql()?;
    let row = |row: &rusqlite::Row<'_>| {
        let sensitive = Sensitive { is: row.get(4)?, warning: row.get(5)? };
        let (edits, at, text, language) = (row.get(0)?, Timestamp(row.get(1)?), row.get(2)?, row.get(6)?);
        let spans: Option<String> = row.get(3)?;
        Ok((Revision { edits, at, text, spans: Vec::new(), sensitive, language }, spans))
    };
    let rows = statement.query_map(params![post.0, before, rows::limit(limit)], row).sql()?;
    let decode = |(mut revision, spans): (Revision, Option<String>)| {
        revision.spans = columns::decode_spans(spans.as_deref())?;
        Ok(revision)
    };
    rows.map(|row| row.sql().and_then(decode)).collect()
}

pub(super) fn graves(conn: &Connection, account: AccountId, before: PostId, limit: usize) -> Result<Vec<Buried>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT g.post_id, g.at, g.text, g.warning, g.language, p.edit_count, g.media, q.options
             FROM graves AS g JOIN posts AS p ON p.id = g.post_id LEFT JOIN polls AS q ON q.post_id = g.post_id
             WHERE g.author_id = ?1 AND g.post_id < ?2 ORDER BY g.post_id DESC LIMIT ?3",
        )
        .sql()?;
    let row = |row: &rusqlite::Row<'_>| {
        let (post, at) = (PostId(row.get(0)?), Timestamp(row.get(1)?));
        let (text, warning, language) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let (media, poll_options) = (Vec::new(), Vec::new());
        let buried = Buried { post, at, text, warning, language, edits: row.get(5)?, media, poll_options };
        Ok((buried, row.get::<_, Option<String>>(6)?, row.get::<_, Option<String>>(7)?))
    };
    let rows = statement.query_map(params![account.0, before.0, rows::limit(limit)], row).sql()?;
    let decode = |(buried, media, options): (Buried, Option<String>, Option<String>)| {
        let (media, options) = (media.as_deref(), options.as_deref());
        Ok(Buried { media: columns::decode_media(media)?, poll_options: columns::decode_options(options)?, ..buried })
    };
    rows.map(|row| row.sql().and_then(decode)).collect()
}
