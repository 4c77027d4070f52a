//! What events of posts mean for who reads along.

use plaza_core::{AccountId, PostId, Result};
use plaza_events::Event;
use plaza_proto::posts::v1::{PostCreated, PostDeleted, PostEdited, PostRestored, RepostUndone, Reposted, Visibility};

use super::Entry;

/// A change of what home feeds show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A new post, or a repost.
    New(Entry),
    /// A post says something else.
    Edited(Entry),
    /// A post that was gone is back.
    Restored(Entry),
    /// A post is gone.
    Deleted {
        /// Its own place.
        entry: Entry,
        /// Only those whom it mentioned could see it, and who they are is told nowhere.
        mentioned_only: bool,
    },
    /// A repost was taken back.
    Undone {
        /// Where the post stood by it.
        entry: Entry,
        /// Who wrote the post.
        author: AccountId,
    },
}

impl Change {
    /// What an event tells, if it concerns feeds.
    pub(crate) fn told_by(event: &Event) -> Result<Option<Self>> {
        let change = if let Some(created) = event.decode::<PostCreated>() {
            let PostCreated { post_id, author_id, .. } = created?;
            Self::New(Entry::post(PostId(post_id), AccountId(author_id)))
        } else if let Some(reposted) = event.decode::<Reposted>() {
            let Reposted { post_id, account_id, repost_id, .. } = reposted?;
            Self::New(Entry::repost(PostId(repost_id), AccountId(account_id), PostId(post_id)))
        } else if let Some(edited) = event.decode::<PostEdited>() {
            let PostEdited { post_id, author_id, .. } = edited?;
            Self::Edited(Entry::post(PostId(post_id), AccountId(author_id)))
        } else if let Some(restored) = event.decode::<PostRestored>() {
            let PostRestored { post_id, author_id, .. } = restored?;
            Self::Restored(Entry::post(PostId(post_id), AccountId(author_id)))
        } else if let Some(deleted) = event.decode::<PostDeleted>() {
            let deleted = deleted?;
            let mentioned_only = deleted.visibility() == Visibility::Mentioned;
            let entry = Entry::post(PostId(deleted.post_id), AccountId(deleted.author_id));
            Self::Deleted { entry, mentioned_only }
        } else if let Some(undone) = event.decode::<RepostUndone>() {
            let RepostUndone { post_id, author_id, account_id, repost_id } = undone?;
            let entry = Entry::repost(PostId(repost_id), AccountId(account_id), PostId(post_id));
            Self::Undone { entry, author: AccountId(author_id) }
        } else {
            return Ok(None);
        };
        Ok(Some(change))
    }

    /// The place that it is about.
    pub(crate) fn entry(&self) -> Entry {
        match self {
            Self::New(entry)
            | Self::Edited(entry)
            | Self::Restored(entry)
            | Self::Deleted { entry, .. }
            | Self::Undone { entry, .. } => *entry,
        }
    }

    /// The place of a new repost.
    pub(crate) fn repost(&self) -> Option<Entry> {
        Some(self.entry()).filter(|entry| !self.is_of_old() && entry.is_repost())
    }

    /// Whether the post was there before, and may stand at several places.
    pub(crate) fn is_of_old(&self) -> bool {
        !matches!(self, Self::New(_))
    }

    /// The post at its own place; of a new repost, the repost.
    pub(crate) fn own_place(&self) -> Entry {
        match self {
            Self::Undone { entry, author } => Entry::post(entry.post, *author),
            other => other.entry(),
        }
    }
}
