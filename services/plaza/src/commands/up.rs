//! `up`, `serve`, `migrate`.

use std::path::Path;
use std::time::Duration;

use plaza_core::Env;
use plaza_rpc::telemetry::{self, LogFormat, Telemetry, TelemetryConfig};

use super::signals::asked_to_end;
use crate::cli::{MigrateArgs, ReadyArgs, ServeArgs, UpArgs};
use crate::config::{Layers, Service, Settings};
use crate::failure::{Failure, Result, WRONG_SETTINGS};
use crate::platform::{Listeners, Platform, Running};

/// Stopping in good order takes no longer; what is left then is dropped, which loses nothing that was acknowledged. The
/// rest of the 10 s is for the last traces.
const STOP: Duration = Duration::from_millis(8_500);

pub(super) async fn up(args: UpArgs) -> Result<()> {
    let settings = Layers::of_process(args.settings.config.clone(), args.settings.flags()).load()?;
    run(settings, &Service::ALL, &args.ready).await
}

pub(super) async fn serve(args: ServeArgs) -> Result<()> {
    let settings = Layers::of_process(args.settings.config.clone(), args.flags()).load()?;
    let mut services = args.services.clone();
    services.sort_unstable();
    services.dedup();
    run(settings, &services, &args.ready).await
}

async fn run(settings: Settings, services: &[Service], ready: &ReadyArgs) -> Result<()> {
    let name = services.iter().map(|s| s.name()).collect::<Vec<_>>().join("-");
    let _telemetry = logging(&settings, if services == Service::ALL { "plaza" } else { &name })?;
    plaza_events::points::arm_from_env();
    let listeners = Listeners::bind(&settings).await?;
    // Whoever asks from here on is heard, even while it starts.
    let asked = asked_to_end();
    tokio::pin!(asked);
    let running = tokio::select! {
        started = Platform::start_on(settings, Env::system(), services, listeners) => started?,
        asked = &mut asked => return asked,
    };
    announce(&running, ready)?;
    asked.await?;
    stop(running).await
}

/// Starts logs and traces.
pub(super) fn logging(settings: &Settings, name: &str) -> Result<Telemetry> {
    let config = TelemetryConfig {
        filter: settings.log.clone(),
        format: LogFormat::Auto,
        otlp_endpoint: settings.otlp_endpoint.clone(),
        otlp_share: settings.otlp_share,
        service_name: name.to_owned(),
    };
    telemetry::init(&config).map_err(|error| Failure::from(error).with_status(WRONG_SETTINGS))
}

/// Tells scripts that calls are served.
pub(super) fn announce(running: &Running, ready: &ReadyArgs) -> Result<()> {
    let line = running.ready_line();
    println!("{line}");
    match &ready.ready_file {
        Some(file) => write_whole(file, &format!("{line}\n")),
        None => Ok(()),
    }
}

/// Writes a file so that whoever sees it sees all of it.
fn write_whole(path: &Path, text: &str) -> Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = Path::new(&part);
    let written = std::fs::write(part, text).and_then(|()| std::fs::rename(part, path));
    written.map_err(|e| Failure::new(format!("{} cannot be written: {e}", path.display())))
}

/// Stops in good order; a second signal stops at once.
pub(super) async fn stop(running: Running) -> Result<()> {
    tracing::info!("asked to end");
    tokio::select! {
        stopped = tokio::time::timeout(STOP, running.shutdown()) => stopped.unwrap_or_else(|_| {
            tracing::warn!("time is up: dropping what is left");
            Ok(())
        }),
        asked = asked_to_end() => asked,
    }
}

pub(super) async fn migrate(args: MigrateArgs) -> Result<()> {
    let settings = Layers::of_process(args.settings.config.clone(), args.settings.flags()).load()?;
    if settings.ephemeral {
        return Err(Failure::new("there is nothing to migrate in memory: name the data folder with --data-dir"));
    }
    let _telemetry = logging(&settings, "plaza")?;
    let folder = settings.data_dir.display().to_string();
    Platform::migrate(settings, Env::system()).await?;
    println!("the stores in {folder} are at version {}", env!("CARGO_PKG_VERSION"));
    Ok(())
}
