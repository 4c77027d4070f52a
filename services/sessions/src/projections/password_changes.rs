//! `sessions-password-changes`: ends the sessions of accounts whose password was changed.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result, SessionId};
use plaza_events::{Digest, Event, Projection};
use plaza_proto::accounts::v1::PasswordChanged;

use crate::domain::Ending;
use crate::store::Store;

/// Follows changes of passwords. An event says by itself which sessions end: those that were opened before it. So late and
/// repeated events end nothing that came after, and there is no truth to read again.
pub(crate) struct PasswordChanges(pub(crate) Arc<dyn Store>);

#[async_trait]
impl Projection for PasswordChanges {
    fn name(&self) -> &'static str {
        "sessions-password-changes"
    }

    fn sources(&self) -> &[&'static str] {
        &["accounts"]
    }

    fn keys(&self, _: &Event) -> Vec<i64> {
        Vec::new()
    }

    async fn project(&self, _: &Cx, _: &[i64]) -> Result<()> {
        Ok(())
    }

    async fn scan_truth(&self, _: &Cx, _: i64, _: usize) -> Result<Vec<(i64, Digest)>> {
        Ok(Vec::new())
    }

    async fn digests(&self, _: &Cx, keys: &[i64]) -> Result<Vec<Option<Digest>>> {
        Ok(vec![None; keys.len()])
    }

    async fn apply(&self, cx: &Cx, events: &[Event]) -> Result<()> {
        for event in events {
            // One that cannot be read is a permanent failure: it goes to the dead letters, for people to look at.
            let Some(changed) = event.decode::<PasswordChanged>().transpose()? else { continue };
            if changed.end_sessions && changed.account_id > 0 {
                let keep = (changed.keep_session_id > 0).then_some(SessionId(changed.keep_session_id));
                self.0.end_all(cx, AccountId(changed.account_id), Ending { keep, before: event.at }).await?;
            }
        }
        Ok(())
    }
}
