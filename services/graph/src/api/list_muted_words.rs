//! Lists the words that the caller mutes, newest first.

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{ListMutedWordsRequest, ListMutedWordsResponse, MutedWord};

use super::{Handler, edges, shelf};
use crate::domain::Word;

pub(crate) async fn list_muted_words(
    h: &Handler,
    cx: &Cx,
    req: ListMutedWordsRequest,
) -> Result<ListMutedWordsResponse> {
    let (account, size) = (cx.account()?, page::size_up_to(req.page_size, shelf::MAX_PAGE)?);
    let scope = Scope { method: "ListMutedWords", filter: &[], caller: Some(account) };
    let before = shelf::before(h, scope, &req.page_token)?;
    let mut words = h.store.words(cx, account, h.env.now(), before, size + 1).await?;
    let next_page_token = shelf::cut(h, scope, &mut words, size, |word| word.id);
    let told = |word: Word| MutedWord { word: word.word, expire_time: word.until.map(edges::time) };
    Ok(ListMutedWordsResponse { muted_words: words.into_iter().map(told).collect(), next_page_token })
}
