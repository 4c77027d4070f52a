//! The marked authors as this process last saw them, with the version that tells whether that still holds.
//!
//! Marks and warm feeds must go together: posts of a marked author are held back from feeds, so a reader that does not know
//! of the mark would miss them. What holds this up:
//!
//! 1. Marks have an epoch that is never used again. Losing them ends the epoch.
//! 2. The head of a feed carries the epoch under which its build began and ended; under another one the feed is cold. So
//!    a feed that is warm has a server that still knows every mark made since its build began.
//! 3. A page is read together with the version of the marks, in one step, and given out with marks of that version or a
//!    later one of its epoch. So the mark of whoever was held back before the page was read is among them.
//! 4. Fan-out holds a post back only after it saw or made the mark, and after the post was written. If marks are lost in
//!    between, every feed that is warm afterwards was built from a truth that has the post.
//! 5. A build leaves out only authors that were marked in its epoch, and fails if that ended.

use std::collections::HashSet;
use std::sync::Arc;

use fred::bytes::Bytes;
use parking_lot::RwLock;
use plaza_core::{AccountId, Error, Result};

/// How much of a version is its epoch; the rest counts the marks. As in `lua/prelude.lua`.
const EPOCH: usize = 32;

/// Marks of one version.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    /// Empty if there were none at all.
    pub(super) version: Bytes,
    pub(super) authors: Arc<HashSet<AccountId>>,
}

impl Marks {
    /// As the server tells them.
    pub(super) fn read(version: Bytes, authors: &[String]) -> Result<Self> {
        let strange = |_| Error::internal("the marks in redis hold what is no account");
        let ids = authors.iter().filter(|field| *field != "v").map(|id| Ok(AccountId(id.parse().map_err(strange)?)));
        Ok(Self { version, authors: Arc::new(ids.collect::<Result<_>>()?) })
    }

    /// Whether these have all that marks of `version` had.
    pub(super) fn cover(&self, version: &Bytes) -> bool {
        self.version.get(..EPOCH).is_some_and(|epoch| version.get(..EPOCH) == Some(epoch))
    }
}

/// The marks that were seen last.
#[derive(Debug, Default)]
pub(super) struct Seen(RwLock<Marks>);

impl Seen {
    /// The marks, whatever their version.
    pub(super) fn last(&self) -> Marks {
        self.0.read().clone()
    }

    /// The authors, if they are those of this very version.
    pub(super) fn of(&self, version: &Bytes) -> Option<Arc<HashSet<AccountId>>> {
        let marks = self.0.read();
        (marks.version == *version).then(|| marks.authors.clone())
    }

    pub(super) fn see(&self, marks: Marks) {
        *self.0.write() = marks;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(epoch: char, marked: usize) -> Bytes {
        Bytes::from(format!("{}{marked}", epoch.to_string().repeat(EPOCH)))
    }

    #[test]
    fn marks_are_known_by_their_version_alone() {
        let seen = Seen::default();
        assert!(seen.of(&version('a', 0)).is_none());
        seen.see(Marks::read(version('a', 2), &["v".to_owned(), "7".to_owned(), "9".to_owned()]).unwrap());
        assert_eq!(*seen.of(&version('a', 2)).unwrap(), HashSet::from([AccountId(7), AccountId(9)]));
        assert!(seen.of(&version('a', 3)).is_none() && seen.of(&version('b', 2)).is_none());
        assert!(seen.last().cover(&version('a', 1)) && !seen.last().cover(&version('b', 2)));
        assert!(!Marks::default().cover(&Bytes::new()));
        assert!(Marks::read(version('a', 1), &["x".to_owned()]).is_err());
    }
}
