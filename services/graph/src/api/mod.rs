//! The RPCs, one file each.

mod accept_follow_request;
mod add_list_members;
mod batch_get_counts;
mod batch_get_familiar_followers;
mod batch_get_relationships;
mod block;
mod cancel_follow_request;
mod create_list;
mod delete_list;
mod dismiss_suggestion;
mod edges;
mod export_records;
mod follow;
mod follow_hashtag;
mod get_list;
mod get_path;
mod list_blocks;
mod list_follow_requests;
mod list_followed_hashtags;
mod list_follower_ids;
mod list_followers;
mod list_following;
mod list_following_ids;
mod list_list_member_ids;
mod list_list_members;
mod list_lists;
mod list_muted_words;
mod list_mutes;
mod list_mutuals;
mod mute;
mod mute_word;
mod reject_follow_request;
mod relationship;
mod remove_follower;
mod remove_list_members;
mod shelf;
mod suggest_accounts;
mod unblock;
mod unfollow;
mod unfollow_hashtag;
mod unmute;
mod unmute_word;
mod update_list;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::page::{self, Pager};
use plaza_core::{AccountId, Cx, Env, Result, reason};
use plaza_proto::accounts::v1::{AccountsService as _, AccountsServiceClient, GetAccountRequest};
use plaza_proto::graph::v1::*;

use crate::domain::{Direction, Limits, Write, refuse_self};
use crate::store::GraphStore;

/// The largest page of ids.
const MAX_IDS: usize = 5_000;

/// What the RPCs work with.
pub(crate) struct Handler {
    pub(crate) store: Arc<dyn GraphStore>,
    pub(crate) accounts: AccountsServiceClient,
    pub(crate) pager: Pager,
    pub(crate) env: Env,
    pub(crate) limits: Limits,
}

impl Handler {
    /// A new edge from the caller to `target`, who is another and known or not known to accounts.
    async fn write_to(&self, cx: &Cx, target: i64) -> Result<Write> {
        let (actor, target) = (cx.account()?, AccountId(target));
        refuse_self(actor, target)?;
        let found = match self.accounts.get_account(cx, GetAccountRequest { account_id: target.get() }).await {
            Ok(answer) => Some(answer.account.unwrap_or_default()),
            Err(error) if error.is(reason::ACCOUNT_NOT_FOUND) => None,
            Err(error) => return Err(error),
        };
        let target_protected = found.as_ref().is_some_and(|account| account.protected);
        let (target_exists, at, limits) = (found.is_some(), self.env.now(), self.limits);
        Ok(Write { actor, target, target_exists, target_protected, at, limits })
    }

    /// The end of an edge between the caller and `target`, whoever that is or was, or an answer to it.
    fn end_of(&self, cx: &Cx, target: i64) -> Result<Write> {
        let (actor, target) = (cx.account()?, AccountId(target));
        let (at, limits) = (self.env.now(), self.limits);
        Ok(Write { actor, target, target_exists: true, target_protected: false, at, limits })
    }

    /// A page of ids at the other ends of an account's follows.
    async fn ids(&self, cx: &Cx, account: i64, way: Direction, after: i64, size: i32) -> Result<Vec<i64>> {
        let limit = page::size_up_to(size, MAX_IDS)?;
        let ids = self.store.ids(cx, AccountId(account), way, AccountId(after), limit).await?;
        Ok(ids.into_iter().map(AccountId::get).collect())
    }
}

#[async_trait]
impl GraphService for Handler {
    async fn follow(&self, cx: &Cx, req: FollowRequest) -> Result<FollowResponse> {
        follow::follow(self, cx, req).await
    }

    async fn unfollow(&self, cx: &Cx, req: UnfollowRequest) -> Result<UnfollowResponse> {
        unfollow::unfollow(self, cx, req).await
    }

    async fn block(&self, cx: &Cx, req: BlockRequest) -> Result<BlockResponse> {
        block::block(self, cx, req).await
    }

    async fn unblock(&self, cx: &Cx, req: UnblockRequest) -> Result<UnblockResponse> {
        unblock::unblock(self, cx, req).await
    }

    async fn remove_follower(&self, cx: &Cx, req: RemoveFollowerRequest) -> Result<RemoveFollowerResponse> {
        remove_follower::remove_follower(self, cx, req).await
    }

    async fn mute(&self, cx: &Cx, req: MuteRequest) -> Result<MuteResponse> {
        mute::mute(self, cx, req).await
    }

    async fn unmute(&self, cx: &Cx, req: UnmuteRequest) -> Result<UnmuteResponse> {
        unmute::unmute(self, cx, req).await
    }

    async fn list_blocks(&self, cx: &Cx, req: ListBlocksRequest) -> Result<ListBlocksResponse> {
        list_blocks::list_blocks(self, cx, req).await
    }

    async fn list_mutes(&self, cx: &Cx, req: ListMutesRequest) -> Result<ListMutesResponse> {
        list_mutes::list_mutes(self, cx, req).await
    }

    async fn list_follow_requests(
        &self,
        cx: &Cx,
        req: ListFollowRequestsRequest,
    ) -> Result<ListFollowRequestsResponse> {
        list_follow_requests::list_follow_requests(self, cx, req).await
    }

    async fn accept_follow_request(
        &self,
        cx: &Cx,
        req: AcceptFollowRequestRequest,
    ) -> Result<AcceptFollowRequestResponse> {
        accept_follow_request::accept_follow_request(self, cx, req).await
    }

    async fn reject_follow_request(
        &self,
        cx: &Cx,
        req: RejectFollowRequestRequest,
    ) -> Result<RejectFollowRequestResponse> {
        reject_follow_request::reject_follow_request(self, cx, req).await
    }

    async fn cancel_follow_request(
        &self,
        cx: &Cx,
        req: CancelFollowRequestRequest,
    ) -> Result<CancelFollowRequestResponse> {
        cancel_follow_request::cancel_follow_request(self, cx, req).await
    }

    async fn list_followers(&self, cx: &Cx, req: ListFollowersRequest) -> Result<ListFollowersResponse> {
        list_followers::list_followers(self, cx, req).await
    }

    async fn list_following(&self, cx: &Cx, req: ListFollowingRequest) -> Result<ListFollowingResponse> {
        list_following::list_following(self, cx, req).await
    }

    async fn batch_get_relationships(
        &self,
        cx: &Cx,
        req: BatchGetRelationshipsRequest,
    ) -> Result<BatchGetRelationshipsResponse> {
        batch_get_relationships::batch_get_relationships(self, cx, req).await
    }

    async fn batch_get_counts(&self, cx: &Cx, req: BatchGetCountsRequest) -> Result<BatchGetCountsResponse> {
        batch_get_counts::batch_get_counts(self, cx, req).await
    }

    async fn list_mutuals(&self, cx: &Cx, req: ListMutualsRequest) -> Result<ListMutualsResponse> {
        list_mutuals::list_mutuals(self, cx, req).await
    }

    async fn batch_get_familiar_followers(
        &self,
        cx: &Cx,
        req: BatchGetFamiliarFollowersRequest,
    ) -> Result<BatchGetFamiliarFollowersResponse> {
        batch_get_familiar_followers::batch_get_familiar_followers(self, cx, req).await
    }

    async fn get_path(&self, cx: &Cx, req: GetPathRequest) -> Result<GetPathResponse> {
        get_path::get_path(self, cx, req).await
    }

    async fn follow_hashtag(&self, cx: &Cx, req: FollowHashtagRequest) -> Result<FollowHashtagResponse> {
        follow_hashtag::follow_hashtag(self, cx, req).await
    }

    async fn unfollow_hashtag(&self, cx: &Cx, req: UnfollowHashtagRequest) -> Result<UnfollowHashtagResponse> {
        unfollow_hashtag::unfollow_hashtag(self, cx, req).await
    }

    async fn list_followed_hashtags(
        &self,
        cx: &Cx,
        req: ListFollowedHashtagsRequest,
    ) -> Result<ListFollowedHashtagsResponse> {
        list_followed_hashtags::list_followed_hashtags(self, cx, req).await
    }

    async fn mute_word(&self, cx: &Cx, req: MuteWordRequest) -> Result<MuteWordResponse> {
        mute_word::mute_word(self, cx, req).await
    }

    async fn unmute_word(&self, cx: &Cx, req: UnmuteWordRequest) -> Result<UnmuteWordResponse> {
        unmute_word::unmute_word(self, cx, req).await
    }

    async fn list_muted_words(&self, cx: &Cx, req: ListMutedWordsRequest) -> Result<ListMutedWordsResponse> {
        list_muted_words::list_muted_words(self, cx, req).await
    }

    async fn create_list(&self, cx: &Cx, req: CreateListRequest) -> Result<CreateListResponse> {
        create_list::create_list(self, cx, req).await
    }

    async fn update_list(&self, cx: &Cx, req: UpdateListRequest) -> Result<UpdateListResponse> {
        update_list::update_list(self, cx, req).await
    }

    async fn delete_list(&self, cx: &Cx, req: DeleteListRequest) -> Result<DeleteListResponse> {
        delete_list::delete_list(self, cx, req).await
    }

    async fn get_list(&self, cx: &Cx, req: GetListRequest) -> Result<GetListResponse> {
        get_list::get_list(self, cx, req).await
    }

    async fn list_lists(&self, cx: &Cx, req: ListListsRequest) -> Result<ListListsResponse> {
        list_lists::list_lists(self, cx, req).await
    }

    async fn add_list_members(&self, cx: &Cx, req: AddListMembersRequest) -> Result<AddListMembersResponse> {
        add_list_members::add_list_members(self, cx, req).await
    }

    async fn remove_list_members(&self, cx: &Cx, req: RemoveListMembersRequest) -> Result<RemoveListMembersResponse> {
        remove_list_members::remove_list_members(self, cx, req).await
    }

    async fn list_list_members(&self, cx: &Cx, req: ListListMembersRequest) -> Result<ListListMembersResponse> {
        list_list_members::list_list_members(self, cx, req).await
    }

    async fn list_list_member_ids(&self, cx: &Cx, req: ListListMemberIdsRequest) -> Result<ListListMemberIdsResponse> {
        list_list_member_ids::list_list_member_ids(self, cx, req).await
    }

    async fn suggest_accounts(&self, cx: &Cx, req: SuggestAccountsRequest) -> Result<SuggestAccountsResponse> {
        suggest_accounts::suggest_accounts(self, cx, req).await
    }

    async fn dismiss_suggestion(&self, cx: &Cx, req: DismissSuggestionRequest) -> Result<DismissSuggestionResponse> {
        dismiss_suggestion::dismiss_suggestion(self, cx, req).await
    }

    async fn list_follower_ids(&self, cx: &Cx, req: ListFollowerIdsRequest) -> Result<ListFollowerIdsResponse> {
        list_follower_ids::list_follower_ids(self, cx, req).await
    }

    async fn list_following_ids(&self, cx: &Cx, req: ListFollowingIdsRequest) -> Result<ListFollowingIdsResponse> {
        list_following_ids::list_following_ids(self, cx, req).await
    }

    async fn export_records(&self, cx: &Cx, req: ExportRecordsRequest) -> Result<ExportRecordsResponse> {
        export_records::export_records(self, cx, req).await
    }
}
