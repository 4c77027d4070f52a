//! Tells whom the caller knows of accounts' followers.

use plaza_core::{AccountId, Cx, Result};
use plaza_proto::graph::v1::{BatchGetFamiliarFollowersRequest, BatchGetFamiliarFollowersResponse, FamiliarFollowers};

use super::Handler;
use crate::domain::Familiar;

/// How many are told of an account, and how many follows are looked at for it.
const BOUNDS: Familiar = Familiar { few: 5, scan: 1_000 };

pub(crate) async fn batch_get_familiar_followers(
    h: &Handler,
    cx: &Cx,
    req: BatchGetFamiliarFollowersRequest,
) -> Result<BatchGetFamiliarFollowersResponse> {
    let viewer = cx.account()?;
    let accounts: Vec<AccountId> = req.account_ids.into_iter().map(AccountId).collect();
    let relations = h.store.relations(cx, viewer, &accounts).await?;
    let familiar = h.store.familiar(cx, viewer, &accounts, BOUNDS).await?;
    let told = accounts.iter().zip(relations).zip(familiar).map(|((account, relation), ids)| {
        // Of an account that a block hides nothing is told.
        let ids = if relation.is_blocked() { Vec::new() } else { ids };
        FamiliarFollowers { account_id: account.get(), follower_ids: ids.into_iter().map(AccountId::get).collect() }
    });
    Ok(BatchGetFamiliarFollowersResponse { familiar_followers: told.collect() })
}
