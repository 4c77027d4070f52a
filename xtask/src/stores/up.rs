//! `stores up`: each server by the first way that works.

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use plaza_servers::{Kind, answers, process, shown};

use super::compose::{Compose, port_variable};
use super::first_line;
use super::folder::Folder;
use super::install::install;
use super::ports;
use super::progress::Steps;
use super::recipes::Recipe;
use super::record::{Record, Way};
use super::start::Start;
use crate::Outcome;

/// For a server to serve: Neo4j on a machine that has other work.
const PATIENCE: Duration = Duration::from_mins(3);
/// For one that should serve already.
const ANSWER: Duration = Duration::from_secs(5);

/// What is asked of `up`.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// Ports other than the recipes'.
    pub(crate) ports: BTreeMap<&'static str, u16>,
    /// As processes of this machine only.
    pub(crate) native: bool,
    /// Tests need them now: they end with the tests, and any port will do.
    pub(crate) for_tests: bool,
}

/// A server that serves.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) address: String,
    /// Where it is from, for people.
    pub(crate) what: String,
}

/// Starts what does not run, one after the other. What cannot be had has the reason.
pub(crate) fn up(folder: &Folder, kinds: &[Kind], wishes: &Wishes) -> Vec<(Kind, Outcome<Ready>)> {
    let mut compose = None;
    let start = |kind: &Kind| (*kind, up_one(folder, Recipe::of(*kind), wishes, &mut compose));
    kinds.iter().map(start).collect()
}

/// The address that the environment gives.
pub(crate) fn given(kind: Kind) -> Option<String> {
    env::var(kind.variable()).ok().filter(|address| !address.is_empty())
}

fn up_one(folder: &Folder, recipe: &Recipe, wishes: &Wishes, compose: &mut Option<Outcome<Compose>>) -> Outcome<Ready> {
    let kind = recipe.kind;
    if let Some(address) = given(kind).filter(|_| !wishes.native) {
        let variable = kind.variable();
        return match answers(kind, &address, ANSWER) {
            Ok(()) => Ok(Ready { address, what: format!("given by {variable}") }),
            Err(why) => {
                Err(format!("{variable} leads to {}, which {why}: start it, or unset the variable", shown(&address)))
            }
        };
    }
    let wished = wished_port(recipe, wishes)?;
    if let Some(record) = Record::read(folder, kind).filter(Record::is_alive) {
        let ready = running(kind, &record, wished)?;
        if record.for_tests && !wishes.for_tests {
            // It was to end with a test run; from now on it stays.
            Record { for_tests: false, ..record }.write(folder, kind)?;
        }
        return Ok(ready);
    }
    let port = choose_port(recipe, wished, wishes)?;
    let way_of_docker = if wishes.native {
        Err("Docker was not asked for".to_owned())
    } else {
        by_compose(folder, kind, port, wishes, compose)
    };
    match way_of_docker {
        Ok(ready) => Ok(ready),
        Err(why_not) => natively(folder, recipe, port, wishes).map_err(|reason| {
            let variable = kind.variable();
            format!("{}\n  or set {variable} to the address of one that runs", with_note(&reason, &why_not))
        }),
    }
}

/// A note in brackets at the end of the first line, which may be all that is shown.
fn with_note(reason: &str, note: &str) -> String {
    let note = first_line(note);
    match reason.split_once('\n') {
        Some((first, more)) => format!("{first} ({note})\n{more}"),
        None => format!("{reason} ({note})"),
    }
}

/// The port that was asked for, on the command line or by the variable.
fn wished_port(recipe: &Recipe, wishes: &Wishes) -> Outcome<Option<u16>> {
    if let Some(port) = wishes.ports.get(recipe.name()) {
        return Ok(Some(*port));
    }
    let variable = port_variable(recipe.kind);
    match env::var(&variable).ok().filter(|value| !value.is_empty()) {
        Some(value) => value.parse().map(Some).map_err(|_| format!("{variable} is `{value}`, which is no port")),
        None => Ok(None),
    }
}

/// One that was started before.
fn running(kind: Kind, record: &Record, wished: Option<u16>) -> Outcome<Ready> {
    let name = kind.name();
    if let Some(port) = wished.filter(|port| *port != record.port) {
        let at = record.port;
        return Err(format!("runs on port {at} already; `cargo xtask stores down {name}` first, to have it on {port}"));
    }
    let address = kind.address(record.port);
    answers(kind, &address, ANSWER).map(|()| Ready { address, what: "ran already".to_owned() }).map_err(|why| {
        format!("was started on port {}, but {why}; `cargo xtask stores down {name}` ends it", record.port)
    })
}

fn choose_port(recipe: &Recipe, wished: Option<u16>, wishes: &Wishes) -> Outcome<u16> {
    let port = wished.unwrap_or(recipe.port);
    if ports::is_free(port) {
        return Ok(port);
    }
    if wishes.for_tests && wished.is_none() {
        return ports::free();
    }
    let name = recipe.name();
    Err(format!("port {port} is taken by another program: choose one with --port {name}=PORT"))
}

fn by_compose(
    folder: &Folder,
    kind: Kind,
    port: u16,
    wishes: &Wishes,
    compose: &mut Option<Outcome<Compose>>,
) -> Outcome<Ready> {
    let compose = compose.get_or_insert_with(Compose::find).as_ref().map_err(Clone::clone)?;
    let place = folder.of(kind);
    std::fs::create_dir_all(&place).map_err(|error| format!("cannot make {}: {error}", place.display()))?;
    let steps = Steps::new(kind.name(), &place.join("compose.log"));
    let record = Record { way: Way::Compose, port, for_tests: wishes.for_tests };
    compose.up(kind, port, &steps)?;
    let address = kind.address(port);
    if let Err(why) = answers(kind, &address, ANSWER) {
        compose.down(kind, false)?;
        return Err(format!("its container is healthy, but {why}"));
    }
    record.write(folder, kind)?;
    Ok(Ready { address, what: "a container".to_owned() })
}

fn natively(folder: &Folder, recipe: &Recipe, port: u16, wishes: &Wishes) -> Outcome<Ready> {
    let kind = recipe.kind;
    let installed = install(folder, recipe)?;
    let (data, log) = (folder.data(kind), folder.log(kind));
    let _ = std::fs::remove_file(&log);
    let steps = Steps::new(recipe.name(), &installed.folder.join("start.log"));
    steps.say("start");
    let detached = !wishes.for_tests;
    let pid = Start { kind, data, port, log, detached }.run(&installed.program, PATIENCE)?;
    let began = process::began(pid).ok_or("ended right after it had started")?;
    Record { way: Way::Native { pid, began }, port, for_tests: wishes.for_tests }.write(folder, kind)?;
    Ok(Ready { address: kind.address(port), what: installed.what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_refused_but_for_tests() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = listener.local_addr().unwrap().port();
        let recipe = Recipe::of(Kind::Nats);
        let mut wishes = Wishes::default();
        let refused = choose_port(recipe, Some(taken), &wishes).unwrap_err();
        assert!(refused.contains("--port nats=PORT"), "{refused}");
        wishes.for_tests = true;
        assert!(choose_port(recipe, Some(taken), &wishes).is_err());
        let free = ports::free().unwrap();
        assert_eq!(choose_port(recipe, Some(free), &wishes), Ok(free));
    }

    #[test]
    fn a_port_of_the_command_line_wins() {
        let wishes = Wishes { ports: BTreeMap::from([("nats", 7)]), ..Wishes::default() };
        assert_eq!(wished_port(Recipe::of(Kind::Nats), &wishes), Ok(Some(7)));
        assert_eq!(wished_port(Recipe::of(Kind::Redis), &wishes), Ok(None));
    }

    #[test]
    fn what_runs_elsewhere_is_not_moved_and_what_hangs_is_told() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let record = Record { way: Way::Compose, port: silent, for_tests: false };
        assert!(running(Kind::Nats, &record, Some(7)).is_err_and(|why| why.contains("stores down nats` first")));
        assert!(running(Kind::Nats, &record, None).is_err_and(|why| why.contains("cannot connect")));
    }
}
