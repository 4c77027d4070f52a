//! Crash points: named places where a test makes the process die, as `kill -9` would.
//!
//! They are off unless [`arm_from_env`] found `PLAZA_CRASH_AT=<name>` (die at the first hit) or `<name>:<n>` (at the n-th);
//! then a hit costs one relaxed load.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The variable that [`arm_from_env`] reads.
pub const VARIABLE: &str = "PLAZA_CRASH_AT";

/// The write is committed and nothing of it is published.
pub const BEFORE_PUBLISH: &str = "relay.before-publish";
/// Its events are in the log, and the relay does not know yet.
pub const AFTER_PUBLISH: &str = "relay.after-publish";
/// A batch was fetched and nothing of it is applied.
pub const BEFORE_APPLY: &str = "projection.before-apply";
/// A batch is applied and the cursor still stands before it.
pub const AFTER_APPLY: &str = "projection.after-apply";
/// The cursor is about to be stored.
pub const BEFORE_CURSOR: &str = "projection.before-cursor";
/// The cursor is stored.
pub const AFTER_CURSOR: &str = "projection.after-cursor";

/// Every point of this crate.
pub const ALL: &[&str] = &[BEFORE_PUBLISH, AFTER_PUBLISH, BEFORE_APPLY, AFTER_APPLY, BEFORE_CURSOR, AFTER_CURSOR];

static ARMED: AtomicBool = AtomicBool::new(false);
static TARGET: OnceLock<Target> = OnceLock::new();

struct Target {
    name: String,
    hits_left: AtomicU64,
}

/// Reads [`VARIABLE`]; called once, when the program starts.
pub fn arm_from_env() {
    if let Some((name, hits)) = std::env::var(VARIABLE).ok().as_deref().and_then(parse) {
        tracing::warn!(point = name, hits, "this process will crash on purpose");
        let armed = TARGET.set(Target { name: name.to_owned(), hits_left: AtomicU64::new(hits) }).is_ok();
        ARMED.store(armed, Ordering::Relaxed);
    }
}

/// Passes the point `name`; kills the process if it is the one to crash at. Services may have points of their own.
pub fn hit(name: &str) {
    if ARMED.load(Ordering::Relaxed) {
        crash_if_due(name);
    }
}

fn crash_if_due(name: &str) {
    if let Some(target) = TARGET.get()
        && target.name == name
        && target.hits_left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        std::process::abort();
    }
}

fn parse(text: &str) -> Option<(&str, u64)> {
    let (name, hits) = match text.split_once(':') {
        Some((name, hits)) => (name, hits.parse().ok()?),
        None => (text, 1),
    };
    (!name.is_empty() && hits > 0).then_some((name, hits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_named_with_an_optional_count() {
        assert_eq!(parse("relay.before-publish"), Some(("relay.before-publish", 1)));
        assert_eq!(parse("a:3"), Some(("a", 3)));
        for bad in ["", ":2", "a:0", "a:x"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        hit(BEFORE_PUBLISH);
    }
}
