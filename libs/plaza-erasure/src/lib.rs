//! Erases what is held of accounts that are gone.
//!
//! The truth is the accounts service: it says which accounts there are. The derived state is what a service holds of
//! each; for one that is gone it should be nothing. Deletion is final and ids are never given twice, so the event alone is
//! proof enough to erase, where asking could be answered from a cache or a replica that lags behind. Rebuild and repair
//! start from what is held and ask the accounts service; so an event that never came makes no difference in the end.

use std::collections::HashSet;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result, reason};
use plaza_events::{Digest, Event, Projection};
use plaza_proto::accounts::v1::{
    AccountDeleted, AccountsService as _, AccountsServiceClient, BatchGetAccountsRequest, ReportErasureRequest,
};

/// The most ids that one call to accounts takes.
const ACCOUNTS_AT_ONCE: usize = 100;
/// What the digest of an account is while something is held of it, ...
const HELD: Digest = Digest(1);
/// ... and what it should be once the account is gone.
const GONE: Digest = Digest(0);

/// A store that can erase an account.
#[async_trait]
pub trait EraseAccount: Send + Sync + 'static {
    /// Erases everything held of an account that is gone, in bounded transactions. Idempotent; after a failure, a second
    /// call goes on where the first ended.
    async fn erase(&self, cx: &Cx, account: AccountId) -> Result<()>;

    /// What kinds of data it erases, in lower case, for the account's receipt.
    fn kinds(&self) -> &'static [&'static str];

    /// Up to `limit` accounts above `after` that something is held of, by rising id; none if there are no more.
    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>>;

    /// Those of `accounts` that something is held of, in any order.
    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>>;
}

/// The projection that erases what `holder` holds of accounts that are gone.
pub struct Erasure<E> {
    name: &'static str,
    accounts: AccountsServiceClient,
    holder: E,
}

impl<E> std::fmt::Debug for Erasure<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Erasure").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<E: EraseAccount> Erasure<E> {
    /// The projection `name` over `holder`. The client must call as the service that holds.
    #[must_use]
    pub const fn new(name: &'static str, accounts: AccountsServiceClient, holder: E) -> Self {
        Self { name, accounts, holder }
    }

    /// Erases what is held of an account, and has it written on its receipt.
    async fn erase(&self, cx: &Cx, account: AccountId) -> Result<()> {
        self.holder.erase(cx, account).await?;
        let service = self.name.strip_suffix("-erasure").unwrap_or(self.name).to_owned();
        let kinds = self.holder.kinds().iter().map(|kind| (*kind).to_owned()).collect();
        let (request_id, account_id) = (request_id(self.name, account), account.get());
        let request = ReportErasureRequest { request_id, account_id, service, kinds };
        match self.accounts.report_erasure(cx, request).await {
            // An accounts service that is older than receipts writes none, and one that never had the account cannot.
            Err(error) if error.is(reason::METHOD_UNKNOWN) || error.is(reason::ACCOUNT_NOT_FOUND) => Ok(()),
            reported => reported.map(drop),
        }
    }

    /// Those of `keys` that are accounts now.
    async fn existing(&self, cx: &Cx, keys: &[i64]) -> Result<HashSet<i64>> {
        let mut existing = HashSet::with_capacity(keys.len());
        for page in keys.chunks(ACCOUNTS_AT_ONCE) {
            // One that is out of sight is not gone.
            let request = BatchGetAccountsRequest { account_ids: page.to_vec(), include_hidden: true };
            let found = self.accounts.batch_get_accounts(cx, request).await?;
            existing.extend(found.accounts.iter().map(|account| account.account_id));
        }
        Ok(existing)
    }
}

/// The id of a report, the same each time it is made.
fn request_id(name: &str, account: AccountId) -> String {
    // FNV-1a, 64 bits: names are few, and must not clash for one account.
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let [a, b] = [account.get().to_be_bytes(), hash.to_be_bytes()];
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&a);
    bytes[8..].copy_from_slice(&b);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

#[async_trait]
impl<E: EraseAccount> Projection for Erasure<E> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn sources(&self) -> &[&'static str] {
        &["accounts"]
    }

    fn keys(&self, event: &Event) -> Vec<i64> {
        match event.decode::<AccountDeleted>() {
            Some(Ok(deleted)) if deleted.account_id > 0 => vec![deleted.account_id],
            _ => Vec::new(),
        }
    }

    async fn project(&self, cx: &Cx, keys: &[i64]) -> Result<()> {
        let existing = self.existing(cx, keys).await?;
        for key in keys.iter().filter(|key| !existing.contains(key)) {
            self.erase(cx, AccountId(*key)).await?;
        }
        Ok(())
    }

    async fn scan_truth(&self, cx: &Cx, after: i64, limit: usize) -> Result<Vec<(i64, Digest)>> {
        let held = self.holder.held(cx, AccountId(after), limit).await?;
        let keys: Vec<i64> = held.iter().map(|account| account.get()).collect();
        let existing = self.existing(cx, &keys).await?;
        let digest = |key: i64| if existing.contains(&key) { HELD } else { GONE };
        Ok(keys.into_iter().map(|key| (key, digest(key))).collect())
    }

    async fn digests(&self, cx: &Cx, keys: &[i64]) -> Result<Vec<Option<Digest>>> {
        let accounts: Vec<AccountId> = keys.iter().copied().map(AccountId).collect();
        let held: HashSet<AccountId> = self.holder.held_among(cx, &accounts).await?.into_iter().collect();
        Ok(accounts.iter().map(|account| held.contains(account).then_some(HELD)).collect())
    }

    async fn apply(&self, cx: &Cx, events: &[Event]) -> Result<()> {
        let (mut seen, mut gone) = (HashSet::new(), Vec::new());
        for event in events {
            // One that cannot be read is a permanent failure: it goes to the dead letters, for people to look at.
            event.decode::<AccountDeleted>().transpose()?;
            gone.extend(self.keys(event).into_iter().filter(|key| seen.insert(*key)));
        }
        for account in gone {
            self.erase(cx, AccountId(account)).await?;
        }
        Ok(())
    }
}
