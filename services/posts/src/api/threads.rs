//! What GetThread and ListReplies have in common: places of a thread, filled with what the caller may see.

use std::collections::HashMap;

use plaza_core::{Cx, Error, PostId, Result, reason};
use plaza_proto::posts::v1 as pb;

use super::{Handler, view};
use crate::domain::{Node, Stands};

/// A post, or what is left of it, and what it replies to, upwards, at most `limit` places; `POST_NOT_FOUND` if it is out
/// of the caller's sight, or gone without a trace.
pub(super) async fn upwards(h: &Handler, cx: &Cx, post: PostId, limit: usize) -> Result<Vec<Node>> {
    let missing = || Error::new(reason::POST_NOT_FOUND);
    let nodes = h.store.ancestors(cx, post, limit).await?;
    match nodes.first().ok_or_else(missing)?.stands {
        Stands::Living if view::visible(h, cx, &[post]).await?.is_empty() => Err(missing()),
        Stands::Gone => Err(missing()),
        Stands::Living | Stands::Kept => Ok(nodes),
    }
}

/// The posts at these places that the caller may see.
pub(super) async fn fill(
    h: &Handler,
    cx: &Cx,
    nodes: impl Iterator<Item = &Node>,
) -> Result<HashMap<PostId, pb::Post>> {
    let living: Vec<PostId> = nodes.filter(|node| node.stands == Stands::Living).map(|node| node.id).collect();
    let posts = view::view(h, cx, &living).await?;
    Ok(posts.into_iter().map(|post| (PostId(post.post_id), post)).collect())
}

/// A place as it travels: with its post, or as a tombstone.
pub(super) fn place(node: &Node, depth: i32, post: Option<pb::Post>) -> pb::ThreadPost {
    pb::ThreadPost {
        post_id: node.id.get(),
        reply_to_id: node.reply_to.map_or(0, PostId::get),
        depth,
        post,
        has_more_replies: false,
    }
}
