//! Posts, graph and accounts, played by a [`World`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Error, Result, reason};
use plaza_proto::accounts::v1 as accounts;
use plaza_proto::accounts::v1::AccountsService;
use plaza_proto::graph::v1 as graph;
use plaza_proto::graph::v1::GraphService;
use plaza_proto::posts::v1 as posts;
use plaza_proto::posts::v1::PostsService;

use crate::world::{FakePost, World};

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

fn shown(post_id: i64, post: FakePost) -> posts::Post {
    posts::Post { post_id, author_id: post.author, text: format!("post {post_id}"), ..posts::Post::default() }
}

#[async_trait]
impl PostsService for Fake {
    async fn batch_get_posts(&self, cx: &Cx, req: posts::BatchGetPostsRequest) -> Result<posts::BatchGetPostsResponse> {
        self.0.calls.posts.fetch_add(1, Ordering::SeqCst);
        self.0.posts_faults.check().await?;
        bounded(req.post_ids.len(), 100)?;
        let state = self.0.state.lock();
        let viewer = cx.viewer().map(AccountId::get);
        let visible = |id: &i64| state.posts.get(id).filter(|p| state.visible(viewer, **p)).map(|p| shown(*id, *p));
        Ok(posts::BatchGetPostsResponse { posts: req.post_ids.iter().filter_map(visible).collect() })
    }

    async fn list_post_refs(&self, cx: &Cx, req: posts::ListPostRefsRequest) -> Result<posts::ListPostRefsResponse> {
        self.0.calls.refs.fetch_add(1, Ordering::SeqCst);
        by_service(cx)?;
        bounded(req.author_ids.len(), 5_000)?;
        let below = if req.before_id == 0 { i64::MAX } else { req.before_id };
        let refs = {
            let state = self.0.state.lock();
            let found = state.posts.range(..below).rev().filter(|(_, p)| req.author_ids.contains(&p.author));
            let found =
                found.map(|(id, p)| posts::PostRef { post_id: *id, author_id: p.author, ..posts::PostRef::default() });
            found.take(size(req.page_size, 1_000)).collect()
        };
        // A call that is held up has read what was there when it came.
        self.0.posts_faults.check().await?;
        Ok(posts::ListPostRefsResponse { refs })
    }

    async fn list_posts_by_author(
        &self,
        cx: &Cx,
        req: posts::ListPostsByAuthorRequest,
    ) -> Result<posts::ListPostsByAuthorResponse> {
        self.0.posts_faults.check().await?;
        let state = self.0.state.lock();
        let viewer = cx.viewer().map(AccountId::get);
        let below = req.page_token.parse().unwrap_or(i64::MAX);
        let found = state.posts.range(..below).rev().filter(|(_, p)| p.author == req.author_id);
        let found = found.filter(|(_, p)| state.visible(viewer, **p)).map(|(id, p)| shown(*id, *p));
        let page: Vec<posts::Post> = found.take(size(req.page_size, 100)).collect();
        let next_page_token = page.last().map(|p| p.post_id.to_string()).unwrap_or_default();
        Ok(posts::ListPostsByAuthorResponse { posts: page, next_page_token, ..Default::default() })
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
        _: &Cx,
        _: accounts::BatchGetAccountsRequest,
    ) -> Result<accounts::BatchGetAccountsResponse> {
        unused()
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
