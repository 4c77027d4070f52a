//! Publishing: all posts of a batch by one insert.

use std::collections::{HashMap, HashSet};

use plaza_core::{AccountId, Env, Error, PostId, Result, reason};
use plaza_events::outbox;
use plaza_proto::posts::v1::PostCreated;
use plaza_stores::PgResultExt as _;
use sqlx::PgConnection;

use super::batch::{Done, Job, Work};
use super::locks::Locks;
use super::{drafts, polls};
use crate::domain::spans;
use crate::store::{Changed, DraftVersion, NewPost, Published, columns};

/// How often new ids are drawn when some are taken; a clash has odds of one in millions.
const ID_TRIES: usize = 3;

impl Work for NewPost {
    type Outcome = Published;

    /// Two publications of one draft.
    fn apart(&self) -> Option<(PostId, AccountId)> {
        self.draft.map(|draft| (PostId(draft.id), self.author))
    }

    async fn lock(conn: &mut PgConnection, jobs: &[&Job<Self>]) -> Result<()> {
        let mut locks = Locks::default();
        for job in jobs {
            match job.work.draft {
                // Whoever publishes a draft has it alone.
                Some(_) => locks.own_account(job.work.author),
                None => locks.share_account(job.work.author),
            }
            for target in answered(&job.work) {
                locks.share_post(target);
            }
        }
        locks.take(conn).await
    }

    async fn perform(conn: &mut PgConnection, env: &Env, jobs: &[&Job<Self>]) -> Result<Vec<Result<Done<Published>>>> {
        let known = Known::read(conn, jobs).await?;
        let mut drafts: Vec<Result<Draft<'_>>> = jobs.iter().map(|job| known.draft(job)).collect();
        check_kept(conn, &mut drafts).await?;
        insert(conn, env, known.highest, &mut drafts).await?;
        end_kept(conn, &drafts).await?;
        let asked = drafts.iter().flatten().filter_map(|draft| Some((draft.id?, draft.job.work.poll.as_ref()?)));
        polls::ask(conn, &asked.collect::<Vec<_>>()).await?;
        let written = || drafts.iter().flatten().filter_map(|draft| Some((draft, draft.id?)));
        let events: Vec<_> = written()
            .map(|(draft, id)| {
                let NewPost { author, reply_to, quote_of, .. } = &draft.job.work;
                let number = |post: &Option<PostId>| post.map_or(0, PostId::get);
                let (reply_to_id, quote_of_id) = (number(reply_to), number(quote_of));
                let created = PostCreated { post_id: id.0, author_id: author.0, reply_to_id, quote_of_id };
                draft.job.event(env, id, &created)
            })
            .collect();
        let mut positions = outbox::postgres::append_many(conn, &events).await?.into_iter();
        let published = drafts.into_iter().map(|draft| {
            let draft = draft?;
            match (draft.id, draft.id.and_then(|_| positions.next())) {
                (Some(post), Some(position)) => {
                    let (root, mentions) = (draft.root(post), draft.job.work.mentions());
                    Ok(draft.done(Published { post, root, position, mentions }))
                }
                _ => Err(Error::new(reason::ID_CLASH)),
            }
        });
        Ok(published.collect())
    }
}

/// What a post replies to and what it quotes.
fn answered(post: &NewPost) -> impl Iterator<Item = PostId> {
    post.reply_to.into_iter().chain(post.quote_of)
}

/// A post that may be published.
struct Draft<'a> {
    job: &'a Job<NewPost>,
    /// The root of the thread that it replies to.
    thread: Option<PostId>,
    spans: Option<String>,
    media: Option<String>,
    /// Once it is inserted.
    id: Option<PostId>,
}

impl Draft<'_> {
    fn root(&self, id: PostId) -> PostId {
        self.thread.unwrap_or(id)
    }

    fn done(&self, outcome: Published) -> Done<Published> {
        // Somebody may have asked for this id before there was such a post.
        let posts = answered(&self.job.work).chain([outcome.post]).collect();
        Done { outcome, changed: Changed { posts, authors: vec![self.job.work.author] } }
    }
}

/// What a batch has to know before it writes.
struct Known {
    /// Authors that were erased.
    gone: HashSet<AccountId>,
    /// Living posts that are replied to or quoted, with the roots of their threads.
    roots: HashMap<PostId, PostId>,
    /// The highest id of all posts.
    highest: i64,
}

impl Known {
    async fn read(conn: &mut PgConnection, jobs: &[&Job<NewPost>]) -> Result<Self> {
        let authors: Vec<i64> = jobs.iter().map(|job| job.work.author.0).collect();
        let targets: Vec<i64> = jobs.iter().flat_map(|job| answered(&job.work)).map(PostId::get).collect();
        let (gone, targets, roots, highest): (Vec<i64>, Vec<i64>, Vec<i64>, i64) = sqlx::query_as(
            "SELECT ARRAY(SELECT account_id FROM gone WHERE account_id = ANY($1)),
                    coalesce(array_agg(id), '{}'), coalesce(array_agg(root_id), '{}'),
                    (SELECT coalesce(max(id), 0) FROM posts)
             FROM posts WHERE id = ANY($2) AND deleted_at IS NULL",
        )
        .bind(authors)
        .bind(targets)
        .fetch_one(conn)
        .await
        .sql()?;
        let roots = targets.into_iter().map(PostId).zip(roots.into_iter().map(PostId)).collect();
        Ok(Self { gone: gone.into_iter().map(AccountId).collect(), roots, highest })
    }

    fn draft<'a>(&self, job: &'a Job<NewPost>) -> Result<Draft<'a>> {
        let post = &job.work;
        if self.gone.contains(&post.author) {
            return Err(Error::new(reason::ACCOUNT_NOT_FOUND));
        }
        let root = |target| self.roots.get(&target).copied().ok_or_else(no_reply_target);
        let thread = post.reply_to.map(root).transpose()?;
        if post.quote_of.is_some_and(|quoted| !self.roots.contains_key(&quoted)) {
            return Err(no_quote_target());
        }
        let (spans, media) = (columns::encode_spans(&post.spans)?, columns::encode_media(&post.media)?);
        Ok(Draft { job, thread, spans, media, id: None })
    }
}

/// The author's own draft that a post comes from.
fn kept(post: &NewPost) -> Option<(AccountId, DraftVersion)> {
    Some((post.author, post.draft?))
}

/// Refuses posts whose authors' drafts, which they come from, are gone or were replaced.
async fn check_kept(conn: &mut PgConnection, drafts: &mut [Result<Draft<'_>>]) -> Result<()> {
    let named: Vec<_> = drafts.iter().flatten().filter_map(|draft| kept(&draft.job.work)).collect();
    if named.is_empty() {
        return Ok(());
    }
    let mut standing = drafts::standing(conn, &named).await?.into_iter();
    for draft in drafts.iter_mut() {
        let from_draft = draft.as_ref().is_ok_and(|draft| kept(&draft.job.work).is_some());
        if from_draft && let Some(Err(error)) = standing.next() {
            *draft = Err(error);
        }
    }
    Ok(())
}

/// Deletes the drafts whose posts are inserted.
async fn end_kept(conn: &mut PgConnection, drafts: &[Result<Draft<'_>>]) -> Result<()> {
    let inserted = drafts.iter().flatten().filter(|draft| draft.id.is_some());
    let ended: Vec<_> = inserted.filter_map(|draft| kept(&draft.job.work)).collect();
    if ended.is_empty() { Ok(()) } else { drafts::end(conn, &ended).await }
}

/// Inserts the drafts under ids above `highest`: so a post's id is higher than those of all that were published before the
/// call, whichever process published them. Calls at the same time may come to lie in any order.
async fn insert(conn: &mut PgConnection, env: &Env, highest: i64, drafts: &mut [Result<Draft<'_>>]) -> Result<()> {
    for _ in 0..ID_TRIES {
        let mut rows: Vec<(i64, &mut Draft<'_>)> = drafts
            .iter_mut()
            .flatten()
            .filter(|draft| draft.id.is_none())
            .map(|draft| (env.next_id_above(highest), draft))
            .collect();
        if rows.is_empty() {
            break;
        }
        let taken_in = insert_rows(conn, &rows).await?;
        for (id, draft) in &mut rows {
            draft.id = taken_in.contains(id).then_some(PostId(*id));
        }
    }
    Ok(())
}

/// Columns of posts, as many rows as each is long.
#[derive(Default)]
struct Columns<'a> {
    ids: Vec<i64>,
    authors: Vec<i64>,
    texts: Vec<&'a str>,
    spans: Vec<Option<&'a str>>,
    visibilities: Vec<i16>,
    targets: Vec<Option<i64>>,
    roots: Vec<i64>,
    quoted: Vec<Option<i64>>,
    quote_policies: Vec<i16>,
    reply_policies: Vec<i16>,
    sensitive: Vec<bool>,
    warnings: Vec<&'a str>,
    languages: Vec<&'a str>,
    media: Vec<Option<&'a str>>,
    tagged: Vec<i64>,
    tags: Vec<String>,
}

impl<'a> Columns<'a> {
    fn of(rows: &'a [(i64, &mut Draft<'_>)]) -> Self {
        let mut columns = Self::default();
        for (id, draft) in rows {
            let post = &draft.job.work;
            columns.ids.push(*id);
            columns.authors.push(post.author.0);
            columns.texts.push(&post.text);
            columns.spans.push(draft.spans.as_deref());
            columns.visibilities.push(columns::visibility(post.visibility));
            columns.targets.push(post.reply_to.map(PostId::get));
            columns.roots.push(draft.root(PostId(*id)).0);
            columns.quoted.push(post.quote_of.map(PostId::get));
            columns.quote_policies.push(columns::quote_policy(post.quote_policy));
            columns.reply_policies.push(columns::reply_policy(post.reply_policy));
            columns.sensitive.push(post.sensitive.is);
            columns.warnings.push(&post.sensitive.warning);
            columns.languages.push(&post.language);
            columns.media.push(draft.media.as_deref());
            for tag in spans::hashtags(&post.spans) {
                columns.tagged.push(*id);
                columns.tags.push(tag);
            }
        }
        columns
    }
}

/// Posts, hashtags and the counts of what they answer in one statement. Returns the ids that were not taken by others.
async fn insert_rows(conn: &mut PgConnection, rows: &[(i64, &mut Draft<'_>)]) -> Result<HashSet<i64>> {
    let columns = Columns::of(rows);
    let taken_in: Vec<i64> = sqlx::query_scalar(
        "WITH new AS (
            INSERT INTO posts
                (id, author_id, text, spans, visibility, reply_to_id, root_id, quote_of_id, quote_policy,
                 reply_policy, sensitive, warning, language, media)
            SELECT * FROM unnest($1::int8[], $2::int8[], $3::text[], $4::text[], $5::int2[], $6::int8[], $7::int8[],
                                 $8::int8[], $9::int2[], $10::int2[], $11::bool[], $12::text[], $13::text[],
                                 $14::text[])
            ON CONFLICT (id) DO NOTHING
            RETURNING id, reply_to_id, quote_of_id),
         tags AS (
            INSERT INTO hashtags (tag, post_id)
            SELECT tag, id FROM new JOIN unnest($15::int8[], $16::text[]) AS t (post_id, tag) ON t.post_id = new.id),
         answered AS (
            INSERT INTO post_counts AS c (post_id, replies, quotes)
            SELECT target_id, sum(replies), sum(quotes)
            FROM (SELECT reply_to_id, 1, 0 FROM new UNION ALL SELECT quote_of_id, 0, 1 FROM new)
                AS answer (target_id, replies, quotes)
            WHERE target_id IS NOT NULL GROUP BY 1 ORDER BY 1
            ON CONFLICT (post_id, stripe) DO UPDATE
            SET replies = c.replies + excluded.replies, quotes = c.quotes + excluded.quotes)
         SELECT id FROM new",
    )
    .bind(columns.ids)
    .bind(columns.authors)
    .bind(columns.texts)
    .bind(columns.spans)
    .bind(columns.visibilities)
    .bind(columns.targets)
    .bind(columns.roots)
    .bind(columns.quoted)
    .bind(columns.quote_policies)
    .bind(columns.reply_policies)
    .bind(columns.sensitive)
    .bind(columns.warnings)
    .bind(columns.languages)
    .bind(columns.media)
    .bind(columns.tagged)
    .bind(columns.tags)
    .fetch_all(conn)
    .await
    .sql()?;
    Ok(taken_in.into_iter().collect())
}

fn no_reply_target() -> Error {
    Error::new(reason::REPLY_TARGET_NOT_FOUND).on_field("reply_to_id")
}

fn no_quote_target() -> Error {
    Error::new(reason::QUOTE_TARGET_NOT_FOUND).on_field("quote_of_id")
}
