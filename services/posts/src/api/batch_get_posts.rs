//! Reads many posts: the hydrate step of every feed.

use plaza_core::{Cx, PostId, Result};
use plaza_proto::posts::v1::{BatchGetPostsRequest, BatchGetPostsResponse};

use super::{Handler, view};

pub(crate) async fn batch_get_posts(h: &Handler, cx: &Cx, req: BatchGetPostsRequest) -> Result<BatchGetPostsResponse> {
    let ids: Vec<PostId> = req.post_ids.into_iter().map(PostId).collect();
    Ok(BatchGetPostsResponse { posts: view::view(h, cx, &ids).await? })
}
