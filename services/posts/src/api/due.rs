//! The publication of drafts whose time has come.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use plaza_core::{Caller, Cx, Error, Result, Timestamp, reason};
use tokio::time::Instant;

use super::{Handler, create_post, drafts};
use crate::NAME;
use crate::domain::Standing;
use crate::store::Draft;

/// How many drafts are looked up at once, and how many of them are published at the same time.
const PART: usize = 64;
const AT_ONCE: usize = 16;
/// How long the look-up may take, and the publication of one.
const PATIENCE: Duration = Duration::from_secs(5);
/// For how long a draft is tried again that could not be published for a reason that may pass.
const TRIED_FOR_MS: i64 = 86_400_000;

impl Handler {
    /// Publishes a part of the drafts that are due, those beyond `after`, each once whatever other replicas do. Returns the
    /// last of them if there may be more. Those that could not be published for now are due again.
    pub(crate) async fn publish_due(&self, after: Option<&Draft>) -> Result<Option<Draft>> {
        let now = self.env.now();
        let due = self.store.due(&Cx::background(NAME, PATIENCE), now, after, PART).await?;
        let last = due.last().filter(|_| due.len() == PART).cloned();
        let outcomes = stream::iter(due).map(|draft| self.publish_one(draft, now)).buffer_unordered(AT_ONCE);
        let outcomes: Vec<Result<()>> = outcomes.collect().await;
        let failed: Vec<Error> = outcomes.into_iter().filter_map(Result::err).collect();
        if let Some(error) = failed.first() {
            tracing::warn!(%error, failed = failed.len(), "drafts that are due could not be published; trying again");
        }
        Ok(last)
    }

    /// An error means that it is to be tried again.
    async fn publish_one(&self, draft: Draft, now: Timestamp) -> Result<()> {
        let caller = Caller { account: Some(draft.account), ..Caller::service(NAME) };
        let cx = Cx::new(caller, Instant::now() + PATIENCE);
        let Err(error) = self.publish_as_author(&cx, &draft).await else { return Ok(()) };
        let overdue = draft.kept.publish_at.is_none_or(|at| now.0 - at.0 > TRIED_FOR_MS);
        if error.is(reason::DRAFT_NOT_FOUND) {
            // Another replica was first, or the author.
            return Ok(());
        }
        if error.is_transient() && !overdue {
            return Err(error);
        }
        let cx = Cx::background(NAME, PATIENCE);
        self.store.fail_draft(&cx, &draft, error.reason()).await
    }

    async fn publish_as_author(&self, cx: &Cx, draft: &Draft) -> Result<()> {
        let standing = self.authors.standings(cx, &[draft.account]).await?;
        if standing.get(&draft.account) == Some(&Standing::Gone) {
            return Err(Error::new(reason::ACCOUNT_NOT_FOUND));
        }
        create_post::publish(self, cx, drafts::fit(self, draft)?).await.map(drop)
    }
}
