//! The service's settings.

use std::time::Duration;

use lettre::message::Mailbox;
use plaza_stores::{ServerKind, StoreAddress};
use serde::{Deserialize, Serialize};

use crate::mailer::{Letters, MailerAddress};

/// The least work that OWASP accepts for Argon2id, as pairs of memory in KiB and passes, all with one lane: Password
/// Storage Cheat Sheet, section "Argon2id". More of either is fine.
const OWASP_MINIMUM: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];
/// 1 GiB: each hashing thread keeps this much.
const MAX_MEMORY_KIB: u32 = 1 << 20;

/// Settings of the accounts service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where accounts are stored.
    pub store: StoreAddress,
    /// A replica of a Postgres `store`, for reads that may be out of date by a moment: whether a handle is free before the
    /// password is hashed, and lists of ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_replica: Option<StoreAddress>,
    /// How much work a password hash takes. A stored hash keeps the work it was made with.
    pub password_hash: PasswordHash,
    /// Allows `password_hash` below OWASP's minimum. For demos and tests on made-up accounts only.
    pub insecure_fast_hash: bool,
    /// How many threads hash passwords; each keeps `password_hash.m` KiB.
    pub hash_threads: usize,
    /// How many hashes may wait; one more is refused with `OVERLOADED`.
    pub hash_queue: usize,
    /// Where copies of accounts are kept: in the process's memory, or in Redis for all replicas.
    pub cache: StoreAddress,
    /// How many accounts the cache in memory holds; Redis decides for itself.
    pub cache_entries: u64,
    /// How long the cache serves an account at most, in seconds. Changes show at once: a write invalidates.
    pub cache_ttl_seconds: u64,
    /// How many days a handle that its account gave up is kept from others.
    pub old_handle_days: u32,
    /// How many days the handle of a deleted account is kept from others.
    pub deleted_handle_days: u32,
    /// How many handles that it gave up are kept for one account at most; then it must take one back, or wait.
    pub max_kept_handles: usize,
    /// How many days a deleted account can still be brought back by its owner; 0 erases at once.
    pub delete_after_days: u32,
    /// How mail is sent; without it none is, and calls that need it say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailer: Option<MailerAddress>,
    /// Whom mails are from.
    pub mail_from: String,
    /// Where the platform's own pages are: mails lead to `/verify-email` and `/reset-password` there. Without it they hold the
    /// bare token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// How many hours a token is good that was sent to verify an e-mail address.
    pub verify_email_hours: u32,
    /// How many minutes a token is good that was sent to set a new password.
    pub reset_password_minutes: u32,
    /// How many minutes ago a session may have been opened that exports its account; 0 for any.
    pub export_sign_in_minutes: u32,
    /// How many accounts one process exports at the same time; one more is refused with `OVERLOADED`.
    pub exports_at_once: usize,
}

/// The settings that calls go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) old_handle_kept_ms: i64,
    pub(crate) deleted_handle_kept_ms: i64,
    pub(crate) max_kept_handles: usize,
    pub(crate) delete_after_ms: i64,
    pub(crate) sends_mail: bool,
    pub(crate) verify_email_ms: i64,
    pub(crate) reset_password_ms: i64,
    /// 0 if any session will do.
    pub(crate) export_sign_in_ms: i64,
}

const DAY_MS: i64 = 86_400_000;
/// Ten years.
const MAX_DAYS: u32 = 3_650;

/// Argon2id's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordHash {
    /// Memory in KiB.
    pub m: u32,
    /// Passes over the memory.
    pub t: u32,
    /// Lanes.
    pub p: u32,
}

impl Default for PasswordHash {
    fn default() -> Self {
        Self { m: 19_456, t: 2, p: 1 }
    }
}

impl PasswordHash {
    /// The least that Argon2id can do: for `insecure_fast_hash`.
    pub const FASTEST: Self = Self { m: 8, t: 1, p: 1 };

    fn is_owasp(self) -> bool {
        OWASP_MINIMUM.iter().any(|(m, t)| self.m >= *m && self.t >= *t)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store: StoreAddress::Memory,
            read_replica: None,
            password_hash: PasswordHash::default(),
            insecure_fast_hash: false,
            hash_threads: 2,
            hash_queue: 64,
            cache: StoreAddress::Memory,
            cache_entries: 100_000,
            cache_ttl_seconds: 300,
            old_handle_days: 30,
            deleted_handle_days: 90,
            max_kept_handles: 5,
            delete_after_days: 0,
            mailer: None,
            mail_from: "Plaza <noreply@localhost>".to_owned(),
            public_url: None,
            verify_email_hours: 24,
            reset_password_minutes: 60,
            export_sign_in_minutes: 60,
            exports_at_once: 4,
        }
    }
}

impl Config {
    /// For tests and demos: in memory, with hashes that protect nothing.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self { password_hash: PasswordHash::FASTEST, insecure_fast_hash: true, ..Self::default() }
    }

    /// Names the first wrong setting and what would be right.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn check(&self) -> Result<(), String> {
        self.check_store()?;
        let PasswordHash { m, t, p } = self.password_hash;
        if !(1..=16).contains(&p) || !(8 * p..=MAX_MEMORY_KIB).contains(&m) || !(1..=64).contains(&t) {
            return Err(format!(
                "accounts.password_hash: m={m} t={t} p={p} cannot be used; p is 1 to 16, t 1 to 64, m from 8 × p to \
                 {MAX_MEMORY_KIB} (KiB)"
            ));
        }
        if !self.password_hash.is_owasp() && !self.insecure_fast_hash {
            return Err(format!(
                "accounts.password_hash: m={m} t={t} is below OWASP's minimum for Argon2id; use m=19456 t=2 or more, or \
                 set accounts.insecure_fast_hash for made-up accounts"
            ));
        }
        if !(1..=64).contains(&self.hash_threads) {
            return Err("accounts.hash_threads: must be 1 to 64".to_owned());
        }
        if !(1..=10_000).contains(&self.hash_queue) {
            return Err("accounts.hash_queue: must be 1 to 10000".to_owned());
        }
        if self.cache != StoreAddress::Memory && self.cache.server(ServerKind::Redis).is_none() {
            return Err(format!("accounts.cache: `{}` must be `memory:` or `redis://HOST`", self.cache));
        }
        if !(1..=86_400).contains(&self.cache_ttl_seconds) {
            return Err("accounts.cache_ttl_seconds: must be 1 to 86400".to_owned());
        }
        self.check_rules()
    }

    fn check_rules(&self) -> Result<(), String> {
        for (name, days) in [
            ("old_handle_days", self.old_handle_days),
            ("deleted_handle_days", self.deleted_handle_days),
            ("delete_after_days", self.delete_after_days),
        ] {
            if days > MAX_DAYS {
                return Err(format!("accounts.{name}: must be 0 to {MAX_DAYS}"));
            }
        }
        if !(1..=100).contains(&self.max_kept_handles) {
            return Err("accounts.max_kept_handles: must be 1 to 100".to_owned());
        }
        if self.export_sign_in_minutes > 1_440 {
            return Err("accounts.export_sign_in_minutes: must be 0 to 1440".to_owned());
        }
        if !(1..=1_000).contains(&self.exports_at_once) {
            return Err("accounts.exports_at_once: must be 1 to 1000".to_owned());
        }
        self.check_mail()
    }

    fn check_mail(&self) -> Result<(), String> {
        if let Err(wrong) = self.mail_from.parse::<Mailbox>() {
            return Err(format!(
                "accounts.mail_from: `{}` is no mailbox, such as `Plaza <no@example.org>`: {wrong}",
                self.mail_from
            ));
        }
        let is_page = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if let Some(url) = self.public_url.as_ref().filter(|url| !is_page(url)) {
            return Err(format!("accounts.public_url: `{url}` must start with `https://`"));
        }
        if !(1..=720).contains(&self.verify_email_hours) {
            return Err("accounts.verify_email_hours: must be 1 to 720".to_owned());
        }
        if !(5..=1_440).contains(&self.reset_password_minutes) {
            return Err("accounts.reset_password_minutes: must be 5 to 1440".to_owned());
        }
        Ok(())
    }

    /// How mails look. Of settings that were checked there is no error.
    pub(crate) fn letters(&self) -> plaza_core::Result<Letters> {
        let wrong = |_| plaza_core::Error::invalid_field("accounts.mail_from", "must be a mailbox");
        let public_url = self.public_url.as_ref().map(|url| url.trim_end_matches('/').to_owned());
        Ok(Letters { from: self.mail_from.parse().map_err(wrong)?, public_url })
    }

    /// What calls go by.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            old_handle_kept_ms: i64::from(self.old_handle_days) * DAY_MS,
            deleted_handle_kept_ms: i64::from(self.deleted_handle_days) * DAY_MS,
            max_kept_handles: self.max_kept_handles,
            delete_after_ms: i64::from(self.delete_after_days) * DAY_MS,
            sends_mail: self.mailer.is_some(),
            verify_email_ms: i64::from(self.verify_email_hours) * 3_600_000,
            reset_password_ms: i64::from(self.reset_password_minutes) * 60_000,
            export_sign_in_ms: i64::from(self.export_sign_in_minutes) * 60_000,
        }
    }

    fn check_store(&self) -> Result<(), String> {
        let on_postgres = self.store.server(ServerKind::Postgres).is_some();
        if matches!(self.store, StoreAddress::Server(_)) && !on_postgres {
            return Err(format!(
                "accounts.store: `{}` must be `sqlite:PATH`, `memory:` or `postgres://HOST/DATABASE`",
                self.store
            ));
        }
        match &self.read_replica {
            Some(replica) if !on_postgres || replica.server(ServerKind::Postgres).is_none() => Err(format!(
                "accounts.read_replica: `{replica}` must be `postgres://HOST/DATABASE`, a replica of such an accounts.store"
            )),
            _ => Ok(()),
        }
    }

    /// How long a copy is served at most, and by how much less at random, so that copies made together do not expire
    /// together.
    pub(crate) fn cache_ttl(&self) -> (Duration, Duration) {
        let ttl = Duration::from_secs(self.cache_ttl_seconds);
        (ttl, Duration::min(ttl / 10, Duration::from_secs(30)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_below_owasps_minimum_must_be_asked_for() {
        Config::default().check().unwrap();
        Config::ephemeral().check().unwrap();
        for (m, t, fine) in [
            (19_456, 2, true),
            (47_104, 1, true),
            (7_168, 5, true),
            (19_455, 2, false),
            (19_456, 1, false),
            (8, 1, false),
        ] {
            let config = Config { password_hash: PasswordHash { m, t, p: 1 }, ..Config::default() };
            assert_eq!(config.check().is_ok(), fine, "m={m} t={t}");
            assert!(Config { insecure_fast_hash: true, ..config }.check().is_ok());
        }
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let base = Config::default;
        let postgres = || Config { store: "postgres://host/db".parse().unwrap(), ..base() };
        Config { read_replica: "postgres://other/db".parse().ok(), ..postgres() }.check().unwrap();
        for (config, name) in [
            (Config { password_hash: PasswordHash { m: 4, t: 1, p: 1 }, ..Config::ephemeral() }, "password_hash"),
            (Config { password_hash: PasswordHash { m: 19_456, t: 2, p: 0 }, ..base() }, "password_hash"),
            (Config { store: "redis://host".parse().unwrap(), ..base() }, "store"),
            (Config { read_replica: "postgres://host/db".parse().ok(), ..base() }, "read_replica"),
            (Config { read_replica: "memory:".parse().ok(), ..postgres() }, "read_replica"),
            (Config { hash_threads: 0, ..base() }, "hash_threads"),
            (Config { hash_queue: 0, ..base() }, "hash_queue"),
            (Config { cache: "sqlite:cache.db".parse().unwrap(), ..base() }, "cache"),
            (Config { cache: "nats://host".parse().unwrap(), ..base() }, "cache"),
            (Config { cache_ttl_seconds: 0, ..base() }, "cache_ttl_seconds"),
            (Config { old_handle_days: 3_651, ..base() }, "old_handle_days"),
            (Config { deleted_handle_days: u32::MAX, ..base() }, "deleted_handle_days"),
            (Config { delete_after_days: 3_651, ..base() }, "delete_after_days"),
            (Config { mail_from: "nobody".to_owned(), ..base() }, "mail_from"),
            (Config { public_url: Some("plaza.example".to_owned()), ..base() }, "public_url"),
            (Config { verify_email_hours: 0, ..base() }, "verify_email_hours"),
            (Config { reset_password_minutes: 1, ..base() }, "reset_password_minutes"),
            (Config { max_kept_handles: 0, ..base() }, "max_kept_handles"),
            (Config { export_sign_in_minutes: 1_441, ..base() }, "export_sign_in_minutes"),
            (Config { exports_at_once: 0, ..base() }, "exports_at_once"),
        ] {
            assert!(config.check().unwrap_err().starts_with(&format!("accounts.{name}:")));
        }
    }
}
