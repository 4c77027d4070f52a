//! `projections`, `rebuild`, `audit`, `dlq`: what an operator tells a running process.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use plaza_core::{Caller, Cx, Env, Secret, reason};
use plaza_proto::projections::v1::{
    AuditProjectionRequest, ListDeadLettersRequest, ListProjectionsRequest, ProjectionsService as _,
    ProjectionsServiceClient, RebuildProjectionRequest, ReplayDeadLettersRequest, ReplayOutboxesRequest,
};
use plaza_rpc::{Channel, ChannelConfig, ServiceKey, auth};
use tokio::time::Instant;

use crate::cli::{AdminArgs, AuditArgs, DlqArgs, DlqCommand, ProjectionsArgs, RebuildArgs};
use crate::config::Layers;
use crate::failure::{DRIFT, Failure, Result};
use crate::platform::read_secret;
use crate::progress::Progress;

/// How long a single answer may take; replaying dead letters is the longest.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Dead letters asked for at once.
const PAGE: i32 = 100;

/// The way to one process, as an operator.
struct Operator {
    client: ProjectionsServiceClient,
    target: String,
}

impl Operator {
    fn new(args: &AdminArgs) -> Result<Self> {
        let key = ServiceKey::new(&secret(args)?, &Env::system());
        let channel = Channel::connect(&args.target, &ChannelConfig::default())?.with_key(&key);
        let client = ProjectionsServiceClient::remote(channel).as_service(auth::ADMIN);
        Ok(Self { client, target: args.target.clone() })
    }

    fn cx() -> Cx {
        Cx::new(Caller::default(), Instant::now() + TIMEOUT)
    }

    /// The failure with what an operator can do about it.
    fn told(&self, error: plaza_core::Error) -> Failure {
        let target = &self.target;
        if error.is(reason::PEER_UNAVAILABLE) {
            return Failure::nobody_at(target);
        }
        if error.is(reason::CREDENTIALS_INVALID) || error.is(reason::PERMISSION_DENIED) {
            let hint = "name the platform's own folder with --data-dir, or set PLAZA_SECRET";
            return Failure::new(format!("{target} has another secret: {hint}"));
        }
        if error.is(reason::PROJECTION_NOT_FOUND) {
            return Failure::new(format!(
                "no such projection runs at {target}; `plaza projections` lists those that do"
            ));
        }
        error.into()
    }
}

/// The platform's secret, found as the platform itself finds it.
fn secret(args: &AdminArgs) -> Result<Secret> {
    let settings = Layers::of_process(args.config.clone(), args.flags()).load()?;
    match &settings.secret {
        Some(secret) => Ok(secret.key()),
        None => read_secret(&settings.data_dir),
    }
}

pub(super) async fn projections(args: ProjectionsArgs) -> Result<()> {
    let operator = Operator::new(&args.admin)?;
    let listed = operator.client.list_projections(&Operator::cx(), ListProjectionsRequest {}).await;
    let listed = listed.map_err(|e| operator.told(e))?;
    println!("{:<20} {:>10} {:>10} {:>12}  state", "projection", "lag events", "lag ms", "dead letters");
    for p in listed.projections {
        let state = if p.degraded.is_empty() { "follows" } else { &p.degraded };
        println!("{:<20} {:>10} {:>10} {:>12}  {state}", p.name, p.lag_events, p.lag_ms, p.dead_letters);
    }
    Ok(())
}

pub(super) async fn rebuild(args: RebuildArgs) -> Result<()> {
    let operator = Operator::new(&args.admin)?;
    let Some(projection) = args.projection else { return replay_outboxes(&operator).await };
    let request = RebuildProjectionRequest { name: projection.clone(), after_key: args.after };
    let opened = operator.client.rebuild_projection(&Operator::cx(), request).await;
    let mut stream = opened.map_err(|e| operator.told(e))?;
    let progress = Progress::new(projection.clone(), None);
    let mut last = args.after;
    let mut done = 0;
    while let Some(item) = stream.next().await {
        let item = item.map_err(|e| Failure::new(format!("{}; go on with --after {last}", operator.told(e))))?;
        (done, last) = (item.done, item.last_key);
        progress.set(u64::try_from(done).unwrap_or_default());
    }
    progress.done();
    println!("{projection}: {done} keys rebuilt");
    Ok(())
}

/// Fills the event log from the outboxes of the process.
async fn replay_outboxes(operator: &Operator) -> Result<()> {
    let opened = operator.client.replay_outboxes(&Operator::cx(), ReplayOutboxesRequest {}).await;
    let mut stream = opened.map_err(|e| operator.told(e))?;
    let mut outboxes: BTreeMap<String, i64> = BTreeMap::new();
    let progress = Progress::new("events".to_owned(), None);
    while let Some(item) = stream.next().await {
        let item = item.map_err(|e| operator.told(e))?;
        outboxes.insert(item.source, item.published);
        progress.set(u64::try_from(outboxes.values().sum::<i64>()).unwrap_or_default());
    }
    progress.done();
    if outboxes.is_empty() {
        let target = &operator.target;
        return Err(Failure::new(format!("{target} has no outbox: name the processes of accounts, graph and posts")));
    }
    for (source, published) in outboxes {
        println!("{source}: {published} events published that were not in the log");
    }
    Ok(())
}

pub(super) async fn audit(args: AuditArgs) -> Result<()> {
    let operator = Operator::new(&args.admin)?;
    let request = AuditProjectionRequest { name: args.projection.clone(), repair: args.repair };
    let opened = operator.client.audit_projection(&Operator::cx(), request).await;
    let mut stream = opened.map_err(|e| operator.told(e))?;
    let mut last = None;
    while let Some(item) = stream.next().await {
        let item = item.map_err(|e| operator.told(e))?;
        for key in &item.drifted_keys {
            println!("drifted: {key}");
        }
        last = Some(item);
    }
    let found = last.unwrap_or_default();
    let told = format!(
        "{}: {} keys compared, {} drifted, {} repaired",
        args.projection, found.compared, found.drifted, found.repaired
    );
    println!("{told}");
    if found.drifted > found.repaired {
        let hint = "something drifted; repair it with --repair";
        return Err(Failure::new(hint).with_status(DRIFT));
    }
    Ok(())
}

pub(super) async fn dlq(args: DlqArgs) -> Result<()> {
    match args.command {
        DlqCommand::List { projection, admin } => list(projection.unwrap_or_default(), &admin).await,
        DlqCommand::Replay { projection, ids, admin } => replay(projection, ids, &admin).await,
    }
}

async fn list(projection: String, admin: &AdminArgs) -> Result<()> {
    let operator = Operator::new(admin)?;
    let (mut after_id, mut count) = (0, 0);
    loop {
        let request = ListDeadLettersRequest { projection: projection.clone(), page_size: PAGE, after_id };
        let page = operator.client.list_dead_letters(&Operator::cx(), request).await;
        let letters = page.map_err(|e| operator.told(e))?.dead_letters;
        let Some(last) = letters.last() else { break };
        after_id = last.dead_letter_id;
        count += letters.len();
        for l in &letters {
            println!(
                "{} {} {}={} {} tried {} times: {}",
                l.dead_letter_id, l.projection, l.source, l.position, l.r#type, l.tries, l.error
            );
        }
    }
    println!("{count} dead letters");
    Ok(())
}

async fn replay(projection: String, dead_letter_ids: Vec<i64>, admin: &AdminArgs) -> Result<()> {
    let operator = Operator::new(admin)?;
    let request = ReplayDeadLettersRequest { dead_letter_ids, projection };
    let replayed = operator.client.replay_dead_letters(&Operator::cx(), request).await;
    let replayed = replayed.map_err(|e| operator.told(e))?;
    println!("{} replayed, {} failed again", replayed.replayed, replayed.failed);
    match replayed.failed {
        0 => Ok(()),
        _ => Err(Failure::new("some failed again; `plaza dlq list` tells why")),
    }
}
