//! Reads a post amid its thread.

use std::collections::HashMap;

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, Error, PostId, Result};
use plaza_proto::posts::v1::{GetThreadRequest, GetThreadResponse, Post, ThreadPost};

use super::{Handler, threads};
use crate::domain::{Node, Stands};

/// How many places above the post are told of.
const ANCESTORS: usize = 100;
/// How deep replies to replies are followed, if not said and at most.
const DEPTH: i32 = 3;
const MAX_DEPTH: i32 = 6;
/// How many replies to a reply are told of.
const BELOW_EACH: usize = 5;
/// How many places below the post in all.
const MAX_REPLIES: usize = 1_000;

pub(crate) async fn get_thread(h: &Handler, cx: &Cx, req: GetThreadRequest) -> Result<GetThreadResponse> {
    let (size, depth) = (page::size(req.page_size)?, depth(req.depth)?);
    let scope = Scope { method: "GetThread", filter: &[req.post_id], caller: cx.viewer() };
    let after = h.pager.open::<1>(scope, &req.page_token)?.map_or(PostId(0), |[id]| PostId(id));
    let post = PostId(req.post_id);
    let above = threads::upwards(h, cx, post, ANCESTORS + 1).await?;
    let mut first = h.store.replies(cx, &[post], after, size + 1).await?;
    let more = first.len() > size;
    first.truncate(size);
    let next_page_token = match first.last() {
        Some(last) if more => h.pager.seal(scope, &[last.id.get()]),
        _ => String::new(),
    };
    let below = Below::read(h, cx, first, depth).await?;
    let nodes = above.iter().chain(below.children.values().flatten()).chain(&below.first);
    let mut posts = threads::fill(h, cx, nodes).await?;
    let replies = below.told(&mut posts);
    let mut line = above.iter().rev().map(|node| threads::place(node, 0, posts.remove(&node.id))).collect::<Vec<_>>();
    let post = line.pop();
    Ok(GetThreadResponse { ancestors: line, post, replies, next_page_token })
}

fn depth(said: i32) -> Result<i32> {
    match said {
        0 => Ok(DEPTH),
        1.. => Ok(said.min(MAX_DEPTH)),
        _ => Err(Error::invalid_field("depth", "must not be negative; 0 means the default")),
    }
}

/// What was read below a post.
struct Below {
    /// A page of the replies to it.
    first: Vec<Node>,
    /// Replies to those, by what they reply to; up to one more than is told of.
    children: HashMap<PostId, Vec<Node>>,
    /// Whether nothing was read below a place because it is too deep, or there were too many.
    cut: HashMap<PostId, bool>,
}

impl Below {
    /// Reads level after level, one statement each.
    async fn read(h: &Handler, cx: &Cx, first: Vec<Node>, depth: i32) -> Result<Self> {
        let mut below = Self { first, children: HashMap::new(), cut: HashMap::new() };
        let mut level: Vec<PostId> = below.first.iter().map(|node| node.id).collect();
        let mut count = level.len();
        for _ in 1..depth {
            // So many parents that even if each has all the replies there may be, the bound holds.
            let room = MAX_REPLIES.saturating_sub(count) / BELOW_EACH;
            below.cut.extend(level.drain(room.min(level.len())..).map(|id| (id, true)));
            if level.is_empty() {
                break;
            }
            let found = h.store.replies(cx, &level, PostId(0), BELOW_EACH + 1).await?;
            level.clear();
            for node in found {
                let Some(parent) = node.reply_to else { continue };
                let siblings = below.children.entry(parent).or_default();
                siblings.push(node);
                if siblings.len() <= BELOW_EACH {
                    level.push(node.id);
                    count += 1;
                }
            }
        }
        below.cut.extend(level.into_iter().map(|id| (id, true)));
        Ok(below)
    }

    /// The places in order, each followed by those below it. A tombstone is told of if something is below it.
    fn told(&self, posts: &mut HashMap<PostId, Post>) -> Vec<ThreadPost> {
        let mut told = Vec::new();
        for node in &self.first {
            self.tell(node, 1, posts, &mut told);
        }
        told
    }

    fn tell(&self, node: &Node, depth: i32, posts: &mut HashMap<PostId, Post>, told: &mut Vec<ThreadPost>) {
        let at = told.len();
        let post = posts.remove(&node.id);
        let seen = post.is_some();
        let unread = self.cut.contains_key(&node.id);
        let deeper = unread && post.as_ref().map_or(node.stands == Stands::Kept, |post| post.reply_count > 0);
        told.push(threads::place(node, depth, post));
        let children = self.children.get(&node.id).map(Vec::as_slice).unwrap_or_default();
        for child in children.iter().take(BELOW_EACH) {
            self.tell(child, depth + 1, posts, told);
        }
        told[at].has_more_replies = deeper || children.len() > BELOW_EACH;
        if !seen && told.len() == at + 1 && !told[at].has_more_replies {
            told.truncate(at);
        }
    }
}
