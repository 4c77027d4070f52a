//! The scenes that are measured.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::drive::Load;
use super::report::{Report, Row, rate};
use super::stage::{Measured, Stage};
use super::wire::Call;
use crate::cli::LoadArgs;
use crate::failure::Result;
use crate::people::Plan;

/// What one scene calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    Home,
    User,
    Compose,
    Follow,
    Mix,
}

const KINDS: [&str; 4] = ["home", "user", "compose", "follow"];
const COMPOSE: usize = 2;
const FOLLOW: usize = 3;

impl Scene {
    /// Those that change what is read come last.
    pub(super) const ALL: [Self; 5] = [Self::Home, Self::User, Self::Mix, Self::Compose, Self::Follow];

    /// The kind of call number `n`: of ten calls of the mix, six read home, three a user's feed, one publishes.
    fn kind(self, n: u64) -> usize {
        match self {
            Self::Home => 0,
            Self::User => 1,
            Self::Compose => COMPOSE,
            Self::Follow => FOLLOW,
            Self::Mix => [0, 1, 0, 0, COMPOSE, 0, 1, 0, 1, 0][usize::try_from(n % 10).unwrap_or_default()],
        }
    }
}

/// Measures one scene after the other on one platform.
pub(super) async fn run(scenes: &[Scene], args: &LoadArgs, plan: Plan) -> Result<Report> {
    let mut report = Report { title: title(scenes, args, &plan), ..Report::default() };
    let followers = plan.follows().follower_counts();
    let total: u64 = followers.iter().map(|count| u64::from(*count) + 1).sum();
    // Everybody publishes in turn, so a post has the mean number of followers.
    let deliveries = |posts: u64| posts * total / u64::try_from(followers.len()).unwrap_or(1).max(1);
    let stage = Stage::set(args, plan, &[]).await?;
    stage.warm_up().await?;
    report.notes.push(format!("A home page holds {:.1} posts.", stage.posts_in_a_page().await?));
    for scene in scenes.iter().copied() {
        let cast = stage.cast.clone();
        let measured = stage.run(KINDS.len(), move |n| call(&cast, scene, n)).await;
        let mut rows = rows(scene, &measured);
        let posts = measured.seen.latencies[COMPOSE].len();
        if let (1.., Some(last)) = (posts, rows.last_mut()) {
            let drained = stage.drain(measured.seen.position).await?;
            last.deliveries_per_second = Some(rate(deliveries(posts), measured.seen.elapsed + drained));
            let late = drained.as_secs_f64();
            report.notes.push(format!("{}: the last delivery came {late:.2} s after the last answer.", last.what));
        }
        report.rows.extend(rows);
        report.notes.extend(errors(&measured));
    }
    report.notes.extend(stage.server.peak_mb().map(|mb| format!("Peak memory of the server: {mb} MB.")));
    stage.server.end().await;
    Ok(report)
}

fn call(cast: &super::stage::Cast, scene: Scene, n: u64) -> Call {
    match scene.kind(n) {
        0 => cast.home(n, 0),
        1 => cast.user(n, 1),
        FOLLOW => cast.follow(n, FOLLOW),
        kind => cast.compose(n, kind),
    }
}

/// A row for each kind of call, and one for all if there are several.
fn rows(scene: Scene, measured: &Measured) -> Vec<Row> {
    let seen = &measured.seen;
    let errors = seen.errors.values().sum();
    let used = KINDS.iter().zip(&seen.latencies).filter(|(_, histogram)| !histogram.is_empty());
    let mut rows: Vec<Row> = used.map(|(kind, histogram)| Row::new(*kind, histogram, seen.elapsed)).collect();
    if scene == Scene::Mix {
        rows.iter_mut().for_each(|row| row.what = format!("{} in the mix", row.what));
        rows.push(Row::new("mix", &sum(&seen.latencies), seen.elapsed));
    }
    if let Some(last) = rows.pop() {
        rows.push(Row { errors, ..last.with_cpu(measured.cpu) });
    }
    rows
}

fn sum(parts: &[Histogram<u64>]) -> Histogram<u64> {
    let mut sum = parts[0].clone();
    for part in &parts[1..] {
        // All have the same bounds.
        let _ = sum.add(part);
    }
    sum
}

fn errors(measured: &Measured) -> Vec<String> {
    measured.seen.errors.iter().map(|(error, count)| format!("{count} × {error}")).collect()
}

fn title(scenes: &[Scene], args: &LoadArgs, plan: &Plan) -> String {
    let follows = plan.follows();
    let names: Vec<String> = scenes.iter().map(|scene| format!("{scene:?}")).collect();
    format!(
        "{}: {} people, {} follows, {} posts; {} connections × {} streams, pages of {}",
        names.join(", "),
        follows.people(),
        follows.count(),
        plan.posts(),
        args.connections,
        args.streams,
        args.page_size
    )
}

/// A load of `calls` calls without a bound in time.
pub(super) fn counted(load: Load, calls: u64) -> Load {
    Load { calls, time: Duration::from_secs(3_600), ..load }
}
