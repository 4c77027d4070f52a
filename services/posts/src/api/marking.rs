//! What the RPCs that set a mark, or take one back, have in common.

use plaza_core::page::Scope;
use plaza_core::{AccountId, Cx, Error, PostId, Result, page, reason};

use super::Handler;
use super::view::{blocked, is_protected, sighted};
use crate::NAME;
use crate::domain::Mark;
use crate::domain::sharing::may_repost;
use crate::store::{MarkChange, Marked, Place};

/// Sets the caller's mark of a post that the caller may see, or takes it back, also if the post is out of sight by now.
pub(super) async fn set_mark(h: &Handler, cx: &Cx, mark: Mark, post: i64, set: bool) -> Result<Marked> {
    let change = MarkChange { mark, post: PostId(post), account: cx.account()?, set };
    let marked = match may_mark(h, cx, change).await {
        Ok(()) => h.store.set_mark(cx, change).await?,
        Err(refusal) => match h.store.answered_mark(cx).await? {
            // What was answered already is answered again, though the post may be out of sight by now.
            Some(marked) => marked,
            None if !set && is_marked(h, cx, change).await? => h.store.set_mark(cx, change).await?,
            None => return Err(refusal),
        },
    };
    if let Some(position) = marked.position {
        cx.wrote(NAME, position);
    }
    Ok(marked)
}

async fn is_marked(h: &Handler, cx: &Cx, change: MarkChange) -> Result<bool> {
    let marked = h.store.marked(cx, change.account, &[change.post]).await?;
    Ok(marked.contains(&(change.post, change.mark)))
}

async fn may_mark(h: &Handler, cx: &Cx, change: MarkChange) -> Result<()> {
    let (post, _) = sighted(h, cx, change.post, &Error::new(reason::POST_NOT_FOUND)).await?;
    if change.mark != Mark::Repost || !change.set || may_repost(&post, is_protected(h, cx, &post).await?) {
        return Ok(());
    }
    Err(Error::new(reason::REPOST_NOT_ALLOWED).on_field("post_id"))
}

/// A page of those who mark a post so, and the token of the next; accounts that a block keeps from the caller are left
/// out.
pub(super) async fn list_markers(
    h: &Handler,
    cx: &Cx,
    method: &str,
    mark: Mark,
    (post, page_size, page_token): (i64, i32, &str),
) -> Result<(Vec<i64>, String)> {
    let size = page::size(page_size)?;
    let scope = Scope { method, filter: &[post], caller: cx.viewer() };
    let last = h.pager.open::<2>(scope, page_token)?;
    let before = last.map_or(Place { id: i64::MAX, of: AccountId(0) }, |[id, of]| Place { id, of: AccountId(of) });
    sighted(h, cx, PostId(post), &Error::new(reason::POST_NOT_FOUND)).await?;
    let mut places = h.store.markers(cx, PostId(post), mark, before, size + 1).await?;
    let more = places.len() > size;
    places.truncate(size);
    let next = match places.last() {
        Some(last) if more => h.pager.seal(scope, &[last.id, last.of.get()]),
        _ => String::new(),
    };
    let blocked = blocked(h, cx, places.iter().map(|place| place.of)).await?;
    places.retain(|place| !blocked.contains(&place.of));
    Ok((places.into_iter().map(|place| place.of.get()).collect(), next))
}
