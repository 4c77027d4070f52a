//! `accounts-cache`: forgets copies of accounts that have changed.
//!
//! Whoever commits a change has the cache forget its copies before it answers. This does so again, for a process that died
//! in between, or did not reach the cache when others did. Forgetting what was not held, or twice, does no harm.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result};
use plaza_events::{Digest, Digester, Event, Projection};

use crate::SOURCE;
use crate::domain::{Account, Handle};
use crate::store::events::AGGREGATE;
use crate::store::{AccountCache, AccountStore, Changed};

/// The copies that a cache holds of what `engine` has.
pub(crate) struct CachedCopies {
    engine: Arc<dyn AccountStore>,
    cache: Arc<dyn AccountCache>,
}

impl CachedCopies {
    pub(crate) fn new(engine: Arc<dyn AccountStore>, cache: Arc<dyn AccountCache>) -> Self {
        Self { engine, cache }
    }
}

#[async_trait]
impl Projection for CachedCopies {
    fn name(&self) -> &'static str {
        "accounts-cache"
    }

    fn sources(&self) -> &[&'static str] {
        &[SOURCE]
    }

    fn keys(&self, event: &Event) -> Vec<i64> {
        // Whatever happened to an account, its copy may be out of date.
        (event.aggregate_type == AGGREGATE).then_some(event.aggregate_id).into_iter().collect()
    }

    async fn project(&self, cx: &Cx, keys: &[i64]) -> Result<()> {
        let ids: Vec<AccountId> = keys.iter().copied().map(AccountId).collect();
        let living = self.engine.batch_get(cx, &ids).await?;
        for id in ids {
            // The handle of one who is gone, or has another, leads to an account that does not have it.
            let account = living.iter().find(|account| account.id == id);
            let handle = account.and_then(|account| Handle::parse(&account.handle));
            let handle_keys = handle.map(|handle| handle.key().to_owned()).into_iter().collect();
            self.cache.forget_now(cx, &Changed { id, handle_keys }).await?;
        }
        Ok(())
    }

    async fn scan_truth(&self, cx: &Cx, after: i64, limit: usize) -> Result<Vec<(i64, Digest)>> {
        let ids = self.engine.list_ids(cx, AccountId(after), limit).await?;
        let mut living = self.engine.batch_get(cx, &ids).await?;
        living.sort_unstable_by_key(|account| account.id);
        // A page of accounts that have all been deleted meanwhile must not look like the end.
        match (ids.last(), living.is_empty()) {
            (Some(last), true) => self.scan_truth(cx, last.get(), limit).await,
            _ => Ok(living.iter().map(|account| (account.id.get(), digest(account))).collect()),
        }
    }

    async fn digests(&self, cx: &Cx, keys: &[i64]) -> Result<Vec<Option<Digest>>> {
        let ids: Vec<AccountId> = keys.iter().copied().map(AccountId).collect();
        let held = self.cache.held(cx, &ids).await;
        Ok(held.into_iter().map(|copy| copy.map(|account| account.as_deref().map_or(ABSENT, digest))).collect())
    }
}

/// The digest of a copy that says there is no such account.
const ABSENT: Digest = Digest(0);

fn digest(account: &Account) -> Digest {
    let digester = Digester::new().number(account.id.get()).number(account.version).number(account.updated_at);
    let digester = digester.text(&account.handle).text(&account.email).text(&account.display_name).text(&account.bio);
    let preferences = &account.preferences;
    digester
        .text(&account.avatar)
        .text(&account.header)
        .number(preferences.protected.into())
        .number(preferences.discoverable.into())
        .text(&preferences.language)
        .number(preferences.default_visibility.into())
        .text(&preferences.reading_text())
        .number(account.deactivated_at.unwrap_or_default())
        .number(account.delete_at.unwrap_or_default())
        .number(account.email_verified.into())
        .finish()
}
