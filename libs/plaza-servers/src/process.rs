//! Processes by their ids: the same one still, its children, signals.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

/// A signal to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Asks it to end.
    Term,
    /// Ends it at once.
    Kill,
    /// Stops it where it stands.
    Stop,
    /// Lets a stopped one go on.
    Cont,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Term => "-TERM",
            Self::Kill => "-KILL",
            Self::Stop => "-STOP",
            Self::Cont => "-CONT",
        }
    }
}

/// When a process began, in the system's own count; `None` if there is none of this id, or it has ended and nobody has
/// asked for its exit status yet. A process id is used again one day; id and beginning together are not.
#[must_use]
pub fn began(pid: u32) -> Option<String> {
    if let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) {
        return began_in_stat(&stat);
    }
    // Where there is no /proc.
    let told = output("ps", &["-o", "state=,lstart=", "-p", &pid.to_string()])?;
    let (state, start) = told.trim().split_once(' ')?;
    (!state.starts_with('Z')).then(|| start.trim().to_owned())
}

/// The state and the start time: fields 3 and 22.
fn began_in_stat(stat: &str) -> Option<String> {
    let mut fields = fields_after_name(stat)?;
    let state = fields.next()?;
    let start = fields.nth(18)?;
    (!["Z", "X"].contains(&state)).then(|| start.to_owned())
}

/// From field 3 on: field 2 is a name in brackets that may hold anything.
fn fields_after_name(stat: &str) -> Option<impl Iterator<Item = &str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
}

/// A process and all that it started, and so on; itself first.
#[must_use]
pub fn family(pid: u32) -> Vec<u32> {
    family_in(pid, &parents_in_proc().unwrap_or_else(parents_by_ps))
}

/// Each process with its parent.
type Parents = Vec<(u32, u32)>;

/// `None` where there is no /proc.
fn parents_in_proc() -> Option<Parents> {
    let parent = |pid: u32| -> Option<(u32, u32)> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some((pid, fields_after_name(&stat)?.nth(1)?.parse().ok()?))
    };
    let names = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.file_name());
    let parents: Parents = names.filter_map(|name| parent(name.to_str()?.parse().ok()?)).collect();
    (!parents.is_empty()).then_some(parents)
}

fn parents_by_ps() -> Parents {
    let table = output("ps", &["-A", "-o", "pid=,ppid="]).unwrap_or_default();
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    };
    table.lines().filter_map(row).collect()
}

fn family_in(pid: u32, parents: &[(u32, u32)]) -> Vec<u32> {
    let (mut family, mut known) = (vec![pid], BTreeSet::from([pid]));
    let mut at = 0;
    while let Some(parent) = family.get(at).copied() {
        let children = parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child);
        family.extend(children.filter(|child| known.insert(*child)));
        at += 1;
    }
    family
}

/// Sends a signal to each; one that has ended already is passed over.
pub fn signal(pids: &[u32], signal: Signal) {
    if pids.is_empty() {
        return;
    }
    // The shell's own: a program of this name is not on every machine.
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill \"$@\"", "sh", signal.name()]).args(pids.iter().map(u32::to_string));
    // If nothing ends, whoever waits for the end says so.
    let _ = kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_until_it_ends_even_if_nobody_asks_for_its_status() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = child.id();
        let start = began(pid);
        assert!(start.is_some());
        assert_eq!(began(pid), start);
        signal(&[pid], Signal::Kill);
        let is_gone = || {
            std::thread::yield_now();
            began(pid).is_none()
        };
        assert!((0..100_000).any(|_| is_gone()), "it has ended, though its status is not asked for");
        assert!(!child.wait().unwrap().success());
        assert_eq!(began(pid), None);
    }

    #[test]
    fn this_process_has_its_children_in_its_family() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let family = family(std::process::id());
        signal(&[child.id()], Signal::Kill);
        child.wait().unwrap();
        assert_eq!(family[0], std::process::id());
        assert!(family.contains(&child.id()), "{family:?}");
    }

    #[test]
    fn both_ways_to_look_see_this_process() {
        let pid = std::process::id();
        let ways = [parents_in_proc(), Some(parents_by_ps())];
        for parents in ways.into_iter().flatten().filter(|parents| !parents.is_empty()) {
            assert!(parents.iter().any(|(child, _)| *child == pid));
        }
    }

    #[test]
    fn a_name_with_brackets_and_blanks_does_not_move_the_fields() {
        let rest = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        assert_eq!(began_in_stat(&format!("7 (a) b (c)) S {rest}")), Some("4711".to_owned()));
        assert_eq!(began_in_stat(&format!("7 (a) Z {rest}")), None);
    }

    #[test]
    fn a_family_is_followed_to_the_grandchildren() {
        let parents = [(1, 0), (5, 1), (6, 5), (7, 6), (8, 1), (9, 5)];
        assert_eq!(family_in(5, &parents), [5, 6, 9, 7]);
        assert_eq!(family_in(5, &[]), [5]);
    }
}
