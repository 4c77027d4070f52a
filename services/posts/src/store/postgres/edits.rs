//! Edits and what was said before; deleted posts brought back.

use plaza_core::{AccountId, Env, Error, PostId, Result, Timestamp, reason};
use plaza_proto::posts::v1::{PostEdited, PostRestored};
use plaza_stores::PgResultExt as _;
use sqlx::PgConnection;

use super::batch::{Done, Job};
use super::locks::Locks;
use super::single::{Came, Restoration, Single, tell};
use super::{polls, rows};
use crate::domain::{Edits, Revision, Sensitive, Span, spans};
use crate::store::{Buried, Changed, Edit, Edited, MAX_EDITS, Restored, columns};

/// The columns of [`Said`].
type SaidRow = (i64, String, bool, String, String, i32, Option<i64>);
/// The columns of a revision: number, time, text, spans, sensitive, warning, language.
type RevisionRow = (i32, i64, String, Option<String>, bool, String, String);

/// What a living post says, and whose it is.
struct Said {
    author_id: i64,
    text: String,
    sensitive: bool,
    warning: String,
    language: String,
    edit_count: i32,
    edited_at: Option<i64>,
}

impl Said {
    fn says(&self, edit: &Edit) -> bool {
        let sensitive = (self.sensitive, &self.warning) == (edit.sensitive.is, &edit.sensitive.warning);
        sensitive && (&self.text, &self.language) == (&edit.text, &edit.language)
    }
}

/// Refuses a write of an account that was erased. Its lock must be held.
pub(super) async fn present(conn: &mut PgConnection, account: AccountId) -> Result<()> {
    let sql = "SELECT EXISTS (SELECT 1 FROM gone WHERE account_id = $1)";
    let gone: bool = sqlx::query_scalar(sql).bind(account.0).fetch_one(conn).await.sql()?;
    if gone { Err(Error::new(reason::ACCOUNT_NOT_FOUND)) } else { Ok(()) }
}

/// Who wrote a living post.
pub(super) async fn living_author(conn: &mut PgConnection, post: PostId) -> Result<Option<AccountId>> {
    let sql = "SELECT author_id FROM posts WHERE id = $1 AND deleted_at IS NULL";
    let author: Option<i64> = sqlx::query_scalar(sql).bind(post.0).fetch_optional(conn).await.sql()?;
    Ok(author.map(AccountId))
}

/// Of edits of one post each finds what the one before left.
pub(super) async fn lock(conn: &mut PgConnection, edit: &Edit) -> Result<()> {
    let mut locks = Locks::default();
    locks.share_account(edit.author);
    locks.own_post(edit.post);
    locks.take(conn).await
}

pub(super) async fn edit(conn: &mut PgConnection, env: &Env, job: &Job<Single>, edit: &Edit) -> Result<Done<Came>> {
    present(conn, edit.author).await?;
    let said = said(conn, edit.post).await?.filter(|said| said.author_id == edit.author.0).ok_or_else(no_post)?;
    if said.says(edit) {
        let edits = Edits { count: said.edit_count, at: said.edited_at.map(Timestamp) };
        return Ok(Done { outcome: Came::Edited(Edited::new(edits, None)), changed: Changed::default() });
    }
    if said.edit_count >= MAX_EDITS {
        return Err(Error::new(reason::TOO_MANY_EDITS));
    }
    if said.text != edit.text {
        polls::no_votes(conn, edit.post).await?;
    }
    let edits = Edits { count: said.edit_count + 1, at: Some(env.now()) };
    let since = said.edited_at.unwrap_or_else(|| edit.post.time().0);
    write(conn, edit, edits, since).await?;
    let event = PostEdited { post_id: edit.post.0, author_id: edit.author.0, edit_count: edits.count };
    let position = Some(tell(conn, env, job, edit.post, &event).await?);
    let changed = Changed { posts: vec![edit.post], authors: Vec::new() };
    Ok(Done { outcome: Came::Edited(Edited::new(edits, position)), changed })
}

async fn said(conn: &mut PgConnection, post: PostId) -> Result<Option<Said>> {
    let found: Option<SaidRow> = sqlx::query_as(
        "SELECT author_id, text, sensitive, warning, language, edit_count, edited_at
         FROM posts WHERE id = $1 AND deleted_at IS NULL",
    )
    .bind(post.0)
    .fetch_optional(conn)
    .await
    .sql()?;
    let said = |(author_id, text, sensitive, warning, language, edit_count, edited_at)| Said {
        author_id,
        text,
        sensitive,
        warning,
        language,
        edit_count,
        edited_at,
    };
    Ok(found.map(said))
}

/// Sets what was said since then aside, and says something else.
async fn write(conn: &mut PgConnection, edit: &Edit, edits: Edits, since: i64) -> Result<()> {
    sqlx::query(
        "WITH old AS (
            INSERT INTO revisions (post_id, edit_count, at, text, spans, sensitive, warning, language)
            SELECT id, edit_count, $2, text, spans, sensitive, warning, language FROM posts WHERE id = $1),
         tags AS (DELETE FROM hashtags WHERE post_id = $1)
         UPDATE posts SET text = $3, spans = $4, sensitive = $5, warning = $6, language = $7, edit_count = $8,
                          edited_at = $9 WHERE id = $1",
    )
    .bind(edit.post.0)
    .bind(since)
    .bind(&edit.text)
    .bind(columns::encode_spans(&edit.spans)?)
    .bind(edit.sensitive.is)
    .bind(&edit.sensitive.warning)
    .bind(&edit.language)
    .bind(edits.count)
    .bind(edits.at.map(|at| at.0))
    .execute(&mut *conn)
    .await
    .sql()?;
    tag(conn, edit.post, &edit.spans).await
}

/// Lists a post under its hashtags.
async fn tag(conn: &mut PgConnection, post: PostId, found: &[Span]) -> Result<()> {
    let insert = "INSERT INTO hashtags (tag, post_id) SELECT tag, $1 FROM unnest($2::text[]) AS t (tag)";
    sqlx::query(insert).bind(post.0).bind(spans::hashtags(found)).execute(conn).await.sql()?;
    Ok(())
}

/// What the post answers is kept alive, and nothing happens to the post itself meanwhile.
pub(super) async fn lock_restoration(conn: &mut PgConnection, restoration: Restoration) -> Result<()> {
    let answered: Vec<i64> = sqlx::query_scalar(
        "SELECT target FROM posts CROSS JOIN LATERAL (VALUES (reply_to_id), (quote_of_id)) AS answered (target)
         WHERE id = $1 AND target IS NOT NULL",
    )
    .bind(restoration.post.0)
    .fetch_all(&mut *conn)
    .await
    .sql()?;
    let mut locks = Locks::default();
    locks.share_account(restoration.author);
    locks.own_post(restoration.post);
    for target in answered {
        locks.share_post(PostId(target));
    }
    locks.take(conn).await
}

pub(super) async fn restore(
    conn: &mut PgConnection,
    env: &Env,
    job: &Job<Single>,
    Restoration { post, author, grace }: Restoration,
) -> Result<Done<Came>> {
    present(conn, author).await?;
    let restored: Option<(Option<i64>, Option<i64>, Option<String>)> = sqlx::query_as(
        "WITH grave AS (
            DELETE FROM graves WHERE post_id = $1 AND author_id = $2 AND at > $3
            RETURNING text, spans, warning, language, media)
         UPDATE posts AS p SET text = g.text, spans = g.spans, warning = g.warning, language = g.language,
                               media = g.media, deleted_at = NULL, kept = false
         FROM grave AS g WHERE p.id = $1 RETURNING p.reply_to_id, p.quote_of_id, p.spans",
    )
    .bind(post.0)
    .bind(author.0)
    .bind(env.now().plus_ms(-grace).0)
    .fetch_optional(&mut *conn)
    .await
    .sql()?;
    let (reply_to, quote_of, stored) = restored.ok_or_else(|| Error::new(reason::POST_NOT_RESTORABLE))?;
    tag(conn, post, &columns::decode_spans(stored.as_deref())?).await?;
    count_anew(conn, post).await?;
    polls::count_anew(conn, post).await?;
    let (reply_to_id, quote_of_id) = (reply_to.unwrap_or(0), quote_of.unwrap_or(0));
    let event = PostRestored { post_id: post.0, author_id: author.0, reply_to_id, quote_of_id };
    let position = tell(conn, env, job, post, &event).await?;
    let posts = reply_to.into_iter().chain(quote_of).map(PostId).chain([post]).collect();
    let changed = Changed { posts, authors: vec![author] };
    Ok(Done { outcome: Came::Restored(Restored { position }), changed })
}

/// Counts what there is of a post that is back, and one more for what it answers.
async fn count_anew(conn: &mut PgConnection, post: PostId) -> Result<()> {
    sqlx::query(
        "INSERT INTO post_counts AS c (post_id, likes, replies, reposts, quotes, bookmarks)
         SELECT $1, (SELECT count(*) FROM marks WHERE post_id = $1 AND kind = 1),
                (SELECT count(*) FROM posts WHERE reply_to_id = $1 AND deleted_at IS NULL),
                (SELECT count(*) FROM marks WHERE post_id = $1 AND kind = 2),
                (SELECT count(*) FROM posts WHERE quote_of_id = $1 AND deleted_at IS NULL),
                (SELECT count(*) FROM marks WHERE post_id = $1 AND kind = 3)",
    )
    .bind(post.0)
    .execute(&mut *conn)
    .await
    .sql()?;
    sqlx::query(
        "INSERT INTO post_counts AS c (post_id, replies, quotes)
         SELECT target.id, sum(replies), sum(quotes)
         FROM (SELECT reply_to_id, 1, 0 FROM posts WHERE id = $1
               UNION ALL SELECT quote_of_id, 0, 1 FROM posts WHERE id = $1) AS answer (target_id, replies, quotes)
         JOIN posts AS target ON target.id = answer.target_id AND target.deleted_at IS NULL
         GROUP BY 1 ORDER BY 1
         ON CONFLICT (post_id, stripe) DO UPDATE
         SET replies = c.replies + excluded.replies, quotes = c.quotes + excluded.quotes",
    )
    .bind(post.0)
    .execute(conn)
    .await
    .sql()?;
    Ok(())
}

pub(super) async fn revisions(
    conn: &mut PgConnection,
    post: PostId,
    before: i32,
    limit: usize,
) -> Result<Vec<Revision>> {
    let found: Vec<RevisionRow> = sqlx::query_as(
        "SELECT edit_count, at, text, spans, sensitive, warning, language FROM revisions
         WHERE post_id = $1 AND edit_count < $2 ORDER BY edit_count DESC LIMIT $3",
    )
    .bind(post.0)
    .bind(before)
    .bind(rows::limit(limit))
    .fetch_all(conn)
    .await
    .sql()?;
    let revision = |(edits, at, text, spans, is, warning, language): RevisionRow| {
        let spans = columns::decode_spans(spans.as_deref())?;
        Ok(Revision { edits, at: Timestamp(at), text, spans, sensitive: Sensitive { is, warning }, language })
    };
    found.into_iter().map(revision).collect()
}

/// A grave as it stands in its columns.
type GraveRow = (i64, i64, String, String, String, i32, Option<String>, Option<String>);

pub(super) async fn graves(
    conn: &mut PgConnection,
    account: AccountId,
    before: PostId,
    limit: usize,
) -> Result<Vec<Buried>> {
    let found: Vec<GraveRow> = sqlx::query_as(
        "SELECT g.post_id, g.at, g.text, g.warning, g.language, p.edit_count, g.media, q.options
         FROM graves AS g JOIN posts AS p ON p.id = g.post_id LEFT JOIN polls AS q ON q.post_id = g.post_id
         WHERE g.author_id = $1 AND g.post_id < $2 ORDER BY g.post_id DESC LIMIT $3",
    )
    .bind(account.0)
    .bind(before.0)
    .bind(rows::limit(limit))
    .fetch_all(conn)
    .await
    .sql()?;
    let buried = |(post, at, text, warning, language, edits, media, options): GraveRow| {
        let (post, at, media) = (PostId(post), Timestamp(at), columns::decode_media(media.as_deref())?);
        let poll_options = columns::decode_options(options.as_deref())?;
        Ok(Buried { post, at, text, warning, language, edits, media, poll_options })
    };
    found.into_iter().map(buried).collect()
}

fn no_post() -> Error {
    Error::new(reason::POST_NOT_FOUND)
}
