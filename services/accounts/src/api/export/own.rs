//! What accounts itself holds of an account: little, and so told at once.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Error, Result, reason};
use plaza_proto::accounts::v1::export_record::Record;
use plaza_proto::accounts::v1::{ExportRecord, KeptHandle, MailPurpose, MailTicket};

use super::line::line;
use super::{Holder, Page};
use crate::SOURCE;
use crate::api::present;
use crate::domain::kept;
use crate::domain::ticket::{Purpose, Ticket};
use crate::store::AccountStore;

/// The service's own store.
pub(super) struct Own(pub(super) Arc<dyn AccountStore>);

#[async_trait]
impl Holder for Own {
    fn service(&self) -> &'static str {
        SOURCE
    }

    async fn page(&self, cx: &Cx, id: AccountId, _: &str) -> Result<Page> {
        let account = self.0.get(cx, id).await?.ok_or_else(|| Error::new(reason::ACCOUNT_NOT_FOUND))?;
        let kept = self.0.kept(cx, id).await?;
        let records = [
            Record::Account(present::account(&account, Some(id))),
            Record::Preferences(present::preferences(&account.preferences)),
        ];
        let records = records.into_iter().chain(kept.handles.into_iter().map(handle));
        let records = records.chain(kept.tickets.into_iter().map(ticket));
        let lines = records.map(|record| line(SOURCE, &ExportRecord { record: Some(record) }));
        let lines = lines.filter_map(Result::transpose).collect::<Result<_>>()?;
        Ok(Page { lines, next: String::new() })
    }
}

fn handle(kept: kept::KeptHandle) -> Record {
    Record::KeptHandle(KeptHandle { handle: kept.handle, free_time: Some(present::time(kept.free_at)) })
}

fn ticket(ticket: Ticket) -> Record {
    let purpose = match ticket.purpose {
        Purpose::VerifyEmail => MailPurpose::VerifyEmail,
        Purpose::ResetPassword => MailPurpose::ResetPassword,
    };
    Record::MailTicket(MailTicket {
        purpose: purpose.into(),
        email: ticket.email,
        create_time: Some(present::time(ticket.created_at)),
        expire_time: Some(present::time(ticket.expires_at)),
    })
}
