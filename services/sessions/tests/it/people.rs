//! An accounts service of the tests' own: it knows logins, passwords and who was deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use plaza_core::{Cx, Error, Result, reason};
use plaza_proto::accounts::v1::*;
use tokio::sync::Notify;

pub(crate) const PASSWORD: &str = "correct horse";

/// Holds the checking of passwords up.
#[derive(Clone, Default)]
pub(crate) struct Hold(Arc<(Notify, Notify)>);

impl Hold {
    /// Waits until a password is being checked.
    pub(crate) async fn reached(&self) {
        self.0.0.notified().await;
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.0.1.notify_one();
    }
}

#[derive(Default)]
pub(crate) struct People {
    living: Mutex<BTreeMap<&'static str, i64>>,
    /// What every call fails with, if anything.
    pub(crate) broken: Mutex<Option<Error>>,
    pub(crate) verified: AtomicUsize,
    held: Mutex<Option<Hold>>,
    pub(crate) callers: Mutex<BTreeSet<&'static str>>,
}

impl People {
    pub(crate) fn of(names: &[(&'static str, i64)]) -> Arc<Self> {
        let people = Self::default();
        people.living.lock().extend(names.iter().copied());
        Arc::new(people)
    }

    pub(crate) fn delete(&self, account: i64) {
        self.living.lock().retain(|_, id| *id != account);
    }

    /// Holds up the next check of a password.
    pub(crate) fn hold(&self) -> Hold {
        let hold = Hold::default();
        *self.held.lock() = Some(hold.clone());
        hold
    }

    fn enter(&self, cx: &Cx) -> Result<()> {
        self.callers.lock().extend(cx.caller().service);
        self.broken.lock().clone().map_or(Ok(()), Err)
    }
}

fn none<T>() -> Result<T> {
    Err(Error::new(reason::METHOD_UNKNOWN))
}

#[async_trait]
impl AccountsService for People {
    async fn verify_password(&self, cx: &Cx, req: VerifyPasswordRequest) -> Result<VerifyPasswordResponse> {
        self.enter(cx)?;
        self.verified.fetch_add(1, Ordering::SeqCst);
        let held = self.held.lock().take();
        if let Some(hold) = held {
            hold.0.0.notify_one();
            hold.0.1.notified().await;
        }
        // Everybody has an address too, as in the accounts service.
        let name = req.login.trim_end_matches("@example.org");
        let failed = || Error::new(reason::SIGN_IN_FAILED);
        let account_id = self.living.lock().get(name).copied().ok_or_else(failed)?;
        let right = req.password == PASSWORD;
        if right { Ok(VerifyPasswordResponse { account_id }) } else { Err(failed().with("account_id", account_id)) }
    }

    async fn batch_get_accounts(&self, cx: &Cx, req: BatchGetAccountsRequest) -> Result<BatchGetAccountsResponse> {
        self.enter(cx)?;
        assert!((1..=100).contains(&req.account_ids.len()));
        let living: BTreeSet<i64> = self.living.lock().values().copied().collect();
        let found = req.account_ids.into_iter().filter(|id| living.contains(id));
        let accounts = found.map(|account_id| Account { account_id, ..Account::default() }).collect();
        Ok(BatchGetAccountsResponse { accounts })
    }

    async fn create_account(&self, _: &Cx, _: CreateAccountRequest) -> Result<CreateAccountResponse> {
        none()
    }

    async fn get_account(&self, cx: &Cx, req: GetAccountRequest) -> Result<GetAccountResponse> {
        self.enter(cx)?;
        let living = self.living.lock();
        let found = living.iter().find(|(_, id)| **id == req.account_id);
        let (handle, account_id) = found.ok_or_else(|| Error::new(reason::ACCOUNT_NOT_FOUND))?;
        let account = Account { account_id: *account_id, handle: (*handle).to_owned(), ..Account::default() };
        Ok(GetAccountResponse { account: Some(account) })
    }

    async fn get_account_by_handle(&self, _: &Cx, _: GetAccountByHandleRequest) -> Result<GetAccountByHandleResponse> {
        none()
    }

    async fn update_profile(&self, _: &Cx, _: UpdateProfileRequest) -> Result<UpdateProfileResponse> {
        none()
    }

    async fn delete_account(&self, _: &Cx, _: DeleteAccountRequest) -> Result<DeleteAccountResponse> {
        none()
    }

    async fn list_account_ids(&self, _: &Cx, _: ListAccountIdsRequest) -> Result<ListAccountIdsResponse> {
        none()
    }
}
