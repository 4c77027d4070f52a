//! What feeds ask of the other services.

use std::collections::{HashMap, HashSet};

use futures::FutureExt as _;
use plaza_core::{AccountId, Caller, Cx, PostId, Result, reason};
use plaza_proto::accounts::v1::{
    AccountsService as _, AccountsServiceClient, BatchGetAccountsRequest, GetPreferencesRequest, ListAccountIdsRequest,
};
use plaza_proto::graph::v1::{
    BatchGetRelationshipsRequest, GetListRequest, GraphService as _, GraphServiceClient, ListFollowerIdsRequest,
    ListFollowingIdsRequest, ListListMemberIdsRequest, ListListsRequest, ListMutedWordsRequest, MutedWord,
    Relationship,
};
use plaza_proto::posts::v1::{
    BatchGetPostsRequest, ListPostRefsRequest, ListPostsByHashtagRequest, ListPostsByHashtagResponse, Post, PostRef,
    PostsService as _, PostsServiceClient,
};

use super::{Entry, merge, together};

/// The name under which feeds call others.
pub(crate) const NAME: &str = "feeds";
/// The most ids of followers or followed accounts that graph gives at once.
const IDS_PAGE: usize = 5_000;
/// The most authors that posts takes at once for references.
const REF_AUTHORS: usize = 5_000;
/// The most references that posts gives at once.
pub(crate) const MAX_REFS: usize = 1_000;
/// The most ids in a batch read of posts and of relationships.
pub(crate) const MAX_BATCH: usize = 100;
/// The most words that graph gives at once.
const WORDS_PAGE: usize = 1_000;
/// The most account ids that accounts gives at once.
pub(crate) const ACCOUNTS_PAGE: usize = 1_000;

/// The services that feeds follow.
#[derive(Clone)]
pub(crate) struct Peers {
    posts: PostsServiceClient,
    graph: GraphServiceClient,
    accounts: AccountsServiceClient,
}

impl Peers {
    pub(crate) fn new(posts: PostsServiceClient, graph: GraphServiceClient, accounts: AccountsServiceClient) -> Self {
        Self { posts: posts.as_service(NAME), graph: graph.as_service(NAME), accounts: accounts.as_service(NAME) }
    }

    /// The followers of `author` by rising id, or `None` if there are more than `most`.
    pub(crate) async fn followers(&self, cx: &Cx, author: AccountId, most: usize) -> Result<Option<Vec<AccountId>>> {
        let mut followers = Vec::new();
        loop {
            let after_id = followers.last().map_or(0, |id: &AccountId| id.0);
            let asked = IDS_PAGE.min(most + 1 - followers.len());
            let req = ListFollowerIdsRequest { account_id: author.0, after_id, page_size: int(asked) };
            let page = self.graph.list_follower_ids(cx, req).await?.account_ids;
            followers.extend(page.iter().map(|id| AccountId(*id)));
            if followers.len() > most {
                return Ok(None);
            }
            if page.len() < asked {
                return Ok(Some(followers));
            }
        }
    }

    /// Whom `account` follows, by rising id.
    pub(crate) async fn following(&self, cx: &Cx, account: AccountId) -> Result<Vec<AccountId>> {
        all_ids(|after_id| async move {
            let req = ListFollowingIdsRequest { account_id: account.0, after_id, page_size: int(IDS_PAGE) };
            Ok(self.graph.list_following_ids(cx, req).await?.account_ids)
        })
        .await
    }

    /// Who is on the list, by rising id, if the caller may see it.
    pub(crate) async fn list(&self, cx: &Cx, list_id: i64) -> Result<Vec<AccountId>> {
        self.graph.get_list(cx, GetListRequest { list_id }).await?;
        self.members(cx, list_id).await
    }

    /// Who is on exclusive lists of `owner`, who must be the caller; by rising id.
    pub(crate) async fn exclusive(&self, cx: &Cx, owner: AccountId) -> Result<Vec<AccountId>> {
        let (mut exclusive, mut page_token) = (Vec::new(), String::new());
        loop {
            let req = ListListsRequest { account_id: owner.0, page_size: int(MAX_BATCH), page_token };
            let page = self.graph.list_lists(cx, req).await?;
            exclusive.extend(page.lists.iter().filter(|list| list.exclusive).map(|list| list.list_id));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let lists = exclusive.into_iter().map(|list| self.members(cx, list).boxed());
        let mut members = together(lists.collect()).await?.concat();
        members.sort_unstable();
        members.dedup();
        Ok(members)
    }

    /// The words that the caller mutes.
    pub(crate) async fn muted_words(&self, cx: &Cx) -> Result<Vec<MutedWord>> {
        let (mut words, mut page_token) = (Vec::new(), String::new());
        loop {
            let req = ListMutedWordsRequest { page_size: int(WORDS_PAGE), page_token };
            let page = self.graph.list_muted_words(cx, req).await?;
            words.extend(page.muted_words);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(words);
            }
        }
    }

    /// The languages that `reader`, who must be the caller, reads; of an account that is gone, all.
    pub(crate) async fn reading_languages(&self, cx: &Cx, reader: AccountId) -> Result<Vec<String>> {
        match self.accounts.get_preferences(cx, GetPreferencesRequest { account_id: reader.0 }).await {
            Ok(answer) => Ok(answer.preferences.unwrap_or_default().reading_languages),
            Err(error) if error.is(reason::ACCOUNT_NOT_FOUND) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn members(&self, cx: &Cx, list_id: i64) -> Result<Vec<AccountId>> {
        all_ids(|after_id| async move {
            let req = ListListMemberIdsRequest { list_id, after_id, page_size: int(IDS_PAGE) };
            Ok(self.graph.list_list_member_ids(cx, req).await?.account_ids)
        })
        .await
    }

    /// The newest posts and reposts of `authors` below `before`, falling; fewer than `limit` (at most [`MAX_REFS`]) when
    /// there are no more.
    pub(crate) async fn refs(
        &self,
        cx: &Cx,
        authors: &[AccountId],
        before: Option<PostId>,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        let limit = limit.min(MAX_REFS);
        if authors.len() <= REF_AUTHORS {
            return self.refs_of_some(cx, authors, before, limit).await;
        }
        let chunks = authors.chunks(REF_AUTHORS).map(|chunk| self.refs_of_some(cx, chunk, before, limit).boxed());
        Ok(merge(together(chunks.collect()).await?, limit))
    }

    async fn refs_of_some(
        &self,
        cx: &Cx,
        authors: &[AccountId],
        before: Option<PostId>,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        if authors.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let author_ids = authors.iter().map(|id| id.0).collect();
        let before_id = before.map_or(0, PostId::get);
        let req = ListPostRefsRequest { author_ids, before_id, page_size: int(limit), include_reposts: true };
        let refs = self.posts.list_post_refs(cx, req).await?.refs;
        Ok(refs.iter().map(entry).collect())
    }

    /// Those of `posts`, and reposts, that do not exist (any more).
    pub(crate) async fn missing(&self, cx: &Cx, posts: &[Entry]) -> Result<Vec<Entry>> {
        let (Some(newest), Some(oldest)) = (posts.iter().map(|e| e.place).max(), posts.iter().map(|e| e.place).min())
        else {
            return Ok(Vec::new());
        };
        let mut authors: Vec<AccountId> = posts.iter().map(|e| e.by).collect();
        authors.sort_unstable();
        authors.dedup();
        let limit = (posts.len() * 2).clamp(20, MAX_REFS);
        let mut refs = self.refs(cx, &authors, Some(PostId(newest.0.saturating_add(1))), limit).await?;
        // Known down to here; what lies below is looked up one by one, which an old event that came again needs.
        let known_to = if refs.len() < limit { oldest } else { refs.last().map_or(newest, |e| e.place) };
        refs.sort_unstable();
        let (known, older): (Vec<Entry>, Vec<Entry>) = posts.iter().partition(|e| e.place >= known_to);
        let mut missing: Vec<Entry> = known.into_iter().filter(|e| refs.binary_search(e).is_err()).collect();
        let look_ups = older.into_iter().map(|entry| self.missing_one(cx, entry).boxed());
        missing.extend(together(look_ups.collect()).await?.into_iter().flatten());
        Ok(missing)
    }

    async fn missing_one(&self, cx: &Cx, entry: Entry) -> Result<Option<Entry>> {
        let next = self.refs(cx, &[entry.by], Some(PostId(entry.place.0.saturating_add(1))), 1).await?;
        Ok((next.first() != Some(&entry)).then_some(entry))
    }

    /// How the caller stands to accounts, in order.
    pub(crate) async fn relationships(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<Relationship>> {
        let calls = accounts.chunks(MAX_BATCH).map(|some| {
            let req = BatchGetRelationshipsRequest { account_ids: some.iter().map(|id| id.0).collect() };
            async move { Ok(self.graph.batch_get_relationships(cx, req).await?.relationships) }.boxed()
        });
        Ok(together(calls.collect()).await?.concat())
    }

    /// Those of the posts that the caller may see; some of them more than once, or many, is no matter.
    pub(crate) async fn posts(&self, cx: &Cx, ids: impl Iterator<Item = PostId>) -> Result<HashMap<PostId, Post>> {
        let mut ids: Vec<i64> = ids.map(PostId::get).filter(|id| *id > 0).collect();
        ids.sort_unstable();
        ids.dedup();
        let calls = ids.chunks(MAX_BATCH).map(|some| {
            let req = BatchGetPostsRequest { post_ids: some.to_vec() };
            async move { Ok(self.posts.batch_get_posts(cx, req).await?.posts) }.boxed()
        });
        let posts = together(calls.collect()).await?;
        Ok(posts.into_iter().flatten().map(|post| (PostId(post.post_id), post)).collect())
    }

    /// A page of the posts under hashtags that the caller may see.
    pub(crate) async fn tagged(&self, cx: &Cx, req: ListPostsByHashtagRequest) -> Result<ListPostsByHashtagResponse> {
        self.posts.list_posts_by_hashtag(cx, req).await
    }

    /// Those of the accounts that are there and let everybody see what they post.
    pub(crate) async fn open(&self, cx: &Cx, accounts: &[AccountId]) -> Result<HashSet<AccountId>> {
        let calls = accounts.chunks(MAX_BATCH).map(|some| {
            let account_ids = some.iter().map(|id| id.0).collect();
            let req = BatchGetAccountsRequest { account_ids, ..BatchGetAccountsRequest::default() };
            async move { Ok(self.accounts.batch_get_accounts(cx, req).await?.accounts) }.boxed()
        });
        let found = together(calls.collect()).await?.into_iter().flatten();
        Ok(found.filter(|account| !account.protected).map(|account| AccountId(account.account_id)).collect())
    }

    /// Up to `limit` ids of accounts above `after`; none at the end.
    pub(crate) async fn accounts(&self, cx: &Cx, after: i64, limit: usize) -> Result<Vec<AccountId>> {
        let req = ListAccountIdsRequest { after_id: after, page_size: int(limit.min(ACCOUNTS_PAGE)) };
        Ok(self.accounts.list_account_ids(cx, req).await?.account_ids.into_iter().map(AccountId).collect())
    }
}

/// All ids of a list in pages of [`IDS_PAGE`] by rising id, of which `page` gives the one after an id.
async fn all_ids<F: Future<Output = Result<Vec<i64>>>>(page: impl Fn(i64) -> F) -> Result<Vec<AccountId>> {
    let mut all = Vec::new();
    loop {
        let ids = page(all.last().map_or(0, |id: &AccountId| id.0)).await?;
        all.extend(ids.iter().map(|id| AccountId(*id)));
        if ids.len() < IDS_PAGE {
            return Ok(all);
        }
    }
}

/// A context in which feeds act for `account`, within the time and trace of `cx`, asking for as much as `cx` asks.
pub(crate) fn acting_for(cx: &Cx, account: AccountId) -> Cx {
    let caller = Caller { account: Some(account), ..Caller::service(NAME) };
    Cx::new(caller, cx.deadline()).with_trace(cx.trace()).with_token(cx.token().clone())
}

fn entry(found: &PostRef) -> Entry {
    match *found {
        PostRef { post_id, author_id, repost_id: 0, .. } => Entry::post(PostId(post_id), AccountId(author_id)),
        PostRef { post_id, repost_id, reposter_id, .. } => {
            Entry::repost(PostId(repost_id), AccountId(reposter_id), PostId(post_id))
        }
    }
}

fn int(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
