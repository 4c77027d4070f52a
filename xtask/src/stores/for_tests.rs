//! The stores of a test run: those that run stay, those that it starts end with it.

use std::env;
use std::fs::File;
use std::process::Command;

use plaza_servers::Kind;

use super::folder::Folder;
use super::install::install;
use super::recipes::Recipe;
use super::record::Record;
use super::up::{Ready, Wishes, up};
use super::{down, first_line};
use crate::Outcome;

/// The servers that a test run reaches.
pub(crate) struct ForTests {
    folder: Option<Folder>,
    found: Vec<(Kind, Outcome<Ready>)>,
    /// Says to other test runs that the servers are in use.
    used: Option<File>,
}

/// Whether a store that is missing is a failure.
pub(crate) fn required() -> bool {
    env::var("PLAZA_REQUIRE_STORES").is_ok_and(|required| required == "all")
}

impl ForTests {
    /// Starts what it can.
    ///
    /// # Errors
    /// If all are required and one cannot be had, with the reason for each.
    pub(crate) fn start() -> Outcome<Self> {
        let folder = Folder::open()?;
        let used = folder.used_by_tests()?;
        let lock = folder.lock()?;
        let wishes = Wishes { for_tests: true, ..Wishes::default() };
        let found = up(&folder, &Kind::ALL, &wishes);
        let mut stores = Self { folder: Some(folder), found, used: Some(used) };
        drop(lock);
        for (kind, ready) in &stores.found {
            match ready {
                Ok(ready) => println!("{:<12} {} ({})", kind.name(), plaza_servers::shown(&ready.address), ready.what),
                Err(reason) => println!("{:<12} NOT TESTED: {}", kind.name(), first_line(reason)),
            }
        }
        if required()
            && let Err(missing) = stores.complete()
        {
            stores.end();
            return Err(missing);
        }
        Ok(stores)
    }

    /// None, because it was asked so.
    pub(crate) fn none() -> Self {
        let why = || Err("--no-stores".to_owned());
        Self { folder: None, found: Kind::ALL.iter().map(|kind| (*kind, why())).collect(), used: None }
    }

    /// All of them serve, and each can be started once more by a test that kills it.
    fn complete(&self) -> Outcome {
        let mut missing = Vec::new();
        for (kind, ready) in &self.found {
            let name = kind.name();
            match (ready, &self.folder) {
                (Err(reason), _) => missing.push(format!("{name} is required and not there: {reason}")),
                (Ok(_), Some(folder)) => {
                    if let Err(reason) = install(folder, Recipe::of(*kind)) {
                        missing.push(format!("{name} is required as a program too, for tests that kill it: {reason}"));
                    }
                }
                (Ok(_), None) => {}
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(missing.join("\nerror: ")) }
    }

    /// Tells a command where they are.
    pub(crate) fn tell(&self, command: &mut Command) {
        for (kind, ready) in &self.found {
            match ready {
                Ok(ready) => command.env(kind.variable(), &ready.address),
                Err(_) => command.env_remove(kind.variable()),
            };
        }
        if let Some(folder) = &self.folder {
            command.env("PLAZA_TEST_SERVERS", folder.root());
        }
    }

    /// Names of those that serve.
    pub(crate) fn tested(&self) -> Vec<&'static str> {
        self.found.iter().filter(|(_, ready)| ready.is_ok()).map(|(kind, _)| kind.name()).collect()
    }

    /// Names of those that do not, each with why, in a line.
    pub(crate) fn not_tested(&self) -> Vec<(&'static str, &str)> {
        let mut missing = Vec::new();
        for (kind, ready) in &self.found {
            if let Err(reason) = ready {
                missing.push((kind.name(), first_line(reason)));
            }
        }
        missing
    }

    /// Ends those that tests started, if no other test run uses them.
    pub(crate) fn end(&mut self) {
        drop(self.used.take());
        let Some(folder) = self.folder.take() else { return };
        let Ok(_lock) = folder.lock() else { return };
        if !folder.is_free_of_tests() {
            return;
        }
        let ours = |kind: &Kind| Record::read(&folder, *kind).is_some_and(|record| record.for_tests);
        let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(ours).collect();
        for (kind, ended) in down::down(&folder, &kinds, false) {
            if let Err(why) = ended {
                eprintln!("{}: {why}", kind.name());
            }
        }
    }
}

impl Drop for ForTests {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stores() -> ForTests {
        let ready = Ready { address: Kind::Nats.address(1), what: String::new() };
        let found = vec![(Kind::Nats, Ok(ready)), (Kind::Neo4j, Err("needs Java\nmore words".to_owned()))];
        ForTests { folder: None, found, used: None }
    }

    #[test]
    fn each_is_tested_or_not_with_a_reason() {
        let stores = stores();
        assert_eq!((stores.tested(), stores.not_tested()), (vec!["nats"], vec![("neo4j", "needs Java")]));
        assert!(stores.complete().is_err_and(|why| why.contains("neo4j is required and not there: needs Java")));
        assert_eq!(ForTests::none().not_tested().len(), Kind::ALL.len());
    }

    #[test]
    fn tests_are_told_the_addresses_and_nothing_of_what_does_not_serve() {
        let mut command = Command::new("true");
        stores().tell(&mut command);
        let told: Vec<_> = command.get_envs().collect();
        assert!(told.contains(&("PLAZA_TEST_NATS".as_ref(), Some("nats://127.0.0.1:1".as_ref()))));
        assert!(told.contains(&("PLAZA_TEST_NEO4J".as_ref(), None)));
    }
}
