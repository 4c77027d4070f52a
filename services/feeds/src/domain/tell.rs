//! What a reader is told of changes: of posts that they may see and that stand, or stood, in their home feed.

use std::collections::{HashMap, HashSet};

use plaza_core::{AccountId, Cx, PostId, Result};
use plaza_proto::posts::v1::Post;

use super::pages::admitted;
use super::rules::Rules;
use super::{Change, Entry, Feed, Item, Pages, Span};

/// A post of old is looked for among so many newest entries of the feed.
const LOOK_BACK: usize = 500;

/// What a change means for one home feed.
#[derive(Debug)]
pub(crate) enum Told {
    /// The post stands there now.
    Post(Item),
    /// The post says something else now.
    Edited(Item),
    /// The post is in the feed no more.
    Removed {
        /// Which.
        post: PostId,
        /// Whether it is gone altogether.
        deleted: bool,
    },
}

/// What is known of the posts of some changes.
struct Known {
    rules: Rules,
    posts: HashMap<PostId, Post>,
    /// Those of them that are thought up, since they were deleted.
    gone: HashSet<PostId>,
    /// Where posts of old may stand, newest first.
    places: HashMap<PostId, Vec<Entry>>,
}

impl Pages {
    /// The newest candidates of the owner's feed.
    pub(crate) async fn newest(&self, cx: &Cx, owner: AccountId) -> Result<Vec<Entry>> {
        self.sources.skeleton(cx, owner, Span::below(None, LOOK_BACK)).await
    }

    /// What each of these changes means for the owner's feed now; nothing for those that do not concern it. `sent` are
    /// places that the owner was told of before.
    pub(crate) async fn tell(
        &self,
        cx: &Cx,
        owner: AccountId,
        changes: &[Change],
        sent: &[Entry],
    ) -> Result<Vec<Option<Told>>> {
        let places = self.places(cx, owner, changes).await?;
        let of_changes = changes.iter().flat_map(|change| [change.entry(), change.own_place()]);
        let deleted = |entry: &&Entry| changes.iter().any(|change| is_deletion_of(change, entry.post));
        let sent: Vec<Entry> = sent.iter().filter(deleted).copied().collect();
        let entries: Vec<Entry> = of_changes.chain(places.values().flatten().copied()).chain(sent.clone()).collect();
        let mut posts = self.sources.peers.posts(cx, entries.iter().map(|e| e.post)).await?;
        let gone = think_up(changes, &mut posts);
        let feed = Feed::Home(owner);
        let taste = self.taste_for(cx, &feed).await?;
        let mut rules = self.rules(cx, &feed, taste, &entries, &posts).await?;
        // Nothing replies to a post that is thought up.
        rules.parents.retain(|post, _| !gone.contains(post));
        let known = Known { rules, posts, gone, places };
        Ok(changes.iter().map(|change| known.tell(change, &sent)).collect())
    }

    /// Where posts of old may stand in the owner's feed, newest first: by reposts among its newest entries, or where they
    /// were posted.
    async fn places(&self, cx: &Cx, owner: AccountId, changes: &[Change]) -> Result<HashMap<PostId, Vec<Entry>>> {
        let of_old = changes.iter().filter(|change| change.is_of_old());
        let own: HashMap<PostId, Entry> = of_old.map(|c| (c.entry().post, c.own_place())).collect();
        if own.is_empty() {
            return Ok(HashMap::new());
        }
        let undone = |place| changes.iter().any(|c| matches!(c, Change::Undone { entry, .. } if entry.place == place));
        let newest = self.newest(cx, owner).await?;
        let mut places: HashMap<PostId, Vec<Entry>> = HashMap::new();
        for entry in newest.into_iter().filter(|e| e.is_repost() && own.contains_key(&e.post) && !undone(e.place)) {
            places.entry(entry.post).or_default().push(entry);
        }
        for (post, entry) in own {
            places.entry(post).or_default().push(entry);
        }
        Ok(places)
    }
}

impl Known {
    fn tell(&self, change: &Change, sent: &[Entry]) -> Option<Told> {
        let post = change.entry().post;
        match change {
            Change::New(entry) => self.shown(entry).map(Told::Post),
            Change::Restored(_) => self.stands(post).map(Told::Post),
            // What it says now may keep it from the reader, or not any more.
            Change::Edited(_) => match self.stands(post) {
                Some(item) => Some(Told::Edited(item)),
                None => self.might_stand(post).then_some(Told::Removed { post, deleted: false }),
            },
            Change::Deleted { entry, mentioned_only } => {
                // One that was restored meanwhile.
                if let Some(item) = self.stands(post) {
                    return Some(Told::Post(item));
                }
                let own = self.rules.admit(entry, self.posts.get(&post)?) && !mentioned_only;
                let was_there = |entry: &Entry| entry.post == post && self.admits(entry);
                let by_repost = self.places.get(&post)?.iter().any(|e| e.is_repost() && was_there(e));
                let told = own || by_repost || sent.iter().any(was_there);
                told.then_some(Told::Removed { post, deleted: true })
            }
            Change::Undone { entry, .. } => {
                let elsewhere = self.stands(post).map(Told::Post);
                // Also of a post that is gone by now, whose deletion tells nothing of where it stood by others.
                elsewhere.or_else(|| self.admits(entry).then_some(Told::Removed { post, deleted: false }))
            }
        }
    }

    /// Where the feed shows the post now.
    fn stands(&self, post: PostId) -> Option<Item> {
        self.places.get(&post)?.iter().find_map(|entry| self.shown(entry))
    }

    /// Whether the feed would show the post if it said something else.
    fn might_stand(&self, post: PostId) -> bool {
        let Some(said) = self.posts.get(&post) else { return false };
        let Post { post_id, author_id, reply_to_id, .. } = *said;
        let silent = Post { post_id, author_id, reply_to_id, ..Post::default() };
        self.places.get(&post).is_some_and(|places| places.iter().any(|entry| self.rules.admit(entry, &silent)))
    }

    /// The entry, if the feed may show it now.
    fn shown(&self, entry: &Entry) -> Option<Item> {
        if self.gone.contains(&entry.post) { None } else { admitted(&self.rules, entry, &self.posts) }
    }

    /// Whether the feed may show the entry, or might if its post were not gone.
    fn admits(&self, entry: &Entry) -> bool {
        self.posts.get(&entry.post).is_some_and(|post| self.rules.admit(entry, post))
    }
}

fn is_deletion_of(change: &Change, post: PostId) -> bool {
    matches!(change, Change::Deleted { entry, .. } if entry.post == post)
}

/// Stands in for posts that are deleted, or of which a repost was undone and that are out of sight, of which nothing is known
/// but who wrote them, so that the rules can be asked whether the reader had to do with them. Replies to them may be in feeds
/// that did not show them, so they are thought of as replying to nothing.
fn think_up(changes: &[Change], posts: &mut HashMap<PostId, Post>) -> HashSet<PostId> {
    let mut gone = HashSet::new();
    for change in changes.iter().filter(|change| matches!(change, Change::Deleted { .. } | Change::Undone { .. })) {
        let Entry { post, by, .. } = change.own_place();
        posts.entry(post).or_insert_with(|| {
            gone.insert(post);
            Post { post_id: post.get(), author_id: by.get(), ..Post::default() }
        });
    }
    gone
}
