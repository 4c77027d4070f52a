//! The RPCs, one file each.

mod batch_get_posts;
mod bookmark_post;
mod choices;
mod create_draft;
mod create_post;
mod delete_draft;
mod delete_post;
mod drafts;
mod due;
mod edit_post;
mod export_records;
mod get_draft;
mod get_post;
mod get_thread;
mod like_post;
mod list_bookmarks;
mod list_drafts;
mod list_likers;
mod list_post_refs;
mod list_posts_by_author;
mod list_posts_by_hashtag;
mod list_quotes;
mod list_replies;
mod list_reposters;
mod list_revisions;
mod marking;
mod media;
mod mentions;
mod pin_post;
mod polls;
mod publish_draft;
mod repost;
mod restore_post;
mod threads;
mod unbookmark_post;
mod undo_repost;
mod unlike_post;
mod unpin_post;
mod update_draft;
mod view;
mod vote_poll;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::page::Pager;
use plaza_core::{Cx, Env, Result};
use plaza_proto::accounts::v1::AccountsServiceClient;
use plaza_proto::graph::v1::GraphServiceClient;
use plaza_proto::posts::v1::{
    BatchGetPostsRequest, BatchGetPostsResponse, BookmarkPostRequest, BookmarkPostResponse, CreateDraftRequest,
    CreateDraftResponse, CreatePostRequest, CreatePostResponse, DeleteDraftRequest, DeleteDraftResponse,
    DeletePostRequest, DeletePostResponse, EditPostRequest, EditPostResponse, ExportRecordsRequest,
    ExportRecordsResponse, GetDraftRequest, GetDraftResponse, GetPostRequest, GetPostResponse, GetThreadRequest,
    GetThreadResponse, LikePostRequest, LikePostResponse, ListBookmarksRequest, ListBookmarksResponse,
    ListDraftsRequest, ListDraftsResponse, ListLikersRequest, ListLikersResponse, ListPostRefsRequest,
    ListPostRefsResponse, ListPostsByAuthorRequest, ListPostsByAuthorResponse, ListPostsByHashtagRequest,
    ListPostsByHashtagResponse, ListQuotesRequest, ListQuotesResponse, ListRepliesRequest, ListRepliesResponse,
    ListRepostersRequest, ListRepostersResponse, ListRevisionsRequest, ListRevisionsResponse, PinPostRequest,
    PinPostResponse, PostsService, PublishDraftRequest, PublishDraftResponse, RepostRequest, RepostResponse,
    RestorePostRequest, RestorePostResponse, UnbookmarkPostRequest, UnbookmarkPostResponse, UndoRepostRequest,
    UndoRepostResponse, UnlikePostRequest, UnlikePostResponse, UnpinPostRequest, UnpinPostResponse, UpdateDraftRequest,
    UpdateDraftResponse, VotePollRequest, VotePollResponse,
};

use crate::config::Limits;
use crate::projections::Authors;
use crate::store::PostStore;

/// What the RPCs work with.
pub(crate) struct Handler {
    pub(crate) env: Env,
    pub(crate) limits: Limits,
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

    async fn restore_post(&self, cx: &Cx, req: RestorePostRequest) -> Result<RestorePostResponse> {
        restore_post::restore_post(self, cx, req).await
    }

    async fn edit_post(&self, cx: &Cx, req: EditPostRequest) -> Result<EditPostResponse> {
        edit_post::edit_post(self, cx, req).await
    }

    async fn list_revisions(&self, cx: &Cx, req: ListRevisionsRequest) -> Result<ListRevisionsResponse> {
        list_revisions::list_revisions(self, cx, req).await
    }

    async fn get_thread(&self, cx: &Cx, req: GetThreadRequest) -> Result<GetThreadResponse> {
        get_thread::get_thread(self, cx, req).await
    }

    async fn list_replies(&self, cx: &Cx, req: ListRepliesRequest) -> Result<ListRepliesResponse> {
        list_replies::list_replies(self, cx, req).await
    }

    async fn pin_post(&self, cx: &Cx, req: PinPostRequest) -> Result<PinPostResponse> {
        pin_post::pin_post(self, cx, req).await
    }

    async fn unpin_post(&self, cx: &Cx, req: UnpinPostRequest) -> Result<UnpinPostResponse> {
        unpin_post::unpin_post(self, cx, req).await
    }

    async fn list_posts_by_hashtag(
        &self,
        cx: &Cx,
        req: ListPostsByHashtagRequest,
    ) -> Result<ListPostsByHashtagResponse> {
        list_posts_by_hashtag::list_posts_by_hashtag(self, cx, req).await
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

    async fn create_draft(&self, cx: &Cx, req: CreateDraftRequest) -> Result<CreateDraftResponse> {
        create_draft::create_draft(self, cx, req).await
    }

    async fn update_draft(&self, cx: &Cx, req: UpdateDraftRequest) -> Result<UpdateDraftResponse> {
        update_draft::update_draft(self, cx, req).await
    }

    async fn get_draft(&self, cx: &Cx, req: GetDraftRequest) -> Result<GetDraftResponse> {
        get_draft::get_draft(self, cx, req).await
    }

    async fn list_drafts(&self, cx: &Cx, req: ListDraftsRequest) -> Result<ListDraftsResponse> {
        list_drafts::list_drafts(self, cx, req).await
    }

    async fn delete_draft(&self, cx: &Cx, req: DeleteDraftRequest) -> Result<DeleteDraftResponse> {
        delete_draft::delete_draft(self, cx, req).await
    }

    async fn publish_draft(&self, cx: &Cx, req: PublishDraftRequest) -> Result<PublishDraftResponse> {
        publish_draft::publish_draft(self, cx, req).await
    }

    async fn vote_poll(&self, cx: &Cx, req: VotePollRequest) -> Result<VotePollResponse> {
        vote_poll::vote_poll(self, cx, req).await
    }

    async fn list_post_refs(&self, cx: &Cx, req: ListPostRefsRequest) -> Result<ListPostRefsResponse> {
        list_post_refs::list_post_refs(self, cx, req).await
    }

    async fn export_records(&self, cx: &Cx, req: ExportRecordsRequest) -> Result<ExportRecordsResponse> {
        export_records::export_records(self, cx, req).await
    }
}
