//! Ordered migrations, each recorded with a checksum: what the engines with a schema share.

use plaza_core::{Error, Result, reason};
use sha2::{Digest as _, Sha256};

/// One step of a schema. Never changed once released: a change is a new step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its name, such as `0001_posts`.
    pub name: &'static str,
    /// One or more statements, in the language of the store.
    pub sql: &'static str,
}

impl Migration {
    /// What tells another content under the same name.
    pub(crate) fn checksum(&self) -> String {
        Sha256::digest(self.sql.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// Which of `migrations` are still to be applied to a database that has recorded `applied`, as names and checksums.
pub(crate) fn pending<'a>(applied: &[(String, String)], migrations: &'a [Migration]) -> Result<&'a [Migration]> {
    for (i, (name, sum)) in applied.iter().enumerate() {
        let Some(known) = migrations.get(i) else {
            return Err(refused(format!(
                "the database is newer than this program: it has migration `{name}`, which this program does not know; \
                 start the newer program"
            )));
        };
        if known.name != name || known.checksum() != *sum {
            return Err(refused(format!(
                "migration `{name}` was applied to this database with another content than this program has under \
                 `{}`; a released migration must not change: restore it and add a new one",
                known.name
            )));
        }
    }
    Ok(&migrations[applied.len()..])
}

/// The error for the operator when a migration cannot be applied.
pub(crate) fn refused(message: String) -> Error {
    Error::new(reason::STORE_UNAVAILABLE).message(message)
}
