//! Home feeds follow posts, graph and accounts: fan-out on write, backfill, purge.
//!
//! Its law: a new post is pushed as its event tells, everything else is read from the truth *after* the event, and what
//! was pushed is checked against the truth *after* the push. So whatever order events come in, and however often: the
//! last one applied sees the truth that made it the last.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt as _;
use plaza_core::{AccountId, Cx, PostId, Result};
use plaza_events::{Digest, Event, Projection};
use tracing::Instrument as _;

use super::batch::Batch;
use crate::domain::{
    ACCOUNTS_PAGE, Builder, Entry, Followers, MAX_BATCH, MAX_REFS, Peers, Relations, Window, acting_for, digest, floor,
    together,
};
use crate::store::FeedStore;

/// The projection's name.
pub(crate) const NAME: &str = "home-feeds";
/// The outboxes it follows.
pub(crate) const SOURCES: [&str; 3] = ["posts", "graph", "accounts"];
/// Feeds written to by one call of the store.
const PUSH: usize = 512;
/// A relationship that keeps changing while a feed is adapted to it leaves that to a later event after this many rounds.
const ROUNDS: usize = 4;

/// The projection. Its keys are the accounts that read.
pub(crate) struct HomeFeeds {
    pub(crate) store: Arc<dyn FeedStore>,
    pub(crate) peers: Peers,
    pub(crate) relations: Arc<Relations>,
    pub(crate) builder: Arc<Builder>,
    pub(crate) cap: usize,
}

#[async_trait]
impl Projection for HomeFeeds {
    fn name(&self) -> &'static str {
        NAME
    }

    fn sources(&self) -> &[&'static str] {
        &SOURCES
    }

    fn keys(&self, event: &Event) -> Vec<i64> {
        let batch = Batch::of(std::slice::from_ref(event)).unwrap_or_default();
        batch.named().iter().map(|account| account.0).collect()
    }

    /// Builds the feeds of these owners anew, if they are held: a cold one is built when it is read.
    async fn project(&self, cx: &Cx, keys: &[i64]) -> Result<()> {
        let owners: Vec<AccountId> = keys.iter().map(|key| AccountId(*key)).collect();
        let held = self.store.held(cx, &owners).await?;
        together(held.into_iter().map(|owner| self.builder.afresh(cx, owner).boxed()).collect()).await?;
        Ok(())
    }

    /// The accounts whose feeds are warm. A cold feed holds nothing that could be wrong.
    async fn scan_truth(&self, cx: &Cx, after: i64, limit: usize) -> Result<Vec<(i64, Digest)>> {
        let mut after = after;
        loop {
            // As many accounts as a call gives, however few keys are wanted: warm feeds may lie far apart.
            let accounts = self.peers.accounts(cx, after, ACCOUNTS_PAGE).await?;
            let Some(last) = accounts.last() else { return Ok(Vec::new()) };
            after = last.0;
            let held = self.store.held(cx, &accounts).await?;
            let celebrities = self.store.celebrities(cx).await?;
            for owners in held.chunks(limit.max(1)) {
                let windows = self.store.windows(cx, owners).await?;
                let warm = owners.iter().zip(windows).filter_map(|(owner, window)| Some((*owner, window?.floor())));
                let digests = warm.map(|(owner, floor)| self.true_digest(cx, owner, floor, &celebrities).boxed());
                let page: Vec<(i64, Digest)> = together(digests.collect()).await?;
                if !page.is_empty() {
                    return Ok(page);
                }
            }
        }
    }

    async fn digests(&self, cx: &Cx, keys: &[i64]) -> Result<Vec<Option<Digest>>> {
        let owners: Vec<AccountId> = keys.iter().map(|key| AccountId(*key)).collect();
        let windows = self.store.windows(cx, &owners).await?;
        let celebrities = self.store.celebrities(cx).await?;
        let of = |(owner, window): (AccountId, Option<Window>)| {
            let celebrities = &celebrities;
            async move {
                let Some(window) = window else { return Ok(None) };
                let entries = self.in_sight(cx, owner, window.iter().copied().collect()).await?;
                Ok(Some(digest(owner, &entries, window.floor(), celebrities)))
            }
        };
        together(owners.into_iter().zip(windows).map(|held| of(held).boxed()).collect()).await
    }

    /// Lists that were read before others applied events may lack whom these brought.
    fn took_over(&self) {
        self.relations.clear();
    }

    async fn apply(&self, cx: &Cx, events: &[Event]) -> Result<()> {
        let batch = Batch::of(events)?;
        // Lists that the events made old go before anything is read.
        batch.forget(&self.relations);
        if self.store.is_idle(cx).await? {
            // Nobody reads. A build that begins from here on reads the truth that these events tell of.
            return Ok(());
        }
        let pushed = self.push(cx, &batch.created).await?;
        self.adapt(cx, &batch.changed).await?;
        self.take_out(cx, &batch).await?;
        self.verify(cx, &pushed).await
    }
}

/// Posts of one author with those they were pushed to.
struct Pushed {
    author: AccountId,
    entries: Vec<Entry>,
    followers: Followers,
}

impl HomeFeeds {
    /// Fan-out: new posts go to their authors' own feeds and to those of their followers.
    async fn push(&self, cx: &Cx, created: &BTreeMap<AccountId, Vec<Entry>>) -> Result<Vec<Pushed>> {
        if created.is_empty() {
            return Ok(Vec::new());
        }
        // Posts of this batch were written before this look, so they may be held back from what it tells of.
        let celebrities = self.store.celebrities(cx).await?;
        let work = created.iter().map(|(author, entries)| self.push_one(cx, *author, entries, &celebrities).boxed());
        together(work.collect()).await
    }

    async fn push_one(
        &self,
        cx: &Cx,
        author: AccountId,
        entries: &[Entry],
        celebrities: &HashSet<AccountId>,
    ) -> Result<Pushed> {
        let followers = self.audience(cx, author, celebrities).await?;
        for owners in pieces(&author, &followers) {
            let span = tracing::debug_span!("store.push", feeds = owners.len(), entries = entries.len());
            self.store.push(cx, owners, entries).instrument(span).await?;
        }
        Ok(Pushed { author, entries: entries.to_vec(), followers })
    }

    /// Whom an author's posts are pushed to. One with too many followers is marked first, so that readers pull them
    /// before anything is held back.
    async fn audience(&self, cx: &Cx, author: AccountId, celebrities: &HashSet<AccountId>) -> Result<Followers> {
        if celebrities.contains(&author) {
            return Ok(Followers::TooMany);
        }
        let followers = self.relations.followers(cx, author).await?;
        if matches!(followers, Followers::TooMany) {
            tracing::info!(%author, "too many followers for fan-out: pulled from now on");
            self.store.mark_celebrities(cx, &[author]).await?;
        }
        Ok(followers)
    }

    /// Adapts held feeds to relationships that changed: brings in who is followed, takes out who is not.
    async fn adapt(&self, cx: &Cx, changed: &BTreeMap<AccountId, BTreeSet<AccountId>>) -> Result<()> {
        let readers: Vec<AccountId> = changed.keys().copied().collect();
        if readers.is_empty() {
            return Ok(());
        }
        // One that turns warm after this look is built from the truth that made these events.
        let held = self.store.held(cx, &readers).await?;
        let work = held.into_iter().filter_map(|owner| Some(self.adapt_one(cx, owner, changed.get(&owner)?).boxed()));
        together(work.collect()).await?;
        Ok(())
    }

    async fn adapt_one(&self, cx: &Cx, owner: AccountId, authors: &BTreeSet<AccountId>) -> Result<()> {
        let authors: Vec<AccountId> = authors.iter().copied().collect();
        let mut done: HashMap<AccountId, bool> = HashMap::new();
        for _ in 0..ROUNDS {
            let now = self.followed_among(cx, owner, &authors).await?;
            let differs = |author: &AccountId, follows| done.get(author) != Some(&follows);
            let gained: Vec<AccountId> =
                authors.iter().copied().filter(|a| now.contains(a) && differs(a, true)).collect();
            let lost: Vec<AccountId> =
                authors.iter().copied().filter(|a| !now.contains(a) && differs(a, false)).collect();
            if gained.is_empty() && lost.is_empty() {
                // Known again, so that the feed can be read while graph is away.
                return self.relations.learn(cx, owner).await;
            }
            if !lost.is_empty() {
                self.store.purge(cx, owner, &lost).await?;
            }
            if !gained.is_empty() {
                self.backfill(cx, owner, &gained).await?;
            }
            done = authors.iter().map(|author| (*author, now.contains(author))).collect();
        }
        Ok(())
    }

    /// Those of `authors` whom `owner` follows now.
    async fn followed_among(&self, cx: &Cx, owner: AccountId, authors: &[AccountId]) -> Result<HashSet<AccountId>> {
        let acting = acting_for(cx, owner);
        let mut followed = HashSet::new();
        for some in authors.chunks(MAX_BATCH) {
            let relationships = self.peers.relationships(&acting, some).await?;
            followed.extend(relationships.iter().filter(|r| r.following).map(|r| AccountId(r.account_id)));
        }
        Ok(followed)
    }

    /// Brings the recent posts of `authors` in. What the feed already has of them may be from an earlier time of
    /// following, or from a build that knew of this one before its event, and was deleted while the list of followers did
    /// not name the owner: that goes.
    async fn backfill(&self, cx: &Cx, owner: AccountId, authors: &[AccountId]) -> Result<()> {
        let celebrities = self.store.celebrities(cx).await?;
        let pushed: Vec<AccountId> = authors.iter().copied().filter(|a| !celebrities.contains(a)).collect();
        let refs = self.peers.refs(cx, &pushed, None, self.cap).await?;
        self.store.merge(cx, owner, &refs, floor(&refs, self.cap)).await?;
        let Some(window) = self.store.windows(cx, &[owner]).await?.pop().flatten() else { return Ok(()) };
        let known: HashSet<PostId> = refs.iter().map(|e| e.place).collect();
        let doubtful: Vec<Entry> =
            window.iter().filter(|e| pushed.contains(&e.by) && !known.contains(&e.place)).copied().collect();
        let missing: Vec<PostId> = self.peers.missing(cx, &doubtful).await?.iter().map(|e| e.place).collect();
        if !missing.is_empty() {
            self.store.remove(cx, &[owner], &missing).await?;
        }
        Ok(())
    }

    /// Deleted posts leave the feeds they were pushed to, unless they were restored since; deleted accounts lose theirs.
    async fn take_out(&self, cx: &Cx, batch: &Batch) -> Result<()> {
        let celebrities = if batch.deleted.is_empty() { Arc::default() } else { self.store.celebrities(cx).await? };
        for (author, posts) in &self.still_deleted(cx, batch).await? {
            let followers = self.audience(cx, *author, &celebrities).await?;
            for owners in pieces(author, &followers) {
                self.store.remove(cx, owners, posts).await?;
            }
        }
        let gone: Vec<AccountId> = batch.gone.iter().copied().collect();
        if gone.is_empty() { Ok(()) } else { self.store.drop_feeds(cx, &gone).await }
    }

    /// What was deleted and is not back, by author.
    async fn still_deleted(&self, cx: &Cx, batch: &Batch) -> Result<BTreeMap<AccountId, Vec<PostId>>> {
        let told: Vec<Entry> = batch.deleted.values().flatten().copied().collect();
        let mut gone: BTreeMap<AccountId, Vec<PostId>> = BTreeMap::new();
        for entry in self.peers.missing(cx, &told).await? {
            gone.entry(entry.by).or_default().push(entry.place);
        }
        Ok(gone)
    }

    /// Takes out again what was deleted before it was pushed.
    async fn verify(&self, cx: &Cx, pushed: &[Pushed]) -> Result<()> {
        let entries: Vec<Entry> = pushed.iter().flat_map(|p| p.entries.iter().copied()).collect();
        let missing: HashSet<PostId> = self.peers.missing(cx, &entries).await?.iter().map(|e| e.place).collect();
        if missing.is_empty() {
            return Ok(());
        }
        for Pushed { author, entries, followers } in pushed {
            let posts: Vec<PostId> = entries.iter().map(|e| e.place).filter(|post| missing.contains(post)).collect();
            if !posts.is_empty() {
                for owners in pieces(author, followers) {
                    self.store.remove(cx, owners, &posts).await?;
                }
            }
        }
        Ok(())
    }

    /// The digest of what the owner's window should hold from `floor` up.
    async fn true_digest(
        &self,
        cx: &Cx,
        owner: AccountId,
        floor: PostId,
        celebrities: &HashSet<AccountId>,
    ) -> Result<(i64, Digest)> {
        let following = self.peers.following(cx, owner).await?;
        let authors: Vec<AccountId> =
            following.into_iter().filter(|author| !celebrities.contains(author)).chain([owner]).collect();
        // One more than a window can hold: were there more, the digest should tell.
        let refs = self.peers.refs(cx, &authors, None, (self.cap + 1).min(MAX_REFS)).await?;
        let refs = self.in_sight(cx, owner, refs).await?;
        Ok((owner.0, digest(owner, &refs, floor, celebrities)))
    }

    /// The entries without reposts of posts that the owner cannot see. When a post is deleted, no event tells of its
    /// reposts: they stay in windows until they are trimmed, and nobody is shown them.
    async fn in_sight(&self, cx: &Cx, owner: AccountId, mut entries: Vec<Entry>) -> Result<Vec<Entry>> {
        let reposted = entries.iter().filter(|e| e.is_repost()).map(|e| e.post);
        let seen = self.peers.posts(&acting_for(cx, owner), reposted).await?;
        entries.retain(|e| !e.is_repost() || seen.contains_key(&e.post));
        Ok(entries)
    }
}

/// The feeds that an author's posts are pushed to, in pieces fit for one call of the store.
fn pieces<'a>(author: &'a AccountId, followers: &'a Followers) -> impl Iterator<Item = &'a [AccountId]> {
    let listed: &[AccountId] = match followers {
        Followers::Listed(ids) => ids,
        Followers::TooMany => &[],
    };
    listed.chunks(PUSH).chain([std::slice::from_ref(author)])
}
