//! `posts-protected`: which authors are protected, as this process remembers it.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Result};
use plaza_events::{Event, Follow, Followed};
use plaza_proto::accounts::v1::{
    AccountDeleted, AccountsService as _, AccountsServiceClient, BatchGetAccountsRequest, PreferencesUpdated,
};
use plaza_stores::{Cache, CacheOptions, Gauge};

/// The outboxes that tell of it.
const SOURCES: [&str; 1] = ["accounts"];
/// How many authors are remembered; each takes a few dozen bytes.
const REMEMBERED: u64 = 100_000;
/// The most accounts that one call to accounts takes.
const ACCOUNTS_AT_ONCE: usize = 100;

/// Whether authors are protected: asked of accounts, and remembered while its events are heard.
pub struct ProtectedAuthors {
    accounts: AccountsServiceClient,
    known: Cache<AccountId, bool>,
    followed: Followed,
}

impl std::fmt::Debug for ProtectedAuthors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProtectedAuthors").finish_non_exhaustive()
    }
}

impl ProtectedAuthors {
    /// Remembers nothing yet, and what it will for `ttl` at most.
    #[must_use]
    pub fn new(env: Env, accounts: AccountsServiceClient, ttl: Duration) -> Self {
        let options = CacheOptions { name: "posts-protected", max_weight: REMEMBERED, ttl, jitter: ttl / 10 };
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

    /// Those of `authors` (each named once) who are protected.
    ///
    /// # Errors
    /// Those of accounts: what is not known is not guessed.
    pub async fn among(&self, cx: &Cx, authors: &[AccountId]) -> Result<BTreeSet<AccountId>> {
        let known = if self.followed.covers(cx.token()) {
            let known = self.known.get_many(authors, |missing| self.ask(cx, missing)).await?;
            authors.iter().copied().zip(known.into_iter().map(Option::unwrap_or_default)).collect()
        } else {
            self.ask(cx, authors.to_vec()).await?
        };
        Ok(known.into_iter().filter_map(|(author, protected)| protected.then_some(author)).collect())
    }

    /// Of an account that is gone nothing is protected; its posts are about to go.
    async fn ask(&self, cx: &Cx, authors: Vec<AccountId>) -> Result<Vec<(AccountId, bool)>> {
        let mut protected = BTreeSet::new();
        for part in authors.chunks(ACCOUNTS_AT_ONCE) {
            let account_ids = part.iter().map(|author| author.get()).collect();
            let found = self
                .accounts
                .batch_get_accounts(cx, BatchGetAccountsRequest { account_ids, include_hidden: false })
                .await?
                .accounts;
            protected.extend(found.iter().filter(|a| a.protected).map(|a| AccountId(a.account_id)));
        }
        Ok(authors.into_iter().map(|author| (author, protected.contains(&author))).collect())
    }
}

/// The account whose protection may be another by now.
fn changed(event: &Event) -> Result<Option<AccountId>> {
    let updated = || event.decode::<PreferencesUpdated>().map(|e| e.map(|e| AccountId(e.account_id)));
    let deleted = || event.decode::<AccountDeleted>().map(|e| e.map(|e| AccountId(e.account_id)));
    updated().or_else(deleted).transpose()
}

#[async_trait]
impl Follow for ProtectedAuthors {
    fn name(&self) -> &'static str {
        "posts-protected"
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
