//! What a store is asked to do, and what that comes to.

use std::collections::BTreeSet;

use plaza_core::{AccountId, Position, PostId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::{
    Choices, Counts, Edits, Mark, Media, NewPoll, Post, QuotePolicy, ReplyPolicy, Sensitive, Span, SpanKind,
    Visibility, spans,
};

/// A post that is to be published.
#[derive(Clone, Debug)]
pub struct NewPost {
    /// Who writes it.
    pub author: AccountId,
    /// The text, as written and checked.
    pub text: String,
    /// What was found in it.
    pub spans: Vec<Span>,
    /// Who may see it.
    pub visibility: Visibility,
    /// The post it replies to.
    pub reply_to: Option<PostId>,
    /// The post it quotes.
    pub quote_of: Option<PostId>,
    /// Who may quote it.
    pub quote_policy: QuotePolicy,
    /// Who may reply to it.
    pub reply_policy: ReplyPolicy,
    /// Whether it is to be shown on demand only, and what is shown instead.
    pub sensitive: Sensitive,
    /// A BCP 47 tag; empty if not said.
    pub language: String,
    /// Pictures and the like that belong to it.
    pub media: Vec<Media>,
    /// What it asks.
    pub poll: Option<NewPoll>,
    /// The author's draft that it is published from, which goes with that.
    pub draft: Option<DraftVersion>,
}

impl Draft {
    /// The draft as it stands here.
    #[must_use]
    pub const fn version(&self) -> DraftVersion {
        DraftVersion { id: self.id, version: self.version }
    }

    /// Where it stands among those that come due: time, account, id.
    #[must_use]
    pub fn due_place(&self) -> (i64, i64, i64) {
        (self.kept.publish_at.map_or(i64::MAX, |at| at.0), self.account.0, self.id)
    }
}

impl NewPost {
    /// A public post that answers nothing.
    #[must_use]
    pub fn new(author: AccountId, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            author,
            spans: spans::parse(&text),
            text,
            visibility: Visibility::Public,
            reply_to: None,
            quote_of: None,
            quote_policy: QuotePolicy::Everyone,
            reply_policy: ReplyPolicy::Everyone,
            sensitive: Sensitive::default(),
            language: String::new(),
            media: Vec::new(),
            poll: None,
            draft: None,
        }
    }

    /// The accounts that its mentions name, in their order; 0 for a mention of nobody.
    #[must_use]
    pub fn mentions(&self) -> Vec<AccountId> {
        let mentions = self.spans.iter().filter(|span| span.kind == SpanKind::Mention);
        mentions.map(|span| span.account.unwrap_or_default()).collect()
    }

    /// The post as it is right after it was published. Its mentions are those of its first publication.
    #[must_use]
    pub fn published(mut self, published: &Published) -> Post {
        let mentions = self.spans.iter_mut().filter(|span| span.kind == SpanKind::Mention);
        for (span, account) in mentions.zip(&published.mentions) {
            span.account = (account.get() != 0).then_some(*account);
        }
        Post {
            id: published.post,
            author: self.author,
            text: self.text,
            spans: self.spans,
            visibility: self.visibility,
            reply_to: self.reply_to,
            root: published.root,
            quote_of: self.quote_of,
            quote_policy: self.quote_policy,
            reply_policy: self.reply_policy,
            sensitive: self.sensitive,
            language: self.language,
            media: self.media,
            edits: Edits::default(),
            poll: self.poll.map(|poll| poll.published(published.post.time())),
            counts: Counts::default(),
            marks: None,
        }
    }
}

/// What publishing a post came to. Remembered with the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The new post's id.
    pub post: PostId,
    /// The first post of its thread.
    pub root: PostId,
    /// The event's place in the outbox.
    pub position: Position,
    /// As [`NewPost::mentions`].
    #[serde(default)]
    pub mentions: Vec<AccountId>,
}

/// What deleting a post came to. Remembered with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// The event's place in the outbox.
    pub position: Position,
}

/// What a post is to say from now on.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The post.
    pub post: PostId,
    /// Only a post of this account is edited.
    pub author: AccountId,
    /// The text, as written and checked.
    pub text: String,
    /// What was found in it.
    pub spans: Vec<Span>,
    /// Whether it is to be shown on demand only, and what is shown instead.
    pub sensitive: Sensitive,
    /// A BCP 47 tag; empty if not said.
    pub language: String,
}

/// What an edit came to. Remembered with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// How often the post was edited by then.
    pub count: i32,
    /// When last, in milliseconds; `None` if never.
    pub at: Option<i64>,
    /// The event's place in the outbox; `None` if the post said so already.
    pub position: Option<Position>,
}

impl Edited {
    pub(crate) fn new(edits: Edits, position: Option<Position>) -> Self {
        Self { count: edits.count, at: edits.at.map(|at| at.0), position }
    }
}

/// What is set aside of a deleted post, for as long as it can be restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buried {
    /// The post.
    pub post: PostId,
    /// When it was deleted.
    pub at: Timestamp,
    /// What it said.
    pub text: String,
    /// What was shown instead; may be empty.
    pub warning: String,
    /// A BCP 47 tag; empty if not said.
    pub language: String,
    /// How often it was edited.
    pub edits: i32,
    /// Pictures and the like that belonged to it.
    pub media: Vec<Media>,
    /// What its poll asked; empty if nothing.
    pub poll_options: Vec<String>,
}

/// What bringing a post back came to. Remembered with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The event's place in the outbox.
    pub position: Position,
}

/// What pinning a post, or unpinning it, came to. Remembered with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The event's place in the outbox; `None` if nothing changed.
    pub position: Option<Position>,
}

/// A post of an account, to be at the head of its profile or not.
#[derive(Clone, Copy, Debug)]
pub struct PinChange {
    /// The post.
    pub post: PostId,
    /// Only a post of this account is pinned.
    pub author: AccountId,
    /// Whether to pin it.
    pub set: bool,
}

/// Which of an author's posts a list holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Only {
    /// Those that reply to nothing.
    pub openers: bool,
    /// Those with media.
    pub media: bool,
}

/// Which posts a list by hashtag holds; tags as [`spans`] normalises them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// With any of these, at least one.
    pub any: Vec<String>,
    /// With all of these.
    pub all: Vec<String>,
    /// With none of these.
    pub none: Vec<String>,
}

/// What was found under hashtags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tagged {
    /// Ids, falling.
    pub ids: Vec<PostId>,
    /// If there are fewer than asked for and not all was looked through: nothing but `ids` is above this one or at it, and
    /// below it the list goes on.
    pub looked_to: Option<PostId>,
}

impl Tagged {
    /// Merges what was found under each tag, at most `limit`, with how far down the tag was looked through; 0 for all.
    #[must_use]
    pub fn of(found: &[(PostId, Vec<PostId>)], limit: usize) -> Self {
        // What lies below the place down to which a tag was looked through may have a hole, unless enough was found before.
        let short = found.iter().filter(|(_, ids)| ids.len() < limit);
        let floor = short.map(|(floor, _)| *floor).max().unwrap_or(PostId(0));
        let all = found.iter().flat_map(|(_, ids)| ids).copied().filter(|id| *id >= floor);
        let ids: Vec<PostId> = all.collect::<BTreeSet<_>>().into_iter().rev().take(limit).collect();
        let looked_to = (ids.len() < limit && floor.0 > 0).then_some(floor);
        Self { ids, looked_to }
    }
}

/// A post that its author keeps for later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Whose it is.
    pub account: AccountId,
    /// Names it among the account's.
    pub id: i64,
    /// How often it was replaced.
    pub version: i64,
    /// What is to be published, and when.
    pub kept: Kept,
    /// Why it could not be published at its time; empty if there is no reason.
    pub failure: String,
}

/// A draft as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DraftVersion {
    /// Names it among its account's.
    pub id: i64,
    /// How often it had been replaced.
    pub version: i64,
}

/// What is kept as a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What is to be published, encoded.
    pub post: Vec<u8>,
    /// When it is to be published, if at a time.
    pub publish_at: Option<Timestamp>,
}

/// What is to be done with a draft.
#[derive(Clone, Debug)]
pub enum DraftWork {
    /// Keep a new one, if the account has fewer than so many.
    Keep(Kept, usize),
    /// Put this in the place of what is kept as this draft.
    Replace(i64, Kept),
    /// Delete this one.
    Delete(i64),
}

/// A change of an account's drafts.
#[derive(Clone, Debug)]
pub struct DraftChange {
    /// Only drafts of this account are changed.
    pub account: AccountId,
    /// What is to be done.
    pub work: DraftWork,
}

/// What a change of a draft came to. Remembered with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drafted {
    /// Names the draft.
    pub id: i64,
}

/// What a mark, or taking it back, came to. Remembered with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// How many accounts mark the post so. An engine that adds up changes apart from the post may be behind here.
    #[serde(alias = "likes")]
    pub count: i64,
    /// Names the mark that is there, or that was; 0 if there was none.
    #[serde(default)]
    pub id: i64,
    /// The event's place in the outbox; `None` if nothing changed.
    pub position: Option<Position>,
}

/// An account's mark of a post, wanted or not.
#[derive(Clone, Copy, Debug)]
pub struct MarkChange {
    /// What kind of mark.
    pub mark: Mark,
    /// The post.
    pub post: PostId,
    /// Whose mark it is, or no longer is.
    pub account: AccountId,
    /// Whether to set it.
    pub set: bool,
}

/// An account's vote in the poll of a post.
#[derive(Clone, Copy, Debug)]
pub struct Vote {
    /// The post that asks.
    pub post: PostId,
    /// Whose vote it is.
    pub account: AccountId,
    /// What it is for; some of the poll's options.
    pub choices: Choices,
}

/// What a vote came to. Remembered with the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voted {
    /// How many voted for each option.
    pub votes: Vec<i64>,
    /// How many voted.
    pub voters: i64,
    /// The event's place in the outbox.
    pub position: Position,
}

/// A mark of an account or of a post, as lists of them hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place<T> {
    /// Names the mark; those set later have larger ids.
    pub id: i64,
    /// The account or the post at the mark's other end.
    pub of: T,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_under_tags_has_no_hole() {
        let ids = |ids: &[i64]| ids.iter().copied().map(PostId).collect::<Vec<_>>();
        let of = |found: &[(i64, &[i64])], limit| {
            let found: Vec<_> = found.iter().map(|(floor, found)| (PostId(*floor), ids(found))).collect();
            let Tagged { ids, looked_to } = Tagged::of(&found, limit);
            (ids.iter().map(|id| id.0).collect::<Vec<_>>(), looked_to.map(|id| id.0))
        };
        assert_eq!(of(&[(0, &[9, 5]), (0, &[7, 5])], 4), (vec![9, 7, 5], None));
        assert_eq!(of(&[(0, &[9, 5]), (6, &[7])], 4), (vec![9, 7], Some(6)), "there may be one between 6 and 5");
        assert_eq!(of(&[(6, &[9, 7]), (0, &[8])], 2), (vec![9, 8], None), "enough was found above");
        assert_eq!(of(&[(6, &[9, 7]), (8, &[])], 2), (vec![9], Some(8)));
        assert_eq!(of(&[(6, &[])], 2), (vec![], Some(6)));
    }
}
