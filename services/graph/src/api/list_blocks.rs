//! Lists whom the caller blocks, newest block first.

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{BlockEdge, ListBlocksRequest, ListBlocksResponse};

use super::{Handler, edges};

pub(crate) async fn list_blocks(h: &Handler, cx: &Cx, req: ListBlocksRequest) -> Result<ListBlocksResponse> {
    let (account, size) = (cx.account()?, page::size(req.page_size)?);
    let scope = Scope { method: "ListBlocks", filter: &[], caller: Some(account) };
    let after = edges::start(h, scope, &req.page_token)?;
    let mut blocks = h.store.blocks(cx, account, after, size + 1).await?;
    let next_page_token = edges::cut(h, scope, &mut blocks, size, |edge| edge.key());
    let told =
        |edge: crate::domain::Edge| BlockEdge { account_id: edge.other.get(), block_time: Some(edges::time(edge.at)) };
    Ok(ListBlocksResponse { blocks: blocks.into_iter().map(told).collect(), next_page_token })
}
