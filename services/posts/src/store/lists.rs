//! The lists that a feed is built from, one of each account, the same in every SQL engine.

use plaza_core::{AccountId, PostId};

use crate::domain::{PostRef, RepostRef};

/// Which lists are merged.
#[derive(Clone, Copy, Debug)]
pub(super) enum List {
    /// What accounts wrote.
    Posts,
    /// What they reposted.
    Reposts,
}

/// An entry of an account's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    /// Its place: the post's id, or the repost's.
    pub(super) id: i64,
    /// Whose list it is in.
    pub(super) list: AccountId,
    /// The post.
    pub(super) post: PostId,
    /// Who wrote it.
    pub(super) author: AccountId,
}

impl From<Row> for PostRef {
    fn from(Row { post, author, .. }: Row) -> Self {
        Self { post, author }
    }
}

impl From<Row> for RepostRef {
    fn from(Row { id: repost, list: account, post, author }: Row) -> Self {
        Self { repost, account, post, author }
    }
}
