//! From ids to posts as a viewer sees them: hydrate, rules, present. Each step is one batch, however many posts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use plaza_core::{AccountId, Cx, Error, PostId, Result, Timestamp};
use plaza_proto::graph::v1::{BatchGetRelationshipsRequest, GraphService as _};
use plaza_proto::posts::v1 as pb;

use super::{Handler, choices, media, polls};
use crate::domain::visibility::sight;
use crate::domain::{Mark, Post, Relation, Sight, Span, SpanKind, Standing};

/// The most accounts that one call to graph takes.
const RELATIONSHIPS_AT_ONCE: usize = 100;

/// The posts of `ids` that the caller may see, as the caller sees them, in that order.
pub(crate) async fn view(h: &Handler, cx: &Cx, ids: &[PostId]) -> Result<Vec<pb::Post>> {
    let posts = visible(h, cx, ids).await?;
    present(h, cx, &posts).await
}

/// The posts of `ids` that the caller may see, in that order.
pub(crate) async fn visible(h: &Handler, cx: &Cx, ids: &[PostId]) -> Result<Vec<Arc<Post>>> {
    let mut posts: Vec<Arc<Post>> = h.store.posts(cx, ids).await?.into_iter().flatten().collect();
    let sights = Sights::load(h, cx, posts.iter().map(|p| p.author).collect()).await?;
    posts.retain(|post| sights.shows(post));
    Ok(posts)
}

/// One post that the caller may see, with what the caller may see of its author and how they stand to each other;
/// `missing` if there is none.
pub(crate) async fn sighted(h: &Handler, cx: &Cx, id: PostId, missing: &Error) -> Result<(Arc<Post>, Sights)> {
    let post = h.store.posts(cx, &[id]).await?.pop().flatten().ok_or_else(|| missing.clone())?;
    let sights = Sights::load(h, cx, vec![post.author]).await?;
    if sights.shows(&post) { Ok((post, sights)) } else { Err(missing.clone()) }
}

/// Whether the author of a post is protected, so that it may not be handed on; asked where that depends on it.
pub(crate) async fn is_protected(h: &Handler, cx: &Cx, post: &Post) -> Result<bool> {
    if !post.visibility.is_shareable() {
        return Ok(false);
    }
    let standing = h.authors.standings(cx, &[post.author]).await?;
    Ok(standing.get(&post.author) == Some(&Standing::Protected))
}

/// What the caller may see of each of some authors.
pub(crate) struct Sights {
    viewer: Option<AccountId>,
    /// By rising author.
    relations: Vec<(AccountId, Relation)>,
    standings: BTreeMap<AccountId, Standing>,
}

impl Sights {
    /// Asks graph how the caller stands to `authors`, and accounts how those stand themselves. If one does not answer, nothing can be told of others' posts, and its error is the answer.
    pub(crate) async fn load(h: &Handler, cx: &Cx, mut authors: Vec<AccountId>) -> Result<Self> {
        let viewer = cx.viewer();
        authors.retain(|author| viewer != Some(*author));
        authors.sort_unstable();
        authors.dedup();
        let relations = match viewer {
            Some(_) => relations(h, cx, &authors).await?,
            None => authors.iter().map(|author| (*author, Relation::default())).collect(),
        };
        let standings = h.authors.standings(cx, &authors).await?;
        Ok(Self { viewer, relations, standings })
    }

    /// What the caller may see of `author`, one of those that were loaded.
    pub(crate) fn of(&self, author: AccountId) -> Sight {
        let standing = self.standings.get(&author).copied().unwrap_or_default();
        sight(self.viewer, author, self.relation(author), standing)
    }

    /// Whether the caller may see a post of one of those that were loaded.
    pub(crate) fn shows(&self, post: &Post) -> bool {
        let mentioned = self.viewer.is_some_and(|viewer| post.mentions(viewer));
        self.of(post.author).shows(post.visibility, mentioned)
    }

    /// How the caller stands to `author`, one of those that were loaded.
    pub(crate) fn relation(&self, author: AccountId) -> Relation {
        let found = self.relations.binary_search_by_key(&author, |(author, _)| *author);
        found.map_or_else(|_| Relation::default(), |at| self.relations[at].1)
    }
}

/// Those of `accounts` that a block keeps from the caller.
pub(crate) async fn blocked(
    h: &Handler,
    cx: &Cx,
    accounts: impl Iterator<Item = AccountId>,
) -> Result<BTreeSet<AccountId>> {
    let Some(viewer) = cx.viewer() else { return Ok(BTreeSet::new()) };
    let others: Vec<AccountId> = accounts.filter(|account| *account != viewer).collect();
    let relations = relations(h, cx, &others).await?;
    Ok(relations.into_iter().filter_map(|(account, relation)| relation.blocked.then_some(account)).collect())
}

async fn relations(h: &Handler, cx: &Cx, authors: &[AccountId]) -> Result<Vec<(AccountId, Relation)>> {
    let mut relations = Vec::with_capacity(authors.len());
    for part in authors.chunks(RELATIONSHIPS_AT_ONCE) {
        let account_ids: Vec<i64> = part.iter().map(|a| a.get()).collect();
        let request = BatchGetRelationshipsRequest { account_ids };
        let found = h.graph.batch_get_relationships(cx, request).await?.relationships;
        if !found.iter().map(|r| r.account_id).eq(part.iter().map(|a| a.get())) {
            return Err(Error::internal("graph told of other accounts than it was asked about"));
        }
        let relation = |r: &plaza_proto::graph::v1::Relationship| Relation {
            follows: r.following,
            followed_by: r.followed_by,
            blocked: r.blocking || r.blocked_by,
        };
        relations.extend(part.iter().copied().zip(found.iter().map(relation)));
    }
    Ok(relations)
}

/// Posts as the caller sees them. They must be visible to the caller.
pub(crate) async fn present(h: &Handler, cx: &Cx, posts: &[Arc<Post>]) -> Result<Vec<pb::Post>> {
    let marked = match cx.viewer() {
        Some(viewer) => marked(h, cx, viewer, posts).await?,
        None => HashSet::new(),
    };
    let (viewer, now) = (cx.viewer(), h.env.now());
    let voted = match viewer {
        Some(viewer) => polls::own(h, cx, viewer, posts).await?,
        None => HashMap::new(),
    };
    let poll = |post: &Post| {
        let (poll, own) = (post.poll.as_ref()?, voted.get(&post.id).copied().unwrap_or_default());
        Some(polls::message(poll, own, polls::shows(post, poll, viewer, own, now)))
    };
    let post =
        |post: &Arc<Post>| pb::Post { poll: poll(post), ..message(post, |mark| marked.contains(&(post.id, mark))) };
    Ok(posts.iter().map(post).collect())
}

/// How the viewer marks the posts. The store is asked only about those with many marks; of the others all are known.
pub(crate) async fn marked(
    h: &Handler,
    cx: &Cx,
    viewer: AccountId,
    posts: &[Arc<Post>],
) -> Result<HashSet<(PostId, Mark)>> {
    let (mut marked, mut unknown) = (HashSet::new(), Vec::new());
    for post in posts {
        match &post.marks {
            Some(marks) => {
                let own = marks.iter().filter(|(_, account)| *account == viewer);
                marked.extend(own.map(|(mark, _)| (post.id, *mark)));
            }
            None if post.counts.marks() > 0 => unknown.push(post.id),
            None => {}
        }
    }
    if !unknown.is_empty() {
        marked.extend(h.store.marked(cx, viewer, &unknown).await?);
    }
    Ok(marked)
}

/// A post as it travels, with what the caller marks it by, without its poll.
pub(crate) fn message(post: &Post, marked: impl Fn(Mark) -> bool) -> pb::Post {
    pb::Post {
        post_id: post.id.get(),
        author_id: post.author.get(),
        text: post.text.clone(),
        spans: post.spans.iter().map(span).collect(),
        visibility: choices::visibility(post.visibility).into(),
        reply_to_id: post.reply_to.map_or(0, PostId::get),
        root_id: post.root.get(),
        create_time: Some(timestamp(post.id.time())),
        like_count: post.counts.likes,
        reply_count: post.counts.replies,
        liked: marked(Mark::Like),
        repost_count: post.counts.reposts,
        quote_count: post.counts.quotes,
        bookmark_count: post.counts.bookmarks,
        reposted: marked(Mark::Repost),
        bookmarked: marked(Mark::Bookmark),
        quote_of_id: post.quote_of.map_or(0, PostId::get),
        quote_policy: choices::quote_policy(post.quote_policy).into(),
        sensitive: post.sensitive.is,
        warning: post.sensitive.warning.clone(),
        language: post.language.clone(),
        reply_policy: choices::reply_policy(post.reply_policy).into(),
        edit_count: post.edits.count,
        edit_time: post.edits.at.map(timestamp),
        media: media::messages(&post.media),
        // Depends on more than marks.
        poll: None,
    }
}

pub(crate) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = at.seconds_nanos();
    prost_types::Timestamp { seconds, nanos }
}

pub(crate) fn span(span: &Span) -> pb::Span {
    let kind = match span.kind {
        SpanKind::Hashtag => pb::SpanKind::Hashtag,
        SpanKind::Mention => pb::SpanKind::Mention,
        SpanKind::Link => pb::SpanKind::Link,
    };
    let account_id = span.account.map_or(0, AccountId::get);
    // A text is at most 16 KiB long.
    let offset = |at| i32::try_from(at).unwrap_or(i32::MAX);
    pb::Span {
        kind: kind.into(),
        start: offset(span.start),
        end: offset(span.end),
        value: span.value.clone(),
        account_id,
    }
}
