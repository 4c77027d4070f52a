//! Second factors in Redis, whose keys do not expire.

use async_trait::async_trait;
use fred::types::Value;
use plaza_core::{AccountId, Cx, Result};

use super::{Performed, RedisSessions, scripts, text};
use crate::domain::{ALL_RECOVERY, Factor, Nonce, Proof, SETUP_MS};
use crate::store::{FactorStore, Notice};

#[async_trait]
impl FactorStore for RedisSessions {
    async fn factor(&self, cx: &Cx, account: AccountId) -> Result<Option<Factor>> {
        let args = vec![self.now(), text::account(account).into(), SETUP_MS.into()];
        let found: Vec<String> = self.redis.run(cx, &scripts::FACTOR_READ, &self.script(args)).await?;
        if found.is_empty() { Ok(None) } else { text::factor(&found).map(Some) }
    }

    async fn begin_factor(&self, cx: &Cx, account: AccountId, nonce: Nonce) -> Result<Nonce> {
        let args = vec![text::account(account).into(), SETUP_MS.into(), text::hex(&nonce).into()];
        text::nonce(&self.once(cx, &scripts::FACTOR_BEGIN, args).await?[0])
    }

    async fn confirm_factor(&self, cx: &Cx, account: AccountId, nonce: Nonce, step: i64) -> Result<Nonce> {
        let args = vec![
            text::account(account).into(),
            SETUP_MS.into(),
            text::hex(&nonce).into(),
            step.into(),
            ALL_RECOVERY.into(),
            self.notice(cx, account, Notice::FactorChanged { enabled: true }),
            self.floor(),
        ];
        let outcome = self.once(cx, &scripts::FACTOR_CONFIRM, args).await?;
        self.told.announce();
        text::nonce(&outcome[0])
    }

    async fn drop_factor(&self, cx: &Cx, account: AccountId, proof: Proof) -> Result<Nonce> {
        let mut args: Vec<Value> = vec![text::account(account).into(), SETUP_MS.into()];
        args.extend(text::proof(Some(&proof)));
        args.extend([self.notice(cx, account, Notice::FactorChanged { enabled: false }), self.floor()]);
        let outcome = self.once(cx, &scripts::FACTOR_DROP, args).await?;
        self.told.announce();
        text::nonce(&outcome[0])
    }

    async fn recall_factor(&self, cx: &Cx) -> Result<Option<Nonce>> {
        if cx.request().is_none() {
            return Ok(None);
        }
        match self.perform(cx, &scripts::RECALL, Vec::new()).await? {
            Performed::Done(outcome) => text::nonce(&outcome[0]).map(Some),
            Performed::Never => Ok(None),
        }
    }
}
