//! How cost grows: of a post with its author's followers, of a page with the length of the feed.

use plaza_core::Error;
use plaza_proto::feeds::v1::GetHomeFeedResponse;
use prost::Message as _;

use super::drive::Load;
use super::report::{Report, Row, rate};
use super::scenes::counted;
use super::stage::Stage;
use super::wire;
use crate::cli::LoadArgs;
use crate::failure::{Failure, Result};
use crate::people::{Follows, Plan};

const FOLLOWERS: &[u32] = &[10, 100, 1_000, 10_000];
const LENGTHS: &[u32] = &[10, 100, 800, 2_000];
/// Posts of each author, unless asked for otherwise.
const POSTS: u64 = 2_000;
/// Authors publish with this many calls under way on each connection, so that a post's cost is not that of a queue.
const CALM: u16 = 1;
/// In so many feeds the last post is looked for.
const SAMPLE: u64 = 20;

pub(super) fn steps(args: &LoadArgs, usual: &[u32]) -> Vec<u32> {
    if args.steps.is_empty() { usual.to_vec() } else { args.steps.clone() }
}

/// A platform with an author for each step, who has so many followers, all of whose feeds are held; and the authors.
pub(super) async fn followed(args: &LoadArgs, steps: &[u32]) -> Result<(Stage, std::ops::Range<u32>)> {
    let most = steps.iter().copied().max().unwrap_or(0);
    let authors = most..most + u32::try_from(steps.len()).unwrap_or(0);
    let pairs = authors.clone().zip(steps).flat_map(|(author, count)| (0..*count).map(move |who| (who, author)));
    let plan = Plan::new(Follows::from_pairs(authors.end, pairs.collect()), args.people.seed, 0, 0);
    // All of the steps are to be fanned out, none pulled.
    let threshold = ("feeds.celebrity_threshold", most.to_string());
    let stage = Stage::set(args, plan, &[threshold]).await?;
    stage.warm_up().await?;
    Ok((stage, authors))
}

/// What a post costs by its author's followers. People are numbered: the followers first, then an author for each step.
pub(super) async fn followers(args: &LoadArgs) -> Result<Report> {
    let steps = steps(args, FOLLOWERS);
    let (stage, authors) = followed(args, &steps).await?;
    let posts = args.requests.unwrap_or(POSTS);
    let mut report = Report {
        title: format!("Posts by their author's followers: {posts} posts each, {} at once", args.connections),
        ..Report::default()
    };
    for (author, count) in authors.zip(&steps) {
        let (cast, before) = (stage.cast.clone(), stage.server.cpu());
        let load = counted(Load { streams: CALM, ..stage.load() }, posts);
        let measured = stage.run_load(load, 1, move |_| cast.compose(u64::from(author), 0)).await;
        let drained = stage.drain(measured.seen.position).await?;
        let cpu = stage.server.cpu().since(before);
        check_deliveries(&stage, u64::from(*count), u64::from(author)).await?;
        let row = Row::new(format!("{count} followers"), &measured.seen.latencies[0], measured.seen.elapsed);
        let deliveries = rate(measured.seen.calls() * (u64::from(*count) + 1), measured.seen.elapsed + drained);
        let errors = measured.seen.errors.values().sum();
        report.rows.push(Row { errors, deliveries_per_second: Some(deliveries), ..row.with_cpu(cpu) });
    }
    report.notes.push("CPU includes the deliveries to every follower's feed.".to_owned());
    report.notes.extend(stage.server.peak_mb().map(|mb| format!("Peak memory of the server: {mb} MB.")));
    stage.server.end().await;
    Ok(report)
}

/// Holds that the newest post in the feeds of a sample of the first `count` people is `author`'s.
async fn check_deliveries(stage: &Stage, count: u64, author: u64) -> Result<()> {
    for reader in (0..count).step_by(usize::try_from(count / SAMPLE).unwrap_or_default().max(1)) {
        let answer = wire::call(&stage.connections[0], stage.cast.home(reader, 0)).await?;
        let page = GetHomeFeedResponse::decode(answer.body).map_err(Error::internal)?;
        if page.posts.first().is_none_or(|post| post.author_id != stage.cast.account(author)) {
            return Err(Failure::new(format!("the feed of follower {reader} of {count} lacks the newest post")));
        }
    }
    Ok(())
}

/// What a page costs by the length of the feed: the first page and the last. For each step there is a reader, who
/// follows one author, who published as much.
pub(super) async fn length(args: &LoadArgs) -> Result<Report> {
    let steps = steps(args, LENGTHS);
    let readers = u32::try_from(steps.len()).unwrap_or(0);
    let pairs = (0..readers).map(|reader| (reader, readers + reader)).collect();
    let plan = Plan::new(Follows::from_pairs(2 * readers, pairs), args.people.seed, 0, 0);
    let stage = Stage::set(args, plan, &[]).await?;
    stage.warm_up().await?;
    let mut report =
        Report { title: format!("Home pages of {} by the length of the feed", args.page_size), ..Report::default() };
    for (reader, count) in (0..readers).zip(&steps) {
        let (cast, author) = (stage.cast.clone(), u64::from(readers + reader));
        let published = counted(stage.load(), u64::from(*count));
        let written = stage.run_load(published, 1, move |_| cast.compose(author, 0)).await;
        if let Some((error, _)) = written.seen.errors.iter().next() {
            return Err(Failure::new(format!("posts cannot be published: {error}")));
        }
        stage.drain(written.seen.position).await?;
        let last = last_page(&stage, u64::from(reader), u64::from(*count)).await?;
        for (page, token) in [("first page", String::new()), ("last page", last)] {
            let cast = stage.cast.clone();
            let measured = stage.run(1, move |_| cast.home_after(u64::from(reader), &token, 0)).await;
            let row = Row::new(format!("{count} posts, {page}"), &measured.seen.latencies[0], measured.seen.elapsed);
            report.rows.push(Row { errors: measured.seen.errors.values().sum(), ..row.with_cpu(measured.cpu) });
        }
    }
    stage.server.end().await;
    Ok(report)
}

/// The token of the last page that holds posts, found by walking; checks that the feed has all `count` posts.
async fn last_page(stage: &Stage, reader: u64, count: u64) -> Result<String> {
    let (mut token, mut last, mut posts) = (String::new(), String::new(), 0);
    loop {
        let answer = wire::call(&stage.connections[0], stage.cast.home_after(reader, &token, 0)).await?;
        let page = GetHomeFeedResponse::decode(answer.body).map_err(Error::internal)?;
        posts += page.posts.len() as u64;
        if !page.posts.is_empty() {
            last.clone_from(&token);
        }
        if page.next_page_token.is_empty() {
            break;
        }
        token = page.next_page_token;
    }
    if posts == count { Ok(last) } else { Err(Failure::new(format!("the feed has {posts} posts, not {count}"))) }
}
