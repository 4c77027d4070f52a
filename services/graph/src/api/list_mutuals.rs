//! Lists the accounts that the caller and another account both follow, or that follow the caller back.

use plaza_core::page::{self, Scope};
use plaza_core::{AccountId, Cx, Result};
use plaza_proto::graph::v1::{ListMutualsRequest, ListMutualsResponse};

use super::{Handler, edges};
use crate::domain::{Arm, Direction, Relation};

/// How many follows are looked at at once.
const SCAN: usize = 2_000;
/// How often; then the page is served short.
const MAX_SCANS: usize = 5;

pub(crate) async fn list_mutuals(h: &Handler, cx: &Cx, req: ListMutualsRequest) -> Result<ListMutualsResponse> {
    let (viewer, account, size) = (cx.account()?, AccountId(req.account_id), page::size(req.page_size)?);
    let scope = Scope { method: "ListMutuals", filter: &[req.account_id], caller: Some(viewer) };
    let after = h.pager.open::<1>(scope, &req.page_token)?.map_or(AccountId(0), |[after]| AccountId(after));
    if edges::is_shut_out(h, cx, account).await? {
        return Ok(ListMutualsResponse::default());
    }
    let way = if viewer == account { Direction::Followers } else { Direction::Following };
    let arms = (Arm { account: viewer, way: Direction::Following }, Arm { account, way });
    let (found, next) = fill(h, cx, arms, after, size).await?;
    let next_page_token = next.map(|next| h.pager.seal(scope, &[next.get()])).unwrap_or_default();
    Ok(ListMutualsResponse { account_ids: found.into_iter().map(AccountId::get).collect(), next_page_token })
}

/// Up to `size` accounts on both arms that no block hides, and where to go on if there may be more.
async fn fill(
    h: &Handler,
    cx: &Cx,
    arms: (Arm, Arm),
    mut after: AccountId,
    size: usize,
) -> Result<(Vec<AccountId>, Option<AccountId>)> {
    let mut page = Vec::with_capacity(size);
    for _ in 0..MAX_SCANS {
        let common = h.store.common(cx, arms.0, arms.1, after, SCAN).await?;
        let relations = h.store.relations(cx, arms.0.account, &common.found).await?;
        let seen = common.found.iter().zip(relations).filter(|(_, relation)| !Relation::is_blocked(*relation));
        for (id, _) in seen {
            if page.len() == size {
                return Ok((page, Some(after)));
            }
            page.push(*id);
            after = *id;
        }
        let Some(looked_to) = common.looked_to else { return Ok((page, None)) };
        after = looked_to;
        if page.len() == size {
            break;
        }
    }
    Ok((page, Some(after)))
}
