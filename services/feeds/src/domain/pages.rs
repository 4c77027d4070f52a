//! A page of a feed: candidates, then what of them the reader may see, then the rules, until the page is full or the feed
//! ends.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use plaza_core::{AccountId, Cx, PostId, Result};
use plaza_proto::posts::v1::Post;

use super::peers::{MAX_BATCH, MAX_REFS};
use super::rules::{Of, Rules, Standing, Standings};
use super::skeleton::{Sources, Span};
use super::{Entry, Taste};

/// After this many rounds a page is served as short as it is.
const ROUNDS: usize = 6;
/// How many candidates a further round examines at least: most of the first were not fit to be shown.
const FURTHER: usize = 20;
/// A post that stands among so many entries above a page is not shown on it again.
const LOOK_BACK: usize = MAX_REFS;

/// A feed, and whose eyes it is for.
#[derive(Clone, Debug)]
pub(crate) enum Feed {
    /// What the account and those whom it follows post and repost.
    Home(AccountId),
    /// The same, of those only who follow it back.
    Mutuals(AccountId),
    /// What the members of a list post and repost.
    List {
        /// Who reads; nobody that is known, maybe.
        reader: Option<AccountId>,
        /// By rising id.
        members: Arc<[AccountId]>,
    },
    /// What `account` posts and reposts.
    User {
        /// Who reads; nobody that is known, maybe.
        reader: Option<AccountId>,
        account: AccountId,
    },
}

impl Feed {
    fn reader(&self) -> Option<AccountId> {
        match self {
            Self::Home(owner) | Self::Mutuals(owner) => Some(*owner),
            Self::List { reader, .. } | Self::User { reader, .. } => *reader,
        }
    }
}

/// Where a walk through a feed stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The newest place when the walk began: what came since does not take the place of what is still to be shown.
    pub(crate) top: PostId,
    /// What is below this place is still to be shown.
    pub(crate) before: PostId,
}

/// A post in its place.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) entry: Entry,
    pub(crate) post: Post,
}

/// A page that can be shown.
pub(crate) struct FeedPage {
    /// Newest first.
    pub(crate) items: Vec<Item>,
    /// Where the next page begins; `None` at the end of the feed.
    pub(crate) next: Option<Cursor>,
}

/// Makes pages of feeds, and checks what goes into live ones.
pub(crate) struct Pages {
    pub(super) sources: Sources,
}

/// A page in the making.
struct Walk {
    top: Option<PostId>,
    before: Option<PostId>,
    /// Entries above what is examined next, from the top of the walk on.
    above: Vec<Entry>,
    /// The pages before this one, whose entries have not been read for it yet.
    earlier: Option<Cursor>,
}

impl Pages {
    pub(crate) fn new(sources: Sources) -> Self {
        Self { sources }
    }

    /// The feed of a list that the caller may see.
    pub(crate) async fn list(&self, cx: &Cx, list: i64) -> Result<Feed> {
        Ok(Feed::List { reader: cx.viewer(), members: self.sources.peers.list(cx, list).await?.into() })
    }

    /// The newest `size` posts from `cursor` on. Shorter than asked for if most candidates were hidden; `next` says
    /// whether the feed goes on.
    pub(crate) async fn page(&self, cx: &Cx, feed: &Feed, cursor: Option<Cursor>, size: usize) -> Result<FeedPage> {
        let (mut walk, mut items, taste) = (Walk::from(cursor), Vec::new(), self.taste_for(cx, feed).await?);
        for round in 0..ROUNDS {
            let wanted = size - items.len();
            let examined = if round == 0 { wanted } else { wanted.max(FURTHER) }.min(MAX_BATCH);
            // One more than is examined tells whether the feed goes on.
            let mut entries = self.candidates(cx, feed, Span::below(walk.before, examined + 1)).await?;
            let goes_on = entries.len() > examined;
            entries.truncate(examined);
            let mut shown = self.once(cx, feed, &taste, &mut walk, &entries).await?;
            let left_over = shown.len() > wanted;
            shown.truncate(wanted);
            walk.before = if left_over { shown.last().map(|i| i.entry.place) } else { entries.last().map(|e| e.place) };
            items.append(&mut shown);
            if !goes_on && !left_over {
                return Ok(FeedPage { items, next: None });
            }
            if items.len() >= size {
                break;
            }
        }
        Ok(FeedPage { items, next: walk.cursor() })
    }

    /// Sees to it that it is known here whom the owner follows. It spares a live feed posts that are not for it, and a page
    /// can be read while graph is away, also one of a feed that another process built.
    pub(crate) async fn prepare(&self, cx: &Cx, owner: AccountId) {
        if let Err(error) = self.sources.relations.learn(cx, owner).await {
            tracing::debug!(%owner, %error, "it is not known whom a reader follows");
        }
    }

    async fn candidates(&self, cx: &Cx, feed: &Feed, span: Span) -> Result<Vec<Entry>> {
        match feed {
            Feed::Home(owner) | Feed::Mutuals(owner) => self.sources.skeleton(cx, *owner, span).await,
            Feed::List { members, .. } => self.sources.peers.refs(cx, members, span.before, span.limit).await,
            Feed::User { account, .. } => self.sources.peers.refs(cx, &[*account], span.before, span.limit).await,
        }
    }

    /// Of these candidates those that may be shown and whose posts do not stand further up.
    async fn once(&self, cx: &Cx, feed: &Feed, taste: &Taste, walk: &mut Walk, entries: &[Entry]) -> Result<Vec<Item>> {
        walk.top = walk.top.or(entries.first().map(|e| e.place));
        let posts = self.sources.peers.posts(cx, entries.iter().map(|e| e.post)).await?;
        // What nobody reposted stands nowhere else.
        if posts.values().any(|post| post.repost_count > 0)
            && let Some(Cursor { top, before }) = walk.earlier.take()
        {
            let span = Span { before: Some(PostId(top.0.saturating_add(1))), down_to: before, limit: LOOK_BACK };
            let above = self.candidates(cx, feed, span).await?;
            walk.above.extend(above.into_iter().filter(|e| e.place >= before));
        }
        let above = walk.above.iter().filter(|e| posts.contains_key(&e.post));
        let considered: Vec<Entry> = above.chain(entries).copied().collect();
        let rules = self.rules(cx, feed, taste.clone(), &considered, &posts).await?;
        let (above, own) = considered.split_at(considered.len() - entries.len());
        let further_up = above.iter().filter_map(|entry| admitted(&rules, entry, &posts));
        let mut taken: HashSet<PostId> = further_up.map(|item| item.entry.post).collect();
        let shown = own.iter().filter_map(|entry| admitted(&rules, entry, &posts));
        let items = shown.filter(|item| taken.insert(item.entry.post)).collect();
        walk.above.extend(entries);
        Ok(items)
    }

    /// What tells which of these entries, whose posts are `posts`, the feed shows to a reader of this taste.
    pub(super) async fn rules(
        &self,
        cx: &Cx,
        feed: &Feed,
        taste: Taste,
        entries: &[Entry],
        posts: &HashMap<PostId, Post>,
    ) -> Result<Rules> {
        let reader = feed.reader();
        if let Feed::User { account, .. } = *feed {
            let reposts = entries.iter().any(Entry::is_repost) && self.shows_reposts(cx, reader, account).await?;
            let (standings, parents) = (Standings::of_nobody(), HashMap::new());
            return Ok(Rules { standings, parents, taste, of: Of::User { reposts } });
        }
        let parents = self.parents(cx, reader, entries, posts).await?;
        let accounts = concerned(reader, entries, posts, &parents);
        let follows_will_do = matches!(feed, Feed::Home(_));
        let standings = self.standings(cx, reader, &accounts, follows_will_do).await?;
        let of = match feed {
            Feed::List { members, .. } => {
                let open = self.open(cx, &standings, entries, posts).await?;
                Of::List { members: members.clone(), open }
            }
            _ => Of::Home { mutuals: matches!(feed, Feed::Mutuals(_)) },
        };
        Ok(Rules { standings, parents, taste, of })
    }

    /// What the feed's reader is to be spared; what one account posts is told whole.
    pub(super) async fn taste_for(&self, cx: &Cx, feed: &Feed) -> Result<Taste> {
        match feed {
            Feed::User { .. } => Ok(Taste::of_nobody()),
            feed => self.taste(cx, feed.reader()).await,
        }
    }

    pub(super) async fn taste(&self, cx: &Cx, reader: Option<AccountId>) -> Result<Taste> {
        match reader {
            Some(reader) => self.sources.relations.taste(cx, reader).await,
            None => Ok(Taste::of_nobody()),
        }
    }

    /// Who lets everybody see what they repost, of those who reposted and whom the reader does not follow. Without
    /// accounts, nobody.
    async fn open(
        &self,
        cx: &Cx,
        standings: &Standings,
        entries: &[Entry],
        posts: &HashMap<PostId, Post>,
    ) -> Result<HashSet<AccountId>> {
        let strangers = entries.iter().filter(|e| e.is_repost() && posts.contains_key(&e.post)).map(|e| e.by);
        let mut strangers: Vec<AccountId> = strangers.filter(|by| !standings.follows(*by)).collect();
        strangers.sort_unstable();
        strangers.dedup();
        unless_away(cx, "accounts", self.sources.peers.open(cx, &strangers).await)
    }

    /// Who wrote what the posts of others reply to, as far as the reader may see that.
    async fn parents(
        &self,
        cx: &Cx,
        reader: Option<AccountId>,
        entries: &[Entry],
        posts: &HashMap<PostId, Post>,
    ) -> Result<HashMap<PostId, AccountId>> {
        let replies =
            entries.iter().filter(|e| !e.is_repost() && Some(e.by) != reader).filter_map(|e| posts.get(&e.post));
        let wanted: Vec<PostId> = replies.map(|p| PostId(p.reply_to_id)).filter(|id| id.0 != 0).collect();
        let unknown = wanted.iter().copied().filter(|id| !posts.contains_key(id));
        let others = self.sources.peers.posts(cx, unknown).await?;
        let author = |id: &PostId| Some((*id, AccountId(posts.get(id).or_else(|| others.get(id))?.author_id)));
        Ok(wanted.iter().filter_map(author).collect())
    }

    /// How the reader stands to each of these accounts. While graph is away it is known of some readers whom they follow,
    /// if that will do, and nothing else.
    pub(super) async fn standings(
        &self,
        cx: &Cx,
        reader: Option<AccountId>,
        accounts: &[AccountId],
        follows_will_do: bool,
    ) -> Result<Standings> {
        let Some(owner) = reader else { return Ok(Standings::of_nobody()) };
        let error = match self.sources.peers.relationships(cx, accounts).await {
            Ok(relationships) if relationships.len() == accounts.len() => {
                if !accounts.is_empty() && self.sources.relations.following_known(owner).is_none() {
                    self.prepare(cx, owner).await;
                }
                let standings = relationships.iter().map(Standing::of);
                return Ok(Standings::new(Some(owner), accounts.iter().copied().zip(standings)));
            }
            Ok(_) => return Err(plaza_core::Error::internal("not one relationship for each account")),
            Err(error) => error,
        };
        // Without graph: whom the owner was last known to follow. A block ends follows, so no blocked account is there.
        match self.sources.relations.following_known(owner).filter(|_| follows_will_do && error.is_transient()) {
            Some(following) => {
                cx.degraded("graph");
                let standing = |account: &AccountId| Standing::known(following.binary_search(account).is_ok());
                Ok(Standings::new(Some(owner), accounts.iter().map(|account| (*account, standing(account)))))
            }
            None => Err(error),
        }
    }

    /// Whether the reader may see what the account reposted: as its own public posts. Without graph or accounts, no.
    async fn shows_reposts(&self, cx: &Cx, reader: Option<AccountId>, account: AccountId) -> Result<bool> {
        if reader == Some(account) {
            return Ok(true);
        }
        let standing = match self.stands(cx, reader, account).await {
            Ok(standing) => standing,
            Err(error) if error.is_transient() => {
                cx.degraded("graph");
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        if standing.apart || standing.follows {
            return Ok(!standing.apart);
        }
        let open = self.sources.peers.open(cx, &[account]).await;
        Ok(unless_away(cx, "accounts", open)?.contains(&account))
    }

    async fn stands(&self, cx: &Cx, reader: Option<AccountId>, account: AccountId) -> Result<Standing> {
        if reader.is_none() {
            return Ok(Standing::default());
        }
        let relationships = self.sources.peers.relationships(cx, &[account]).await?;
        Ok(relationships.first().map(Standing::of).unwrap_or_default())
    }
}

impl From<Option<Cursor>> for Walk {
    fn from(earlier: Option<Cursor>) -> Self {
        Self { top: earlier.map(|c| c.top), before: earlier.map(|c| c.before), above: Vec::new(), earlier }
    }
}

impl Walk {
    fn cursor(&self) -> Option<Cursor> {
        Some(Cursor { top: self.top?, before: self.before? })
    }
}

/// What a peer said; nothing, and the answer says so, while it is away.
fn unless_away<T: Default>(cx: &Cx, peer: &str, said: Result<T>) -> Result<T> {
    match said {
        Err(error) if error.is_transient() => {
            cx.degraded(peer);
            Ok(T::default())
        }
        said => said,
    }
}

pub(super) fn admitted(rules: &Rules, entry: &Entry, posts: &HashMap<PostId, Post>) -> Option<Item> {
    let post = posts.get(&entry.post).filter(|post| rules.admit(entry, post))?;
    Some(Item { entry: *entry, post: post.clone() })
}

/// The accounts but the reader whom the rules ask about, each once, by rising id.
fn concerned(
    reader: Option<AccountId>,
    entries: &[Entry],
    posts: &HashMap<PostId, Post>,
    parents: &HashMap<PostId, AccountId>,
) -> Vec<AccountId> {
    let shown = entries.iter().filter(|e| Some(e.by) != reader).filter_map(|e| Some((e.by, posts.get(&e.post)?)));
    let pairs = shown.flat_map(|(by, post)| [by, AccountId(post.author_id)]);
    let mut accounts: Vec<AccountId> =
        pairs.chain(parents.values().copied()).filter(|account| Some(*account) != reader).collect();
    accounts.sort_unstable();
    accounts.dedup();
    accounts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_ask_once_about_each_account_that_they_concern() {
        let by = |id: i64, author_id| (PostId(id), Post { post_id: id, author_id, ..Post::default() });
        let posts = HashMap::from([by(10, 2), by(11, 3), by(12, 5), by(13, 7)]);
        let own = [Entry::post(PostId(13), AccountId(7)), Entry::repost(PostId(23), AccountId(7), PostId(12))];
        let repost = Entry::repost(PostId(20), AccountId(3), PostId(10));
        let hidden = Entry::post(PostId(14), AccountId(9));
        let entries = [own[0], own[1], repost, Entry::post(PostId(11), AccountId(3)), hidden];
        let parents = HashMap::from([(PostId(1), AccountId(4)), (PostId(13), AccountId(7))]);
        assert_eq!(concerned(Some(AccountId(7)), &entries, &posts, &parents), [2, 3, 4].map(AccountId));
    }
}
