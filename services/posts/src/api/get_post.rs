//! Reads one post.

use plaza_core::{Cx, Error, PostId, Result, reason};
use plaza_proto::posts::v1::{GetPostRequest, GetPostResponse};

use super::{Handler, view};

pub(crate) async fn get_post(h: &Handler, cx: &Cx, req: GetPostRequest) -> Result<GetPostResponse> {
    let post = view::view(h, cx, &[PostId(req.post_id)]).await?.pop();
    let post = post.ok_or_else(|| Error::new(reason::POST_NOT_FOUND))?;
    Ok(GetPostResponse { post: Some(post) })
}
