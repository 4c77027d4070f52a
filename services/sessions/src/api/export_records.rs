//! Hands out what is held of an account, for its export. Secrets are not among it: they are stored nowhere.

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result, SessionId};
use plaza_export::{ExportAccount, Key, Page, export};
use plaza_proto::sessions::v1::export_record::Record;
use plaza_proto::sessions::v1::{ExportRecord, ExportRecordsRequest, ExportRecordsResponse, KnownDevice, SecondFactor};

use super::{Handler, app_password, present};
use crate::domain::{AppPassword, Session};

/// The largest page.
const PAGE: usize = 100;

pub(crate) async fn export_records(h: &Handler, cx: &Cx, req: ExportRecordsRequest) -> Result<ExportRecordsResponse> {
    let account = AccountId(req.account_id);
    let (records, next_page_token) = export(h, cx, &h.pager, account, &req.page_token, PAGE).await?;
    let records = records.into_iter().map(|record| ExportRecord { record: Some(record) }).collect();
    Ok(ExportRecordsResponse { records, next_page_token })
}

/// What there is of an account.
#[derive(Clone, Copy)]
pub(crate) enum Section {
    Sessions,
    AppPasswords,
    SecondFactor,
    /// Few, and so told at once, though a page gets longer by them.
    KnownDevices,
}

#[async_trait]
impl ExportAccount for Handler {
    type Section = Section;
    type Record = Record;
    const SECTIONS: &'static [Section] =
        &[Section::Sessions, Section::AppPasswords, Section::SecondFactor, Section::KnownDevices];

    async fn page(
        &self,
        cx: &Cx,
        account: AccountId,
        section: Section,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Record>> {
        let before = after.map(|[id, _]| id);
        match section {
            Section::Sessions => {
                let found = self.store.list(cx, account, before.map(SessionId), limit + 1).await?;
                let told = |session: Session| Record::Session(present::session(session, false));
                Ok(Page::cut(found, limit, |session| [session.id.get(), 0], told))
            }
            Section::AppPasswords => {
                let found = self.store.list_apps(cx, account, before, limit + 1).await?;
                let told = |app: AppPassword| Record::AppPassword(app_password::shown(app));
                Ok(Page::cut(found, limit, |app| [app.id, 0], told))
            }
            Section::SecondFactor => {
                let told = self.store.factor(cx, account).await?.map(|factor| {
                    let recovery_codes_left = i32::try_from(factor.recovery.count_ones()).unwrap_or(i32::MAX);
                    Record::SecondFactor(SecondFactor { confirmed: factor.confirmed, recovery_codes_left })
                });
                Ok(Page::whole(told.into_iter().collect()))
            }
            Section::KnownDevices => {
                let found = self.store.devices(cx, account).await?;
                let told = |seen: i64| Record::KnownDevice(KnownDevice { last_use_time: present::time(seen) });
                Ok(Page::whole(found.into_iter().map(told).collect()))
            }
        }
    }
}
