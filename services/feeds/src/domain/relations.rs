//! Who follows whom, what readers chose to be spared, and what celebrities wrote lately: read from the truth, held for a
//! while, forgotten by events.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use plaza_core::{AccountId, Cx, Env, Error, PostId, Result, reason};
use plaza_events::Freshness;
use plaza_stores::{Cache, CacheOptions, Gauge};

use super::{Choices, Entry, Languages, Peers, Span, Taste, Window, merge, together};

/// Lists are forgotten by events; this is for what no event tells of.
const TTL: Duration = Duration::from_secs(3_600);
const JITTER: Duration = Duration::from_secs(600);
/// How many of a celebrity's newest posts are held.
const RECENT: usize = 200;
/// What a reader chose is read within so many parts of the time for a page.
const CHOICES_PART: u32 = 4;
/// How many celebrities' lists one page loads at most; of the others it reads what it needs in one call.
const LOADS: usize = 16;

/// The followers of an author, as far as fan-out wants to know them.
#[derive(Clone, Debug)]
pub(crate) enum Followers {
    /// By rising id.
    Listed(Arc<[AccountId]>),
    /// More than are pushed to.
    TooMany,
}

/// Bounds of what is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RelationsOptions {
    /// Authors with more followers are not pushed.
    pub(crate) celebrity_threshold: usize,
    /// Ids in all lists of followers.
    pub(crate) follower_ids: u64,
    /// Ids in all lists of followed accounts.
    pub(crate) following_ids: u64,
    /// Posts in all lists of celebrities' posts.
    pub(crate) recent_posts: u64,
    /// Bytes of what all readers chose.
    pub(crate) choices_bytes: u64,
}

/// The lists.
pub(crate) struct Relations {
    peers: Peers,
    threshold: usize,
    followers: Cache<AccountId, Followers>,
    following: Cache<AccountId, Arc<[AccountId]>>,
    recent: Cache<AccountId, Arc<Window>>,
    choices: Cache<AccountId, Arc<Choices>>,
    languages: Cache<AccountId, Arc<Languages>>,
    env: Env,
    freshness: Freshness,
}

impl Relations {
    /// Lists for pages are used as far as `freshness` goes; it is the projection's own affair what it uses.
    pub(crate) fn new(options: RelationsOptions, peers: Peers, env: &Env, freshness: Freshness) -> Self {
        let cache = |name, max_weight| CacheOptions { name, max_weight, ttl: TTL, jitter: JITTER };
        let of_followers = |_: &AccountId, followers: &Followers| match followers {
            Followers::Listed(ids) => weight(ids.len()),
            Followers::TooMany => 1,
        };
        let of_following = |_: &AccountId, ids: &Arc<[AccountId]>| weight(ids.len());
        let of_recent = |_: &AccountId, window: &Arc<Window>| weight(window.len());
        let of_choices = |_: &AccountId, choices: &Arc<Choices>| weight(choices.bytes());
        let of_languages = |_: &AccountId, languages: &Arc<Languages>| weight(languages.bytes());
        let bytes_of_languages = options.choices_bytes / 4;
        let bytes_of_choices = options.choices_bytes - bytes_of_languages;
        Self {
            peers,
            threshold: options.celebrity_threshold,
            followers: Cache::weighted(cache("feeds-followers", options.follower_ids), env.clone(), of_followers),
            following: Cache::weighted(cache("feeds-following", options.following_ids), env.clone(), of_following),
            recent: Cache::weighted(cache("feeds-recent", options.recent_posts), env.clone(), of_recent),
            choices: Cache::weighted(cache("feeds-choices", bytes_of_choices), env.clone(), of_choices),
            languages: Cache::weighted(cache("feeds-languages", bytes_of_languages), env.clone(), of_languages),
            env: env.clone(),
            freshness,
        }
    }

    /// Whom to push the author's posts to.
    pub(crate) async fn followers(&self, cx: &Cx, author: AccountId) -> Result<Followers> {
        let load = || async {
            let ids = self.peers.followers(cx, author, self.threshold).await?;
            Ok(ids.map_or(Followers::TooMany, |ids| Followers::Listed(ids.into())))
        };
        self.followers.get_or_load(&author, load).await
    }

    /// Whom the account follows, by rising id.
    pub(crate) async fn following(&self, cx: &Cx, account: AccountId) -> Result<Arc<[AccountId]>> {
        if !self.freshness.covers(cx) {
            return Ok(self.peers.following(cx, account).await?.into());
        }
        self.held(cx, account).await
    }

    /// Sees to it that it is known whom the account follows, so that its feed can be read while graph is away.
    pub(crate) async fn learn(&self, cx: &Cx, account: AccountId) -> Result<()> {
        self.held(cx, account).await.map(drop)
    }

    async fn held(&self, cx: &Cx, account: AccountId) -> Result<Arc<[AccountId]>> {
        let load = || async { Ok(self.peers.following(cx, account).await?.into()) };
        self.following.get_or_load(&account, load).await
    }

    /// Whom the account follows, if that is known without asking.
    pub(crate) fn following_known(&self, account: AccountId) -> Option<Arc<[AccountId]>> {
        self.following.get(&account)
    }

    /// What the reader, who must be the caller, chose to be spared. While graph or accounts is away, what was last known
    /// of it.
    pub(crate) async fn taste(&self, cx: &Cx, reader: AccountId) -> Result<Taste> {
        let choices = || async { Ok(Arc::new(Choices::of(&self.peers, cx, reader).await?)) };
        let languages = || async { Ok(Arc::new(Languages::new(self.peers.reading_languages(cx, reader).await?))) };
        let (choices, languages) = tokio::try_join!(
            self.chosen(cx, "graph", &self.choices, reader, choices),
            self.chosen(cx, "accounts", &self.languages, reader, languages),
        )?;
        Ok(Taste { choices, languages, now: self.env.now() })
    }

    async fn chosen<V, F>(
        &self,
        cx: &Cx,
        peer: &str,
        cache: &Cache<AccountId, Arc<V>>,
        reader: AccountId,
        load: impl Fn() -> F,
    ) -> Result<Arc<V>>
    where
        V: Default + Send + Sync + 'static,
        F: Future<Output = Result<Arc<V>>>,
    {
        let read = async {
            match self.freshness.covers(cx) {
                true => cache.get_or_load(&reader, load).await,
                false => load().await,
            }
        };
        // A peer that hangs leaves time for the page, which does without.
        let read = tokio::time::timeout(cx.remaining() / CHOICES_PART, read).await;
        match read.unwrap_or_else(|_| Err(Error::new(reason::DEADLINE_EXCEEDED))) {
            Err(error) if error.is_transient() => {
                cx.degraded(peer);
                Ok(cache.get(&reader).unwrap_or_default())
            }
            read => read,
        }
    }

    /// What `celebrities` posted and reposted in the span.
    pub(crate) async fn pull(&self, cx: &Cx, celebrities: &[AccountId], span: Span) -> Result<Vec<Entry>> {
        let Span { before, down_to, limit } = span;
        if !self.freshness.covers(cx) {
            return self.peers.refs(cx, celebrities, before, limit).await;
        }
        let (mut windows, mut unknown, mut deep) = (Vec::with_capacity(celebrities.len()), Vec::new(), Vec::new());
        for author in celebrities {
            match self.recent.get(author) {
                Some(window) => windows.push((*author, window)),
                None if unknown.len() < LOADS => unknown.push(self.recent(cx, *author).boxed()),
                None => deep.push(*author),
            }
        }
        windows.extend(together(unknown).await?);
        let mut lists = Vec::with_capacity(windows.len() + 1);
        for (author, window) in windows {
            let page = window.page(before, limit);
            if page.entries.len() < limit && page.floor > down_to {
                deep.push(author);
            } else {
                lists.push(page.entries);
            }
        }
        lists.push(self.peers.refs(cx, &deep, before, limit).await?);
        Ok(merge(lists, limit))
    }

    async fn recent(&self, cx: &Cx, author: AccountId) -> Result<(AccountId, Arc<Window>)> {
        let load = || async {
            let refs = self.peers.refs(cx, &[author], None, RECENT).await?;
            Ok(Arc::new(Window::new(&refs, floor(&refs, RECENT), RECENT)))
        };
        Ok((author, self.recent.get_or_load(&author, load).await?))
    }

    /// Forgets lists that a change of the relationship of `follower` to `followee` made old.
    pub(crate) fn forget_relationship(&self, follower: AccountId, followee: AccountId) {
        self.following.invalidate(&follower);
        self.followers.invalidate(&followee);
    }

    /// Forgets what the author wrote lately.
    pub(crate) fn forget_recent(&self, author: AccountId) {
        self.recent.invalidate(&author);
    }

    /// Forgets what the reader chose.
    pub(crate) fn forget_choices(&self, reader: AccountId) {
        self.choices.invalidate(&reader);
        self.languages.invalidate(&reader);
    }

    /// Forgets all about an account.
    pub(crate) fn forget(&self, account: AccountId) {
        self.forget_choices(account);
        self.followers.invalidate(&account);
        self.following.invalidate(&account);
        self.recent.invalidate(&account);
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.followers.clear();
        self.following.clear();
        self.recent.clear();
        self.choices.clear();
        self.languages.clear();
    }

    pub(crate) fn observe(&self) -> Vec<Gauge> {
        let lists = [self.followers.observe(), self.following.observe()].concat();
        [lists, self.recent.observe(), self.choices.observe(), self.languages.observe()].concat()
    }
}

/// Down to where references are complete when at most `limit` were asked for: to the bottom, or to the last of them.
pub(crate) fn floor(refs: &[Entry], limit: usize) -> PostId {
    refs.last().filter(|_| refs.len() >= limit).map_or(PostId(0), |last| last.place)
}

fn weight(ids: usize) -> u32 {
    u32::try_from(ids).unwrap_or(u32::MAX).saturating_add(1)
}
