//! Lists an account's posts that the caller may see, newest first.

use plaza_core::page::{self, Scope};
use plaza_core::{AccountId, Cx, PostId, Result};
use plaza_proto::posts::v1::{ListPostsByAuthorRequest, ListPostsByAuthorResponse};

use super::Handler;
use super::view::{Sights, present, view};
use crate::store::{END, Only};

pub(crate) async fn list_posts_by_author(
    h: &Handler,
    cx: &Cx,
    req: ListPostsByAuthorRequest,
) -> Result<ListPostsByAuthorResponse> {
    let size = page::size(req.page_size)?;
    let filter = [req.author_id, i64::from(req.exclude_replies), i64::from(req.media_only)];
    let scope = Scope { method: "ListPostsByAuthor", filter: &filter, caller: cx.viewer() };
    let last = h.pager.open::<1>(scope, &req.page_token)?;
    let before = last.map_or(END, |[id]| PostId(id));
    let author = AccountId(req.author_id);
    let sight = Sights::load(h, cx, vec![author]).await?.of(author);
    let only = Only { openers: req.exclude_replies, media: req.media_only };
    let mut ids = if only == Only::default() {
        h.store.ids_by_author(cx, author, sight, before, size + 1).await?
    } else {
        h.store.some_by_author(cx, author, sight, only, before, size + 1).await?
    };
    let more = ids.len() > size;
    ids.truncate(size);
    let next_page_token = match ids.last() {
        Some(last) if more => h.pager.seal(scope, &[last.get()]),
        _ => String::new(),
    };
    // One that was deleted since is left out.
    let posts: Vec<_> = h.store.posts(cx, &ids).await?.into_iter().flatten().collect();
    let pinned = if last.is_none() { view(h, cx, &h.store.pins(cx, author).await?).await? } else { Vec::new() };
    Ok(ListPostsByAuthorResponse { posts: present(h, cx, &posts).await?, next_page_token, pinned })
}
