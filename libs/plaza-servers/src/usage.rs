//! What a process has used, from `/proc`. Elsewhere than on Linux nothing is known.

use std::path::Path;
use std::time::Duration;

/// `/proc` counts CPU time in ticks of 10 ms on every architecture that Linux has.
const TICK: Duration = Duration::from_millis(10);

/// The CPU time, user and system, of the process whose folder this is, such as `/proc/self`.
#[must_use]
pub fn cpu(folder: &Path) -> Option<Duration> {
    ticks(&std::fs::read_to_string(folder.join("stat")).ok()?).map(|ticks| TICK * ticks)
}

/// The peak resident memory in MB (1,000,000 bytes) of the process whose folder this is.
#[must_use]
pub fn peak_mb(folder: &Path) -> Option<u64> {
    kib(&std::fs::read_to_string(folder.join("status")).ok()?, "VmHWM:").map(mb)
}

/// The memory in MB that the process whose folder this is holds. What processes share counts in parts, where the system
/// tells.
#[must_use]
pub fn held_mb(folder: &Path) -> Option<u64> {
    let shared = std::fs::read_to_string(folder.join("smaps_rollup")).ok();
    let held = shared.as_deref().and_then(|text| kib(text, "Pss:"));
    held.or_else(|| kib(&std::fs::read_to_string(folder.join("status")).ok()?, "VmRSS:")).map(mb)
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

fn mb(kib: u64) -> u64 {
    kib * 1_024 / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_and_memory_are_read_past_a_name_with_blanks() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194304 100 0 0 0 123 45 0 0 20 0 9 0 100 1 1";
        assert_eq!(ticks(stat), Some(168));
        assert_eq!(kib("Name: x\nVmHWM:\t  1000 kB\nVmRSS: 1 kB\n", "VmHWM:"), Some(1_000));
        assert_eq!((ticks(""), kib("", "VmHWM:")), (None, None));
        assert_eq!(kib("Rss: 4 kB\nPss:   1000 kB\n", "Pss:"), Some(1_000));
    }
}
