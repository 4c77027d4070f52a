//! What the platform and its stores have used.

use std::path::Path;
use std::time::Duration;

use plaza_servers::{process, usage};

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
    let folder = Path::new("/proc").join(pid.to_string());
    Some(Group { cpu: usage::cpu(&folder)?, memory_mb: usage::held_mb(&folder).unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

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
