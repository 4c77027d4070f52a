//! The rules, applied to what was read: what a batch of changes leads to, before any of it is written.

use std::collections::{BTreeMap, BTreeSet};

use plaza_core::{AccountId, Error, Result, Timestamp, reason};

use crate::domain::{Action, Change, Mute, Outcome, Relation, Write, refuse_over};

/// Who follows, blocks or mutes, and whom.
pub(super) type Pair = (AccountId, AccountId);

/// What the store has of the pairs and accounts that a batch is about.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) erased: BTreeSet<AccountId>,
    pub(super) follows: BTreeMap<Pair, ()>,
    pub(super) blocks: BTreeMap<Pair, ()>,
    pub(super) mutes: BTreeMap<Pair, Mute>,
    pub(super) requests: BTreeMap<Pair, ()>,
    /// The lists of the first that the second is on.
    pub(super) lists: BTreeMap<Pair, Vec<i64>>,
    pub(super) degrees: BTreeMap<AccountId, Degrees>,
}

/// How many edges of a kind start at an account.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Degrees {
    pub(super) following: i64,
    pub(super) mutes: i64,
    pub(super) requests: i64,
}

/// Edges of one kind: as they are stored, and as the batch leaves them.
#[derive(Debug)]
pub(super) struct Edges<V = ()> {
    stored: BTreeMap<Pair, V>,
    /// With the time of those that the batch made.
    now: BTreeMap<Pair, (V, Option<Timestamp>)>,
}

impl<V: Copy> Edges<V> {
    fn new(stored: BTreeMap<Pair, V>) -> Self {
        Self { now: stored.iter().map(|(pair, value)| (*pair, (*value, None))).collect(), stored }
    }

    fn get(&self, pair: Pair) -> Option<V> {
        self.now.get(&pair).map(|(value, _)| *value)
    }

    fn has(&self, pair: Pair) -> bool {
        self.now.contains_key(&pair)
    }

    /// Makes an edge, in the place of the one that there may be.
    fn begin(&mut self, pair: Pair, value: V, at: Timestamp) {
        self.now.insert(pair, (value, Some(at)));
    }

    /// What it held, if there was one.
    fn end(&mut self, pair: Pair) -> Option<V> {
        self.now.remove(&pair).map(|(value, _)| value)
    }

    /// Those to delete; also those that were ended and begun again, as they have another time.
    pub(super) fn ended(&self) -> Vec<Pair> {
        let is_ended = |pair: &&Pair| self.now.get(pair).is_none_or(|(_, at)| at.is_some());
        self.stored.keys().filter(is_ended).copied().collect()
    }

    /// Those to create, once the ended ones are deleted.
    pub(super) fn begun(&self) -> Vec<(Pair, V, Timestamp)> {
        self.now.iter().filter_map(|(pair, (value, at))| at.map(|at| (*pair, *value, at))).collect()
    }

    fn is_changed(&self) -> bool {
        !self.ended().is_empty() || !self.begun().is_empty()
    }
}

/// What a batch changes.
#[derive(Debug)]
pub(super) struct Draft {
    erased: BTreeSet<AccountId>,
    degrees: BTreeMap<AccountId, Degrees>,
    pub(super) follows: Edges,
    pub(super) blocks: Edges,
    pub(super) mutes: Edges<Mute>,
    pub(super) requests: Edges,
    lists: BTreeMap<Pair, Vec<i64>>,
    /// Who leaves which list.
    left: Vec<(Pair, i64)>,
}

impl Draft {
    pub(super) fn new(stored: Stored) -> Self {
        let Stored { erased, follows, blocks, mutes, requests, lists, degrees } = stored;
        Self {
            erased,
            degrees,
            follows: Edges::new(follows),
            blocks: Edges::new(blocks),
            mutes: Edges::new(mutes),
            requests: Edges::new(requests),
            lists,
            left: Vec::new(),
        }
    }

    /// Whether there is anything to write.
    pub(super) fn changes_something(&self) -> bool {
        self.mutes.is_changed() || [&self.follows, &self.blocks, &self.requests].iter().any(|e| e.is_changed())
    }

    /// All pairs whose edges end, and those whose edges begin.
    pub(super) fn touched(&self) -> (Vec<Pair>, Vec<Pair>) {
        let (mut ended, mut begun) = (self.mutes.ended(), Vec::new());
        begun.extend(self.mutes.begun().into_iter().map(|(pair, ..)| pair));
        for edges in [&self.follows, &self.blocks, &self.requests] {
            ended.extend(edges.ended());
            begun.extend(edges.begun().into_iter().map(|(pair, ..)| pair));
        }
        (ended, begun)
    }

    /// Who leaves which list.
    pub(super) fn left(&self) -> &[(Pair, i64)] {
        &self.left
    }

    pub(super) fn relation(&self, viewer: AccountId, other: AccountId) -> Relation {
        Relation {
            following: self.follows.has((viewer, other)),
            followed_by: self.follows.has((other, viewer)),
            blocking: self.blocks.has((viewer, other)),
            blocked_by: self.blocks.has((other, viewer)),
            muting: self.mutes.get((viewer, other)),
            requested: self.requests.has((viewer, other)),
            requested_by: self.requests.has((other, viewer)),
        }
    }

    /// Performs a change of one pair.
    pub(super) fn perform(&mut self, action: Action, write: Write) -> Result<Vec<Change>> {
        let Write { actor, target, at, .. } = write;
        match action {
            Action::Follow => self.follow(write),
            Action::Unfollow => {
                let request = self.end_request(actor, target, Outcome::Cancelled);
                Ok(request.into_iter().chain(self.end_follow(actor, target)).collect())
            }
            Action::RemoveFollower => Ok(self.end_follow(target, actor).into_iter().collect()),
            Action::Block => self.block(write),
            Action::Unblock => Ok(self.end_block(actor, target).into_iter().collect()),
            Action::Mute(how) => self.mute(write, how),
            Action::Unmute => Ok(self.end_mute(actor, target, at).into_iter().collect()),
            Action::AcceptRequest => self.accept(write),
            Action::RejectRequest => Ok(self.end_request(target, actor, Outcome::Rejected).into_iter().collect()),
            Action::CancelRequest => Ok(self.end_request(actor, target, Outcome::Cancelled).into_iter().collect()),
        }
    }

    fn follow(&mut self, write: Write) -> Result<Vec<Change>> {
        self.require_both(write)?;
        let Write { actor, target, at, .. } = write;
        if self.relation(actor, target).is_blocked() {
            return Err(Error::new(reason::BLOCKED));
        }
        if self.follows.has((actor, target)) {
            return Ok(Vec::new());
        }
        refuse_over(self.degrees(actor).following, write.limits.following)?;
        if write.target_protected {
            return self.request(write);
        }
        // What was asked for while the target was protected is granted with this.
        let request = self.end_request(actor, target, Outcome::Accepted);
        Ok(request.into_iter().chain([self.begin_follow(actor, target, at)]).collect())
    }

    fn request(&mut self, write: Write) -> Result<Vec<Change>> {
        let Write { actor, target, at, .. } = write;
        if self.requests.has((actor, target)) {
            return Ok(Vec::new());
        }
        refuse_over(self.degrees(actor).requests, write.limits.requests)?;
        self.requests.begin((actor, target), (), at);
        self.degrees(actor).requests += 1;
        Ok(vec![Change::Requested(actor, target)])
    }

    fn accept(&mut self, write: Write) -> Result<Vec<Change>> {
        self.require_both(write)?;
        let Write { actor, target, at, .. } = write;
        if !self.requests.has((target, actor)) {
            let follows = self.follows.has((target, actor));
            return if follows { Ok(Vec::new()) } else { Err(Error::new(reason::FOLLOW_REQUEST_NOT_FOUND)) };
        }
        refuse_over(self.degrees(target).following, write.limits.following)?;
        let request = self.end_request(target, actor, Outcome::Accepted);
        Ok(request.into_iter().chain([self.begin_follow(target, actor, at)]).collect())
    }

    fn block(&mut self, write: Write) -> Result<Vec<Change>> {
        self.require_both(write)?;
        let Write { actor, target, at, .. } = write;
        if self.blocks.has((actor, target)) {
            return Ok(Vec::new());
        }
        self.blocks.begin((actor, target), (), at);
        let ended = [
            self.end_follow(actor, target),
            self.end_follow(target, actor),
            self.end_request(actor, target, Outcome::Cancelled),
            self.end_request(target, actor, Outcome::Cancelled),
        ];
        Ok(ended.into_iter().flatten().chain([Change::Blocked(actor, target)]).collect())
    }

    fn mute(&mut self, write: Write, how: Mute) -> Result<Vec<Change>> {
        self.require_both(write)?;
        let Write { actor, target, at, .. } = write;
        let before = self.mutes.get((actor, target));
        if before == Some(how) && how.stands(at) {
            return Ok(Vec::new());
        }
        if before.is_none() {
            refuse_over(self.degrees(actor).mutes, write.limits.mutes)?;
            self.degrees(actor).mutes += 1;
        }
        self.mutes.begin((actor, target), how, at);
        Ok(vec![Change::Muted(actor, target)])
    }

    /// Adds a follow that is not there.
    fn begin_follow(&mut self, follower: AccountId, followee: AccountId, at: Timestamp) -> Change {
        self.follows.begin((follower, followee), (), at);
        self.degrees(follower).following += 1;
        Change::Followed(follower, followee)
    }

    pub(super) fn end_request(&mut self, asker: AccountId, target: AccountId, outcome: Outcome) -> Option<Change> {
        self.requests.end((asker, target))?;
        self.degrees(asker).requests -= 1;
        Some(Change::RequestEnded(asker, target, outcome))
    }

    pub(super) fn end_follow(&mut self, follower: AccountId, followee: AccountId) -> Option<Change> {
        self.follows.end((follower, followee))?;
        self.degrees(follower).following -= 1;
        // Whom an account follows no more is on none of its lists.
        let lists = self.lists.remove(&(follower, followee)).unwrap_or_default();
        self.left.extend(lists.into_iter().map(|list| ((follower, followee), list)));
        Some(Change::Unfollowed(follower, followee))
    }

    pub(super) fn end_block(&mut self, blocker: AccountId, blocked: AccountId) -> Option<Change> {
        self.blocks.end((blocker, blocked)).map(|()| Change::Unblocked(blocker, blocked))
    }

    /// Ends a mute that may have run out at `at`, of which nobody needs to be told then.
    pub(super) fn end_mute(&mut self, muter: AccountId, muted: AccountId, at: Timestamp) -> Option<Change> {
        let mute = self.mutes.end((muter, muted))?;
        self.degrees(muter).mutes -= 1;
        mute.stands(at).then_some(Change::Unmuted(muter, muted))
    }

    fn degrees(&mut self, account: AccountId) -> &mut Degrees {
        self.degrees.entry(account).or_default()
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
    use crate::domain::{Limits, Scopes};

    const A: AccountId = AccountId(1);
    const B: AccountId = AccountId(2);

    fn write(actor: AccountId, target: AccountId, at: i64) -> Write {
        let limits = Limits { following: 2, requests: 1, mutes: 1, ..Limits::NONE };
        Write { actor, target, target_exists: true, target_protected: false, at: Timestamp(at), limits }
    }

    #[test]
    fn changes_of_one_batch_see_each_other() {
        let mut draft = Draft::new(Stored::default());
        assert_eq!(draft.follow(write(A, B, 1)).unwrap(), [Change::Followed(A, B)]);
        assert_eq!(draft.follow(write(A, B, 2)).unwrap(), []);
        assert_eq!(draft.block(write(B, A, 3)).unwrap(), [Change::Unfollowed(A, B), Change::Blocked(B, A)]);
        assert!(draft.follow(write(A, B, 4)).unwrap_err().is(reason::BLOCKED));
        assert_eq!((draft.follows.ended(), draft.follows.begun()), (vec![], vec![]));
        assert_eq!(draft.blocks.begun(), [((B, A), (), Timestamp(3))]);
        assert_eq!(draft.end_block(B, A), Some(Change::Unblocked(B, A)));
        assert!(!draft.changes_something());
    }

    #[test]
    fn a_follow_that_is_ended_and_begun_again_gets_its_new_time() {
        let mut draft = Draft::new(Stored { follows: [((A, B), ())].into(), ..Stored::default() });
        assert_eq!(draft.follow(write(A, B, 5)).unwrap(), []);
        assert!(!draft.changes_something());
        assert_eq!(draft.end_follow(A, B), Some(Change::Unfollowed(A, B)));
        assert_eq!(draft.follow(write(A, B, 6)).unwrap(), [Change::Followed(A, B)]);
        assert_eq!((draft.follows.ended(), draft.follows.begun()), (vec![(A, B)], vec![((A, B), (), Timestamp(6))]));
    }

    #[test]
    fn an_erased_account_takes_no_edges() {
        let mut draft = Draft::new(Stored { erased: [B].into(), ..Stored::default() });
        assert!(draft.follow(write(A, B, 1)).unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
        assert!(draft.block(write(B, A, 1)).unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
        assert_eq!(draft.end_follow(A, B), None);
    }

    #[test]
    fn a_batch_counts_what_it_makes_and_ends() {
        let c = AccountId(3);
        let mut draft = Draft::new(Stored::default());
        draft.follow(write(A, B, 1)).unwrap();
        draft.follow(write(A, c, 2)).unwrap();
        assert!(draft.follow(write(A, AccountId(4), 3)).unwrap_err().is(reason::LIMIT_REACHED));
        draft.end_follow(A, B);
        draft.follow(write(A, AccountId(4), 4)).unwrap();

        let mute = Mute { scopes: Scopes::ALL, until: Some(Timestamp(10)) };
        assert_eq!(draft.mute(write(A, B, 5), mute).unwrap(), [Change::Muted(A, B)]);
        assert_eq!(draft.mute(write(A, B, 6), mute).unwrap(), []);
        assert_eq!(draft.mute(write(A, B, 7), Mute { until: None, ..mute }).unwrap(), [Change::Muted(A, B)]);
        assert!(draft.mute(write(A, c, 8), mute).unwrap_err().is(reason::LIMIT_REACHED));
        assert_eq!(draft.end_mute(A, B, Timestamp(11)), Some(Change::Unmuted(A, B)));
        draft.mute(write(A, c, 8), mute).unwrap();
        assert_eq!(draft.end_mute(A, c, Timestamp(11)), None, "it had run out");
    }
}
