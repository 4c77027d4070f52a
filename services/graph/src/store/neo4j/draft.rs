//! The rules, applied to what was read: what a batch of changes leads to, before any of it is written.

use std::collections::{BTreeMap, BTreeSet};

use plaza_core::{AccountId, Error, Result, Timestamp, reason};

use crate::domain::{Change, Relation, Write};

/// Who follows or blocks, and whom.
pub(super) type Pair = (AccountId, AccountId);

/// What the store has of the pairs and accounts that a batch is about.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) erased: BTreeSet<AccountId>,
    pub(super) follows: BTreeSet<Pair>,
    pub(super) blocks: BTreeSet<Pair>,
}

/// Edges of one kind: as they are stored, and as the batch leaves them.
#[derive(Debug, Default)]
pub(super) struct Edges {
    stored: BTreeSet<Pair>,
    /// With the time of those that the batch made.
    now: BTreeMap<Pair, Option<Timestamp>>,
}

impl Edges {
    fn new(stored: BTreeSet<Pair>) -> Self {
        Self { now: stored.iter().map(|pair| (*pair, None)).collect(), stored }
    }

    fn has(&self, pair: Pair) -> bool {
        self.now.contains_key(&pair)
    }

    /// Whether it is new.
    fn begin(&mut self, pair: Pair, at: Timestamp) -> bool {
        let new = !self.has(pair);
        if new {
            self.now.insert(pair, Some(at));
        }
        new
    }

    /// Whether there was one.
    fn end(&mut self, pair: Pair) -> bool {
        self.now.remove(&pair).is_some()
    }

    /// Those to delete; also those that were ended and begun again, as they have another time.
    pub(super) fn ended(&self) -> Vec<Pair> {
        self.stored.iter().filter(|pair| self.now.get(pair).is_none_or(Option::is_some)).copied().collect()
    }

    /// Those to create, once the ended ones are deleted.
    pub(super) fn begun(&self) -> Vec<(Pair, Timestamp)> {
        self.now.iter().filter_map(|(pair, at)| at.map(|at| (*pair, at))).collect()
    }
}

/// What a batch changes.
#[derive(Debug, Default)]
pub(super) struct Draft {
    erased: BTreeSet<AccountId>,
    pub(super) follows: Edges,
    pub(super) blocks: Edges,
}

impl Draft {
    pub(super) fn new(stored: Stored) -> Self {
        let Stored { erased, follows, blocks } = stored;
        Self { erased, follows: Edges::new(follows), blocks: Edges::new(blocks) }
    }

    /// A draft that ends the edges that `changes` tell of, which are stored.
    pub(super) fn ending(changes: &[Change]) -> Self {
        let mut draft = Self::default();
        for change in changes {
            let [a, b] = change.accounts();
            match change {
                Change::Unfollowed(..) => draft.follows.stored.insert((a, b)),
                Change::Unblocked(..) => draft.blocks.stored.insert((a, b)),
                Change::Followed(..) | Change::Blocked(..) => false,
            };
        }
        draft
    }

    /// Whether there is anything to write.
    pub(super) fn changes_something(&self) -> bool {
        [&self.follows, &self.blocks].iter().any(|edges| !edges.ended().is_empty() || !edges.begun().is_empty())
    }

    pub(super) fn relation(&self, viewer: AccountId, other: AccountId) -> Relation {
        Relation {
            following: self.follows.has((viewer, other)),
            followed_by: self.follows.has((other, viewer)),
            blocking: self.blocks.has((viewer, other)),
            blocked_by: self.blocks.has((other, viewer)),
        }
    }

    pub(super) fn follow(&mut self, write: Write) -> Result<Vec<Change>> {
        self.require_both(write)?;
        let Write { actor, target, at, .. } = write;
        if self.relation(actor, target).is_blocked() {
            return Err(Error::new(reason::BLOCKED));
        }
        let new = self.follows.begin((actor, target), at);
        Ok(new.then_some(Change::Followed(actor, target)).into_iter().collect())
    }

    pub(super) fn block(&mut self, write: Write) -> Result<Vec<Change>> {
        self.require_both(write)?;
        let Write { actor, target, at, .. } = write;
        let mut changes = Vec::new();
        if self.blocks.begin((actor, target), at) {
            changes.extend(self.end_follow(actor, target));
            changes.extend(self.end_follow(target, actor));
            changes.push(Change::Blocked(actor, target));
        }
        Ok(changes)
    }

    pub(super) fn end_follow(&mut self, follower: AccountId, followee: AccountId) -> Option<Change> {
        self.follows.end((follower, followee)).then_some(Change::Unfollowed(follower, followee))
    }

    pub(super) fn end_block(&mut self, blocker: AccountId, blocked: AccountId) -> Option<Change> {
        self.blocks.end((blocker, blocked)).then_some(Change::Unblocked(blocker, blocked))
    }

    /// Both accounts must be there. That it is erased decides for one that was deleted after the caller looked.
    fn require_both(&self, write: Write) -> Result<()> {
        if !write.target_exists || self.erased.contains(&write.actor) || self.erased.contains(&write.target) {
            return Err(Error::new(reason::ACCOUNT_NOT_FOUND).with("account_id", write.target));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: AccountId = AccountId(1);
    const B: AccountId = AccountId(2);

    fn write(actor: AccountId, target: AccountId, at: i64) -> Write {
        Write { actor, target, target_exists: true, at: Timestamp(at) }
    }

    #[test]
    fn changes_of_one_batch_see_each_other() {
        let mut draft = Draft::new(Stored::default());
        assert_eq!(draft.follow(write(A, B, 1)).unwrap(), [Change::Followed(A, B)]);
        assert_eq!(draft.follow(write(A, B, 2)).unwrap(), []);
        assert_eq!(draft.block(write(B, A, 3)).unwrap(), [Change::Unfollowed(A, B), Change::Blocked(B, A)]);
        assert!(draft.follow(write(A, B, 4)).unwrap_err().is(reason::BLOCKED));
        assert_eq!((draft.follows.ended(), draft.follows.begun()), (vec![], vec![]));
        assert_eq!(draft.blocks.begun(), [((B, A), Timestamp(3))]);
        assert_eq!(draft.end_block(B, A), Some(Change::Unblocked(B, A)));
        assert!(!draft.changes_something());
    }

    #[test]
    fn a_follow_that_is_ended_and_begun_again_gets_its_new_time() {
        let mut draft = Draft::new(Stored { follows: [(A, B)].into(), ..Stored::default() });
        assert_eq!(draft.follow(write(A, B, 5)).unwrap(), []);
        assert!(!draft.changes_something());
        assert_eq!(draft.end_follow(A, B), Some(Change::Unfollowed(A, B)));
        assert_eq!(draft.follow(write(A, B, 6)).unwrap(), [Change::Followed(A, B)]);
        assert_eq!((draft.follows.ended(), draft.follows.begun()), (vec![(A, B)], vec![((A, B), Timestamp(6))]));
    }

    #[test]
    fn an_erased_account_takes_no_edges() {
        let mut draft = Draft::new(Stored { erased: [B].into(), ..Stored::default() });
        assert!(draft.follow(write(A, B, 1)).unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
        assert!(draft.block(write(B, A, 1)).unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
        assert_eq!(draft.end_follow(A, B), None);
    }
}
