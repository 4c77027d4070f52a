//! `posts-authors`: which authors are protected and which are out of sight, as this process remembers it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Result};
use plaza_events::{Event, Follow, Followed};
use plaza_proto::accounts::v1::{
    AccountDeactivated, AccountDeleted, AccountReactivated, AccountsService as _, AccountsServiceClient,
    BatchGetAccountsRequest, PreferencesUpdated,
};
use plaza_stores::{Cache, CacheOptions, Gauge};

use crate::domain::Standing;

/// The outboxes that tell of it.
const SOURCES: [&str; 1] = ["accounts"];
/// How many authors are remembered; each takes a few dozen bytes.
const REMEMBERED: u64 = 100_000;
/// The most accounts that one call to accounts takes.
const ACCOUNTS_AT_ONCE: usize = 100;

/// How authors stand: asked of accounts, and remembered while its events are heard.
pub struct Authors {
    accounts: AccountsServiceClient,
    known: Cache<AccountId, Standing>,
    followed: Followed,
}

impl std::fmt::Debug for Authors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authors").finish_non_exhaustive()
    }
}

impl Authors {
    /// Remembers nothing yet, and what it will for `ttl` at most.
    #[must_use]
    pub fn new(env: Env, accounts: AccountsServiceClient, ttl: Duration) -> Self {
        let options = CacheOptions { name: "posts-authors", max_weight: REMEMBERED, ttl, jitter: ttl / 10 };
        Self { accounts, known: Cache::new(options, env), followed: Followed::new(&SOURCES) }
    }

    /// What a follower has to keep up to date.
    #[must_use]
    pub fn followed(&self) -> &Followed {
        &self.followed
    }

    /// Figures of what is remembered.
    #[must_use]
    pub fn observe(&self) -> Vec<Gauge> {
        self.known.observe()
    }

    /// How each of `authors` (each named once) stands.
    ///
    /// # Errors
    /// Those of accounts: what is not known is not guessed.
    pub async fn standings(&self, cx: &Cx, authors: &[AccountId]) -> Result<BTreeMap<AccountId, Standing>> {
        if !self.followed.covers(cx.token()) {
            return Ok(self.ask(cx, authors.to_vec()).await?.into_iter().collect());
        }
        let known = self.known.get_many(authors, |missing| self.ask(cx, missing)).await?;
        Ok(authors.iter().copied().zip(known.into_iter().map(|known| known.unwrap_or(Standing::Gone))).collect())
    }

    async fn ask(&self, cx: &Cx, authors: Vec<AccountId>) -> Result<Vec<(AccountId, Standing)>> {
        let mut found = BTreeMap::new();
        for part in authors.chunks(ACCOUNTS_AT_ONCE) {
            let account_ids = part.iter().map(|author| author.get()).collect();
            // Without those out of sight.
            let request = BatchGetAccountsRequest { account_ids, include_hidden: false };
            for account in self.accounts.batch_get_accounts(cx, request).await?.accounts {
                let standing = if account.protected { Standing::Protected } else { Standing::Open };
                found.insert(AccountId(account.account_id), standing);
            }
        }
        let standing = |author| found.get(&author).copied().unwrap_or(Standing::Gone);
        Ok(authors.into_iter().map(|author| (author, standing(author))).collect())
    }
}

/// The account whose standing may be another by now.
fn changed(event: &Event) -> Result<Option<AccountId>> {
    let updated = || event.decode::<PreferencesUpdated>().map(|e| e.map(|e| e.account_id));
    let hidden = || event.decode::<AccountDeactivated>().map(|e| e.map(|e| e.account_id));
    let back = || event.decode::<AccountReactivated>().map(|e| e.map(|e| e.account_id));
    let deleted = || event.decode::<AccountDeleted>().map(|e| e.map(|e| e.account_id));
    Ok(updated().or_else(hidden).or_else(back).or_else(deleted).transpose()?.map(AccountId))
}

#[async_trait]
impl Follow for Authors {
    fn name(&self) -> &'static str {
        "posts-authors"
    }

    fn sources(&self) -> &[&'static str] {
        &SOURCES
    }

    async fn apply(&self, _: &Cx, events: &[Event]) -> Result<()> {
        for event in events {
            if let Some(account) = changed(event)? {
                self.known.invalidate(&account);
            }
        }
        Ok(())
    }

    fn forget_all(&self) {
        self.known.clear();
    }
}
