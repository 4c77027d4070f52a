//! Hands out what is held of an account, for its export.

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, PostId, Result, id};
use plaza_export::{ExportAccount, Key, Page, export};
use plaza_proto::posts::v1::export_record::Record;
use plaza_proto::posts::v1::{
    DeletedPost, Draft, ExportRecord, ExportRecordsRequest, ExportRecordsResponse, PinnedPost, Post, PostMark,
    PostRevision, PostVote,
};

use super::list_revisions::revision;
use super::{Handler, drafts, media, polls, view};
use crate::domain::{Choices, Mark, Sight};
use crate::store::{Buried, END, Place};

/// The largest page: of the longest posts, what one answer can hold.
const PAGE: usize = 50;

pub(crate) async fn export_records(h: &Handler, cx: &Cx, req: ExportRecordsRequest) -> Result<ExportRecordsResponse> {
    let account = AccountId(req.account_id);
    let (records, next_page_token) = export(h, cx, &h.pager, account, &req.page_token, PAGE).await?;
    let records = records.into_iter().map(|record| ExportRecord { record: Some(record) }).collect();
    Ok(ExportRecordsResponse { records, next_page_token })
}

/// What there is of an account.
#[derive(Clone, Copy)]
pub(crate) enum Section {
    /// Living posts, each with what it said before.
    Posts,
    /// The same of deleted ones.
    Deleted,
    Marks(Mark),
    Pins,
    Drafts,
    Votes,
}

/// A post with how often it was edited.
struct Written {
    id: PostId,
    edits: i32,
    /// `None` if it is gone by now.
    record: Option<Record>,
}

#[async_trait]
impl ExportAccount for Handler {
    type Section = Section;
    type Record = Record;
    const SECTIONS: &'static [Section] = &[
        Section::Posts,
        Section::Deleted,
        Section::Marks(Mark::Like),
        Section::Marks(Mark::Repost),
        Section::Marks(Mark::Bookmark),
        Section::Pins,
        Section::Drafts,
        Section::Votes,
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
            Section::Posts | Section::Deleted => self.written(cx, account, section, after, limit).await,
            Section::Marks(mark) => {
                let before = after.map_or((i64::MAX, 0), |[id, of]| (id, of));
                let before = Place { id: before.0, of: PostId(before.1) };
                let found = self.store.marked_by(cx, account, mark, before, limit + 1).await?;
                Ok(Page::cut(found, limit, |place| [place.id, place.of.get()], |place| marked(mark, place)))
            }
            Section::Drafts => {
                let before = after.map_or(i64::MAX, |[id, _]| id);
                let found = self.store.drafts(cx, account, before, limit + 1).await?;
                let found: Vec<Draft> = found.into_iter().map(drafts::message).collect::<Result<_>>()?;
                Ok(Page::cut(found, limit, |draft| [draft.draft_id, 0], Record::Draft))
            }
            Section::Votes => {
                let before = after.map_or(END, |[post, _]| PostId(post));
                let found = self.store.votes_of(cx, account, before, limit + 1).await?;
                Ok(Page::cut(found, limit, |(post, _)| [post.get(), 0], voted))
            }
            Section::Pins => {
                let told = |post: PostId| Record::PinnedPost(PinnedPost { post_id: post.get() });
                Ok(Page::whole(self.store.pins(cx, account).await?.into_iter().map(told).collect()))
            }
        }
    }
}

impl Handler {
    /// Posts, newest first, each followed by what it said before. A key is the last post that was told, and the edit below
    /// which it goes on with what that said: 0 once all of that was told.
    async fn written(
        &self,
        cx: &Cx,
        account: AccountId,
        section: Section,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Record>> {
        let (mut records, mut last) = (Vec::new(), after.map_or(END, |[post, _]| PostId(post)));
        if let Some([_, edits]) = after
            && let Some(next) = self.revised(cx, last, i32::try_from(edits).unwrap_or(0), limit, &mut records).await?
        {
            return Ok(Page { records, next: Some(next) });
        }
        let posts = match section {
            Section::Deleted => self.deleted(cx, account, last, limit).await?,
            _ => self.living(cx, account, last, limit).await?,
        };
        let is_end = posts.len() < limit;
        for Written { id, edits, record } in posts {
            if records.len() == limit {
                return Ok(Page { records, next: Some([last.get(), 0]) });
            }
            records.extend(record);
            last = id;
            if let Some(next) = self.revised(cx, id, edits, limit, &mut records).await? {
                return Ok(Page { records, next: Some(next) });
            }
        }
        Ok(Page { records, next: (!is_end).then_some([last.get(), 0]) })
    }

    /// Tells what a post said before its edit number `before`, as far as there is room; where to go on, if that is not all.
    async fn revised(
        &self,
        cx: &Cx,
        post: PostId,
        before: i32,
        limit: usize,
        records: &mut Vec<Record>,
    ) -> Result<Option<Key>> {
        if before <= 0 {
            return Ok(None);
        }
        let room = limit - records.len();
        if room == 0 {
            return Ok(Some([post.get(), before.into()]));
        }
        let found = self.store.revisions(cx, post, before, room).await?;
        let last = found.last().filter(|_| found.len() == room).map(|last| last.edits);
        records.extend(
            found
                .iter()
                .map(|said| Record::PostRevision(PostRevision { post_id: post.get(), revision: Some(revision(said)) })),
        );
        Ok(last.map(|last| [post.get(), last.into()]))
    }

    async fn living(&self, cx: &Cx, account: AccountId, before: PostId, limit: usize) -> Result<Vec<Written>> {
        let ids = self.store.ids_by_author(cx, account, Sight::Everything, before, limit).await?;
        let posts: Vec<_> = self.store.posts(cx, &ids).await?.into_iter().flatten().collect();
        let marked = view::marked(self, cx, account, &posts).await?;
        let voted = polls::own(self, cx, account, &posts).await?;
        let mut posts = posts.iter().peekable();
        // One that goes between the two reads keeps its place: the number of ids tells whether these are the last.
        let written = ids.into_iter().map(|id| {
            let post = posts.next_if(|post| post.id == id);
            let told = post.map(|post| {
                let own = voted.get(&id).copied().unwrap_or_default();
                let poll = post.poll.as_ref().map(|poll| polls::message(poll, own, true));
                Record::Post(Post { poll, ..view::message(post, |mark| marked.contains(&(id, mark))) })
            });
            Written { id, edits: post.map_or(0, |post| post.edits.count), record: told }
        });
        Ok(written.collect())
    }

    async fn deleted(&self, cx: &Cx, account: AccountId, before: PostId, limit: usize) -> Result<Vec<Written>> {
        let found = self.store.graves(cx, account, before, limit).await?;
        let written = |buried: Buried| Written {
            id: buried.post,
            edits: buried.edits,
            record: Some(Record::DeletedPost(DeletedPost {
                post_id: buried.post.get(),
                delete_time: Some(view::timestamp(buried.at)),
                text: buried.text,
                warning: buried.warning,
                language: buried.language,
                media: media::messages(&buried.media),
                poll_options: buried.poll_options,
            })),
        };
        Ok(found.into_iter().map(written).collect())
    }
}

fn voted((post, choices): (PostId, Choices)) -> Record {
    Record::Vote(PostVote { post_id: post.get(), choices: polls::places(choices) })
}

fn marked(mark: Mark, place: Place<PostId>) -> Record {
    let create_time = Some(view::timestamp(id::time_of(place.id)));
    let told = PostMark { post_id: place.of.get(), create_time };
    match mark {
        Mark::Like => Record::Like(told),
        Mark::Repost => Record::Repost(told),
        Mark::Bookmark => Record::Bookmark(told),
    }
}
