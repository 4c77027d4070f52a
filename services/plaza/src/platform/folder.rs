//! The data folder: who may use it, and the secret in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use plaza_core::{Env, Secret};

use crate::config::{SecretText, Service, Settings};
use crate::failure::{Failure, Result};

/// The file that holds the secret.
const SECRET: &str = "secret.key";
/// How long another process, which started at the same moment, may take to write the secret: tries, and the wait between.
const SECRET_TRIES: u32 = 100;
const SECRET_WAIT: Duration = Duration::from_millis(20);

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
    let locks = settings.data_dir.join("locks");
    fs::create_dir_all(&locks).map_err(|e| unusable(&locks, &e))?;
    let held = services.iter().map(|service| lock(settings, *service, &locks.join(service.name())));
    Ok(Held { _locks: held.collect::<Result<_>>()? })
}

fn lock(settings: &Settings, service: Service, path: &Path) -> Result<File> {
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    let file = open.map_err(|e| unusable(path, &e))?;
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

/// The platform's secret: the setting, the data folder's, or a new one. A new one stays in the folder.
pub(super) async fn secret(settings: &Settings, env: &Env) -> Result<Secret> {
    if let Some(secret) = &settings.secret {
        return Ok(secret.key());
    }
    let fresh = || {
        let mut bytes = [0; 32];
        env.fill(&mut bytes);
        SecretText::new(bytes)
    };
    if settings.ephemeral {
        return Ok(fresh().key());
    }
    let path = settings.data_dir.join(SECRET);
    if let Some(file) = create(&path)? {
        let secret = fresh();
        write(file, &secret).map_err(|e| unusable(&path, &e))?;
        return Ok(secret.key());
    }
    for _ in 0..SECRET_TRIES {
        if let Ok(secret) = read_secret(&settings.data_dir) {
            return Ok(secret);
        }
        tokio::time::sleep(SECRET_WAIT).await;
    }
    read_secret(&settings.data_dir)
}

/// The secret file, if it was not there.
fn create(path: &Path) -> Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(unusable(path, &error)),
    }
}

fn write(mut file: File, secret: &SecretText) -> std::io::Result<()> {
    writeln!(file, "{}", String::from(secret.clone()))?;
    file.sync_all()
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
