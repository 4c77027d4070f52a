//! Keeps a post among the caller's bookmarks.

use plaza_core::{Cx, Result};
use plaza_proto::posts::v1::{BookmarkPostRequest, BookmarkPostResponse};

use super::{Handler, marking};
use crate::domain::Mark;

pub(crate) async fn bookmark_post(h: &Handler, cx: &Cx, req: BookmarkPostRequest) -> Result<BookmarkPostResponse> {
    let marked = marking::set_mark(h, cx, Mark::Bookmark, req.post_id, true).await?;
    Ok(BookmarkPostResponse { bookmark_count: marked.count })
}
