//! Writes, as they run inside the writer's transaction.

use plaza_core::{AccountId, Env, Error, Position, PostId, Result, TraceContext, reason};
use plaza_events::{NewEvent, outbox};
use plaza_proto::posts::v1::{PostCreated, PostDeleted, PostLiked, PostUnliked};
use plaza_stores::SqlResultExt as _;
use plaza_stores::sqlite::{is_unique_violation, map_err};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::prune;
use crate::domain::spans;
use crate::store::{Changed, Deleted, LikeChange, Liked, NewPost, Published, columns};

/// How often a new id is drawn when one is taken; a clash has odds of one in millions.
const ID_TRIES: usize = 3;

/// One write: the connection inside its transaction, and what it changed so far.
pub(super) struct Write<'a> {
    pub(super) conn: &'a Connection,
    pub(super) env: &'a Env,
    pub(super) trace: Option<TraceContext>,
    pub(super) changed: Changed,
}

/// A living post, as far as writes need it.
pub(super) struct Target {
    pub(super) author: AccountId,
    pub(super) reply_to: Option<PostId>,
    root: PostId,
}

impl Write<'_> {
    pub(super) fn publish(&mut self, post: &NewPost) -> Result<Published> {
        self.present(post.author)?;
        let target = match post.reply_to {
            Some(id) => Some((id, self.living(id)?.ok_or_else(no_reply_target)?)),
            None => None,
        };
        let id = self.insert(post, target.as_ref().map(|(_, target)| target.root))?;
        for tag in spans::hashtags(&post.spans) {
            self.run("INSERT INTO hashtags (tag, post_id) VALUES (?1, ?2)", params![tag, id.0])?;
        }
        self.run("INSERT INTO post_counts (post_id) VALUES (?1)", [id.0])?;
        if let Some((target, _)) = &target {
            self.run("UPDATE post_counts SET replies = replies + 1 WHERE post_id = ?1", [target.0])?;
            self.changed.posts.push(*target);
        }
        // Somebody may have asked for this id before there was such a post.
        self.changed.posts.push(id);
        self.changed.authors.push(post.author);
        let reply_to_id = post.reply_to.map_or(0, PostId::get);
        let event = PostCreated { post_id: id.0, author_id: post.author.0, reply_to_id };
        let root = target.map_or(id, |(_, target)| target.root);
        Ok(Published { post: id, root, position: self.emit(id, &event)? })
    }

    /// Ids are drawn here, where writes stand in line: so they rise in the order of the commits.
    fn insert(&self, post: &NewPost, root: Option<PostId>) -> Result<PostId> {
        let mut statement = self
            .conn
            .prepare_cached(
                "INSERT INTO posts (id, author_id, text, spans, visibility, reply_to_id, root_id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .sql()?;
        let spans = columns::encode_spans(&post.spans)?;
        for _ in 0..ID_TRIES {
            let id = PostId(self.env.next_id());
            let (author, visibility) = (post.author.0, columns::visibility(post.visibility));
            let reply_to = post.reply_to.map(PostId::get);
            let row = params![id.0, author, post.text, spans, visibility, reply_to, root.unwrap_or(id).0];
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
        Ok(Deleted { position: self.bury(post, &target)? })
    }

    /// Leaves a tombstone of a living post.
    pub(super) fn bury(&mut self, post: PostId, target: &Target) -> Result<Position> {
        self.run(
            "UPDATE posts SET text = '', spans = NULL, deleted_at = ?2 WHERE id = ?1",
            params![post.0, self.env.now().0],
        )?;
        self.run("DELETE FROM hashtags WHERE post_id = ?1", [post.0])?;
        self.run("DELETE FROM post_counts WHERE post_id = ?1", [post.0])?;
        if let Some(reply_to) = target.reply_to {
            // No row if that one is deleted too.
            self.run("UPDATE post_counts SET replies = replies - 1 WHERE post_id = ?1", [reply_to.0])?;
            self.changed.posts.push(reply_to);
        }
        prune::drop_likes(self.conn, post)?;
        self.changed.posts.push(post);
        self.changed.authors.push(target.author);
        let reply_to_id = target.reply_to.map_or(0, PostId::get);
        self.emit(post, &PostDeleted { post_id: post.0, author_id: target.author.0, reply_to_id })
    }

    pub(super) fn set_like(&mut self, change: LikeChange) -> Result<Liked> {
        let LikeChange { post, account, like } = change;
        self.present(account)?;
        let author = self.living(post)?.ok_or_else(no_post)?.author;
        let changed = if like {
            self.run(
                "INSERT OR IGNORE INTO likes (post_id, account_id, at) VALUES (?1, ?2, ?3)",
                params![post.0, account.0, self.env.now().0],
            )?
        } else {
            self.run("DELETE FROM likes WHERE post_id = ?1 AND account_id = ?2", params![post.0, account.0])?
        };
        if changed == 0 {
            return Ok(Liked { likes: self.likes(post)?, position: None });
        }
        let likes = self.add_likes(post, if like { 1 } else { -1 })?;
        self.changed.posts.push(post);
        let (post_id, author_id, account_id) = (post.0, author.0, account.0);
        let position = if like {
            self.emit(post, &PostLiked { post_id, author_id, account_id })?
        } else {
            self.emit(post, &PostUnliked { post_id, author_id, account_id })?
        };
        Ok(Liked { likes, position: Some(position) })
    }

    fn likes(&self, post: PostId) -> Result<i64> {
        let mut statement = self.conn.prepare_cached("SELECT likes FROM post_counts WHERE post_id = ?1").sql()?;
        statement.query_row([post.0], |row| row.get(0)).sql()
    }

    /// Adds to a post's likes and returns how many there are.
    pub(super) fn add_likes(&self, post: PostId, more: i64) -> Result<i64> {
        self.conn
            .prepare_cached("UPDATE post_counts SET likes = likes + ?2 WHERE post_id = ?1 RETURNING likes")
            .sql()?
            .query_row(params![post.0, more], |row| row.get(0))
            .sql()
    }

    pub(super) fn living(&self, post: PostId) -> Result<Option<Target>> {
        self.conn
            .prepare_cached("SELECT author_id, reply_to_id, root_id FROM posts WHERE id = ?1 AND deleted_at IS NULL")
            .sql()?
            .query_row([post.0], |row| {
                let reply_to = row.get::<_, Option<i64>>(1)?.map(PostId);
                Ok(Target { author: AccountId(row.get(0)?), reply_to, root: PostId(row.get(2)?) })
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

fn no_post() -> Error {
    Error::new(reason::POST_NOT_FOUND)
}

fn no_reply_target() -> Error {
    Error::new(reason::REPLY_TARGET_NOT_FOUND).on_field("reply_to_id")
}
