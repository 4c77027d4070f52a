//! A window: the newest entries of a feed, without a hole down to its floor.

use std::collections::VecDeque;

use plaza_core::{AccountId, PostId};

/// A post in a feed, and by whom it came there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// Where it stands: the id of the post, or of the repost. Both carry their time, so entries sort by it.
    pub place: PostId,
    /// Who wrote the post, or reposted it.
    pub by: AccountId,
    /// The post that is shown; 0 for none.
    pub post: PostId,
}

impl Entry {
    /// A post at its own place.
    #[must_use]
    pub fn post(post: PostId, author: AccountId) -> Self {
        Self { place: post, by: author, post }
    }

    /// A post that `by` reposted.
    #[must_use]
    pub fn repost(repost: PostId, by: AccountId, post: PostId) -> Self {
        Self { place: repost, by, post }
    }

    /// The place alone, where nothing is shown any more.
    #[must_use]
    pub fn void(self) -> Self {
        Self { post: PostId(0), ..self }
    }

    /// Whether it stands there since it was reposted.
    #[must_use]
    pub fn is_repost(&self) -> bool {
        self.place != self.post
    }
}

/// A part of a window, by falling place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The floor of the window they are from.
    pub floor: PostId,
}

/// The newest entries of a feed.
///
/// The law: every post and repost of a pushed author whose id is not below [`Window::floor`] is an entry. A floor of 0 means that
/// the window is the whole feed. Trimming and merging raise the floor, nothing lowers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// By rising place, so that the newest goes to the back and the oldest leaves at the front.
    entries: VecDeque<Entry>,
    floor: PostId,
}

impl Window {
    /// A window of these entries, in any order, that has everything down to `floor`.
    #[must_use]
    pub fn new(entries: &[Entry], floor: PostId, cap: usize) -> Self {
        let mut window = Self { entries: VecDeque::with_capacity(entries.len().min(cap)), floor: PostId(0) };
        window.merge(entries, floor, cap);
        window
    }

    /// The smallest id that an entry may have.
    #[must_use]
    pub fn floor(&self) -> PostId {
        self.floor
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries by falling place.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev()
    }

    /// Puts an entry in its place, and trims to `cap`. One that is there or lies below the floor changes nothing.
    pub fn push(&mut self, entry: Entry, cap: usize) {
        if entry.place < self.floor {
            return;
        }
        if self.entries.back().is_none_or(|newest| newest.place < entry.place) {
            self.entries.push_back(entry);
        } else if let Err(at) = self.entries.binary_search_by_key(&entry.place, |e| e.place) {
            self.entries.insert(at, entry);
        }
        while self.entries.len() > cap {
            if let Some(oldest) = self.entries.pop_front() {
                self.floor = PostId(oldest.place.0 + 1);
            }
        }
    }

    /// Takes in entries of authors that were not pushed so far, which are complete down to `floor` and not below it.
    pub fn merge(&mut self, entries: &[Entry], floor: PostId, cap: usize) {
        self.raise(floor);
        for entry in entries {
            self.push(*entry, cap);
        }
    }

    /// Removes what authors wrote and reposted.
    pub fn purge(&mut self, authors: &[AccountId]) {
        self.entries.retain(|entry| !authors.contains(&entry.by));
    }

    /// Removes what stands at these places.
    pub fn remove(&mut self, places: &[PostId]) {
        for place in places {
            if let Ok(at) = self.entries.binary_search_by_key(place, |e| e.place) {
                self.entries.remove(at);
            }
        }
    }

    /// Up to `limit` entries below `before` (all, if it is `None`), by falling place.
    #[must_use]
    pub fn page(&self, before: Option<PostId>, limit: usize) -> Page {
        let end = before.map_or(self.entries.len(), |before| self.entries.partition_point(|e| e.place < before));
        let start = end.saturating_sub(limit);
        Page { entries: self.entries.range(start..end).rev().copied().collect(), floor: self.floor }
    }

    fn raise(&mut self, floor: PostId) {
        if floor > self.floor {
            self.floor = floor;
            let below = self.entries.partition_point(|e| e.place < floor);
            self.entries.drain(..below);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn entry(post: i64) -> Entry {
        Entry::post(PostId(post), AccountId(post % 3))
    }

    fn ids(window: &Window) -> Vec<i64> {
        window.iter().map(|e| e.place.0).collect()
    }

    fn window(posts: &[i64], floor: i64, cap: usize) -> Window {
        Window::new(&posts.iter().map(|p| entry(*p)).collect::<Vec<_>>(), PostId(floor), cap)
    }

    #[test]
    fn pushes_sort_themselves_in_and_raise_the_floor_when_trimmed() {
        let mut window = Window::default();
        for post in [5, 2, 9, 5, 7] {
            window.push(entry(post), 3);
        }
        assert_eq!((ids(&window), window.floor()), (vec![9, 7, 5], PostId(3)));
        // 4 is above the floor: it takes the lowest place for a moment and leaves a higher floor behind.
        window.push(entry(4), 3);
        assert_eq!((ids(&window), window.floor()), (vec![9, 7, 5], PostId(5)));
        window.push(entry(1), 3);
        assert_eq!((ids(&window), window.floor()), (vec![9, 7, 5], PostId(5)));
    }

    #[test]
    fn a_merge_that_is_not_whole_raises_the_floor() {
        let mut whole = window(&[10, 3], 0, 8);
        whole.merge(&[entry(9), entry(7)], PostId(7), 8);
        assert_eq!((ids(&whole), whole.floor()), (vec![10, 9, 7], PostId(7)));
        whole.merge(&[entry(8), entry(2)], PostId(0), 8);
        assert_eq!((ids(&whole), whole.floor()), (vec![10, 9, 8, 7], PostId(7)));
    }

    #[test]
    fn pages_go_down_and_end_at_the_floor() {
        let window = window(&[1, 2, 3, 4, 5], 1, 8);
        let page =
            |before, limit| -> Vec<i64> { window.page(before, limit).entries.iter().map(|e| e.place.0).collect() };
        assert_eq!(page(None, 2), [5, 4]);
        assert_eq!(page(Some(PostId(4)), 2), [3, 2]);
        assert_eq!(page(Some(PostId(2)), 2), [1]);
        assert_eq!(page(Some(PostId(1)), 2), [0; 0]);
        assert_eq!(page(Some(PostId(99)), 9), [5, 4, 3, 2, 1]);
    }

    #[test]
    fn purging_and_removing_keep_the_floor() {
        let mut window = window(&[1, 2, 3, 4, 5, 6], 1, 8);
        window.purge(&[AccountId(1)]);
        assert_eq!(ids(&window), [6, 5, 3, 2]);
        window.remove(&[PostId(3), PostId(4)]);
        assert_eq!((ids(&window), window.floor()), (vec![6, 5, 2], PostId(1)));
    }

    proptest! {
        /// Whatever the order of pushes: the window is every pushed post not below the floor, and at most `cap` of them.
        #[test]
        fn a_window_has_no_hole_above_its_floor(posts in prop::collection::vec(1_i64..60, 0..80), cap in 1_usize..10) {
            let mut window = Window::default();
            for post in &posts {
                window.push(entry(*post), cap);
            }
            let mut expected: Vec<i64> = posts.iter().copied().filter(|p| *p >= window.floor().0).collect();
            expected.sort_unstable();
            expected.dedup();
            expected.reverse();
            prop_assert_eq!(ids(&window), expected);
            prop_assert!(window.len() <= cap);
            let distinct: HashSet<_> = posts.iter().collect();
            prop_assert_eq!(window.floor() == PostId(0), distinct.len() <= cap);
        }
    }
}
