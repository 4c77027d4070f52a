//! Lists what a post says and said, newest first.

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, Error, PostId, Result, reason};
use plaza_proto::posts::v1::{self as pb, ListRevisionsRequest, ListRevisionsResponse};

use super::Handler;
use super::view::{sighted, span, timestamp};
use crate::domain::{Post, Revision};

pub(crate) async fn list_revisions(h: &Handler, cx: &Cx, req: ListRevisionsRequest) -> Result<ListRevisionsResponse> {
    let size = page::size(req.page_size)?;
    let scope = Scope { method: "ListRevisions", filter: &[req.post_id], caller: cx.viewer() };
    let last = h.pager.open::<1>(scope, &req.page_token)?;
    let (post, _) = sighted(h, cx, PostId(req.post_id), &Error::new(reason::POST_NOT_FOUND)).await?;
    let mut revisions: Vec<Revision> = Vec::with_capacity(size + 1);
    // What it says now is no row of the past; a post that a cache still has as it was is followed by what it knew of.
    let before = match last {
        Some([before]) => i32::try_from(before).unwrap_or(0),
        None => {
            revisions.push(current(&post));
            post.edits.count
        }
    };
    revisions.extend(h.store.revisions(cx, post.id, before, size + 1 - revisions.len()).await?);
    let more = revisions.len() > size;
    revisions.truncate(size);
    let next_page_token = match revisions.last() {
        Some(last) if more => h.pager.seal(scope, &[last.edits.into()]),
        _ => String::new(),
    };
    Ok(ListRevisionsResponse { revisions: revisions.iter().map(revision).collect(), next_page_token })
}

fn current(post: &Post) -> Revision {
    Revision {
        edits: post.edits.count,
        at: post.edits.at.unwrap_or_else(|| post.id.time()),
        text: post.text.clone(),
        spans: post.spans.clone(),
        sensitive: post.sensitive.clone(),
        language: post.language.clone(),
    }
}

/// What a post said, as it travels.
pub(super) fn revision(revision: &Revision) -> pb::Revision {
    pb::Revision {
        edit_count: revision.edits,
        create_time: Some(timestamp(revision.at)),
        text: revision.text.clone(),
        spans: revision.spans.iter().map(span).collect(),
        sensitive: revision.sensitive.is,
        warning: revision.sensitive.warning.clone(),
        language: revision.language.clone(),
    }
}
