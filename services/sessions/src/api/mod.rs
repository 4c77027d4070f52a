//! The RPCs, one file each.

mod app_password;
mod begin_totp_setup;
mod complete_sign_in;
mod confirm_totp;
mod create_app_password;
mod disable_totp;
mod export_records;
mod get_jwks;
mod list_app_passwords;
mod list_revoked_sessions;
mod list_sessions;
mod open;
mod password;
mod present;
mod refresh_session;
mod revoke_app_password;
mod revoke_session;
mod second_factor;
mod sign_in;
mod sign_out;
mod sign_out_everywhere;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::page::Pager;
use plaza_core::{Cx, Env, Result};
use plaza_proto::accounts::v1::AccountsServiceClient;
use plaza_proto::sessions::v1::*;

use crate::domain::{AppPasswords, Challenges, Devices, Guesses, Totp};
use crate::store::Store;
use crate::tokens::KeyRing;

/// What the RPCs work with.
pub(crate) struct Handler {
    pub(crate) env: Env,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) accounts: AccountsServiceClient,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) pager: Pager,
    pub(crate) guesses: Guesses,
    pub(crate) devices: Devices,
    pub(crate) challenges: Challenges,
    pub(crate) totp: Totp,
    pub(crate) apps: AppPasswords,
}

#[async_trait]
impl SessionsService for Handler {
    async fn sign_in(&self, cx: &Cx, req: SignInRequest) -> Result<SignInResponse> {
        sign_in::sign_in(self, cx, req).await
    }

    async fn complete_sign_in(&self, cx: &Cx, req: CompleteSignInRequest) -> Result<CompleteSignInResponse> {
        complete_sign_in::complete_sign_in(self, cx, req).await
    }

    async fn refresh_session(&self, cx: &Cx, req: RefreshSessionRequest) -> Result<RefreshSessionResponse> {
        refresh_session::refresh_session(self, cx, req).await
    }

    async fn sign_out(&self, cx: &Cx, req: SignOutRequest) -> Result<SignOutResponse> {
        sign_out::sign_out(self, cx, req).await
    }

    async fn list_sessions(&self, cx: &Cx, req: ListSessionsRequest) -> Result<ListSessionsResponse> {
        list_sessions::list_sessions(self, cx, req).await
    }

    async fn revoke_session(&self, cx: &Cx, req: RevokeSessionRequest) -> Result<RevokeSessionResponse> {
        revoke_session::revoke_session(self, cx, req).await
    }

    async fn sign_out_everywhere(&self, cx: &Cx, req: SignOutEverywhereRequest) -> Result<SignOutEverywhereResponse> {
        sign_out_everywhere::sign_out_everywhere(self, cx, req).await
    }

    async fn begin_totp_setup(&self, cx: &Cx, req: BeginTotpSetupRequest) -> Result<BeginTotpSetupResponse> {
        begin_totp_setup::begin_totp_setup(self, cx, req).await
    }

    async fn confirm_totp(&self, cx: &Cx, req: ConfirmTotpRequest) -> Result<ConfirmTotpResponse> {
        confirm_totp::confirm_totp(self, cx, req).await
    }

    async fn disable_totp(&self, cx: &Cx, req: DisableTotpRequest) -> Result<DisableTotpResponse> {
        disable_totp::disable_totp(self, cx, req).await
    }

    async fn create_app_password(&self, cx: &Cx, req: CreateAppPasswordRequest) -> Result<CreateAppPasswordResponse> {
        create_app_password::create_app_password(self, cx, req).await
    }

    async fn list_app_passwords(&self, cx: &Cx, req: ListAppPasswordsRequest) -> Result<ListAppPasswordsResponse> {
        list_app_passwords::list_app_passwords(self, cx, req).await
    }

    async fn revoke_app_password(&self, cx: &Cx, req: RevokeAppPasswordRequest) -> Result<RevokeAppPasswordResponse> {
        revoke_app_password::revoke_app_password(self, cx, req).await
    }

    async fn get_jwks(&self, cx: &Cx, req: GetJwksRequest) -> Result<GetJwksResponse> {
        get_jwks::get_jwks(self, cx, req).await
    }

    async fn list_revoked_sessions(
        &self,
        cx: &Cx,
        req: ListRevokedSessionsRequest,
    ) -> Result<ListRevokedSessionsResponse> {
        list_revoked_sessions::list_revoked_sessions(self, cx, req).await
    }

    async fn export_records(&self, cx: &Cx, req: ExportRecordsRequest) -> Result<ExportRecordsResponse> {
        export_records::export_records(self, cx, req).await
    }
}
