//! Tells how the caller stands to many accounts. On the path of every page of every feed: see `store::cached`.

use plaza_core::{AccountId, Cx, Result};
use plaza_proto::graph::v1::{BatchGetRelationshipsRequest, BatchGetRelationshipsResponse};

use super::{Handler, relationship};

pub(crate) async fn batch_get_relationships(
    h: &Handler,
    cx: &Cx,
    req: BatchGetRelationshipsRequest,
) -> Result<BatchGetRelationshipsResponse> {
    let others: Vec<AccountId> = req.account_ids.into_iter().map(AccountId).collect();
    let relations = h.store.relations(cx, cx.account()?, &others).await?;
    let now = h.env.now();
    let told = others.iter().zip(relations).map(|(other, relation)| relationship::told(cx, *other, relation, now));
    Ok(BatchGetRelationshipsResponse { relationships: told.collect() })
}
