//! The digest of a feed, the same for a stored window and for what the truth says it should hold.

use std::collections::HashSet;

use plaza_core::{AccountId, PostId};
use plaza_events::{Digest, Digester};

use super::Entry;

/// The digest of the entries, by falling place, that were pushed to `owner` and are not below `floor`.
///
/// Authors in `celebrities` are pulled when the feed is read. What was pushed of them before they were marked may still
/// lie in a window and does not count; their own feeds are pushed to.
pub(crate) fn digest<'a>(
    owner: AccountId,
    entries: impl IntoIterator<Item = &'a Entry>,
    floor: PostId,
    celebrities: &HashSet<AccountId>,
) -> Digest {
    let pushed = |e: &&Entry| e.place >= floor && (e.by == owner || !celebrities.contains(&e.by));
    let add = |digester: Digester, e: &Entry| digester.number(e.place.0).number(e.by.0).number(e.post.0);
    entries.into_iter().filter(pushed).fold(Digester::new(), add).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulled_authors_and_what_lies_below_the_floor_do_not_count() {
        let by = |post, author| Entry::post(PostId(post), AccountId(author));
        let celebrities = HashSet::from([AccountId(1), AccountId(9)]);
        let of = |entries: &[Entry]| digest(AccountId(1), entries, PostId(10), &celebrities);
        assert_eq!(of(&[by(30, 1), by(20, 9), by(12, 2), by(9, 2)]), of(&[by(30, 1), by(12, 2)]));
        assert_ne!(of(&[by(30, 1), by(12, 2)]), of(&[by(12, 2)]));
    }
}
