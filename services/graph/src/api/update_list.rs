//! Changes what a list is called, who may see it, and whether its members show in the home feed.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{UpdateListRequest, UpdateListResponse};

use super::{Handler, shelf};
use crate::domain::Own;

pub(crate) async fn update_list(h: &Handler, cx: &Cx, req: UpdateListRequest) -> Result<UpdateListResponse> {
    let about = shelf::about(&req.name, req.public, req.exclusive)?;
    let written = shelf::write(h, cx, Own::UpdateList(req.list_id, about)).await?;
    Ok(UpdateListResponse { list: written.list.map(shelf::told) })
}
