//! What a write asks for, and what came of it.

use plaza_core::{AccountId, Env, Position, Result, Timestamp, TraceContext};
use plaza_events::{Event, NewEvent};
use plaza_proto::graph::v1::{
    Blocked, FollowRequestEnded, FollowRequestOutcome, FollowRequested, Followed, Muted, Unblocked, Unfollowed, Unmuted,
};
use serde::{Deserialize, Serialize};

use super::{Limits, Mute, Relation};

/// What kind of thing the events of this service are about: the account that follows or blocks.
pub(super) const AGGREGATE: &str = "account";

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The actor follows the target.
    Follow,
    /// The actor's follow of the target ends.
    Unfollow,
    /// The target's follow of the actor ends.
    RemoveFollower,
    /// The actor blocks the target; follows both ways end.
    Block,
    /// The actor's block of the target ends.
    Unblock,
    /// The actor mutes the target this way, whichever way it did before.
    Mute(Mute),
    /// The actor's mute of the target ends.
    Unmute,
    /// The target, which asked the actor, follows it.
    AcceptRequest,
    /// The target's request to follow the actor ends.
    RejectRequest,
    /// The actor's request to follow the target ends.
    CancelRequest,
}

/// How a request to follow ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The follow stands.
    Accepted,
    /// Whoever was asked said no.
    Rejected,
    /// Whoever asked thinks better of it, or the two are kept apart.
    Cancelled,
}

/// A change of how one account stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// Who changes it.
    pub actor: AccountId,
    /// Whom it is about.
    pub target: AccountId,
    /// Whether the accounts service knows the target. A new follow or block of an unknown one is refused; a repeated
    /// request gets its first answer even if the target has gone since.
    pub target_exists: bool,
    /// Whether the target is protected: to follow it is to ask it.
    pub target_protected: bool,
    /// When.
    pub at: Timestamp,
    /// What the actor may have at most.
    pub limits: Limits,
}

/// What a write left behind; remembered, so that a repeated request gets the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// How the actor stands to the target now.
    pub relation: Relation,
    /// Up to where the outbox tells of it. Of a write that changed nothing it is the outbox's end: whoever made it so
    /// may have done it just before.
    pub position: Position,
}

/// One change of the graph, for the others to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The first follows the second.
    Followed(AccountId, AccountId),
    /// The first does not follow the second any more.
    Unfollowed(AccountId, AccountId),
    /// The first blocks the second.
    Blocked(AccountId, AccountId),
    /// The first does not block the second any more.
    Unblocked(AccountId, AccountId),
    /// The first mutes the second, or does so in another way than before.
    Muted(AccountId, AccountId),
    /// The first does not mute the second any more.
    Unmuted(AccountId, AccountId),
    /// The first asks to follow the second.
    Requested(AccountId, AccountId),
    /// The first does not ask to follow the second any more.
    RequestEnded(AccountId, AccountId, Outcome),
}

impl Change {
    /// The event that tells of it.
    #[must_use]
    pub fn event(self, env: &Env, trace: Option<TraceContext>) -> NewEvent {
        match self {
            Self::Followed(AccountId(follower_id), AccountId(followee_id)) => {
                NewEvent::new(env, trace, AGGREGATE, follower_id, &Followed { follower_id, followee_id })
            }
            Self::Unfollowed(AccountId(follower_id), AccountId(followee_id)) => {
                NewEvent::new(env, trace, AGGREGATE, follower_id, &Unfollowed { follower_id, followee_id })
            }
            Self::Blocked(AccountId(blocker_id), AccountId(blocked_id)) => {
                NewEvent::new(env, trace, AGGREGATE, blocker_id, &Blocked { blocker_id, blocked_id })
            }
            Self::Unblocked(AccountId(blocker_id), AccountId(blocked_id)) => {
                NewEvent::new(env, trace, AGGREGATE, blocker_id, &Unblocked { blocker_id, blocked_id })
            }
            Self::Muted(AccountId(muter_id), AccountId(muted_id)) => {
                NewEvent::new(env, trace, AGGREGATE, muter_id, &Muted { muter_id, muted_id })
            }
            Self::Unmuted(AccountId(muter_id), AccountId(muted_id)) => {
                NewEvent::new(env, trace, AGGREGATE, muter_id, &Unmuted { muter_id, muted_id })
            }
            Self::Requested(AccountId(requester_id), AccountId(target_id)) => {
                NewEvent::new(env, trace, AGGREGATE, requester_id, &FollowRequested { requester_id, target_id })
            }
            Self::RequestEnded(AccountId(requester_id), AccountId(target_id), outcome) => {
                let outcome = told(outcome).into();
                let event = FollowRequestEnded { requester_id, target_id, outcome };
                NewEvent::new(env, trace, AGGREGATE, requester_id, &event)
            }
        }
    }

    /// What an event of this service tells; `None` for another event.
    ///
    /// # Errors
    /// Internal, if the event is damaged.
    pub fn told_by(event: &Event) -> Result<Option<Self>> {
        let id = AccountId;
        if let Some(m) = event.decode::<Followed>().transpose()? {
            return Ok(Some(Self::Followed(id(m.follower_id), id(m.followee_id))));
        }
        if let Some(m) = event.decode::<Unfollowed>().transpose()? {
            return Ok(Some(Self::Unfollowed(id(m.follower_id), id(m.followee_id))));
        }
        if let Some(m) = event.decode::<Blocked>().transpose()? {
            return Ok(Some(Self::Blocked(id(m.blocker_id), id(m.blocked_id))));
        }
        if let Some(m) = event.decode::<Unblocked>().transpose()? {
            return Ok(Some(Self::Unblocked(id(m.blocker_id), id(m.blocked_id))));
        }
        if let Some(m) = event.decode::<Muted>().transpose()? {
            return Ok(Some(Self::Muted(id(m.muter_id), id(m.muted_id))));
        }
        if let Some(m) = event.decode::<Unmuted>().transpose()? {
            return Ok(Some(Self::Unmuted(id(m.muter_id), id(m.muted_id))));
        }
        if let Some(m) = event.decode::<FollowRequested>().transpose()? {
            return Ok(Some(Self::Requested(id(m.requester_id), id(m.target_id))));
        }
        let ended = event.decode::<FollowRequestEnded>().transpose()?;
        Ok(ended.map(|m| Self::RequestEnded(id(m.requester_id), id(m.target_id), outcome(m.outcome()))))
    }

    /// The two accounts whose relation it changes.
    #[must_use]
    pub const fn accounts(self) -> [AccountId; 2] {
        match self {
            Self::Followed(a, b)
            | Self::Unfollowed(a, b)
            | Self::Blocked(a, b)
            | Self::Unblocked(a, b)
            | Self::Muted(a, b)
            | Self::Unmuted(a, b)
            | Self::Requested(a, b)
            | Self::RequestEnded(a, b, _) => [a, b],
        }
    }
}

const fn told(outcome: Outcome) -> FollowRequestOutcome {
    match outcome {
        Outcome::Accepted => FollowRequestOutcome::Accepted,
        Outcome::Rejected => FollowRequestOutcome::Rejected,
        Outcome::Cancelled => FollowRequestOutcome::Cancelled,
    }
}

const fn outcome(told: FollowRequestOutcome) -> Outcome {
    match told {
        FollowRequestOutcome::Accepted => Outcome::Accepted,
        FollowRequestOutcome::Rejected => Outcome::Rejected,
        FollowRequestOutcome::Cancelled | FollowRequestOutcome::Unspecified => Outcome::Cancelled,
    }
}

#[cfg(test)]
mod tests {
    use plaza_core::ManualClock;

    use super::*;

    #[test]
    fn the_aggregate_is_the_account_that_acts() {
        let env = Env::manual(ManualClock::new(Timestamp(1_800_000_000_000)), 1);
        let (a, b) = (AccountId(7), AccountId(9));
        for (change, name) in [
            (Change::Followed(a, b), "Followed"),
            (Change::Unfollowed(a, b), "Unfollowed"),
            (Change::Blocked(a, b), "Blocked"),
            (Change::Unblocked(a, b), "Unblocked"),
            (Change::Muted(a, b), "Muted"),
            (Change::Unmuted(a, b), "Unmuted"),
            (Change::Requested(a, b), "FollowRequested"),
            (Change::RequestEnded(a, b, Outcome::Accepted), "FollowRequestEnded"),
            (Change::RequestEnded(a, b, Outcome::Rejected), "FollowRequestEnded"),
            (Change::RequestEnded(a, b, Outcome::Cancelled), "FollowRequestEnded"),
        ] {
            let event = change.event(&env, None);
            assert_eq!((event.aggregate_type, event.aggregate_id), ("account", 7));
            assert_eq!(event.type_, format!("plaza.graph.v1.{name}"));
            assert_eq!(change.accounts(), [a, b]);
            assert_eq!(Change::told_by(&event.placed("graph", 1)).unwrap(), Some(change));
        }
    }
}
