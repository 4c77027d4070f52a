//! Posts, graph and accounts, played by a [`World`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Error, Result, Timestamp, reason};
use plaza_proto::accounts::v1 as accounts;
use plaza_proto::accounts::v1::AccountsService;
use plaza_proto::graph::v1 as graph;
use plaza_proto::graph::v1::GraphService;
use plaza_proto::posts::v1 as posts;
use plaza_proto::posts::v1::PostsService;

use crate::world::{FakeList, FakeMute, FakePost, Placed, State, World};

/// The world behind the services' traits.
#[derive(Clone)]
pub(crate) struct Fake(pub(crate) Arc<World>);

fn unused<T>() -> Result<T> {
    Err(Error::new(reason::METHOD_UNKNOWN))
}

fn by_service(cx: &Cx) -> Result<()> {
    if cx.caller().service == Some("feeds") { Ok(()) } else { Err(Error::new(reason::PERMISSION_DENIED)) }
}

fn bounded(count: usize, most: usize) -> Result<()> {
    if (1..=most).contains(&count) { Ok(()) } else { Err(Error::invalid_field("ids", "out of bounds")) }
}

fn size(page_size: i32, most: usize) -> usize {
    usize::try_from(page_size).unwrap().min(most)
}

fn shown(state: &State, viewer: Option<i64>, post_id: i64, post: FakePost) -> posts::Post {
    let reposts = state.reposts.values().filter(|r| r.post == post_id).count();
    let likes = state.likes.iter().filter(|(_, liked)| *liked == post_id).count();
    let replies = state.posts.values().filter(|reply| reply.reply_to == post_id).count();
    posts::Post {
        post_id,
        author_id: post.author,
        like_count: i64::try_from(likes).unwrap(),
        liked: viewer.is_some_and(|viewer| state.likes.contains(&(viewer, post_id))),
        reply_count: i64::try_from(replies).unwrap(),
        text: post.text.to_owned(),
        language: post.language.to_owned(),
        reply_to_id: post.reply_to,
        edit_count: post.edits,
        repost_count: i64::try_from(reposts).unwrap(),
        ..posts::Post::default()
    }
}

fn reference(state: &State, Placed { place, by, post }: Placed) -> posts::PostRef {
    if place == post {
        return posts::PostRef { post_id: post, author_id: by, ..posts::PostRef::default() };
    }
    posts::PostRef { post_id: post, author_id: state.posts[&post].author, repost_id: place, reposter_id: by }
}

#[async_trait]
impl PostsService for Fake {
    async fn batch_get_posts(&self, cx: &Cx, req: posts::BatchGetPostsRequest) -> Result<posts::BatchGetPostsResponse> {
        self.0.calls.posts.fetch_add(1, Ordering::SeqCst);
        self.0.posts_faults.check().await?;
        bounded(req.post_ids.len(), 100)?;
        let state = self.0.state.lock();
        let viewer = cx.viewer().map(AccountId::get);
        let visible = |id: &i64| {
            state.posts.get(id).filter(|p| state.visible(viewer, **p)).map(|p| shown(&state, viewer, *id, *p))
        };
        Ok(posts::BatchGetPostsResponse { posts: req.post_ids.iter().filter_map(visible).collect() })
    }

    async fn list_post_refs(&self, cx: &Cx, req: posts::ListPostRefsRequest) -> Result<posts::ListPostRefsResponse> {
        self.0.calls.refs.fetch_add(1, Ordering::SeqCst);
        by_service(cx)?;
        bounded(req.author_ids.len(), 5_000)?;
        let below = if req.before_id == 0 { i64::MAX } else { req.before_id };
        let refs = {
            let state = self.0.state.lock();
            let wanted = |p: &Placed| p.place < below && req.author_ids.contains(&p.by);
            let wanted = |p: &Placed| wanted(p) && (req.include_reposts || p.place == p.post);
            let found = state.placed(false).into_iter().filter(wanted).map(|p| reference(&state, p));
            found.take(size(req.page_size, 1_000)).collect()
        };
        // A call that is held up has read what was there when it came.
        self.0.posts_faults.check().await?;
        Ok(posts::ListPostRefsResponse { refs })
    }

    async fn list_posts_by_hashtag(
        &self,
        cx: &Cx,
        req: posts::ListPostsByHashtagRequest,
    ) -> Result<posts::ListPostsByHashtagResponse> {
        self.0.calls.posts.fetch_add(1, Ordering::SeqCst);
        self.0.posts_faults.check().await?;
        by_service(cx)?;
        let (state, viewer) = (self.0.state.lock(), cx.viewer().map(AccountId::get));
        let any = [vec![req.hashtag], req.any_of].concat();
        let below = if req.page_token.is_empty() { i64::MAX } else { req.page_token.parse().unwrap() };
        let listed = |post: &FakePost| state.tagged(post, &any, &req.all_of, &req.none_of);
        let ids: Vec<i64> =
            state.posts.range(..below).rev().filter(|(_, post)| listed(post)).map(|(id, _)| *id).collect();
        let page = &ids[..ids.len().min(size(req.page_size, 100))];
        let last = page.last().filter(|_| page.len() < ids.len());
        let next_page_token = last.map(i64::to_string).unwrap_or_default();
        let seen = page.iter().map(|id| (*id, state.posts[id])).filter(|(_, post)| state.visible(viewer, *post));
        let posts = seen.map(|(id, post)| shown(&state, viewer, id, post)).collect();
        Ok(posts::ListPostsByHashtagResponse { posts, next_page_token })
    }

    async fn create_post(&self, _: &Cx, _: posts::CreatePostRequest) -> Result<posts::CreatePostResponse> {
        unused()
    }

    async fn get_post(&self, _: &Cx, _: posts::GetPostRequest) -> Result<posts::GetPostResponse> {
        unused()
    }

    async fn delete_post(&self, _: &Cx, _: posts::DeletePostRequest) -> Result<posts::DeletePostResponse> {
        unused()
    }

    async fn like_post(&self, _: &Cx, _: posts::LikePostRequest) -> Result<posts::LikePostResponse> {
        unused()
    }

    async fn unlike_post(&self, _: &Cx, _: posts::UnlikePostRequest) -> Result<posts::UnlikePostResponse> {
        unused()
    }
}

fn told(list_id: i64, list: &FakeList) -> graph::List {
    let FakeList { owner: owner_id, public, exclusive, .. } = *list;
    graph::List { list_id, owner_id, name: "a list".to_owned(), public, exclusive }
}

fn muting(mute: FakeMute) -> graph::Muting {
    let scopes = graph::MuteScopes { posts: mute.posts, reposts: mute.reposts, notifications: true };
    graph::Muting { scopes: Some(scopes), expire_time: None }
}

#[async_trait]
impl GraphService for Fake {
    async fn batch_get_relationships(
        &self,
        cx: &Cx,
        req: graph::BatchGetRelationshipsRequest,
    ) -> Result<graph::BatchGetRelationshipsResponse> {
        self.0.calls.relationships.fetch_add(1, Ordering::SeqCst);
        self.0.graph_faults.check().await?;
        by_service(cx)?;
        bounded(req.account_ids.len(), 100)?;
        let (state, viewer) = (self.0.state.lock(), cx.account()?.get());
        let relationship = |account_id: i64| graph::Relationship {
            account_id,
            following: state.follows(viewer, account_id),
            followed_by: state.follows(account_id, viewer),
            blocking: state.blocks.contains(&(viewer, account_id)),
            blocked_by: state.blocks.contains(&(account_id, viewer)),
            muting: state.mute(viewer, account_id, self.0.env.now()).map(muting),
            ..graph::Relationship::default()
        };
        let relationships = req.account_ids.into_iter().map(relationship).collect();
        Ok(graph::BatchGetRelationshipsResponse { relationships })
    }

    async fn list_follower_ids(
        &self,
        cx: &Cx,
        req: graph::ListFollowerIdsRequest,
    ) -> Result<graph::ListFollowerIdsResponse> {
        self.0.calls.lists.fetch_add(1, Ordering::SeqCst);
        self.0.graph_faults.check().await?;
        by_service(cx)?;
        let state = self.0.state.lock();
        let mut ids: Vec<i64> =
            state.follows.iter().filter(|(f, a)| *a == req.account_id && *f > req.after_id).map(|(f, _)| *f).collect();
        ids.sort_unstable();
        ids.truncate(size(req.page_size, 5_000));
        Ok(graph::ListFollowerIdsResponse { account_ids: ids })
    }

    async fn list_following_ids(
        &self,
        cx: &Cx,
        req: graph::ListFollowingIdsRequest,
    ) -> Result<graph::ListFollowingIdsResponse> {
        self.0.calls.lists.fetch_add(1, Ordering::SeqCst);
        self.0.graph_faults.check().await?;
        by_service(cx)?;
        let state = self.0.state.lock();
        let following = state.follows.range((req.account_id, req.after_id + 1)..(req.account_id + 1, 0));
        let account_ids = following.map(|(_, a)| *a).take(size(req.page_size, 5_000)).collect();
        Ok(graph::ListFollowingIdsResponse { account_ids })
    }

    async fn get_list(&self, cx: &Cx, req: graph::GetListRequest) -> Result<graph::GetListResponse> {
        self.0.graph_faults.check().await?;
        let (state, viewer) = (self.0.state.lock(), cx.viewer().map(AccountId::get));
        let list = state.lists.get(&req.list_id);
        let open = |list: &&FakeList| {
            list.public && !viewer.is_some_and(|viewer| state.blocks.contains(&(list.owner, viewer)))
        };
        let list = list.filter(|list| viewer == Some(list.owner) || open(list));
        let list = list.ok_or_else(|| Error::new(reason::LIST_NOT_FOUND))?;
        Ok(graph::GetListResponse { list: Some(told(req.list_id, list)) })
    }

    async fn list_lists(&self, cx: &Cx, req: graph::ListListsRequest) -> Result<graph::ListListsResponse> {
        self.0.calls.choices.fetch_add(1, Ordering::SeqCst);
        self.0.graph_faults.check().await?;
        by_service(cx)?;
        let (state, viewer) = (self.0.state.lock(), cx.account()?.get());
        let page = req.page_token.parse().unwrap_or(0);
        let of = state.lists.iter().filter(|(_, list)| list.owner == req.account_id && viewer == req.account_id);
        // Pages of two, whatever was asked for.
        let lists: Vec<graph::List> = of.map(|(id, list)| told(*id, list)).skip(page).collect();
        let next_page_token = if lists.len() > 2 { (page + 2).to_string() } else { String::new() };
        Ok(graph::ListListsResponse { lists: lists.into_iter().take(2).collect(), next_page_token })
    }

    async fn list_list_member_ids(
        &self,
        cx: &Cx,
        req: graph::ListListMemberIdsRequest,
    ) -> Result<graph::ListListMemberIdsResponse> {
        by_service(cx)?;
        self.0.graph_faults.check().await?;
        let state = self.0.state.lock();
        let members = state.lists.get(&req.list_id).into_iter().flat_map(|list| list.members.range(req.after_id + 1..));
        let account_ids = members.copied().take(size(req.page_size, 5_000)).collect();
        Ok(graph::ListListMemberIdsResponse { account_ids })
    }

    async fn list_muted_words(
        &self,
        cx: &Cx,
        _: graph::ListMutedWordsRequest,
    ) -> Result<graph::ListMutedWordsResponse> {
        self.0.graph_faults.check().await?;
        by_service(cx)?;
        let (state, reader) = (self.0.state.lock(), cx.account()?.get());
        let own = state.words.iter().filter(|((account, _), _)| *account == reader);
        let muted = |((_, word), until): (&(i64, &str), &Timestamp)| {
            let (seconds, nanos) = until.seconds_nanos();
            let expire_time = Some(prost_types::Timestamp { seconds, nanos });
            graph::MutedWord { word: (*word).to_owned(), expire_time }
        };
        Ok(graph::ListMutedWordsResponse { muted_words: own.map(muted).collect(), next_page_token: String::new() })
    }

    async fn follow(&self, _: &Cx, _: graph::FollowRequest) -> Result<graph::FollowResponse> {
        unused()
    }

    async fn unfollow(&self, _: &Cx, _: graph::UnfollowRequest) -> Result<graph::UnfollowResponse> {
        unused()
    }

    async fn block(&self, _: &Cx, _: graph::BlockRequest) -> Result<graph::BlockResponse> {
        unused()
    }

    async fn unblock(&self, _: &Cx, _: graph::UnblockRequest) -> Result<graph::UnblockResponse> {
        unused()
    }

    async fn list_followers(&self, _: &Cx, _: graph::ListFollowersRequest) -> Result<graph::ListFollowersResponse> {
        unused()
    }

    async fn list_following(&self, _: &Cx, _: graph::ListFollowingRequest) -> Result<graph::ListFollowingResponse> {
        unused()
    }

    async fn batch_get_counts(&self, _: &Cx, _: graph::BatchGetCountsRequest) -> Result<graph::BatchGetCountsResponse> {
        unused()
    }
}

#[async_trait]
impl AccountsService for Fake {
    async fn list_account_ids(
        &self,
        cx: &Cx,
        req: accounts::ListAccountIdsRequest,
    ) -> Result<accounts::ListAccountIdsResponse> {
        self.0.calls.accounts.fetch_add(1, Ordering::SeqCst);
        by_service(cx)?;
        let state = self.0.state.lock();
        let ids = state.accounts.range(req.after_id + 1..).copied().take(size(req.page_size, 1_000));
        Ok(accounts::ListAccountIdsResponse { account_ids: ids.collect() })
    }

    async fn report_erasure(
        &self,
        cx: &Cx,
        req: accounts::ReportErasureRequest,
    ) -> Result<accounts::ReportErasureResponse> {
        by_service(cx)?;
        self.0.state.lock().receipts.push((req.account_id, req.service, req.kinds));
        Ok(accounts::ReportErasureResponse::default())
    }

    async fn create_account(
        &self,
        _: &Cx,
        _: accounts::CreateAccountRequest,
    ) -> Result<accounts::CreateAccountResponse> {
        unused()
    }

    async fn get_account(&self, _: &Cx, _: accounts::GetAccountRequest) -> Result<accounts::GetAccountResponse> {
        unused()
    }

    async fn get_account_by_handle(
        &self,
        _: &Cx,
        _: accounts::GetAccountByHandleRequest,
    ) -> Result<accounts::GetAccountByHandleResponse> {
        unused()
    }

    async fn batch_get_accounts(
        &self,
        cx: &Cx,
        req: accounts::BatchGetAccountsRequest,
    ) -> Result<accounts::BatchGetAccountsResponse> {
        by_service(cx)?;
        self.0.accounts_faults.check().await?;
        let state = self.0.state.lock();
        let there = req.account_ids.into_iter().filter(|id| state.accounts.contains(id));
        let account = |account_id| accounts::Account {
            account_id,
            protected: state.protected.contains(&account_id),
            ..accounts::Account::default()
        };
        Ok(accounts::BatchGetAccountsResponse { accounts: there.map(account).collect() })
    }

    async fn get_preferences(
        &self,
        cx: &Cx,
        req: accounts::GetPreferencesRequest,
    ) -> Result<accounts::GetPreferencesResponse> {
        by_service(cx)?;
        self.0.accounts_faults.check().await?;
        let state = self.0.state.lock();
        if !state.accounts.contains(&req.account_id) || cx.account()?.get() != req.account_id {
            return Err(Error::new(reason::ACCOUNT_NOT_FOUND));
        }
        let languages = state.languages.get(&req.account_id).into_iter().flatten();
        let reading_languages = languages.map(|tag| (*tag).to_owned()).collect();
        let preferences = accounts::Preferences { reading_languages, ..accounts::Preferences::default() };
        Ok(accounts::GetPreferencesResponse { preferences: Some(preferences) })
    }

    async fn update_profile(
        &self,
        _: &Cx,
        _: accounts::UpdateProfileRequest,
    ) -> Result<accounts::UpdateProfileResponse> {
        unused()
    }

    async fn delete_account(
        &self,
        _: &Cx,
        _: accounts::DeleteAccountRequest,
    ) -> Result<accounts::DeleteAccountResponse> {
        unused()
    }

    async fn verify_password(
        &self,
        _: &Cx,
        _: accounts::VerifyPasswordRequest,
    ) -> Result<accounts::VerifyPasswordResponse> {
        unused()
    }
}
