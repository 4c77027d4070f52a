//! A store's address: its scheme picks the engine, and nothing else does.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::sqlite::{SqliteOptions, Sync};

/// Where a store is and which engine serves it. Text form: `sqlite:/path/file.db?sync=full`, `memory:`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum StoreAddress {
    /// A SQLite file.
    Sqlite {
        /// The database file; its folder is created if missing.
        path: PathBuf,
        /// How carefully commits reach the disk.
        sync: Sync,
    },
    /// In the process's memory (or a temporary folder that goes with it): gone when the process ends.
    Memory,
}

/// The schemes there are, as messages name them.
const SCHEMES: &str = "`sqlite:PATH[?sync=full|normal|off]`, `memory:`";

/// Why a text is not a store's address; says what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no engine for this scheme.
    #[error("`{0}` names no known kind of store; use one of {SCHEMES}")]
    UnknownScheme(String),
    /// The scheme is known and the rest is not right.
    #[error("`{address}` is not right: {what}")]
    Malformed {
        /// The text.
        address: String,
        /// What is wrong and what would be right.
        what: String,
    },
}

impl StoreAddress {
    /// The address of a SQLite file that holds truth.
    #[must_use]
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::Sqlite { path: path.into(), sync: Sync::Full }
    }

    /// The options to open it with, if it is a SQLite file.
    #[must_use]
    pub fn sqlite_options(&self) -> Option<SqliteOptions> {
        match self {
            Self::Sqlite { path, sync } => Some(SqliteOptions { sync: *sync, ..SqliteOptions::new(path) }),
            Self::Memory => None,
        }
    }
}

impl FromStr for StoreAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let unknown = || AddressError::UnknownScheme(redacted(text));
        let (scheme, rest) = text.split_once(':').ok_or_else(unknown)?;
        match scheme {
            "sqlite" => parse_sqlite(text, rest),
            "memory" if rest.is_empty() || rest == "//" => Ok(Self::Memory),
            "memory" => Err(malformed(text, "`memory:` takes nothing after the colon")),
            _ => Err(unknown()),
        }
    }
}

fn parse_sqlite(text: &str, rest: &str) -> Result<StoreAddress, AddressError> {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if path.is_empty() {
        return Err(malformed(text, "a path must follow `sqlite:`, such as `sqlite:/var/lib/plaza/posts.db`"));
    }
    let mut sync = Sync::Full;
    for option in query.split('&').filter(|o| !o.is_empty()) {
        sync = match option {
            "sync=full" => Sync::Full,
            "sync=normal" => Sync::Normal,
            "sync=off" => Sync::Off,
            _ => return Err(malformed(text, &format!("`{option}` is no option; there are sync=full, normal and off"))),
        };
    }
    Ok(StoreAddress::Sqlite { path: PathBuf::from(path), sync })
}

fn malformed(address: &str, what: &str) -> AddressError {
    AddressError::Malformed { address: redacted(address), what: what.to_owned() }
}

/// The address without what stands before an `@`, which may be a password.
fn redacted(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => text.to_owned(),
    }
}

impl TryFrom<String> for StoreAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<StoreAddress> for String {
    fn from(address: StoreAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path, sync } => write!(f, "sqlite:{}?sync={}", path.display(), sync.as_str()),
            Self::Memory => f.write_str("memory:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, written) in [
            ("sqlite:/var/a.db", "sqlite:/var/a.db?sync=full"),
            ("sqlite:///var/a.db?sync=normal", "sqlite:/var/a.db?sync=normal"),
            ("sqlite:data/a.db?sync=off", "sqlite:data/a.db?sync=off"),
            ("memory:", "memory:"),
        ] {
            let address: StoreAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), written);
            assert_eq!(written.parse::<StoreAddress>().unwrap(), address);
        }
    }

    #[test]
    fn what_is_not_an_address_is_refused_with_what_would_be_right() {
        for (text, said) in [
            ("", "use one of `sqlite:PATH"),
            ("/var/a.db", "use one of"),
            ("mysql://u:secret@host/db", "`mysql://…@host/db` names no known kind"),
            ("sqlite:", "a path must follow"),
            ("sqlite:a.db?sync=maybe", "`sync=maybe` is no option"),
            ("memory:x", "takes nothing"),
        ] {
            let error = text.parse::<StoreAddress>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
            assert!(!error.contains("secret"));
        }
    }
}
