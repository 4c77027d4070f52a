//! A page of the home feed: skeleton, then rules, then hydrate, until the page is full or the feed ends.

use std::sync::Arc;

use plaza_core::{AccountId, Cx, PostId, Result};
use plaza_proto::graph::v1::Relationship;
use plaza_proto::posts::v1::Post;

use super::peers::MAX_BATCH;
use super::skeleton::Sources;
use super::{Entry, Peers, Relations};

/// After this many rounds a page is served as short as it is.
const ROUNDS: usize = 6;
/// How many candidates a further round examines at least: most of the first were not fit to be shown.
const FURTHER: usize = 20;

/// A page that can be shown.
pub(crate) struct HomePage {
    /// Newest first.
    pub(crate) posts: Vec<Post>,
    /// The next page has what is below this post; `None` at the end of the feed.
    pub(crate) next: Option<PostId>,
}

/// Makes pages of home feeds, and checks what goes into live ones.
pub(crate) struct Home {
    sources: Sources,
    peers: Peers,
    relations: Arc<Relations>,
}

impl Home {
    pub(crate) fn new(sources: Sources) -> Self {
        let (peers, relations) = (sources.peers.clone(), sources.relations.clone());
        Self { sources, peers, relations }
    }

    /// The newest `size` posts below `before`. Shorter than asked for if most candidates were hidden; `next` says whether
    /// the feed goes on.
    pub(crate) async fn page(
        &self,
        cx: &Cx,
        owner: AccountId,
        before: Option<PostId>,
        size: usize,
    ) -> Result<HomePage> {
        let (mut posts, mut cursor) = (Vec::new(), before);
        for round in 0..ROUNDS {
            let wanted = size - posts.len();
            let examined = if round == 0 { wanted } else { wanted.max(FURTHER) }.min(MAX_BATCH);
            // One more than is examined tells whether the feed goes on.
            let mut entries = self.sources.skeleton(cx, owner, cursor, examined + 1).await?;
            let goes_on = entries.len() > examined;
            entries.truncate(examined);
            let mut shown = self.visible(cx, owner, &entries).await?;
            let left_over = shown.len() > wanted;
            shown.truncate(wanted);
            cursor =
                if left_over { shown.last().map(|post| PostId(post.post_id)) } else { entries.last().map(|e| e.post) };
            if posts.is_empty() {
                posts = shown;
            } else {
                posts.append(&mut shown);
            }
            if !goes_on && !left_over {
                return Ok(HomePage { posts, next: None });
            }
            if posts.len() >= size {
                break;
            }
        }
        Ok(HomePage { posts, next: cursor })
    }

    /// Sees to it that it is known here whom the owner follows. It spares a live feed posts that are not for it, and a page
    /// can be read while graph is away, also one of a feed that another process built.
    pub(crate) async fn prepare(&self, cx: &Cx, owner: AccountId) {
        if let Err(error) = self.relations.learn(cx, owner).await {
            tracing::debug!(%owner, %error, "it is not known whom a reader follows");
        }
    }

    /// Of at most [`MAX_BATCH`] candidates the posts that the owner's feed may show now, in order.
    pub(crate) async fn visible(&self, cx: &Cx, owner: AccountId, entries: &[Entry]) -> Result<Vec<Post>> {
        let authors = others(owner, entries);
        let allowed = self.allowed(cx, owner, &authors).await?;
        let may =
            |entry: &Entry| entry.author == owner || authors.binary_search(&entry.author).is_ok_and(|at| allowed[at]);
        if entries.iter().all(may) {
            return self.peers.posts(cx, entries).await;
        }
        let kept: Vec<Entry> = entries.iter().copied().filter(may).collect();
        self.peers.posts(cx, &kept).await
    }

    /// For each author whether the owner follows them and neither blocks the other.
    async fn allowed(&self, cx: &Cx, owner: AccountId, authors: &[AccountId]) -> Result<Vec<bool>> {
        let error = match self.peers.relationships(cx, authors).await {
            Ok(relationships) if relationships.len() == authors.len() => {
                if !authors.is_empty() && self.relations.following_known(owner).is_none() {
                    self.prepare(cx, owner).await;
                }
                return Ok(relationships.iter().map(shows).collect());
            }
            Ok(_) => return Err(plaza_core::Error::internal("not one relationship for each author")),
            Err(error) => error,
        };
        // Without graph: whom the owner was last known to follow. A block ends follows, so no blocked account is there.
        match self.relations.following_known(owner).filter(|_| error.is_transient()) {
            Some(following) => {
                cx.degraded("graph");
                Ok(authors.iter().map(|author| following.binary_search(author).is_ok()).collect())
            }
            None => Err(error),
        }
    }
}

fn shows(relationship: &Relationship) -> bool {
    relationship.following && !relationship.blocking && !relationship.blocked_by
}

/// The authors but the owner, each once, by rising id.
fn others(owner: AccountId, entries: &[Entry]) -> Vec<AccountId> {
    let mut authors: Vec<AccountId> = entries.iter().map(|e| e.author).filter(|author| *author != owner).collect();
    authors.sort_unstable();
    authors.dedup();
    authors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_followed_account_shows_unless_either_blocks() {
        let followed = Relationship { following: true, ..Relationship::default() };
        assert!(shows(&followed));
        for hidden in [
            Relationship::default(),
            Relationship { blocking: true, ..followed },
            Relationship { blocked_by: true, ..followed },
        ] {
            assert!(!shows(&hidden), "{hidden:?}");
        }
    }

    #[test]
    fn relationships_are_asked_once_for_each_other_author() {
        let by = |author| Entry { post: PostId(author), author: AccountId(author) };
        assert_eq!(others(AccountId(2), &[by(3), by(2), by(1), by(3)]), [AccountId(1), AccountId(3)]);
    }
}
