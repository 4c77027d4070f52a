//! Entries of feeds as callers see them.

use plaza_core::page::{Pager, Scope};
use plaza_core::{PostId, Result};
use plaza_proto::feeds::v1::FeedRepost;
use plaza_proto::posts::v1::Post;

use crate::domain::{Cursor, Entry, Item};

/// The posts of a page, and which of them stand there since they were reposted.
pub(super) fn present(items: Vec<Item>) -> (Vec<Post>, Vec<FeedRepost>) {
    let reposts = items.iter().filter_map(|item| repost(&item.entry)).collect();
    (items.into_iter().map(|item| item.post).collect(), reposts)
}

/// How the entry came to its place, if by a repost.
pub(super) fn repost(entry: &Entry) -> Option<FeedRepost> {
    let Entry { place, by, post } = *entry;
    entry.is_repost().then_some(FeedRepost { post_id: post.0, reposted_by: by.0, repost_id: place.0 })
}

/// Where a page token says to go on.
pub(super) fn cursor(pager: &Pager, scope: Scope<'_>, token: &str) -> Result<Option<Cursor>> {
    let opened = pager.open::<2>(scope, token)?;
    Ok(opened.map(|[top, before]| Cursor { top: PostId(top), before: PostId(before) }))
}

/// The token that leads on; empty at the end.
pub(super) fn token(pager: &Pager, scope: Scope<'_>, next: Option<Cursor>) -> String {
    next.map(|Cursor { top, before }| pager.seal(scope, &[top.0, before.0])).unwrap_or_default()
}
