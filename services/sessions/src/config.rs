//! The service's settings.

use plaza_stores::{ServerKind, StoreAddress};
use serde::{Deserialize, Serialize};

use crate::domain::Rules;

/// Settings of the sessions service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where sessions are stored.
    pub store: StoreAddress,
    /// The `iss` of access tokens. Whoever verifies them must have the same.
    pub issuer: String,
    /// How long after its last use a session expires, in seconds.
    pub session_seconds: u32,
    /// For how long after a refresh the token that it used gets the same successor again, in seconds.
    pub refresh_grace_seconds: u32,
    /// How many sessions one account may have; a further sign-in ends the one unused for longest.
    pub max_sessions: u32,
    /// After how many days a new key signs access tokens; 0 for never.
    pub key_days: u32,
    /// How many wrong passwords in a row an account may be given before each next guess has to wait.
    pub guesses: u32,
    /// How many wrong passwords may come from a network address before each next guess from there has to wait.
    pub address_guesses: u32,
    /// How long after the last guess guesses are forgotten, in seconds.
    pub guess_window_seconds: u32,
}

/// The default `iss`.
pub const DEFAULT_ISSUER: &str = "plaza";

impl Default for Config {
    fn default() -> Self {
        Self {
            store: StoreAddress::Memory,
            issuer: DEFAULT_ISSUER.to_owned(),
            session_seconds: 24 * 3_600,
            refresh_grace_seconds: 10,
            max_sessions: 100,
            key_days: 30,
            guesses: 5,
            address_guesses: 50,
            guess_window_seconds: 3_600,
        }
    }
}

impl Config {
    /// Names the first wrong setting and what would be right.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn check(&self) -> Result<(), String> {
        if matches!(&self.store, StoreAddress::Server(server) if server.kind() != ServerKind::Redis) {
            return Err(format!("sessions.store: `{}` must be `sqlite:PATH`, `memory:` or `redis://HOST`", self.store));
        }
        if self.issuer.is_empty() || self.issuer.len() > 128 {
            return Err("sessions.issuer: must be 1 to 128 bytes, such as `plaza`".to_owned());
        }
        if !(600..=90 * 24 * 3_600).contains(&self.session_seconds) {
            return Err("sessions.session_seconds: must be 600 (10 minutes) to 7776000 (90 days)".to_owned());
        }
        if self.refresh_grace_seconds > 300 {
            return Err("sessions.refresh_grace_seconds: must be 0 to 300".to_owned());
        }
        if !(1..=10_000).contains(&self.max_sessions) {
            return Err("sessions.max_sessions: must be 1 to 10000".to_owned());
        }
        if self.key_days > 3_650 {
            return Err("sessions.key_days: must be 1 to 3650, or 0 for never".to_owned());
        }
        if !(1..=100).contains(&self.guesses) {
            return Err("sessions.guesses: must be 1 to 100".to_owned());
        }
        if !(1..=100_000).contains(&self.address_guesses) {
            return Err("sessions.address_guesses: must be 1 to 100000".to_owned());
        }
        if !(1_800..=7 * 24 * 3_600).contains(&self.guess_window_seconds) {
            return Err("sessions.guess_window_seconds: must be 1800 (30 minutes) to 604800 (7 days)".to_owned());
        }
        Ok(())
    }

    /// How long a key signs, in milliseconds.
    pub(crate) fn key_ms(&self) -> Option<i64> {
        (self.key_days > 0).then(|| i64::from(self.key_days) * 24 * 3_600 * 1_000)
    }

    pub(crate) fn rules(&self) -> Rules {
        Rules {
            session_ms: i64::from(self.session_seconds) * 1_000,
            grace_ms: i64::from(self.refresh_grace_seconds) * 1_000,
            max_sessions: self.max_sessions as usize,
            guess_ms: i64::from(self.guess_window_seconds) * 1_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_setting_is_named() {
        Config::default().check().unwrap();
        let base = Config::default;
        for (config, name) in [
            (Config { store: "postgres://db/sessions".parse().unwrap(), ..base() }, "store"),
            (Config { issuer: String::new(), ..base() }, "issuer"),
            (Config { session_seconds: 599, ..base() }, "session_seconds"),
            (Config { refresh_grace_seconds: 301, ..base() }, "refresh_grace_seconds"),
            (Config { max_sessions: 0, ..base() }, "max_sessions"),
            (Config { key_days: 3_651, ..base() }, "key_days"),
            (Config { guesses: 0, ..base() }, "guesses"),
            (Config { address_guesses: 0, ..base() }, "address_guesses"),
            (Config { guess_window_seconds: 1_799, ..base() }, "guess_window_seconds"),
        ] {
            assert!(config.check().unwrap_err().starts_with(&format!("sessions.{name}:")));
        }
    }
}
