//! Tells how many followers and followed accounts many accounts have.

use plaza_core::{AccountId, Cx, Result};
use plaza_proto::graph::v1::{BatchGetCountsRequest, BatchGetCountsResponse, Counts};

use super::Handler;

pub(crate) async fn batch_get_counts(
    h: &Handler,
    cx: &Cx,
    req: BatchGetCountsRequest,
) -> Result<BatchGetCountsResponse> {
    let accounts: Vec<AccountId> = req.account_ids.into_iter().map(AccountId).collect();
    let counts = h.store.counts(cx, &accounts).await?;
    let told = accounts.iter().zip(counts).map(|(account, counts)| Counts {
        account_id: account.get(),
        followers: counts.followers,
        following: counts.following,
    });
    Ok(BatchGetCountsResponse { counts: told.collect() })
}
