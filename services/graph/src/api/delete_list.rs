//! Deletes a list.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{DeleteListRequest, DeleteListResponse};

use super::{Handler, shelf};
use crate::domain::Own;

pub(crate) async fn delete_list(h: &Handler, cx: &Cx, req: DeleteListRequest) -> Result<DeleteListResponse> {
    shelf::write(h, cx, Own::DeleteList(req.list_id)).await?;
    Ok(DeleteListResponse {})
}
