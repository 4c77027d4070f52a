//! Gets a list, if it is the caller's own or public.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{GetListRequest, GetListResponse};

use super::{Handler, shelf};

pub(crate) async fn get_list(h: &Handler, cx: &Cx, req: GetListRequest) -> Result<GetListResponse> {
    let list = shelf::visible(h, cx, req.list_id).await?;
    Ok(GetListResponse { list: Some(shelf::told(list)) })
}
