//! From ids to posts as a viewer sees them: hydrate, rules, present. Each step is one batch, however many posts.

use std::sync::Arc;

use plaza_core::{AccountId, Cx, Error, PostId, Result};
use plaza_proto::graph::v1::{BatchGetRelationshipsRequest, GraphService as _};
use plaza_proto::posts::v1 as pb;

use super::Handler;
use crate::domain::visibility::sight;
use crate::domain::{Post, Relation, Sight, Span, SpanKind, Visibility};

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
    posts.retain(|p| sights.of(p.author).shows(p.visibility));
    Ok(posts)
}

/// What the caller may see of each of some authors.
pub(crate) struct Sights {
    viewer: Option<AccountId>,
    /// By rising author.
    relations: Vec<(AccountId, Relation)>,
}

impl Sights {
    /// Asks graph how the caller stands to `authors`. If graph does not answer, nothing can be told of others' posts,
    /// and its error is the answer.
    pub(crate) async fn load(h: &Handler, cx: &Cx, mut authors: Vec<AccountId>) -> Result<Self> {
        let viewer = cx.viewer();
        authors.retain(|author| viewer.is_some_and(|viewer| viewer != *author));
        authors.sort_unstable();
        authors.dedup();
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
                blocked: r.blocking || r.blocked_by,
            };
            relations.extend(part.iter().copied().zip(found.iter().map(relation)));
        }
        Ok(Self { viewer, relations })
    }

    /// What the caller may see of `author`, one of those that were loaded.
    pub(crate) fn of(&self, author: AccountId) -> Sight {
        let found = self.relations.binary_search_by_key(&author, |(author, _)| *author);
        let relation = found.map_or_else(|_| Relation::default(), |at| self.relations[at].1);
        sight(self.viewer, author, relation)
    }
}

/// Posts as the caller sees them. They must be visible to the caller.
pub(crate) async fn present(h: &Handler, cx: &Cx, posts: &[Arc<Post>]) -> Result<Vec<pb::Post>> {
    let liked = match cx.viewer() {
        Some(viewer) => liked(h, cx, viewer, posts).await?,
        None => Vec::new(),
    };
    Ok(posts.iter().map(|post| message(post, liked.contains(&post.id))).collect())
}

/// Which of the posts the viewer likes. The store is asked only about those that many like; of the others their likers
/// are known.
async fn liked(h: &Handler, cx: &Cx, viewer: AccountId, posts: &[Arc<Post>]) -> Result<Vec<PostId>> {
    let (mut liked, mut unknown) = (Vec::new(), Vec::new());
    for post in posts {
        match &post.likers {
            Some(likers) if likers.contains(&viewer) => liked.push(post.id),
            Some(_) => {}
            None if post.counts.likes > 0 => unknown.push(post.id),
            None => {}
        }
    }
    if !unknown.is_empty() {
        liked.extend(h.store.liked(cx, viewer, &unknown).await?);
    }
    Ok(liked)
}

/// A post as it travels.
pub(crate) fn message(post: &Post, liked: bool) -> pb::Post {
    let (seconds, nanos) = post.id.time().seconds_nanos();
    let visibility = match post.visibility {
        Visibility::Public => pb::Visibility::Public,
        Visibility::Followers => pb::Visibility::Followers,
    };
    pb::Post {
        post_id: post.id.get(),
        author_id: post.author.get(),
        text: post.text.clone(),
        spans: post.spans.iter().map(span).collect(),
        visibility: visibility.into(),
        reply_to_id: post.reply_to.map_or(0, PostId::get),
        root_id: post.root.get(),
        create_time: Some(prost_types::Timestamp { seconds, nanos }),
        like_count: post.counts.likes,
        reply_count: post.counts.replies,
        liked,
    }
}

fn span(span: &Span) -> pb::Span {
    let kind = match span.kind {
        SpanKind::Hashtag => pb::SpanKind::Hashtag,
        SpanKind::Mention => pb::SpanKind::Mention,
        SpanKind::Link => pb::SpanKind::Link,
    };
    // A text is at most 16 KiB long.
    let offset = |at| i32::try_from(at).unwrap_or(i32::MAX);
    pb::Span { kind: kind.into(), start: offset(span.start), end: offset(span.end), value: span.value.clone() }
}
