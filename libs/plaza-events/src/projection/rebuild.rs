//! Rebuilding derived state from the truth, page by page, while it serves.

use std::time::Duration;

use plaza_core::{Cx, Env, Error, Result};

use super::Projection;
use crate::Backoff;

/// How to walk the truth.
#[derive(Clone, Copy, Debug)]
pub struct RebuildOptions {
    /// Keys in a page.
    pub page: usize,
    /// The time that reading or projecting a page may take.
    pub timeout: Duration,
    /// How often a page is tried when the failure is transient.
    pub tries: u32,
    /// The waits between.
    pub backoff: Backoff,
}

impl Default for RebuildOptions {
    fn default() -> Self {
        Self { page: 200, timeout: Duration::from_secs(30), tries: 8, backoff: Backoff::default() }
    }
}

/// How far a rebuild has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last key done: where to resume after a stop.
    pub last_key: i64,
    /// Keys done by this run.
    pub keys: u64,
}

/// Projects every key of the truth after `after` (0 for all), telling `progress` after each page. To resume a rebuild
/// that stopped, pass the last key it told. Events may be applied meanwhile.
///
/// # Errors
/// The first failure that is permanent or outlasts the tries; what was told before it stays done.
pub async fn rebuild(
    projection: &dyn Projection,
    env: &Env,
    options: &RebuildOptions,
    after: i64,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Progress> {
    let mut so_far = Progress { last_key: after, keys: 0 };
    loop {
        let keys = retried(projection, env, options, Work::Page(so_far.last_key)).await?;
        let Some(last) = keys.last().copied() else { return Ok(so_far) };
        if last <= so_far.last_key {
            return Err(Error::internal(format!("{}: the truth's keys do not rise", projection.name())));
        }
        retried(projection, env, options, Work::Project(&keys)).await?;
        so_far = Progress { last_key: last, keys: so_far.keys + keys.len() as u64 };
        progress(so_far);
    }
}

#[derive(Clone, Copy)]
enum Work<'a> {
    Page(i64),
    Project(&'a [i64]),
}

async fn retried(p: &dyn Projection, env: &Env, options: &RebuildOptions, work: Work<'_>) -> Result<Vec<i64>> {
    let mut failures = 0;
    loop {
        let cx = Cx::background(p.name(), options.timeout);
        let tried = cx.within(async {
            match work {
                Work::Page(after) => {
                    Ok(p.scan_truth(&cx, after, options.page).await?.into_iter().map(|(key, _)| key).collect())
                }
                Work::Project(keys) => p.project(&cx, keys).await.map(|()| Vec::new()),
            }
        });
        match tried.await {
            Err(error) if error.is_transient() && failures + 1 < options.tries => {
                failures += 1;
                tracing::warn!(projection = p.name(), failures, %error, "a rebuild waits");
                tokio::time::sleep(options.backoff.delay(env, failures)).await;
            }
            done => return done,
        }
    }
}
