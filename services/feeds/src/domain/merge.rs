//! Merging lists that are sorted by falling place.

use std::cmp::Reverse;

use super::Entry;

/// The newest `limit` entries of all lists, each of which falls, without duplicates.
#[must_use]
pub(crate) fn merge(mut lists: Vec<Vec<Entry>>, limit: usize) -> Vec<Entry> {
    lists.retain(|list| !list.is_empty());
    if lists.len() <= 1 {
        let mut only = lists.pop().unwrap_or_default();
        only.truncate(limit);
        return only;
    }
    // Few lists, already sorted: the standard sort finds the runs and merges them.
    let mut all = lists.concat();
    all.sort_by_key(|entry| Reverse(entry.place));
    all.dedup_by_key(|entry| entry.place);
    all.truncate(limit);
    all
}

#[cfg(test)]
mod tests {
    use plaza_core::{AccountId, PostId};

    use super::*;

    fn list(posts: &[i64]) -> Vec<Entry> {
        posts.iter().map(|p| Entry::post(PostId(*p), AccountId(1))).collect()
    }

    #[test]
    fn the_newest_of_all_come_first_and_once() {
        assert_eq!(merge(vec![list(&[9, 5, 1]), list(&[]), list(&[8, 5, 4])], 4), list(&[9, 8, 5, 4]));
        assert_eq!(merge(vec![list(&[9, 5, 1])], 2), list(&[9, 5]));
        assert_eq!(merge(vec![], 2), list(&[]));
    }
}
