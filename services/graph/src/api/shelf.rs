//! What the RPCs about an account's own hashtags, words and lists share.

use plaza_core::page::Scope;
use plaza_core::text::Lines;
use plaza_core::{AccountId, Cx, Error, Result, Violations, hashtag, reason, text};
use plaza_proto::graph::v1;

use super::{Handler, edges};
use crate::NAME;
use crate::domain::{About, List, Own, OwnWrite, OwnWritten, Relation};

/// The largest page of hashtags and words.
pub(super) const MAX_PAGE: usize = 1_000;

/// Changes what the caller keeps for itself.
pub(super) async fn write(h: &Handler, cx: &Cx, own: Own) -> Result<OwnWritten> {
    let (account, id) = (cx.account()?, h.env.next_id());
    let write = OwnWrite { account, own, id, at: h.env.now(), limits: h.limits };
    let written = h.store.own(cx, write).await?;
    cx.wrote(NAME, written.position);
    Ok(written)
}

/// The hashtag that a request names, with or without its sign, as posts would find it in a text.
pub(super) fn hashtag(asked: &str) -> Result<String> {
    let tag = asked.trim().trim_start_matches(hashtag::is_sign);
    let wrong = || Error::invalid_field("hashtag", "must be a hashtag: letters, digits, `_`, one of them a letter");
    hashtag::value(tag).ok_or_else(wrong)
}

/// The word that a request names, folded.
pub(super) fn word(asked: &str) -> Result<String> {
    let word = one_line("word", asked)?;
    Ok(hashtag::fold(&word))
}

/// What a list is to be.
pub(super) fn about(name: &str, public: bool, exclusive: bool) -> Result<About> {
    Ok(About { name: one_line("name", name)?, public, exclusive })
}

/// A text in one line that shows something.
fn one_line(field: &str, asked: &str) -> Result<String> {
    let mut wrong = Violations::default();
    text::check(field, asked, Lines::Single, &mut wrong);
    let trimmed = asked.trim();
    if trimmed.is_empty() {
        wrong.push(field, "must not be blank");
    }
    wrong.into_result()?;
    Ok(trimmed.to_owned())
}

/// The accounts that a request names.
pub(super) fn accounts(ids: Vec<i64>) -> Vec<AccountId> {
    ids.into_iter().map(AccountId).collect()
}

/// A list as it goes out.
pub(super) fn told(list: List) -> v1::List {
    let About { name, public, exclusive } = list.about;
    v1::List { list_id: list.id, owner_id: list.owner.get(), name, public, exclusive }
}

/// A list that the caller may see: its own, or one that is public and whose owner does not block it.
pub(super) async fn visible(h: &Handler, cx: &Cx, id: i64) -> Result<List> {
    let not_found = || Error::new(reason::LIST_NOT_FOUND);
    let list = h.store.list(cx, id).await?.ok_or_else(not_found)?;
    if cx.viewer() == Some(list.owner) {
        return Ok(list);
    }
    let hidden = !list.about.public || edges::is_shut_out(h, cx, list.owner).await?;
    if hidden { Err(not_found()) } else { Ok(list) }
}

/// Those of `accounts` that no block hides from the caller.
pub(super) async fn unblocked(h: &Handler, cx: &Cx, accounts: Vec<AccountId>) -> Result<Vec<AccountId>> {
    let Some(viewer) = cx.viewer() else { return Ok(accounts) };
    let relations = h.store.relations(cx, viewer, &accounts).await?;
    let seen = accounts.into_iter().zip(relations).filter(|(_, relation)| !Relation::is_blocked(*relation));
    Ok(seen.map(|(account, _)| account).collect())
}

/// Where a page goes on of a list that is ordered by falling ids.
pub(super) fn before(h: &Handler, scope: Scope<'_>, page_token: &str) -> Result<i64> {
    Ok(h.pager.open::<1>(scope, page_token)?.map_or(i64::MAX, |[before]| before))
}

/// Cuts what was read to a page of `size`; of one more than that there is a next page, whose token it returns.
pub(super) fn cut<T>(h: &Handler, scope: Scope<'_>, read: &mut Vec<T>, size: usize, id: impl Fn(&T) -> i64) -> String {
    let is_end = read.len() <= size;
    read.truncate(size);
    let last = read.last().filter(|_| !is_end);
    last.map(|last| h.pager.seal(scope, &[id(last)])).unwrap_or_default()
}
