//! Hands out what is held of an account, for its export. What others keep to themselves of it is not among it: who blocks or
//! mutes it, and has it on a list.

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result, Timestamp};
use plaza_export::{ExportAccount, Key, Page, export};
use plaza_proto::graph::v1::export_record::Record;
use plaza_proto::graph::v1::{
    BlockEdge, DismissedSuggestion, ExportRecord, ExportRecordsRequest, ExportRecordsResponse, FollowEdge,
    FollowRequestEdge, FollowedHashtag, ListMember, MuteEdge, MutedWord,
};

use super::{Handler, edges, relationship, shelf};
use crate::domain::{Direction, Edge, EdgeKey, Muted, Tag, Word};

/// The largest page.
const PAGE: usize = 500;

pub(crate) async fn export_records(h: &Handler, cx: &Cx, req: ExportRecordsRequest) -> Result<ExportRecordsResponse> {
    let account = AccountId(req.account_id);
    let (records, next_page_token) = export(h, cx, &h.pager, account, &req.page_token, PAGE).await?;
    let records = records.into_iter().map(|record| ExportRecord { record: Some(record) }).collect();
    Ok(ExportRecordsResponse { records, next_page_token })
}

/// What there is of an account.
#[derive(Clone, Copy)]
pub(crate) enum Section {
    Following,
    Followers,
    SentRequests,
    ReceivedRequests,
    Blocks,
    Mutes,
    Hashtags,
    Words,
    Lists,
    Members,
    Dismissed,
}

#[async_trait]
impl ExportAccount for Handler {
    type Section = Section;
    type Record = Record;
    const SECTIONS: &'static [Section] = &[
        Section::Following,
        Section::Followers,
        Section::SentRequests,
        Section::ReceivedRequests,
        Section::Blocks,
        Section::Mutes,
        Section::Hashtags,
        Section::Words,
        Section::Lists,
        Section::Members,
        Section::Dismissed,
    ];

    async fn page(
        &self,
        cx: &Cx,
        account: AccountId,
        section: Section,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Record>> {
        match section {
            Section::Following | Section::Followers => self.follows(cx, account, section, after, limit).await,
            Section::SentRequests | Section::ReceivedRequests => self.asked(cx, account, section, after, limit).await,
            Section::Blocks => {
                let found = self.store.blocks(cx, account, newest(after), limit + 1).await?;
                Ok(Page::cut(found, limit, place, |edge: Edge| {
                    let (account_id, block_time) = (edge.other.get(), Some(edges::time(edge.at)));
                    Record::Block(BlockEdge { account_id, block_time })
                }))
            }
            Section::Mutes => {
                let found = self.store.mutes(cx, account, self.env.now(), newest(after), limit + 1).await?;
                Ok(Page::cut(
                    found,
                    limit,
                    |muted| place(&muted.edge),
                    |muted: Muted| {
                        let (account_id, mute_time) = (muted.edge.other.get(), Some(edges::time(muted.edge.at)));
                        Record::Mute(MuteEdge { account_id, mute_time, muting: Some(relationship::muting(muted.mute)) })
                    },
                ))
            }
            Section::Hashtags | Section::Words | Section::Lists => self.shelf(cx, account, section, after, limit).await,
            Section::Members => self.members(cx, account, after, limit).await,
            Section::Dismissed => {
                let found = self.store.dismissed(cx, account, rising(after), limit + 1).await?;
                Ok(Page::cut(
                    found,
                    limit,
                    |other| [other.get(), 0],
                    |other: AccountId| Record::DismissedSuggestion(DismissedSuggestion { account_id: other.get() }),
                ))
            }
        }
    }
}

impl Handler {
    async fn follows(
        &self,
        cx: &Cx,
        account: AccountId,
        section: Section,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Record>> {
        let followers = matches!(section, Section::Followers);
        let way = if followers { Direction::Followers } else { Direction::Following };
        let found = self.store.edges(cx, account, way, newest(after), limit + 1).await?;
        Ok(Page::cut(found, limit, place, |edge: Edge| {
            let told = FollowEdge { account_id: edge.other.get(), follow_time: Some(edges::time(edge.at)) };
            if followers { Record::Follower(told) } else { Record::Following(told) }
        }))
    }

    async fn asked(
        &self,
        cx: &Cx,
        account: AccountId,
        section: Section,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Record>> {
        let told =
            |edge: Edge| FollowRequestEdge { account_id: edge.other.get(), request_time: Some(edges::time(edge.at)) };
        if matches!(section, Section::SentRequests) {
            let found = self.store.requested(cx, account, rising(after), limit + 1).await?;
            return Ok(Page::cut(
                found,
                limit,
                |edge| [edge.other.get(), 0],
                |edge| Record::SentFollowRequest(told(edge)),
            ));
        }
        let found = self.store.requests(cx, account, newest(after), limit + 1).await?;
        Ok(Page::cut(found, limit, place, |edge| Record::ReceivedFollowRequest(told(edge))))
    }

    async fn shelf(
        &self,
        cx: &Cx,
        account: AccountId,
        section: Section,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Record>> {
        let before = after.map_or(i64::MAX, |[id, _]| id);
        match section {
            Section::Hashtags => {
                let found = self.store.tags(cx, account, before, limit + 1).await?;
                Ok(Page::cut(
                    found,
                    limit,
                    |tag| [tag.id, 0],
                    |tag: Tag| {
                        let follow_time = Some(edges::time(tag.at));
                        Record::FollowedHashtag(FollowedHashtag { hashtag: tag.tag, follow_time })
                    },
                ))
            }
            Section::Words => {
                let found = self.store.words(cx, account, self.env.now(), before, limit + 1).await?;
                Ok(Page::cut(
                    found,
                    limit,
                    |word| [word.id, 0],
                    |word: Word| {
                        Record::MutedWord(MutedWord { word: word.word, expire_time: word.until.map(edges::time) })
                    },
                ))
            }
            _ => {
                let found = self.store.lists(cx, account, false, before, limit + 1).await?;
                Ok(Page::cut(found, limit, |list| [list.id, 0], |list| Record::List(shelf::told(list))))
            }
        }
    }

    /// Who is on the account's lists, the newest list first. A key is a list and the last account of it that was told.
    async fn members(&self, cx: &Cx, account: AccountId, after: Option<Key>, limit: usize) -> Result<Page<Record>> {
        let mut records = Vec::new();
        let mut at = match after {
            Some([list, member]) => Some((list, AccountId(member))),
            None => self.list_below(cx, account, i64::MAX).await?,
        };
        while let Some((list, after)) = at {
            let room = limit - records.len();
            let found = self.store.members(cx, list, after, room).await?;
            let (is_full, last) = (found.len() == room, found.last().copied());
            let told = |member: AccountId| Record::ListMember(ListMember { list_id: list, account_id: member.get() });
            records.extend(found.into_iter().map(told));
            if let Some(last) = last.filter(|_| is_full) {
                return Ok(Page { records, next: Some([list, last.get()]) });
            }
            at = self.list_below(cx, account, list).await?;
        }
        Ok(Page::whole(records))
    }

    /// The newest list of an account with an id below `before`, and where its members begin.
    async fn list_below(&self, cx: &Cx, account: AccountId, before: i64) -> Result<Option<(i64, AccountId)>> {
        let found = self.store.lists(cx, account, false, before, 1).await?;
        Ok(found.first().map(|list| (list.id, AccountId(0))))
    }
}

/// Where a section goes on that is ordered newest first.
fn newest(after: Option<Key>) -> EdgeKey {
    after.map_or(EdgeKey::FIRST, |[at, other]| EdgeKey { at: Timestamp(at), other: AccountId(other) })
}

fn place(edge: &Edge) -> Key {
    [edge.at.0, edge.other.get()]
}

/// Where a section goes on that is ordered by rising ids.
fn rising(after: Option<Key>) -> AccountId {
    after.map_or(AccountId(0), |[id, _]| AccountId(id))
}
