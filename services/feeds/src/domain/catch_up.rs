//! The best of what came to a home feed since its reader looked at it last.

use std::collections::{HashMap, HashSet};

use plaza_core::{AccountId, Cx, PostId, Result, Timestamp, id};

use super::pages::admitted;
use super::score::{Closeness, Score, Weights};
use super::{Feed, Item, Pages, Span};

/// How many posts a page token can name, and so a walk show.
pub(crate) const MOST_POSTS: usize = 100;

/// How a reader is helped to catch up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CatchUpOptions {
    pub(crate) weights: Weights,
    /// So many of the newest candidates are looked at.
    pub(crate) candidates: usize,
    /// So many posts are shown, on all pages together.
    pub(crate) posts: usize,
    /// What is older is not looked at.
    pub(crate) age_ms: i64,
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// What stands above this place, ...
    pub(crate) since: PostId,
    /// ... and stood there at this time.
    pub(crate) at: Timestamp,
}

/// A post with its score.
#[derive(Debug)]
pub(crate) struct Scored {
    pub(crate) item: Item,
    pub(crate) score: Score,
}

/// What was found.
pub(crate) struct CaughtUp {
    /// The best first.
    pub(crate) posts: Vec<Scored>,
    /// How many places were looked at.
    pub(crate) considered: usize,
    /// Whether these were all.
    pub(crate) complete: bool,
}

impl Pages {
    /// What others brought to the owner's home feed, each post once, by its score at the time of the look; of two that are
    /// as good the newer one first.
    pub(crate) async fn catch_up(
        &self,
        cx: &Cx,
        owner: AccountId,
        look: Look,
        options: &CatchUpOptions,
    ) -> Result<CaughtUp> {
        let before = Some(PostId(id::first_at(look.at.plus_ms(1))));
        let down_to = PostId(look.since.0.saturating_add(1));
        // One more than is looked at tells whether these are all.
        let span = Span { before, down_to, limit: options.candidates + 1 };
        let mut entries = self.sources.skeleton(cx, owner, span).await?;
        entries.retain(|entry| entry.place >= down_to);
        let complete = entries.len() <= options.candidates;
        entries.truncate(options.candidates);
        let considered = entries.len();
        // What readers bring themselves they know.
        entries.retain(|entry| entry.by != owner);
        let posts = self.sources.peers.posts(cx, entries.iter().map(|e| e.post)).await?;
        let feed = Feed::Home(owner);
        let taste = self.taste_for(cx, &feed).await?;
        let rules = self.rules(cx, &feed, taste, &entries, &posts).await?;
        let mut taken = HashSet::new();
        let admitted = entries.iter().filter_map(|entry| admitted(&rules, entry, &posts));
        let others = admitted.filter(|item| item.post.author_id != owner.get());
        let items: Vec<Item> = others.filter(|item| taken.insert(item.entry.post)).collect();
        let liked = liked(&items);
        let score = |item: Item| {
            let (by, author) = (item.entry.by, item.post.author_id);
            let liked = liked.get(&author).copied().unwrap_or_default();
            let closeness = Closeness { mutual: rules.standings.follows_back(by), liked };
            let score = Score::of(&options.weights, &item.post, item.entry.place.time(), closeness, look.at);
            Scored { item, score }
        };
        let mut posts: Vec<Scored> = items.into_iter().map(score).collect();
        posts.sort_by(|a, b| {
            let better = b.score.total().total_cmp(&a.score.total());
            better.then_with(|| b.item.entry.place.cmp(&a.item.entry.place))
        });
        Ok(CaughtUp { posts, considered, complete })
    }
}

/// How many of these posts the reader likes, by author.
fn liked(items: &[Item]) -> HashMap<i64, u32> {
    let mut liked = HashMap::new();
    for item in items.iter().filter(|item| item.post.liked) {
        *liked.entry(item.post.author_id).or_default() += 1;
    }
    liked
}
