//! The RPCs, one file each.

mod batch_get_posts;
mod bookmark_post;
mod choices;
mod create_post;
mod delete_post;
mod get_post;
mod like_post;
mod list_bookmarks;
mod list_likers;
mod list_post_refs;
mod list_posts_by_author;
mod list_quotes;
mod list_reposters;
mod marking;
mod mentions;
mod repost;
mod unbookmark_post;
mod undo_repost;
mod unlike_post;
mod view;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::page::Pager;
use plaza_core::{Cx, Result};
use plaza_proto::accounts::v1::AccountsServiceClient;
use plaza_proto::graph::v1::GraphServiceClient;
use plaza_proto::posts::v1::{
    BatchGetPostsRequest, BatchGetPostsResponse, BookmarkPostRequest, BookmarkPostResponse, CreatePostRequest,
    CreatePostResponse, DeletePostRequest, DeletePostResponse, GetPostRequest, GetPostResponse, LikePostRequest,
    LikePostResponse, ListBookmarksRequest, ListBookmarksResponse, ListLikersRequest, ListLikersResponse,
    ListPostRefsRequest, ListPostRefsResponse, ListPostsByAuthorRequest, ListPostsByAuthorResponse, ListQuotesRequest,
    ListQuotesResponse, ListRepostersRequest, ListRepostersResponse, PostsService, RepostRequest, RepostResponse,
    UnbookmarkPostRequest, UnbookmarkPostResponse, UndoRepostRequest, UndoRepostResponse, UnlikePostRequest,
    UnlikePostResponse,
};

use crate::projections::Authors;
use crate::store::PostStore;

/// What the RPCs work with.
pub(crate) struct Handler {
    pub(crate) store: Arc<dyn PostStore>,
    pub(crate) graph: GraphServiceClient,
    pub(crate) accounts: AccountsServiceClient,
    pub(crate) authors: Arc<Authors>,
    pub(crate) pager: Pager,
}

#[async_trait]
impl PostsService for Handler {
    async fn create_post(&self, cx: &Cx, req: CreatePostRequest) -> Result<CreatePostResponse> {
        create_post::create_post(self, cx, req).await
    }

    async fn get_post(&self, cx: &Cx, req: GetPostRequest) -> Result<GetPostResponse> {
        get_post::get_post(self, cx, req).await
    }

    async fn batch_get_posts(&self, cx: &Cx, req: BatchGetPostsRequest) -> Result<BatchGetPostsResponse> {
        batch_get_posts::batch_get_posts(self, cx, req).await
    }

    async fn delete_post(&self, cx: &Cx, req: DeletePostRequest) -> Result<DeletePostResponse> {
        delete_post::delete_post(self, cx, req).await
    }

    async fn list_posts_by_author(&self, cx: &Cx, req: ListPostsByAuthorRequest) -> Result<ListPostsByAuthorResponse> {
        list_posts_by_author::list_posts_by_author(self, cx, req).await
    }

    async fn like_post(&self, cx: &Cx, req: LikePostRequest) -> Result<LikePostResponse> {
        like_post::like_post(self, cx, req).await
    }

    async fn unlike_post(&self, cx: &Cx, req: UnlikePostRequest) -> Result<UnlikePostResponse> {
        unlike_post::unlike_post(self, cx, req).await
    }

    async fn repost(&self, cx: &Cx, req: RepostRequest) -> Result<RepostResponse> {
        repost::repost(self, cx, req).await
    }

    async fn undo_repost(&self, cx: &Cx, req: UndoRepostRequest) -> Result<UndoRepostResponse> {
        undo_repost::undo_repost(self, cx, req).await
    }

    async fn bookmark_post(&self, cx: &Cx, req: BookmarkPostRequest) -> Result<BookmarkPostResponse> {
        bookmark_post::bookmark_post(self, cx, req).await
    }

    async fn unbookmark_post(&self, cx: &Cx, req: UnbookmarkPostRequest) -> Result<UnbookmarkPostResponse> {
        unbookmark_post::unbookmark_post(self, cx, req).await
    }

    async fn list_bookmarks(&self, cx: &Cx, req: ListBookmarksRequest) -> Result<ListBookmarksResponse> {
        list_bookmarks::list_bookmarks(self, cx, req).await
    }

    async fn list_likers(&self, cx: &Cx, req: ListLikersRequest) -> Result<ListLikersResponse> {
        list_likers::list_likers(self, cx, req).await
    }

    async fn list_reposters(&self, cx: &Cx, req: ListRepostersRequest) -> Result<ListRepostersResponse> {
        list_reposters::list_reposters(self, cx, req).await
    }

    async fn list_quotes(&self, cx: &Cx, req: ListQuotesRequest) -> Result<ListQuotesResponse> {
        list_quotes::list_quotes(self, cx, req).await
    }

    async fn list_post_refs(&self, cx: &Cx, req: ListPostRefsRequest) -> Result<ListPostRefsResponse> {
        list_post_refs::list_post_refs(self, cx, req).await
    }
}
