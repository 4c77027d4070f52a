//! The RPCs, one file each.

mod batch_get_accounts;
mod batch_get_accounts_by_handle;
mod change_email;
mod change_handle;
mod change_password;
mod create_account;
mod deactivate_account;
pub(crate) mod delete_account;
pub(crate) mod export;
mod export_account;
mod get_account;
mod get_account_by_handle;
mod get_erasure_receipt;
mod get_preferences;
mod list_account_ids;
mod present;
mod reactivate_account;
mod report_erasure;
mod request_email_verification;
mod request_password_reset;
mod reset_password;
mod update_preferences;
mod update_profile;
mod verify_email;
mod verify_password;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{Cx, Env, Error, Result, reason};
use plaza_proto::accounts::v1::*;
use plaza_rpc::Stream;

use crate::api::export::Exports;
use crate::config::Rules;
use crate::passwords::Passwords;
use crate::store::AccountStore;
use crate::tokens::Tokens;

/// What the RPCs work with.
pub(crate) struct Handler {
    pub(crate) env: Env,
    pub(crate) store: Arc<dyn AccountStore>,
    pub(crate) passwords: Arc<Passwords>,
    pub(crate) rules: Rules,
    pub(crate) tokens: Tokens,
    pub(crate) exports: Exports,
}

impl Handler {
    /// That this platform sends mail.
    fn check_mailer(&self) -> Result<()> {
        if self.rules.sends_mail { Ok(()) } else { Err(Error::new(reason::MAIL_OFF)) }
    }
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

    async fn batch_get_accounts_by_handle(
        &self,
        cx: &Cx,
        req: BatchGetAccountsByHandleRequest,
    ) -> Result<BatchGetAccountsByHandleResponse> {
        batch_get_accounts_by_handle::batch_get_accounts_by_handle(self, cx, req).await
    }

    async fn batch_get_accounts(&self, cx: &Cx, req: BatchGetAccountsRequest) -> Result<BatchGetAccountsResponse> {
        batch_get_accounts::batch_get_accounts(self, cx, req).await
    }

    async fn update_profile(&self, cx: &Cx, req: UpdateProfileRequest) -> Result<UpdateProfileResponse> {
        update_profile::update_profile(self, cx, req).await
    }

    async fn change_handle(&self, cx: &Cx, req: ChangeHandleRequest) -> Result<ChangeHandleResponse> {
        change_handle::change_handle(self, cx, req).await
    }

    async fn change_password(&self, cx: &Cx, req: ChangePasswordRequest) -> Result<ChangePasswordResponse> {
        change_password::change_password(self, cx, req).await
    }

    async fn change_email(&self, cx: &Cx, req: ChangeEmailRequest) -> Result<ChangeEmailResponse> {
        change_email::change_email(self, cx, req).await
    }

    async fn request_email_verification(
        &self,
        cx: &Cx,
        req: RequestEmailVerificationRequest,
    ) -> Result<RequestEmailVerificationResponse> {
        request_email_verification::request_email_verification(self, cx, req).await
    }

    async fn verify_email(&self, cx: &Cx, req: VerifyEmailRequest) -> Result<VerifyEmailResponse> {
        verify_email::verify_email(self, cx, req).await
    }

    async fn request_password_reset(
        &self,
        cx: &Cx,
        req: RequestPasswordResetRequest,
    ) -> Result<RequestPasswordResetResponse> {
        request_password_reset::request_password_reset(self, cx, req).await
    }

    async fn reset_password(&self, cx: &Cx, req: ResetPasswordRequest) -> Result<ResetPasswordResponse> {
        reset_password::reset_password(self, cx, req).await
    }

    async fn get_preferences(&self, cx: &Cx, req: GetPreferencesRequest) -> Result<GetPreferencesResponse> {
        get_preferences::get_preferences(self, cx, req).await
    }

    async fn update_preferences(&self, cx: &Cx, req: UpdatePreferencesRequest) -> Result<UpdatePreferencesResponse> {
        update_preferences::update_preferences(self, cx, req).await
    }

    async fn deactivate_account(&self, cx: &Cx, req: DeactivateAccountRequest) -> Result<DeactivateAccountResponse> {
        deactivate_account::deactivate_account(self, cx, req).await
    }

    async fn reactivate_account(&self, cx: &Cx, req: ReactivateAccountRequest) -> Result<ReactivateAccountResponse> {
        reactivate_account::reactivate_account(self, cx, req).await
    }

    async fn delete_account(&self, cx: &Cx, req: DeleteAccountRequest) -> Result<DeleteAccountResponse> {
        delete_account::delete_account(self, cx, req).await
    }

    async fn export_account(&self, cx: &Cx, req: ExportAccountRequest) -> Result<Stream<ExportAccountResponse>> {
        export_account::export_account(self, cx, req).await
    }

    async fn get_erasure_receipt(&self, cx: &Cx, req: GetErasureReceiptRequest) -> Result<GetErasureReceiptResponse> {
        get_erasure_receipt::get_erasure_receipt(self, cx, req).await
    }

    async fn report_erasure(&self, cx: &Cx, req: ReportErasureRequest) -> Result<ReportErasureResponse> {
        report_erasure::report_erasure(self, cx, req).await
    }

    async fn list_account_ids(&self, cx: &Cx, req: ListAccountIdsRequest) -> Result<ListAccountIdsResponse> {
        list_account_ids::list_account_ids(self, cx, req).await
    }

    async fn verify_password(&self, cx: &Cx, req: VerifyPasswordRequest) -> Result<VerifyPasswordResponse> {
        verify_password::verify_password(self, cx, req).await
    }
}
