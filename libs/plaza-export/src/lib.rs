//! Hands out what a service holds of an account, kind after kind.
//!
//! Accounts asks each service for page after page, and streams them to the account's owner. A page holds a bounded number
//! of records, and reads no more than it holds; a walk that takes long sees each record that was there all the time.

use async_trait::async_trait;
use plaza_core::page::{Pager, Scope};
use plaza_core::{AccountId, Cx, Error, Result, reason};

/// A place in a section, in numbers that its holder chooses.
pub type Key = [i64; 2];

/// The name of every service's RPC, as its page tokens are bound to it.
const METHOD: &str = "ExportRecords";

/// A part of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<R> {
    /// The records, in the order of the section.
    pub records: Vec<R>,
    /// Where the section goes on; `None` if nothing is left of it.
    pub next: Option<Key>,
}

impl<R> Page<R> {
    /// All there is of a section.
    #[must_use]
    pub const fn whole(records: Vec<R>) -> Self {
        Self { records, next: None }
    }

    /// A page of up to `limit` rows, of which one more was asked for to see whether there are more; `key` tells a row's
    /// place, after which the section goes on.
    #[must_use]
    pub fn cut<T>(mut rows: Vec<T>, limit: usize, key: impl Fn(&T) -> Key, told: impl FnMut(T) -> R) -> Self {
        let is_end = rows.len() <= limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| !is_end).map(key);
        Self { records: rows.into_iter().map(told).collect(), next }
    }
}

/// What a service holds of accounts.
#[async_trait]
pub trait ExportAccount: Send + Sync {
    /// A kind of what it holds.
    type Section: Copy + Send + Sync + 'static;
    /// One record, as the service's `.proto` has it.
    type Record: Send;

    /// All sections, in the order in which they are told. A token says which by its place here.
    const SECTIONS: &'static [Self::Section];

    /// Up to `limit` records of a section that come after `after`, which is [`Page::next`] of the page before. A page may
    /// be empty and go on.
    async fn page(
        &self,
        cx: &Cx,
        account: AccountId,
        section: Self::Section,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Self::Record>>;
}

/// A page of what is held of an account, up to `limit` records, and the token of the next page, empty on the last.
///
/// # Errors
/// `PAGE_TOKEN_INVALID`, field `page_token`, unless an earlier page of this account answered it; the holder's.
pub async fn export<E: ExportAccount>(
    holder: &E,
    cx: &Cx,
    pager: &Pager,
    account: AccountId,
    page_token: &str,
    limit: usize,
) -> Result<(Vec<E::Record>, String)> {
    let scope = Scope { method: METHOD, filter: &[account.get()], caller: None };
    let (mut at, mut after) = match pager.open::<4>(scope, page_token)? {
        Some([at, begun, first, second]) => (place(at)?, (begun != 0).then_some([first, second])),
        None => (0, None),
    };
    let mut records = Vec::new();
    while let Some(section) = E::SECTIONS.get(at) {
        if records.len() >= limit {
            return Ok((records, seal(pager, scope, at, after)));
        }
        let page = holder.page(cx, account, *section, after, limit - records.len()).await?;
        records.extend(page.records);
        after = page.next;
        if after.is_none() {
            at += 1;
        }
    }
    Ok((records, String::new()))
}

fn place(at: i64) -> Result<usize> {
    usize::try_from(at).map_err(|_| Error::new(reason::PAGE_TOKEN_INVALID).on_field("page_token"))
}

fn seal(pager: &Pager, scope: Scope<'_>, at: usize, after: Option<Key>) -> String {
    let [first, second] = after.unwrap_or_default();
    let at = i64::try_from(at).unwrap_or(i64::MAX);
    pager.seal(scope, &[at, i64::from(after.is_some()), first, second])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plaza_core::Secret;

    use super::*;

    /// Numbers by section: the section `n` holds `n` of them.
    struct Numbers;

    #[async_trait]
    impl ExportAccount for Numbers {
        type Section = i64;
        type Record = (i64, i64);
        const SECTIONS: &'static [i64] = &[0, 3, 0, 1, 7, 0];

        async fn page(
            &self,
            _: &Cx,
            account: AccountId,
            section: i64,
            after: Option<Key>,
            limit: usize,
        ) -> Result<Page<(i64, i64)>> {
            assert_eq!(account, AccountId(7));
            let from = after.map_or(0, |[last, of]| {
                assert_eq!(of, section);
                last + 1
            });
            let rows: Vec<i64> = (from..section).take(limit + 1).collect();
            Ok(Page::cut(rows, limit, |row| [*row, section], |row| (section, row)))
        }
    }

    fn all() -> Vec<(i64, i64)> {
        Numbers::SECTIONS.iter().flat_map(|section| (0..*section).map(|row| (*section, row))).collect()
    }

    #[tokio::test]
    async fn pages_of_any_size_tell_everything_once_and_in_order() {
        let (cx, pager) = (Cx::background("test", Duration::from_secs(5)), Pager::new(&Secret::new([1; 32])));
        for limit in 1..=12 {
            let (mut told, mut token) = (Vec::new(), String::new());
            loop {
                let (records, next) = export(&Numbers, &cx, &pager, AccountId(7), &token, limit).await.unwrap();
                assert!(records.len() <= limit && (!records.is_empty() || next.is_empty()), "{limit}: {records:?}");
                told.extend(records);
                token = next;
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(told, all(), "{limit}");
        }
    }

    #[tokio::test]
    async fn a_token_is_good_for_its_account_alone() {
        let (cx, pager) = (Cx::background("test", Duration::from_secs(5)), Pager::new(&Secret::new([1; 32])));
        let (_, token) = export(&Numbers, &cx, &pager, AccountId(7), "", 2).await.unwrap();
        for (account, token) in [(8, token.as_str()), (7, "AAAA"), (7, &token[1..])] {
            let refused = export(&Numbers, &cx, &pager, AccountId(account), token, 2).await.unwrap_err();
            assert!(refused.is(reason::PAGE_TOKEN_INVALID));
        }
    }
}
