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
use crate::load::Target;
use crate::platform::read_secret;
use crate::progress::Progress;

/// How long a single answer may take; replaying dead letters is the longest.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Dead letters asked for at once.
const PAGE: i32 = 100;

/// The way to a platform, as its operator.
struct Operator {
    /// The processes of each address.
    clients: Vec<ProjectionsServiceClient>,
    target: Target,
}

impl Operator {
    fn new(args: &AdminArgs) -> Result<Self> {
        let key = ServiceKey::new(&secret(args)?, &Env::system());
        let client = |address: &str| -> Result<ProjectionsServiceClient> {
            let channel = Channel::connect(address, &ChannelConfig::default())?.with_key(&key);
            Ok(ProjectionsServiceClient::remote(channel).as_service(auth::ADMIN))
        };
        let clients = args.target.by_address().into_keys().map(client).collect::<Result<_>>()?;
        Ok(Self { clients, target: args.target.clone() })
    }

    fn cx() -> Cx {
        Cx::new(Caller::default(), Instant::now() + TIMEOUT)
    }

    /// Any process: dead letters are in the log that all of them share.
    fn any(&self) -> Result<&ProjectionsServiceClient> {
        self.clients.first().ok_or_else(|| Failure::nobody_at(&self.target.to_string()))
    }

    /// The process that runs `projection`; if none does, any, which says so.
    async fn running(&self, projection: &str) -> Result<&ProjectionsServiceClient> {
        if self.clients.len() > 1 {
            for client in &self.clients {
                let listed = client.list_projections(&Self::cx(), ListProjectionsRequest {}).await;
                let listed = listed.map_err(|error| self.told(error))?;
                if listed.projections.iter().any(|listed| listed.name == projection) {
                    return Ok(client);
                }
            }
        }
        self.any()
    }

    /// The failure with what an operator can do about it.
    fn told(&self, error: plaza_core::Error) -> Failure {
        let target = &self.target;
        if error.is(reason::PEER_UNAVAILABLE) {
            return Failure::nobody_at(&target.to_string());
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
    let mut projections = Vec::new();
    for client in &operator.clients {
        let listed = client.list_projections(&Operator::cx(), ListProjectionsRequest {}).await;
        projections.extend(listed.map_err(|e| operator.told(e))?.projections);
    }
    println!("{:<20} {:>10} {:>10} {:>12}  state", "projection", "lag events", "lag ms", "dead letters");
    for p in projections {
        let state = if p.degraded.is_empty() { "follows" } else { &p.degraded };
        println!("{:<20} {:>10} {:>10} {:>12}  {state}", p.name, p.lag_events, p.lag_ms, p.dead_letters);
    }
    Ok(())
}

pub(super) async fn rebuild(args: RebuildArgs) -> Result<()> {
    let operator = Operator::new(&args.admin)?;
    let Some(projection) = args.projection else { return replay_outboxes(&operator).await };
    let request = RebuildProjectionRequest { name: projection.clone(), after_key: args.after };
    let opened = operator.running(&projection).await?.rebuild_projection(&Operator::cx(), request).await;
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

/// Fills the event log from all outboxes of the platform.
async fn replay_outboxes(operator: &Operator) -> Result<()> {
    let mut outboxes: BTreeMap<String, i64> = BTreeMap::new();
    let progress = Progress::new("events".to_owned(), None);
    for client in &operator.clients {
        let opened = client.replay_outboxes(&Operator::cx(), ReplayOutboxesRequest {}).await;
        let mut stream = opened.map_err(|e| operator.told(e))?;
        while let Some(item) = stream.next().await {
            let item = item.map_err(|e| operator.told(e))?;
            outboxes.insert(item.source, item.published);
            progress.set(u64::try_from(outboxes.values().sum::<i64>()).unwrap_or_default());
        }
    }
    progress.done();
    if outboxes.is_empty() {
        let target = &operator.target;
        return Err(Failure::new(format!("no outbox at {target}: name the processes of accounts, graph and posts")));
    }
    for (source, published) in outboxes {
        println!("{source}: {published} events published that were not in the log");
    }
    Ok(())
}

pub(super) async fn audit(args: AuditArgs) -> Result<()> {
    let operator = Operator::new(&args.admin)?;
    let request = AuditProjectionRequest { name: args.projection.clone(), repair: args.repair };
    let opened = operator.running(&args.projection).await?.audit_projection(&Operator::cx(), request).await;
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
        let page = operator.any()?.list_dead_letters(&Operator::cx(), request).await;
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
    let client = operator.running(&projection).await?;
    let request = ReplayDeadLettersRequest { dead_letter_ids, projection };
    let replayed = client.replay_dead_letters(&Operator::cx(), request).await;
    let replayed = replayed.map_err(|e| operator.told(e))?;
    println!("{} replayed, {} failed again", replayed.replayed, replayed.failed);
    match replayed.failed {
        0 => Ok(()),
        _ => Err(Failure::new("some failed again; `plaza dlq list` tells why")),
    }
}
