//! Where an export comes from: the services that hold something of accounts, each asked for page after page.

mod line;
mod own;
mod peers;
mod place;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::RwLock;
use plaza_core::{AccountId, Cx, Error, Result, reason};
use plaza_proto::feeds::v1::FeedsServiceClient;
use plaza_proto::graph::v1::GraphServiceClient;
use plaza_proto::posts::v1::PostsServiceClient;
use plaza_proto::sessions::v1::SessionsServiceClient;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::AccountStore;

pub(super) use place::{Place, invalid};

/// When to come back if as many exports run as may.
const BUSY: Duration = Duration::from_secs(10);

/// The other services that hold something of accounts. A new one is added here, in `docs/data-ownership.md`, and where the
/// platform connects them.
#[derive(Clone)]
pub struct Holders {
    /// Who is signed in.
    pub sessions: SessionsServiceClient,
    /// Who follows whom.
    pub graph: GraphServiceClient,
    /// What they wrote.
    pub posts: PostsServiceClient,
    /// How far they have read.
    pub feeds: FeedsServiceClient,
}

/// A part of what a service holds of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// Each without the line feed after it.
    pub(super) lines: Vec<String>,
    /// Gets the next page; empty on the last.
    pub(super) next: String,
}

/// A service that holds something of accounts.
#[async_trait]
pub(super) trait Holder: Send + Sync {
    /// Its name, as in the lines.
    fn service(&self) -> &'static str;

    /// A page of what it holds of an account.
    async fn page(&self, cx: &Cx, account: AccountId, page_token: &str) -> Result<Page>;
}

/// All of them, in the order in which they are asked.
pub(super) type AllHolders = Arc<[Arc<dyn Holder>]>;

/// The exports of this process.
pub(crate) struct Exports {
    store: Arc<dyn AccountStore>,
    /// Nothing until the others are known, and after the service was closed: in one process they hold on to this one.
    holders: RwLock<Option<AllHolders>>,
    running: Arc<Semaphore>,
}

impl Exports {
    /// Exports of what is in `store` and what others hold, up to `at_once` at the same time.
    pub(crate) fn new(store: Arc<dyn AccountStore>, at_once: usize) -> Self {
        Self { store, holders: RwLock::default(), running: Arc::new(Semaphore::new(at_once)) }
    }

    /// Says where the others are.
    pub(crate) fn connect(&self, holders: Holders) {
        let own: Arc<dyn Holder> = Arc::new(own::Own(self.store.clone()));
        let all = [own].into_iter().chain(peers::all(holders)).collect();
        *self.holders.write() = Some(all);
    }

    /// Lets go of the others.
    pub(crate) fn disconnect(&self) {
        *self.holders.write() = None;
    }

    /// Whom to ask, and leave to.
    pub(super) fn begin(&self) -> Result<(AllHolders, OwnedSemaphorePermit)> {
        let holders = self.holders.read().clone().ok_or_else(|| Error::new(reason::EXPORT_OFF))?;
        let permit = self.running.clone().try_acquire_owned();
        let permit = permit.map_err(|_| Error::new(reason::OVERLOADED).retry_after(BUSY))?;
        Ok((holders, permit))
    }
}
