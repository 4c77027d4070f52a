//! What an account keeps for itself: hashtags that it follows, words that it mutes, lists of accounts that it follows.

use plaza_core::{AccountId, Env, Position, Timestamp, TraceContext};
use plaza_events::NewEvent;
use plaza_proto::graph::v1::{
    FollowedHashtagsChanged, ListChanged, ListDeleted, ListMembersChanged, MutedWordsChanged,
};
use serde::{Deserialize, Serialize};

use super::Limits;
use super::change::AGGREGATE;

/// A hashtag that an account follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Rises from one to the next.
    pub id: i64,
    /// The tag, folded.
    pub tag: String,
    /// Since when.
    pub at: Timestamp,
}

/// A word that an account mutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Rises from one to the next.
    pub id: i64,
    /// The word, folded.
    pub word: String,
    /// When the mute runs out; `None` if it stands until it is lifted.
    pub until: Option<Timestamp>,
}

/// A list of accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// Its id.
    pub id: i64,
    /// Whose it is.
    pub owner: AccountId,
    /// What it is.
    pub about: About,
}

/// What a list is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What its owner calls it.
    pub name: String,
    /// Whether others may see it.
    pub public: bool,
    /// Whether its members stay out of the home feed.
    pub exclusive: bool,
}

/// What an account does with its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// Follows a hashtag.
    FollowTag(String),
    /// Follows a hashtag no more.
    UnfollowTag(String),
    /// Mutes a word until then, whichever end the mute had before.
    MuteWord(String, Option<Timestamp>),
    /// Mutes a word no more.
    UnmuteWord(String),
    /// Makes a list, under the id of the write.
    CreateList(About),
    /// Changes what a list is.
    UpdateList(i64, About),
    /// Deletes a list.
    DeleteList(i64),
    /// Adds accounts to a list.
    AddMembers(i64, Vec<AccountId>),
    /// Wants an account suggested no more.
    Dismiss(AccountId),
    /// Takes accounts off a list.
    RemoveMembers(i64, Vec<AccountId>),
}

impl Own {
    /// When the mute of a word that this asks for runs out.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::MuteWord(_, until) => *until,
            _ => None,
        }
    }
}

/// A change of what an account keeps for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnWrite {
    /// Whose it is.
    pub account: AccountId,
    /// What is to be done.
    pub own: Own,
    /// The id of what is made, if anything is.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// What the account may have at most.
    pub limits: Limits,
}

/// What such a change left behind; remembered, so that a repeated request gets the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnWritten {
    /// The list as it is now, of those that make or change one.
    pub list: Option<List>,
    /// When the mute of a word runs out, of those that set one.
    pub until: Option<Timestamp>,
    /// Up to where the outbox tells of it.
    pub position: Position,
}

/// What is to be told of a change; whoever hears of it reads what is there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// The account follows other hashtags.
    Tags(AccountId),
    /// The account mutes other words.
    Words(AccountId),
    /// The account has a new list, or a list that is another.
    List(AccountId, i64),
    /// The account's list is gone.
    ListGone(AccountId, i64),
    /// Others are on the account's list.
    Members(AccountId, i64),
}

impl Notice {
    /// The event that tells of it.
    #[must_use]
    pub fn event(self, env: &Env, trace: Option<TraceContext>) -> NewEvent {
        match self {
            Self::Tags(AccountId(account_id)) => {
                NewEvent::new(env, trace, AGGREGATE, account_id, &FollowedHashtagsChanged { account_id })
            }
            Self::Words(AccountId(account_id)) => {
                NewEvent::new(env, trace, AGGREGATE, account_id, &MutedWordsChanged { account_id })
            }
            Self::List(AccountId(owner_id), list_id) => {
                NewEvent::new(env, trace, AGGREGATE, owner_id, &ListChanged { list_id, owner_id })
            }
            Self::ListGone(AccountId(owner_id), list_id) => {
                NewEvent::new(env, trace, AGGREGATE, owner_id, &ListDeleted { list_id, owner_id })
            }
            Self::Members(AccountId(owner_id), list_id) => {
                NewEvent::new(env, trace, AGGREGATE, owner_id, &ListMembersChanged { list_id, owner_id })
            }
        }
    }
}
