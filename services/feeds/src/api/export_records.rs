//! Hands out what is held of an account, for its export: how far it has read.

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result};
use plaza_export::{ExportAccount, Key, Page, export};
use plaza_proto::feeds::v1;
use plaza_proto::feeds::v1::export_record::Record;
use plaza_proto::feeds::v1::{ExportRecord, ExportRecordsRequest, ExportRecordsResponse};

use super::Handler;
use super::positions::{kind, present};

/// The largest page.
const PAGE: usize = 100;
/// The feeds that have positions.
const FEEDS: [v1::FeedKind; 2] = [v1::FeedKind::Home, v1::FeedKind::Mutuals];

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
        for feed in FEEDS {
            let position = self.positions.get(cx, account, kind(feed)?).await?;
            told.extend(position.map(|position| Record::ReadPosition(present(feed, position))));
        }
        Ok(Page::whole(told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FeedKind;

    #[test]
    fn export_records_leaves_no_feed_out() {
        let kinds: Vec<FeedKind> = FEEDS.into_iter().map(|feed| kind(feed).unwrap()).collect();
        assert_eq!(kinds, FeedKind::ALL);
    }
}
