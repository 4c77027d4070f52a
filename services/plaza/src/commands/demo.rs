//! `demo` and `seed`.

use std::path::Path;
use std::time::Duration;

use plaza_core::{Env, reason};
use plaza_rpc::ServiceKey;
use plaza_servers::usage;
use tokio::time::Instant;

use super::signals::asked_to_end;
use super::story::Story;
use super::up::{announce, logging, stop};
use crate::cli::{DemoArgs, SeedArgs};
use crate::config::{Layers, SecretText, Service, Setting, Settings};
use crate::failure::{Failure, Result};
use crate::load::{Door, Filled, Filler, Target};
use crate::people::Plan;
use crate::plan;
use crate::platform::{Listeners, Platform, Running, read_secret};

/// Calls under way at once while a platform in this process is filled.
const INSIDE: usize = 256;
/// The same for one elsewhere.
const OUTSIDE: usize = 64;

pub(super) async fn demo(args: DemoArgs) -> Result<()> {
    let start = Instant::now();
    let plan = plan::of(&args.people, &args.sizes)?;
    let settings = settings(&args)?;
    if let Some(target) = &args.target {
        let filled = fill_outside(target, Some(&settings), &plan, OUTSIDE).await?;
        print!("{}", Story::new(&plan, &filled, target));
        return Ok(());
    }
    let _telemetry = logging(&settings, "plaza")?;
    let running = start_all(settings).await?;
    let told = tell(&running, &args, &plan, start);
    tokio::select! {
        told = told => told?,
        asked = asked_to_end() => return asked.and(stop(running).await),
    }
    if !args.exit {
        println!("Serving until Ctrl-C.");
        asked_to_end().await?;
    }
    stop(running).await
}

async fn start_all(settings: Settings) -> Result<Running> {
    let listeners = Listeners::bind(&settings).await?;
    Platform::start_on(settings, Env::system(), &Service::ALL, listeners).await
}

/// Fills the platform and says what to try.
async fn tell(running: &Running, args: &DemoArgs, plan: &Plan, start: Instant) -> Result<()> {
    let filled = fill(running.door()?, plan, INSIDE).await?;
    let here = running.grpc().to_string().parse().map_err(|wrong: String| Failure::new(wrong))?;
    print!("{}", Story::new(plan, &filled, &here));
    println!("Metrics: http://{}/metrics", running.admin());
    println!("{}", cost(start.elapsed()));
    announce(running, &args.ready)
}

/// What it took: read by those who measure it.
fn cost(elapsed: Duration) -> String {
    let memory = usage::peak_mb(Path::new("/proc/self")).map_or(String::new(), |mb| format!(", {mb} MB at most"));
    format!("Ready after {:.1} s{memory}.", elapsed.as_secs_f64())
}

/// The settings of a demo: those of `up`, but in memory and with passwords that cost nothing unless said otherwise.
fn settings(args: &DemoArgs) -> Result<Settings> {
    let flags = args.settings.flags();
    let default = |name: &str, value: &str| Setting {
        origin: "the demo's default".to_owned(),
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let mut layers = Layers::of_process(args.settings.config.clone(), flags);
    layers.defaults.insert(0, default("log", "warn"));
    layers.defaults.push(default("accounts.insecure_fast_hash", "true"));
    if args.settings.data_dir.is_none() {
        layers.defaults.push(default("ephemeral", "true"));
    }
    Ok(layers.load()?)
}

pub(super) async fn seed(args: SeedArgs) -> Result<()> {
    let start = Instant::now();
    let plan = plan::of(&args.people, &args.sizes)?;
    let data_dir = args.data_dir.as_ref().map(|dir| Setting {
        origin: "--data-dir".to_owned(),
        name: "data_dir".to_owned(),
        value: dir.to_string_lossy().into_owned(),
    });
    let settings = Layers::of_process(None, data_dir.into_iter().collect()).load()?;
    // An operator calls for people without their tokens.
    let operator = args.tokens.is_none().then_some(&settings);
    let filled = fill_outside(&args.target, operator, &plan, usize::from(args.concurrency)).await?;
    let (people, posts) = (filled.actors.len(), filled.posts.len());
    let (follows, likes) = (plan.follows().count(), plan.likes());
    if let Some(file) = &args.tokens {
        write_tokens(file, &filled)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{people} people, {follows} follows, {posts} posts, {likes} likes in {seconds:.1} s");
    Ok(())
}

/// Writes who can call with what: `[{"account_id": 1, "access_token": "…"}]`, readable by their owner alone.
fn write_tokens(file: &Path, filled: &Filled) -> Result<()> {
    let each = filled
        .actors
        .iter()
        .map(|actor| serde_json::json!({ "account_id": actor.account.get(), "access_token": actor.access_token }));
    let text = serde_json::Value::from_iter(each).to_string();
    let mut options = std::fs::File::options();
    std::os::unix::fs::OpenOptionsExt::mode(options.write(true).create(true).truncate(true), 0o600);
    let wrote = options.open(file).and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
    wrote.map_err(|error| Failure::new(format!("cannot write {}: {error}", file.display())))
}

/// Fills the platform at `target`, as its operator if there are settings that have its secret.
async fn fill_outside(target: &Target, operator: Option<&Settings>, plan: &Plan, concurrency: usize) -> Result<Filled> {
    let filled = async {
        let mut door = Door::at(target)?;
        let given = |settings: &Settings| settings.secret.as_ref().map(SecretText::key);
        let secret = operator.and_then(|settings| given(settings).or_else(|| read_secret(&settings.data_dir).ok()));
        if let Some(secret) = secret {
            door = door.with_key(&ServiceKey::new(&secret, &Env::system())).await?;
        }
        Filler::new(door, plan.clone(), Env::system(), concurrency).run().await
    };
    filled.await.map_err(|error: plaza_core::Error| {
        let is_asked = |peer: &str| Service::ALL.iter().any(|service| target.of(*service) == peer);
        // A peer of the platform that is away has another name.
        let away = error.is(reason::PEER_UNAVAILABLE) && error.metadata().iter().any(|(_, peer)| is_asked(peer));
        if away { Failure::nobody_at(&target.to_string()) } else { error.into() }
    })
}

async fn fill(door: Door, plan: &Plan, concurrency: usize) -> Result<Filled> {
    Ok(Filler::new(door, plan.clone(), Env::system(), concurrency).run().await?)
}
