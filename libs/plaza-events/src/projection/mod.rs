//! Projections: derived state that follows the truth.
//!
//! One trait synchronises ([`Runner`]), rebuilds ([`rebuild`]), audits ([`audit()`]) and repairs ([`repair`]).

mod audit;
mod digest;
mod marks;
mod rebuild;
mod runner;

use async_trait::async_trait;
use plaza_core::{Cx, Result};

use crate::Event;

pub use audit::{Audit, AuditOptions, Drift, audit, repair};
pub use digest::{Digest, Digester};
pub use marks::{Behind, Marks};
pub use rebuild::{Progress, RebuildOptions, rebuild};
pub use runner::{Runner, RunnerOptions, Status, replay_dead_letter};

/// Derived state and how it follows from the truth. Keys are ids: of an account, of a post.
///
/// The law: [`Projection::project`] reads the truth as it is now and writes what follows, guarded by the truth's version
/// so that an older read never overwrites a newer one. Then events that come twice, late or in another order, and two
/// runners at once, all lead to the same state.
#[async_trait]
pub trait Projection: Send + Sync + 'static {
    /// Its name, for its cursor, metrics and operators.
    fn name(&self) -> &'static str;

    /// The outboxes whose events it follows.
    fn sources(&self) -> &[&'static str];

    /// The keys of derived state that an event touches. An event that cannot be read touches none here; a projection
    /// for which that is a failure overrides [`Projection::apply`].
    fn keys(&self, event: &Event) -> Vec<i64>;

    /// Reads the truth of these keys now and writes the derived state, removing what is no more. Idempotent.
    async fn project(&self, cx: &Cx, keys: &[i64]) -> Result<()>;

    /// Up to `limit` keys after `after`, rising, each with the digest of what the derived state should be. A short page is
    /// not the end; an empty one is.
    async fn scan_truth(&self, cx: &Cx, after: i64, limit: usize) -> Result<Vec<(i64, Digest)>>;

    /// The digests of the derived state of these keys, in order; `None` where nothing is held.
    async fn digests(&self, cx: &Cx, keys: &[i64]) -> Result<Vec<Option<Digest>>>;

    /// Whether holding nothing for a key of the truth is drift. Not so for a cache, which fills on demand.
    fn absence_is_drift(&self) -> bool {
        false
    }

    /// Called when this process gets the turn, before it applies the first batch: what it keeps in memory from the events
    /// that it applied before may be behind those that another process has applied since.
    fn took_over(&self) {}

    /// Applies a batch of events: their keys, each once, in the order of first mention, are projected. A projection
    /// whose events carry what it needs overrides this, and must then be idempotent by itself.
    async fn apply(&self, cx: &Cx, events: &[Event]) -> Result<()> {
        let mut seen = std::collections::HashSet::new();
        let keys: Vec<i64> = events.iter().flat_map(|e| self.keys(e)).filter(|key| seen.insert(*key)).collect();
        if keys.is_empty() { Ok(()) } else { self.project(cx, &keys).await }
    }
}
