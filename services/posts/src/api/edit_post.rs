//! Changes what one of the caller's posts says.

use plaza_core::text::Lines;
use plaza_core::{Cx, PostId, Result, Timestamp, Violations};
use plaza_proto::posts::v1::{EditPostRequest, EditPostResponse};

use super::view::timestamp;
use super::{Handler, mentions};
use crate::NAME;
use crate::domain::{Sensitive, spans, text};
use crate::store::Edit;

pub(crate) async fn edit_post(h: &Handler, cx: &Cx, req: EditPostRequest) -> Result<EditPostResponse> {
    let mut faults = Violations::default();
    if !req.text.is_empty() || !has_media(h, cx, PostId(req.post_id)).await? {
        text::check("text", &req.text, &mut faults);
    }
    plaza_core::text::check("warning", &req.warning, Lines::Single, &mut faults);
    faults.into_result()?;
    let mut edit = Edit {
        post: PostId(req.post_id),
        author: cx.account()?,
        spans: spans::parse(&req.text),
        text: req.text,
        sensitive: Sensitive { is: req.sensitive || !req.warning.is_empty(), warning: req.warning },
        language: req.language,
    };
    mentions::resolve(h, cx, &mut edit.spans).await?;
    let edited = h.store.edit(cx, edit).await?;
    if let Some(position) = edited.position {
        cx.wrote(NAME, position);
    }
    Ok(EditPostResponse { edit_count: edited.count, edit_time: edited.at.map(|at| timestamp(Timestamp(at))) })
}

/// Whether there is such a post and it has media, beside which its text may be empty. Media are there from its publication
/// on.
async fn has_media(h: &Handler, cx: &Cx, post: PostId) -> Result<bool> {
    let found = h.store.posts(cx, &[post]).await?.pop().flatten();
    Ok(found.is_some_and(|post| Some(post.author) == cx.viewer() && !post.media.is_empty()))
}
