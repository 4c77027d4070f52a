//! App passwords in Redis: a hash for each account, without expiry.

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result};

use super::{RedisSessions, count, scripts, text};
use crate::domain::{App, AppPassword, MAX_APP_PASSWORDS};
use crate::store::{AppStore, Notice};

impl RedisSessions {
    /// The app passwords of an account, the newest first; there are few.
    async fn apps(&self, cx: &Cx, account: AccountId) -> Result<Vec<AppPassword>> {
        let args = vec![self.now(), text::account(account).into()];
        let found: Vec<String> = self.redis.run(cx, &scripts::APP_LIST, &self.script(args)).await?;
        let apps = found.chunks_exact(2).map(|pair| text::app(&format!("{} {}", pair[0], pair[1])));
        let mut apps = apps.collect::<Result<Vec<_>>>()?;
        apps.sort_by_key(|app| std::cmp::Reverse(app.id));
        Ok(apps)
    }
}

#[async_trait]
impl AppStore for RedisSessions {
    async fn create_app(&self, cx: &Cx, account: AccountId, app: AppPassword) -> Result<AppPassword> {
        let args = vec![
            text::account(account).into(),
            text::id(app.id).into(),
            text::app_value(&app).into(),
            count(MAX_APP_PASSWORDS),
            self.notice(cx, account, Notice::AppCreated { id: app.id }),
            self.floor(),
        ];
        let outcome = self.once(cx, &scripts::APP_CREATE, args).await?;
        self.told.announce();
        text::app(&outcome[0])
    }

    async fn app(&self, cx: &Cx, account: AccountId, id: i64) -> Result<Option<App>> {
        let apps = self.apps(cx, account).await?;
        Ok(apps.into_iter().find(|app| app.id == id).map(|app| App { id, scopes: app.scopes }))
    }

    async fn list_apps(
        &self,
        cx: &Cx,
        account: AccountId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<AppPassword>> {
        let mut apps = self.apps(cx, account).await?;
        apps.retain(|app| before.is_none_or(|before| app.id < before));
        apps.truncate(limit);
        Ok(apps)
    }

    async fn revoke_app(&self, cx: &Cx, account: AccountId, id: i64) -> Result<bool> {
        let args = vec![text::account(account).into(), text::id(id).into()];
        let outcome = self.once(cx, &scripts::APP_REVOKE, args).await?;
        Ok(outcome[0] == "revoked")
    }
}
