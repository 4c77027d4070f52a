//! Feeds of hashtags: what posts lists under them, without what the reader is spared.

use std::collections::{BTreeSet, HashMap};

use plaza_core::{AccountId, Cx, PostId, Result};
use plaza_proto::posts::v1::{ListPostsByHashtagRequest, Post};

use super::rules::{Of, Rules};
use super::{Entry, Pages, Taste};

/// After this many pages of posts a page is served as short as it is. Each holds as many as are still wanted, since posts
/// alone knows where it goes on.
const ROUNDS: usize = 10;

impl Pages {
    /// The next `size` posts of the list, and the token with which it goes on; empty at its end.
    pub(crate) async fn tagged(
        &self,
        cx: &Cx,
        mut list: ListPostsByHashtagRequest,
        size: usize,
    ) -> Result<(Vec<Post>, String)> {
        let (mut shown, taste) = (Vec::new(), self.taste(cx, cx.viewer()).await?);
        for _ in 0..ROUNDS {
            list.page_size = i32::try_from(size - shown.len()).unwrap_or(i32::MAX);
            let page = self.sources.peers.tagged(cx, list.clone()).await?;
            let rules = self.rules_of_tagged(cx, taste.clone(), &page.posts).await?;
            shown.extend(page.posts.into_iter().filter(|post| rules.admit(&at_its_place(post), post)));
            list.page_token = page.next_page_token;
            if list.page_token.is_empty() || shown.len() >= size {
                break;
            }
        }
        Ok((shown, list.page_token))
    }

    async fn rules_of_tagged(&self, cx: &Cx, taste: Taste, posts: &[Post]) -> Result<Rules> {
        let reader = cx.viewer();
        let authors: BTreeSet<AccountId> = posts.iter().map(|post| AccountId(post.author_id)).collect();
        let authors: Vec<AccountId> = authors.into_iter().filter(|author| Some(*author) != reader).collect();
        let standings = self.standings(cx, reader, &authors, true).await?;
        Ok(Rules { standings, parents: HashMap::new(), taste, of: Of::Hashtags })
    }
}

fn at_its_place(post: &Post) -> Entry {
    Entry::post(PostId(post.post_id), AccountId(post.author_id))
}
