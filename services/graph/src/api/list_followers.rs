//! Lists who follows an account, newest follow first.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{ListFollowersRequest, ListFollowersResponse};

use super::Handler;
use super::edges::{Ask, list};
use crate::domain::Direction;

pub(crate) async fn list_followers(h: &Handler, cx: &Cx, req: ListFollowersRequest) -> Result<ListFollowersResponse> {
    let ask = Ask {
        method: "ListFollowers",
        account: req.account_id,
        way: Direction::Followers,
        page_size: req.page_size,
        page_token: &req.page_token,
    };
    let page = list(h, cx, ask).await?;
    Ok(ListFollowersResponse { followers: page.edges, next_page_token: page.next })
}
