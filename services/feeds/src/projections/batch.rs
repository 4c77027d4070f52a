//! What a batch of events tells, sorted out.

use std::collections::{BTreeMap, BTreeSet};

use plaza_core::{AccountId, PostId, Result};
use plaza_events::Event;
use plaza_proto::accounts::v1::{AccountDeleted, PreferencesUpdated};
use plaza_proto::graph::v1::{
    Blocked, Followed, ListChanged, ListDeleted, ListMembersChanged, MutedWordsChanged, Unfollowed,
};
use plaza_proto::posts::v1::{PostCreated, PostDeleted, PostRestored, RepostUndone, Reposted};

use crate::domain::{Entry, Relations};

/// The events of a batch by what they concern. Their order does not count: what they lead to is read from the truth.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    /// New posts and reposts, and restored posts, by whose they are, as told; they may be gone by now.
    pub(super) created: BTreeMap<AccountId, Vec<Entry>>,
    /// Deleted posts by author, and undone reposts by who had reposted, as told; posts may be restored by now. What others
    /// reposted of a deleted post stays in their followers' feeds, and is not shown.
    pub(super) deleted: BTreeMap<AccountId, Vec<Entry>>,
    /// Readers with the authors whose relationship to them changed.
    pub(super) changed: BTreeMap<AccountId, BTreeSet<AccountId>>,
    /// Readers who chose to be spared something else than before.
    pub(super) chose: BTreeSet<AccountId>,
    /// Accounts that are gone.
    pub(super) gone: BTreeSet<AccountId>,
}

impl Batch {
    /// Sorts the events out; those that do not concern feeds are passed over.
    pub(super) fn of(events: &[Event]) -> Result<Self> {
        let mut batch = Self::default();
        for event in events {
            batch.add(event)?;
        }
        Ok(batch)
    }

    fn add(&mut self, event: &Event) -> Result<()> {
        if let Some(created) = event.decode::<PostCreated>() {
            let PostCreated { post_id, author_id, .. } = created?;
            self.created(Entry::post(PostId(post_id), AccountId(author_id)));
        } else if let Some(restored) = event.decode::<PostRestored>() {
            let PostRestored { post_id, author_id, .. } = restored?;
            self.created(Entry::post(PostId(post_id), AccountId(author_id)));
        } else if let Some(deleted) = event.decode::<PostDeleted>() {
            let PostDeleted { post_id, author_id, .. } = deleted?;
            self.deleted(Entry::post(PostId(post_id), AccountId(author_id)));
        } else if let Some(reposted) = event.decode::<Reposted>() {
            let Reposted { post_id, account_id, repost_id, .. } = reposted?;
            self.created(Entry::repost(PostId(repost_id), AccountId(account_id), PostId(post_id)));
        } else if let Some(undone) = event.decode::<RepostUndone>() {
            let RepostUndone { post_id, account_id, repost_id, .. } = undone?;
            self.deleted(Entry::repost(PostId(repost_id), AccountId(account_id), PostId(post_id)));
        } else if let Some(followed) = event.decode::<Followed>() {
            let Followed { follower_id, followee_id } = followed?;
            self.changed(follower_id, followee_id);
        } else if let Some(unfollowed) = event.decode::<Unfollowed>() {
            let Unfollowed { follower_id, followee_id } = unfollowed?;
            self.changed(follower_id, followee_id);
        } else if let Some(blocked) = event.decode::<Blocked>() {
            let Blocked { blocker_id, blocked_id } = blocked?;
            self.changed(blocker_id, blocked_id);
            self.changed(blocked_id, blocker_id);
        } else if let Some(gone) = event.decode::<AccountDeleted>() {
            self.gone.insert(AccountId(gone?.account_id));
        } else if let Some(reader) = chooser(event) {
            self.chose.insert(AccountId(reader?));
        }
        Ok(())
    }

    fn created(&mut self, entry: Entry) {
        let entries = self.created.entry(entry.by).or_default();
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }

    fn deleted(&mut self, entry: Entry) {
        self.deleted.entry(entry.by).or_default().push(entry);
    }

    fn changed(&mut self, reader: i64, author: i64) {
        if reader != author {
            self.changed.entry(AccountId(reader)).or_default().insert(AccountId(author));
        }
    }

    /// Makes `relations` forget the lists that these events made old.
    pub(super) fn forget(&self, relations: &Relations) {
        for (reader, authors) in &self.changed {
            for author in authors {
                relations.forget_relationship(*reader, *author);
            }
        }
        for author in self.created.keys().chain(self.deleted.keys()) {
            relations.forget_recent(*author);
        }
        for reader in &self.chose {
            relations.forget_choices(*reader);
        }
        for account in &self.gone {
            relations.forget(*account);
        }
    }

    /// The readers whose feeds the batch touches by name; the followers of authors are not among them.
    pub(super) fn named(&self) -> BTreeSet<AccountId> {
        self.created.keys().chain(self.deleted.keys()).chain(self.changed.keys()).chain(&self.gone).copied().collect()
    }
}

/// Whose choices the event tells of, if of any.
fn chooser(event: &Event) -> Option<Result<i64>> {
    None.or_else(|| event.decode::<ListMembersChanged>().map(|list| list.map(|list| list.owner_id)))
        .or_else(|| event.decode::<ListChanged>().map(|list| list.map(|list| list.owner_id)))
        .or_else(|| event.decode::<ListDeleted>().map(|list| list.map(|list| list.owner_id)))
        .or_else(|| event.decode::<MutedWordsChanged>().map(|words| words.map(|words| words.account_id)))
        .or_else(|| event.decode::<PreferencesUpdated>().map(|changed| changed.map(|changed| changed.account_id)))
}

#[cfg(test)]
mod tests {
    use plaza_core::{Env, ManualClock, Timestamp};
    use plaza_events::NewEvent;

    use super::*;

    #[test]
    fn a_batch_collects_by_author_and_reader() {
        let env = Env::manual(ManualClock::new(Timestamp(1_800_000_000_000)), 1);
        let post = |post_id| {
            let created = PostCreated { post_id, author_id: 1, ..PostCreated::default() };
            NewEvent::new(&env, None, "post", post_id, &created).placed("posts", post_id)
        };
        let block = Blocked { blocker_id: 1, blocked_id: 2 };
        let block = NewEvent::new(&env, None, "account", 1, &block).placed("graph", 1);
        let follow = Followed { follower_id: 1, followee_id: 3 };
        let follow = NewEvent::new(&env, None, "account", 1, &follow).placed("graph", 2);
        let repost = Reposted { post_id: 5, author_id: 1, account_id: 4, repost_id: 9 };
        let repost = NewEvent::new(&env, None, "post", 5, &repost).placed("posts", 9);
        let undone = RepostUndone { post_id: 5, author_id: 1, account_id: 4, repost_id: 8 };
        let undone = NewEvent::new(&env, None, "post", 5, &undone).placed("posts", 10);
        let batch = Batch::of(&[post(5), post(6), post(5), block, follow, repost, undone]).unwrap();
        assert_eq!(batch.created[&AccountId(1)].len(), 2);
        assert_eq!(batch.created[&AccountId(4)], [Entry::repost(PostId(9), AccountId(4), PostId(5))]);
        assert_eq!(batch.deleted[&AccountId(4)], [Entry::repost(PostId(8), AccountId(4), PostId(5))]);
        assert_eq!(batch.changed[&AccountId(1)], BTreeSet::from([AccountId(2), AccountId(3)]));
        assert_eq!(batch.named(), BTreeSet::from([AccountId(1), AccountId(2), AccountId(4)]));

        let mut broken = post(7);
        broken.payload = vec![0xff].into();
        assert!(Batch::of(&[broken]).is_err());
        let mut unknown = post(8);
        unknown.type_ = "plaza.posts.v1.PostPolished".to_owned();
        assert_eq!(Batch::of(&[unknown]).unwrap(), Batch::default());
    }
}
