//! How long a post takes from its answer to the feed of the last follower.

use hdrhistogram::Histogram;
use tokio::time::Instant;

use super::report::{Report, Row};
use super::stage::Stage;
use super::steps::{followed, steps};
use super::wire;
use crate::cli::LoadArgs;
use crate::failure::{Failure, Result};

/// The mean of the graph that comes with the benchmarks, and what the biggest fan-outs are.
const FOLLOWERS: &[u32] = &[39, 1_000, 10_000];
/// The longest delay that can be told apart, in microseconds.
const LONGEST: u64 = 600_000_000;
/// Posts of each author, unless asked for otherwise.
const POSTS: u64 = 200;

/// Publishes one post after the other, each once the one before it is in every feed.
///
/// The moment it is there is the answer of a read that carries the post's consistency token: it comes when fan-out is
/// done with the whole post, so with the last follower. The read itself is in the figure.
pub(super) async fn run(args: &LoadArgs) -> Result<Report> {
    let steps = steps(args, FOLLOWERS);
    let (stage, authors) = followed(args, &steps).await?;
    let posts = args.requests.unwrap_or(POSTS);
    let title = format!("From a post's answer to the last follower's feed: {posts} posts each, one at a time");
    let mut report = Report { title, ..Report::default() };
    for (author, count) in authors.zip(&steps) {
        let start = Instant::now();
        let mut delays = Histogram::new_with_bounds(1, LONGEST, 3).map_err(|e| Failure::new(e.to_string()))?;
        for _ in 0..posts {
            let delay = one(&stage, u64::from(author)).await?;
            delays.saturating_record(u64::try_from(delay.as_micros()).unwrap_or(u64::MAX).max(1));
        }
        report.rows.push(Row::new(format!("{count} followers"), &delays, start.elapsed()));
    }
    stage.server.end().await;
    Ok(report)
}

async fn one(stage: &Stage, author: u64) -> Result<std::time::Duration> {
    let published = wire::call(&stage.connections[0], stage.cast.compose(author, 0)).await?;
    let answered = Instant::now();
    stage.drain(published.position).await?;
    Ok(answered.elapsed())
}
