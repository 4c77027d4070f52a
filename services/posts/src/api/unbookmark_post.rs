//! Takes a post from the caller's bookmarks.

use plaza_core::{Cx, Result};
use plaza_proto::posts::v1::{UnbookmarkPostRequest, UnbookmarkPostResponse};

use super::{Handler, marking};
use crate::domain::Mark;

pub(crate) async fn unbookmark_post(
    h: &Handler,
    cx: &Cx,
    req: UnbookmarkPostRequest,
) -> Result<UnbookmarkPostResponse> {
    let marked = marking::set_mark(h, cx, Mark::Bookmark, req.post_id, false).await?;
    Ok(UnbookmarkPostResponse { bookmark_count: marked.count })
}
