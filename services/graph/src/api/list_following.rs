//! Lists whom an account follows, newest follow first.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{ListFollowingRequest, ListFollowingResponse};

use super::Handler;
use super::edges::{Ask, list};
use crate::domain::Direction;

pub(crate) async fn list_following(h: &Handler, cx: &Cx, req: ListFollowingRequest) -> Result<ListFollowingResponse> {
    let ask = Ask {
        method: "ListFollowing",
        account: req.account_id,
        way: Direction::Following,
        page_size: req.page_size,
        page_token: &req.page_token,
    };
    let page = list(h, cx, ask).await?;
    Ok(ListFollowingResponse { following: page.edges, next_page_token: page.next })
}
