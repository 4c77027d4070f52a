//! Hands out what is held of an account, for its export: how far it has read.

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result};
use plaza_export::{ExportAccount, Key, Page, export};
use plaza_proto::feeds::v1::export_record::Record;
use plaza_proto::feeds::v1::{ExportRecord, ExportRecordsRequest, ExportRecordsResponse};

use super::Handler;
use super::positions::present;
use crate::domain::FeedKind;

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
    /// One of each feed at most, and so told at once.
    ReadPositions,
}

#[async_trait]
impl ExportAccount for Handler {
    type Section = Section;
    type Record = Record;
    const SECTIONS: &'static [Section] = &[Section::ReadPositions];

    async fn page(&self, cx: &Cx, account: AccountId, _: Section, _: Option<Key>, _: usize) -> Result<Page<Record>> {
        let mut told = Vec::new();
        for feed in FeedKind::ALL {
            let position = self.positions.get(cx, account, feed).await?;
            told.extend(position.map(|position| Record::ReadPosition(present(feed, position))));
        }
        Ok(Page::whole(told))
    }
}
