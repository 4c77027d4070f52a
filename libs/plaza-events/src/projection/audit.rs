//! Comparing derived state with the truth, and repairing what has drifted.

use std::time::Duration;

use plaza_core::{Cx, Env, Error, Result};

use super::{Digest, Projection};

/// How thoroughly to compare.
#[derive(Clone, Copy, Debug)]
pub struct AuditOptions {
    /// Keys in a page.
    pub page: usize,
    /// How many of 1,000 pages are compared, chosen at random; 1,000 for all.
    pub sample_per_mille: u64,
    /// The most drifted keys to report.
    pub max_drifts: usize,
    /// The time that each step may take.
    pub timeout: Duration,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self { page: 500, sample_per_mille: 1_000, max_drifts: 1_000, timeout: Duration::from_secs(30) }
    }
}

/// A key whose derived state is not what the truth says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The key.
    pub key: i64,
    /// What the truth says.
    pub truth: Digest,
    /// What is held; `None` for nothing.
    pub derived: Option<Digest>,
}

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Keys compared.
    pub checked: u64,
    /// Keys of the truth that were passed over by sampling.
    pub skipped: u64,
    /// The drifted keys, bounded by [`AuditOptions::max_drifts`].
    pub drifts: Vec<Drift>,
    /// Whether there were more, so that the audit ended early.
    pub truncated: bool,
}

impl Audit {
    /// The drifted keys, for [`repair`].
    #[must_use]
    pub fn keys(&self) -> Vec<i64> {
        self.drifts.iter().map(|d| d.key).collect()
    }
}

/// Compares truth and derived state over all pages or a sample. What differs is looked at once more at the end, so that
/// a change which was on its way is not reported; under heavy writing some may be all the same.
///
/// Finds what is wrong or missing for keys that the truth has. State left for keys that the truth lost long ago shows
/// only where `scan_truth` lists such keys, as tombstones.
///
/// # Errors
/// The first failure of the truth or the derived store.
pub async fn audit(projection: &dyn Projection, env: &Env, options: &AuditOptions) -> Result<Audit> {
    let mut found = Audit::default();
    let (mut suspects, mut after) = (Vec::new(), 0);
    loop {
        let cx = Cx::background(projection.name(), options.timeout);
        let page = cx.within(projection.scan_truth(&cx, after, options.page)).await?;
        let Some((last, _)) = page.last() else { break };
        if *last <= after {
            return Err(Error::internal(format!("{}: the truth's keys do not rise", projection.name())));
        }
        after = *last;
        if env.below(1_000) >= options.sample_per_mille {
            found.skipped += page.len() as u64;
            continue;
        }
        found.checked += page.len() as u64;
        suspects.extend(differing(projection, &cx, &page).await?);
        if suspects.len() > options.max_drifts {
            suspects.truncate(options.max_drifts);
            found.truncated = true;
            break;
        }
    }
    for suspect in suspects {
        let cx = Cx::background(projection.name(), options.timeout);
        let again = cx.within(projection.scan_truth(&cx, suspect.key - 1, 1)).await?;
        let same: Vec<_> = again.into_iter().filter(|(key, _)| *key == suspect.key).collect();
        found.drifts.extend(differing(projection, &cx, &same).await?);
    }
    Ok(found)
}

async fn differing(projection: &dyn Projection, cx: &Cx, truth: &[(i64, Digest)]) -> Result<Vec<Drift>> {
    if truth.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<i64> = truth.iter().map(|(key, _)| *key).collect();
    let derived = cx.within(projection.digests(cx, &keys)).await?;
    if derived.len() != keys.len() {
        return Err(Error::internal(format!("{}: not one digest for each key", projection.name())));
    }
    let drift = |((key, truth), derived): (&(i64, Digest), Option<Digest>)| {
        let drifted = derived.map_or_else(|| projection.absence_is_drift(), |d| d != *truth);
        drifted.then_some(Drift { key: *key, truth: *truth, derived })
    };
    Ok(truth.iter().zip(derived).filter_map(drift).collect())
}

/// Projects the drifted keys afresh, a page at a time.
///
/// # Errors
/// The projection's; the pages before stay repaired.
pub async fn repair(projection: &dyn Projection, keys: &[i64], options: &AuditOptions) -> Result<()> {
    for page in keys.chunks(options.page.max(1)) {
        let cx = Cx::background(projection.name(), options.timeout);
        cx.within(projection.project(&cx, page)).await?;
    }
    Ok(())
}
