//! What calls take that have to do with the biggest accounts: one that many follow, and one that follows many.

use std::ops::Range;

use hdrhistogram::Histogram;
use plaza_proto::feeds::v1::RebuildFeedRequest;
use plaza_proto::graph::v1::{
    BatchGetCountsRequest, BatchGetFamiliarFollowersRequest, BatchGetRelationshipsRequest, FollowRequest,
    GetPathRequest, ListFollowersRequest, ListFollowingRequest, ListMutualsRequest, SuggestAccountsRequest,
    UnfollowRequest,
};
use tokio::time::Instant;

use super::report::{Report, Row};
use super::stage::{Cast, Stage};
use super::wire::{self, Call};
use crate::cli::LoadArgs;
use crate::failure::{Failure, Result};
use crate::people::{Follows, Plan};

/// How many follow the star, and how many the reader follows.
const SIZES: [u32; 2] = [100_000, 5_000];
/// So many of those whom the reader follows follow back.
const MUTUAL: u32 = 100;
/// Calls of each kind, unless asked for otherwise.
const CALLS: u64 = 20;
/// The longest call that can be told apart, in microseconds.
const LONGEST: u64 = 60_000_000;

const REBUILD: &str = "/plaza.feeds.v1.FeedsService/RebuildFeed";
const FOLLOW: &str = "/plaza.graph.v1.GraphService/Follow";
const UNFOLLOW: &str = "/plaza.graph.v1.GraphService/Unfollow";
const FOLLOWERS: &str = "/plaza.graph.v1.GraphService/ListFollowers";
const FOLLOWING: &str = "/plaza.graph.v1.GraphService/ListFollowing";
const MUTUALS: &str = "/plaza.graph.v1.GraphService/ListMutuals";
const RELATIONSHIPS: &str = "/plaza.graph.v1.GraphService/BatchGetRelationships";
const COUNTS: &str = "/plaza.graph.v1.GraphService/BatchGetCounts";
const FAMILIAR: &str = "/plaza.graph.v1.GraphService/BatchGetFamiliarFollowers";
const PATH: &str = "/plaza.graph.v1.GraphService/GetPath";
const SUGGEST: &str = "/plaza.graph.v1.GraphService/SuggestAccounts";

/// People by number: those who follow the star, then the star, the reader, and a stranger.
#[derive(Clone, Copy, Debug)]
struct Roles {
    star: u32,
    reader: u32,
    stranger: u32,
}

/// Calls of each kind, one after the other.
pub(super) async fn run(args: &LoadArgs) -> Result<Report> {
    let (followers, follows) = match args.steps.as_slice() {
        [] => (SIZES[0], SIZES[1]),
        [followers, follows] if follows <= followers => (*followers, *follows),
        _ => return Err(Failure::new("--steps takes two numbers: of followers, and of follows, which are no more")),
    };
    let roles = Roles { star: followers, reader: followers + 1, stranger: followers + 2 };
    let pairs = pairs(roles, 0..followers, 0..follows);
    let plan = Plan::new(Follows::from_pairs(followers + 3, pairs), args.people.seed, 0, 0);
    let stage = Stage::set(args, plan, &[]).await?;
    let calls = args.requests.unwrap_or(CALLS);
    let title = format!("An account with {followers} followers, one with {follows} follows: {calls} calls each");
    let mut report = Report { title, ..Report::default() };
    for (what, make) in CASES {
        report.rows.push(measured(&stage, what, calls, |n| make(&stage.cast, roles, n)).await?);
    }
    report.notes.extend(stage.server.peak_mb().map(|mb| format!("Peak memory of the server: {mb} MB.")));
    stage.server.end().await;
    Ok(report)
}

fn pairs(roles: Roles, followers: Range<u32>, follows: Range<u32>) -> Vec<(u32, u32)> {
    let of_star = followers.map(|who| (who, roles.star));
    let of_reader = follows.clone().map(|whom| (roles.reader, whom));
    let back = follows.take(MUTUAL as usize).map(|who| (who, roles.reader));
    of_star.chain(of_reader).chain(back).collect()
}

async fn measured(stage: &Stage, what: &str, calls: u64, make: impl Fn(u64) -> Call) -> Result<Row> {
    let mut took = Histogram::new_with_bounds(1, LONGEST, 3).map_err(|e| Failure::new(e.to_string()))?;
    let (start, mut errors) = (Instant::now(), 0);
    for n in 0..calls {
        let began = Instant::now();
        match wire::call(&stage.connections[0], make(n)).await {
            Ok(_) => took.saturating_record(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)),
            Err(status) => {
                eprintln!("{what}: {status}");
                errors += 1;
            }
        }
    }
    Ok(Row { errors, ..Row::new(what, &took, start.elapsed()) })
}

type Make = fn(&Cast, Roles, u64) -> Call;

/// Each kind of call: its name, and what makes call `n` of it.
const CASES: [(&str, Make); 15] = [
    ("followers of the star", |cast, roles, n| {
        let account_id = cast.account(u64::from(roles.star));
        cast.other(n, FOLLOWERS, &ListFollowersRequest { account_id, page_size: 100, ..Default::default() })
    }),
    ("whom the reader follows", |cast, roles, n| {
        let account_id = cast.account(u64::from(roles.reader));
        cast.other(n, FOLLOWING, &ListFollowingRequest { account_id, page_size: 100, ..Default::default() })
    }),
    ("counts of both", |cast, roles, n| {
        let account_ids = vec![cast.account(u64::from(roles.star)), cast.account(u64::from(roles.reader))];
        cast.other(n, COUNTS, &BatchGetCountsRequest { account_ids })
    }),
    ("the reader's relationships to 100", |cast, roles, _| {
        let account_ids = (0..100).map(|who| cast.account(who)).collect();
        cast.other(u64::from(roles.reader), RELATIONSHIPS, &BatchGetRelationshipsRequest { account_ids })
    }),
    ("mutuals of the reader and a follower", |cast, roles, n| {
        let account_id = cast.account(n);
        let request = ListMutualsRequest { account_id, page_size: 100, ..Default::default() };
        cast.other(u64::from(roles.reader), MUTUALS, &request)
    }),
    ("mutuals of the star and the reader", |cast, roles, _| {
        let account_id = cast.account(u64::from(roles.reader));
        let request = ListMutualsRequest { account_id, page_size: 100, ..Default::default() };
        cast.other(u64::from(roles.star), MUTUALS, &request)
    }),
    ("familiar followers of the star for the reader", |cast, roles, _| {
        let account_ids = vec![cast.account(u64::from(roles.star))];
        cast.other(u64::from(roles.reader), FAMILIAR, &BatchGetFamiliarFollowersRequest { account_ids })
    }),
    ("suggestions for the reader", |cast, roles, _| {
        cast.other(u64::from(roles.reader), SUGGEST, &SuggestAccountsRequest { page_size: 20 })
    }),
    ("suggestions for a follower of the star", |cast, _, n| {
        cast.other(n, SUGGEST, &SuggestAccountsRequest { page_size: 20 })
    }),
    ("the path from the reader to the star", |cast, roles, _| {
        let account_id = cast.account(u64::from(roles.star));
        cast.other(u64::from(roles.reader), PATH, &GetPathRequest { account_id })
    }),
    ("the path from the star to a stranger", |cast, roles, _| {
        let account_id = cast.account(u64::from(roles.stranger));
        cast.other(u64::from(roles.star), PATH, &GetPathRequest { account_id })
    }),
    ("the stranger follows the star, and back", |cast, roles, n| {
        let (request_id, account_id) = (cast.request_id(), cast.account(u64::from(roles.star)));
        let stranger = u64::from(roles.stranger);
        match n % 2 {
            0 => cast.other(stranger, FOLLOW, &FollowRequest { request_id, account_id }),
            _ => cast.other(stranger, UNFOLLOW, &UnfollowRequest { request_id, account_id }),
        }
    }),
    ("the star publishes", |cast, roles, _| cast.compose(u64::from(roles.star), 0)),
    ("the reader's home is made anew", |cast, roles, _| {
        let (request_id, account_id) = (cast.request_id(), cast.account(u64::from(roles.reader)));
        cast.other(u64::from(roles.reader), REBUILD, &RebuildFeedRequest { request_id, account_id })
    }),
    ("the reader's home", |cast, roles, _| cast.home(u64::from(roles.reader), 0)),
];
