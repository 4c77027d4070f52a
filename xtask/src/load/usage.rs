//! What processes have used, from `/proc`.

use std::fs;
use std::time::Duration;

use plaza_servers::process;

/// `/proc` counts CPU time in ticks of 10 ms on every architecture that Linux has.
const TICK: Duration = Duration::from_millis(10);

/// What groups of processes have used: those of the platform and those of the stores.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    /// Each group by its name, with whether it belongs to the platform.
    groups: Vec<(String, bool, Group)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Group {
    cpu: Duration,
    memory_mb: u64,
}

impl Usage {
    /// Of these processes, each with all that it started.
    pub(crate) fn of(processes: &[(String, bool, u32)]) -> Self {
        let group = |pid: u32| process::family(pid).into_iter().filter_map(one).fold(Group::default(), add);
        Self { groups: processes.iter().map(|(name, ours, pid)| (name.clone(), *ours, group(*pid))).collect() }
    }

    /// The CPU time that the platform used since `before`, and that the stores did.
    pub(crate) fn cpu_since(&self, before: &Self) -> (Duration, Duration) {
        let of = |usage: &Self, wanted: bool| {
            usage.groups.iter().filter(|(_, ours, _)| *ours == wanted).map(|(_, _, group)| group.cpu).sum::<Duration>()
        };
        let since = |ours: bool| of(self, ours).saturating_sub(of(before, ours));
        (since(true), since(false))
    }

    /// The memory that each holds, in MB (1,000,000 bytes).
    pub(crate) fn memory(&self) -> Vec<(String, u64)> {
        self.groups.iter().map(|(name, _, group)| (name.clone(), group.memory_mb)).collect()
    }
}

fn add(a: Group, b: Group) -> Group {
    Group { cpu: a.cpu + b.cpu, memory_mb: a.memory_mb + b.memory_mb }
}

fn one(pid: u32) -> Option<Group> {
    let cpu = ticks(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    // What processes share counts in parts, where the system tells.
    let held = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok();
    let kib = held.as_deref().and_then(|text| kib(text, "Pss:")).or_else(|| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        kib(&status, "VmRSS:")
    });
    Some(Group { cpu: TICK * cpu, memory_mb: kib.unwrap_or_default() * 1_024 / 1_000_000 })
}

fn ticks(stat: &str) -> Option<u32> {
    // The second field is the program's name in parentheses, which may hold blanks itself.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let user: u32 = fields.nth(11)?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn kib(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_and_memory_are_read() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194304 100 0 0 0 123 45 0 0 20 0 9 0 100 1 1";
        assert_eq!((ticks(stat), ticks("")), (Some(168), None));
        assert_eq!(kib("Rss: 4 kB\nPss:   1000 kB\n", "Pss:"), Some(1_000));
    }

    #[test]
    fn the_platform_and_the_stores_are_told_apart() {
        let group = |cpu: u64| Group { cpu: Duration::from_secs(cpu), memory_mb: 3 };
        let usage = |a, b| Usage {
            groups: vec![("posts-1".to_owned(), true, group(a)), ("postgres".to_owned(), false, group(b))],
        };
        let (ours, theirs) = usage(5, 9).cpu_since(&usage(2, 8));
        assert_eq!((ours.as_secs(), theirs.as_secs()), (3, 1));
        assert_eq!(usage(1, 1).memory()[1], ("postgres".to_owned(), 3));
        let me = Usage::of(&[("me".to_owned(), true, std::process::id())]);
        assert!(me.memory()[0].1 > 0);
    }
}
