//! The RPCs, one file each.

mod batch_get_posts;
mod create_post;
mod delete_post;
mod get_post;
mod like_post;
mod list_post_refs;
mod list_posts_by_author;
mod unlike_post;
mod view;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::page::Pager;
use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::GraphServiceClient;
use plaza_proto::posts::v1::{
    BatchGetPostsRequest, BatchGetPostsResponse, CreatePostRequest, CreatePostResponse, DeletePostRequest,
    DeletePostResponse, GetPostRequest, GetPostResponse, LikePostRequest, LikePostResponse, ListPostRefsRequest,
    ListPostRefsResponse, ListPostsByAuthorRequest, ListPostsByAuthorResponse, PostsService, UnlikePostRequest,
    UnlikePostResponse,
};

use crate::store::PostStore;

/// What the RPCs work with.
pub(crate) struct Handler {
    pub(crate) store: Arc<dyn PostStore>,
    pub(crate) graph: GraphServiceClient,
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

    async fn list_post_refs(&self, cx: &Cx, req: ListPostRefsRequest) -> Result<ListPostRefsResponse> {
        list_post_refs::list_post_refs(self, cx, req).await
    }
}
