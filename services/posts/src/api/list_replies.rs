//! Lists the replies to a post, oldest first.

use std::collections::HashSet;

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, PostId, Result};
use plaza_proto::posts::v1::{ListRepliesRequest, ListRepliesResponse, ThreadPost};

use super::{Handler, threads};

pub(crate) async fn list_replies(h: &Handler, cx: &Cx, req: ListRepliesRequest) -> Result<ListRepliesResponse> {
    let size = page::size(req.page_size)?;
    let scope = Scope { method: "ListReplies", filter: &[req.post_id], caller: cx.viewer() };
    let after = h.pager.open::<1>(scope, &req.page_token)?.map_or(PostId(0), |[id]| PostId(id));
    let post = PostId(req.post_id);
    threads::upwards(h, cx, post, 1).await?;
    let mut nodes = h.store.replies(cx, &[post], after, size + 1).await?;
    let more = nodes.len() > size;
    nodes.truncate(size);
    let next_page_token = match nodes.last() {
        Some(last) if more => h.pager.seal(scope, &[last.id.get()]),
        _ => String::new(),
    };
    let mut posts = threads::fill(h, cx, nodes.iter()).await?;
    // A reply out of sight is told of only if there is something below it.
    let unseen: Vec<PostId> = nodes.iter().map(|node| node.id).filter(|id| !posts.contains_key(id)).collect();
    let below = h.store.replies(cx, &unseen, PostId(0), 1).await?;
    let parents: HashSet<PostId> = below.iter().filter_map(|node| node.reply_to).collect();
    let places = nodes.iter().filter_map(|node| {
        let post = posts.remove(&node.id);
        let has_more_replies = post.as_ref().map_or(parents.contains(&node.id), |post| post.reply_count > 0);
        let told = post.is_some() || has_more_replies;
        told.then(|| ThreadPost { has_more_replies, ..threads::place(node, 1, post) })
    });
    Ok(ListRepliesResponse { replies: places.collect(), next_page_token })
}
