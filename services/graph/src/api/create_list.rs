//! Makes a list, without members.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{CreateListRequest, CreateListResponse};

use super::{Handler, shelf};
use crate::domain::Own;

pub(crate) async fn create_list(h: &Handler, cx: &Cx, req: CreateListRequest) -> Result<CreateListResponse> {
    let about = shelf::about(&req.name, req.public, req.exclusive)?;
    let written = shelf::write(h, cx, Own::CreateList(about)).await?;
    Ok(CreateListResponse { list: written.list.map(shelf::told) })
}
