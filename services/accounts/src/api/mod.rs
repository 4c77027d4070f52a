//! The RPCs, one file each.

mod batch_get_accounts;
mod create_account;
mod delete_account;
mod get_account;
mod get_account_by_handle;
mod get_preferences;
mod list_account_ids;
mod present;
mod update_preferences;
mod update_profile;
mod verify_password;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{Cx, Env, Result};
use plaza_proto::accounts::v1::*;

use crate::passwords::Passwords;
use crate::store::AccountStore;

/// What the RPCs work with.
pub(crate) struct Handler {
    pub(crate) env: Env,
    pub(crate) store: Arc<dyn AccountStore>,
    pub(crate) passwords: Arc<Passwords>,
}

#[async_trait]
impl AccountsService for Handler {
    async fn create_account(&self, cx: &Cx, req: CreateAccountRequest) -> Result<CreateAccountResponse> {
        create_account::create_account(self, cx, req).await
    }

    async fn get_account(&self, cx: &Cx, req: GetAccountRequest) -> Result<GetAccountResponse> {
        get_account::get_account(self, cx, req).await
    }

    async fn get_account_by_handle(
        &self,
        cx: &Cx,
        req: GetAccountByHandleRequest,
    ) -> Result<GetAccountByHandleResponse> {
        get_account_by_handle::get_account_by_handle(self, cx, req).await
    }

    async fn batch_get_accounts(&self, cx: &Cx, req: BatchGetAccountsRequest) -> Result<BatchGetAccountsResponse> {
        batch_get_accounts::batch_get_accounts(self, cx, req).await
    }

    async fn update_profile(&self, cx: &Cx, req: UpdateProfileRequest) -> Result<UpdateProfileResponse> {
        update_profile::update_profile(self, cx, req).await
    }

    async fn get_preferences(&self, cx: &Cx, req: GetPreferencesRequest) -> Result<GetPreferencesResponse> {
        get_preferences::get_preferences(self, cx, req).await
    }

    async fn update_preferences(&self, cx: &Cx, req: UpdatePreferencesRequest) -> Result<UpdatePreferencesResponse> {
        update_preferences::update_preferences(self, cx, req).await
    }

    async fn delete_account(&self, cx: &Cx, req: DeleteAccountRequest) -> Result<DeleteAccountResponse> {
        delete_account::delete_account(self, cx, req).await
    }

    async fn list_account_ids(&self, cx: &Cx, req: ListAccountIdsRequest) -> Result<ListAccountIdsResponse> {
        list_account_ids::list_account_ids(self, cx, req).await
    }

    async fn verify_password(&self, cx: &Cx, req: VerifyPasswordRequest) -> Result<VerifyPasswordResponse> {
        verify_password::verify_password(self, cx, req).await
    }
}
