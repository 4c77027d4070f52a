//! Suggests accounts to follow, best first.

use std::collections::HashSet;

use plaza_core::{Cx, Result, page};
use plaza_proto::accounts::v1::{AccountsService as _, BatchGetAccountsRequest};
use plaza_proto::graph::v1::{self, SuggestAccountsRequest, SuggestAccountsResponse};

use super::Handler;
use crate::domain::{Reach, Suggestion};

/// What is looked at: up to 20,000 follows of follows and 2,000 follows of hashtags.
const REACH: Reach = Reach { friends: 200, each: 100, tags: 20, per_tag: 100 };
/// The largest page.
const MAX_PAGE: usize = 50;
/// How many are found, as some of them may not want to be: as many as one call to accounts takes.
const FOUND: usize = 100;
/// How many common follows are named.
const NAMED: usize = 3;

pub(crate) async fn suggest_accounts(
    h: &Handler,
    cx: &Cx,
    req: SuggestAccountsRequest,
) -> Result<SuggestAccountsResponse> {
    let (account, size) = (cx.account()?, page::size_up_to(req.page_size, MAX_PAGE)?);
    let found = h.store.suggestions(cx, account, h.env.now(), REACH, FOUND).await?;
    if found.is_empty() {
        return Ok(SuggestAccountsResponse::default());
    }
    let account_ids = found.iter().map(|suggestion| suggestion.account.get()).collect();
    let accounts = h
        .accounts
        .batch_get_accounts(cx, BatchGetAccountsRequest { account_ids, include_hidden: false })
        .await?
        .accounts;
    let findable: HashSet<i64> = accounts.iter().filter(|a| a.discoverable).map(|a| a.account_id).collect();
    let best = found.into_iter().filter(|suggestion| findable.contains(&suggestion.account.get()));
    Ok(SuggestAccountsResponse { suggestions: best.take(size).map(|suggestion| told(&suggestion)).collect() })
}

fn told(suggestion: &Suggestion) -> v1::Suggestion {
    v1::Suggestion {
        account_id: suggestion.account.get(),
        score: suggestion.score(),
        common_follows: i64::try_from(suggestion.through.len()).unwrap_or(i64::MAX),
        shared_hashtags: suggestion.hashtags,
        familiar_ids: suggestion.through.iter().take(NAMED).map(|id| id.get()).collect(),
    }
}
