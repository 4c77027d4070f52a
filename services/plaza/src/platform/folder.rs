//! The data folder: who may use it, and the secret in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use plaza_core::{Env, Secret};

use crate::config::{SecretText, Service, Settings};
use crate::failure::{Failure, Result};

/// The file that holds the secret.
const SECRET: &str = "secret.key";
/// The folder of lock files.
const LOCKS: &str = "locks";

/// The services of a data folder that this process runs; no other process can run them meanwhile.
#[derive(Debug, Default)]
pub(super) struct Held {
    _locks: Vec<File>,
}

/// Makes the folder if it is missing and takes `services` in it.
pub(super) fn hold(settings: &Settings, services: &[Service]) -> Result<Held> {
    if settings.ephemeral {
        return Ok(Held::default());
    }
    let locks = settings.data_dir.join(LOCKS);
    create_private(&locks).map_err(|e| unusable(&locks, &e))?;
    let kept = services.iter().filter(|service| settings.keeps_in_folder(**service));
    let held = kept.map(|service| lock(settings, *service, &locks.join(service.name())));
    Ok(Held { _locks: held.collect::<Result<_>>()? })
}

/// Makes a folder that only its owner can enter: what is in it tells passwords' hashes, e-mail addresses and keys. One
/// that is there stays as its owner made it.
fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn open_lock(path: &Path) -> Result<File> {
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    open.map_err(|e| unusable(path, &e))
}

fn lock(settings: &Settings, service: Service, path: &Path) -> Result<File> {
    let file = open_lock(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::new(format!(
            "another process runs {service} on the data in {}: end it, or choose another folder with --data-dir",
            settings.data_dir.display()
        ))),
        Err(TryLockError::Error(e)) => Err(unusable(path, &e)),
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} cannot be used: {error}; choose a folder with --data-dir", path.display()))
}

/// The platform's secret: the setting, the data folder's, or a new one. A new one stays in the folder. Comes after
/// [`hold`], which makes the folder.
pub(super) async fn secret(settings: &Settings, env: &Env) -> Result<Secret> {
    if let Some(secret) = &settings.secret {
        return Ok(secret.key());
    }
    let mut bytes = [0; 32];
    env.fill(&mut bytes);
    let fresh = SecretText::new(bytes);
    if settings.ephemeral {
        return Ok(fresh.key());
    }
    let folder = settings.data_dir.clone();
    let shared = tokio::task::spawn_blocking(move || shared_secret(&folder, &fresh)).await;
    shared.map_err(|e| Failure::new(format!("the secret cannot be read: {e}")))?
}

/// The folder's secret; `fresh` becomes it if there is none. Processes that start at the same moment take turns.
fn shared_secret(folder: &Path, fresh: &SecretText) -> Result<Secret> {
    let path = folder.join(SECRET);
    let turn = open_lock(&folder.join(LOCKS).join("secret"))?;
    turn.lock().map_err(|e| unusable(folder, &e))?;
    match fs::exists(&path) {
        Ok(true) => read_secret(folder),
        Ok(false) => write(&path, fresh).map(|()| fresh.key()).map_err(|e| unusable(&path, &e)),
        Err(error) => Err(unusable(&path, &error)),
    }
}

/// Writes the whole file or none: half a secret would keep the platform from ever starting again.
fn write(path: &Path, secret: &SecretText) -> std::io::Result<()> {
    let part = path.with_extension("part");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part)?;
    writeln!(file, "{}", String::from(secret.clone()))?;
    file.sync_all()?;
    fs::rename(&part, path)
}

/// The secret in a data folder, for commands that talk to the platform which runs on it.
///
/// # Errors
/// If there is none, or it cannot be read.
pub fn read_secret(data_dir: &Path) -> Result<Secret> {
    let path: PathBuf = data_dir.join(SECRET);
    let told = |what: String| {
        Failure::new(format!(
            "{}: {what}; name the platform's folder with --data-dir, or set PLAZA_SECRET",
            path.display()
        ))
    };
    let text = fs::read_to_string(&path).map_err(|e| told(e.to_string()))?;
    let secret: SecretText = text.parse().map_err(|e: &str| told(e.to_owned()))?;
    Ok(secret.key())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_folder(folder: &Path) -> Settings {
        Settings { data_dir: folder.join("data"), ephemeral: false, ..Settings::default() }
    }

    async fn start(settings: &Settings) -> [u8; 32] {
        hold(settings, &[]).unwrap();
        secret(settings, &Env::system()).await.unwrap().mac(&[])
    }

    #[tokio::test]
    async fn processes_that_start_together_agree_on_one_secret() {
        let folder = tempfile::tempdir().unwrap();
        let settings = in_folder(folder.path());
        let starts = (0..8).map(|_| start(&settings));
        let secrets = futures::future::join_all(starts).await;
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
        assert_eq!(read_secret(&settings.data_dir).unwrap().mac(&[]), secrets[0]);
    }

    #[tokio::test]
    async fn a_start_that_died_while_it_wrote_the_secret_does_not_stop_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let settings = in_folder(folder.path());
        hold(&settings, &[]).unwrap();
        fs::write(settings.data_dir.join("secret.part"), "00ff").unwrap();
        let first = start(&settings).await;
        assert_eq!(start(&settings).await, first);
    }

    #[tokio::test]
    async fn what_is_kept_on_servers_locks_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = in_folder(folder.path()).derived();
        settings.posts.store = "postgres://db/plaza".parse().unwrap();
        let first = hold(&settings, &[Service::Posts]).unwrap();
        assert!(hold(&settings, &[Service::Posts]).is_err(), "its events are kept in the folder");
        drop(first);
        settings.events.store = "nats://events".parse().unwrap();
        let _first = hold(&settings, &[Service::Posts]).unwrap();
        let _second = hold(&settings, &[Service::Posts]).unwrap();
        let _graph = hold(&settings, &[Service::Graph]).unwrap();
        assert!(hold(&settings, &[Service::Graph]).is_err());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nobody_else_can_look_into_the_folder_or_at_the_secret() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let settings = in_folder(folder.path());
        start(&settings).await;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&settings.data_dir), mode(&settings.data_dir.join(SECRET))), (0o700, 0o600));
    }
}
