//! Writes, as they run inside the writer's transaction.

use plaza_core::{AccountId, Env, Error, Position, PostId, Result, TraceContext, reason};
use plaza_events::{NewEvent, outbox};
use plaza_proto::posts::v1::{PostCreated, PostDeleted};
use plaza_stores::SqlResultExt as _;
use plaza_stores::sqlite::{is_unique_violation, map_err};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::prune;
use crate::domain::{Sensitive, Visibility};
use crate::store::{Changed, Deleted, NewPost, Published, columns};

/// How often a new id is drawn when one is taken; a clash has odds of one in millions.
const ID_TRIES: usize = 3;

/// One write: the connection inside its transaction, and what it changed so far.
pub(super) struct Write<'a> {
    pub(super) conn: &'a Connection,
    pub(super) env: &'a Env,
    pub(super) trace: Option<TraceContext>,
    /// How long a deleted post can be restored, in milliseconds.
    pub(super) grace: i64,
    pub(super) changed: Changed,
}

/// A living post, as far as writes need it.
pub(super) struct Target {
    pub(super) author: AccountId,
    pub(super) reply_to: Option<PostId>,
    pub(super) quote_of: Option<PostId>,
    visibility: Visibility,
    root: PostId,
}

impl Write<'_> {
    pub(super) fn publish(&mut self, post: &NewPost) -> Result<Published> {
        self.present(post.author)?;
        let target = match post.reply_to {
            Some(id) => Some((id, self.living(id)?.ok_or_else(no_reply_target)?)),
            None => None,
        };
        if let Some(quoted) = post.quote_of {
            self.living(quoted)?.ok_or_else(no_quote_target)?;
        }
        if let Some(draft) = post.draft {
            self.end_draft(post.author, draft)?;
        }
        let id = self.insert(post, target.as_ref().map(|(_, target)| target.root))?;
        self.tag(id, &post.spans)?;
        self.run("INSERT INTO post_counts (post_id) VALUES (?1)", [id.0])?;
        if let Some(poll) = &post.poll {
            self.ask(id, poll)?;
        }
        self.count_answer(post.reply_to, post.quote_of, 1)?;
        // Somebody may have asked for this id before there was such a post.
        self.changed.posts.push(id);
        self.changed.authors.push(post.author);
        let (reply_to_id, quote_of_id) = (number(post.reply_to), number(post.quote_of));
        let event = PostCreated { post_id: id.0, author_id: post.author.0, reply_to_id, quote_of_id };
        let root = target.map_or(id, |(_, target)| target.root);
        Ok(Published { post: id, root, position: self.emit(id, &event)?, mentions: post.mentions() })
    }

    /// What a post replies to and what it quotes count one more, or one less; nothing happens to what is deleted.
    pub(super) fn count_answer(&mut self, reply_to: Option<PostId>, quote_of: Option<PostId>, more: i64) -> Result<()> {
        if let Some(target) = reply_to {
            self.run("UPDATE post_counts SET replies = replies + ?2 WHERE post_id = ?1", (target.0, more))?;
        }
        if let Some(quoted) = quote_of {
            self.run("UPDATE post_counts SET quotes = quotes + ?2 WHERE post_id = ?1", (quoted.0, more))?;
        }
        self.changed.posts.extend(reply_to.into_iter().chain(quote_of));
        Ok(())
    }

    /// Ids are drawn here, where writes stand in line: so they rise in the order of the commits.
    fn insert(&self, post: &NewPost, root: Option<PostId>) -> Result<PostId> {
        let mut statement = self
            .conn
            .prepare_cached(
                "INSERT INTO posts
                    (id, author_id, text, spans, visibility, reply_to_id, root_id, quote_of_id, quote_policy,
                     reply_policy, sensitive, warning, language, media)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )
            .sql()?;
        let (spans, media) = (columns::encode_spans(&post.spans)?, columns::encode_media(&post.media)?);
        for _ in 0..ID_TRIES {
            let id = PostId(self.env.next_id());
            let (author, visibility) = (post.author.0, columns::visibility(post.visibility));
            let (reply_to, quote_of) = (post.reply_to.map(PostId::get), post.quote_of.map(PostId::get));
            let (root, policy) = (root.unwrap_or(id).0, columns::quote_policy(post.quote_policy));
            let (replies, Sensitive { is, warning }) = (columns::reply_policy(post.reply_policy), &post.sensitive);
            let row = params![
                id.0,
                author,
                post.text,
                spans,
                visibility,
                reply_to,
                root,
                quote_of,
                policy,
                replies,
                is,
                warning,
                post.language,
                media
            ];
            match statement.execute(row) {
                Ok(_) => return Ok(id),
                Err(e) if is_unique_violation(&e, "posts.id") => {}
                Err(e) => return Err(map_err(e)),
            }
        }
        Err(Error::new(reason::ID_CLASH))
    }

    pub(super) fn delete(&mut self, author: AccountId, post: PostId) -> Result<Deleted> {
        let target = self.living(post)?.filter(|t| t.author == author).ok_or_else(no_post)?;
        Ok(Deleted { position: self.bury(post, &target, self.grace > 0)? })
    }

    /// Leaves a tombstone of a living post, and if `restorable` sets aside what is needed to bring it back.
    pub(super) fn bury(&mut self, post: PostId, target: &Target, restorable: bool) -> Result<Position> {
        if restorable {
            self.run(
                "INSERT INTO graves (post_id, author_id, at, text, spans, warning, language, media)
                 SELECT id, author_id, ?2, text, spans, warning, language, media FROM posts WHERE id = ?1",
                params![post.0, self.env.now().0],
            )?;
        } else {
            self.run("DELETE FROM revisions WHERE post_id = ?1", [post.0])?;
            self.run("DELETE FROM polls WHERE post_id = ?1", [post.0])?;
            prune::drop_marks(self.conn, post)?;
        }
        self.run(
            "UPDATE posts SET text = '', spans = NULL, warning = '', language = '', media = NULL, deleted_at = ?2,
                kept = EXISTS (SELECT 1 FROM posts AS r INDEXED BY posts_by_reply_to
                               WHERE r.reply_to_id = ?1 AND (r.deleted_at IS NULL OR r.kept))
             WHERE id = ?1",
            params![post.0, self.env.now().0],
        )?;
        self.run("DELETE FROM pins WHERE account_id = ?1 AND post_id = ?2", (target.author.0, post.0))?;
        self.run("DELETE FROM hashtags WHERE post_id = ?1", [post.0])?;
        self.run("DELETE FROM post_counts WHERE post_id = ?1", [post.0])?;
        self.run("DELETE FROM poll_counts WHERE post_id = ?1", [post.0])?;
        self.count_answer(target.reply_to, target.quote_of, -1)?;
        self.changed.posts.push(post);
        self.changed.authors.push(target.author);
        let (reply_to_id, quote_of_id) = (number(target.reply_to), number(target.quote_of));
        let (author_id, visibility) = (target.author.0, columns::told(target.visibility));
        self.emit(post, &PostDeleted { post_id: post.0, author_id, reply_to_id, quote_of_id, visibility })
    }

    pub(super) fn living(&self, post: PostId) -> Result<Option<Target>> {
        self.conn
            .prepare_cached(
                "SELECT author_id, reply_to_id, root_id, quote_of_id, visibility FROM posts
                 WHERE id = ?1 AND deleted_at IS NULL",
            )
            .sql()?
            .query_row([post.0], |row| {
                let reply_to = row.get::<_, Option<i64>>(1)?.map(PostId);
                let quote_of = row.get::<_, Option<i64>>(3)?.map(PostId);
                let (author, root) = (AccountId(row.get(0)?), PostId(row.get(2)?));
                Ok(Target { author, reply_to, quote_of, visibility: columns::visibility_of(row.get(4)?), root })
            })
            .optional()
            .sql()
    }

    pub(super) fn emit<M: prost::Message + prost::Name>(&self, post: PostId, event: &M) -> Result<Position> {
        outbox::sqlite::append(self.conn, &NewEvent::new(self.env, self.trace, "post", post.0, event))
    }

    pub(super) fn run(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize> {
        self.conn.prepare_cached(sql).sql()?.execute(params).sql()
    }
}

/// An id as events carry it.
pub(super) fn number(post: Option<PostId>) -> i64 {
    post.map_or(0, PostId::get)
}

pub(super) fn no_post() -> Error {
    Error::new(reason::POST_NOT_FOUND)
}

fn no_reply_target() -> Error {
    Error::new(reason::REPLY_TARGET_NOT_FOUND).on_field("reply_to_id")
}

fn no_quote_target() -> Error {
    Error::new(reason::QUOTE_TARGET_NOT_FOUND).on_field("quote_of_id")
}
