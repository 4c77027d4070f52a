//! Lists the public posts with a hashtag that the caller may see, newest first.

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, Error, PostId, Result};
use plaza_proto::posts::v1::{ListPostsByHashtagRequest, ListPostsByHashtagResponse};

use super::{Handler, view};
use crate::domain::{SpanKind, spans};
use crate::store::{END, Tagged, Tags};

pub(crate) async fn list_posts_by_hashtag(
    h: &Handler,
    cx: &Cx,
    req: ListPostsByHashtagRequest,
) -> Result<ListPostsByHashtagResponse> {
    let size = page::size(req.page_size)?;
    let tags = read(&req)?;
    let filter = numbers(&tags);
    let scope = Scope { method: "ListPostsByHashtag", filter: &filter, caller: cx.viewer() };
    let before = h.pager.open::<1>(scope, &req.page_token)?.map_or(END, |[id]| PostId(id));
    let found = h.store.ids_by_hashtag(cx, &tags, before, size + 1, h.limits.hashtag_scan).await?;
    let Tagged { mut ids, looked_to } = found;
    let more = ids.len() > size;
    ids.truncate(size);
    // A page that is not full goes on below what was looked through.
    let last = if more { ids.last().copied() } else { looked_to };
    let next_page_token = last.map(|last| h.pager.seal(scope, &[last.get()])).unwrap_or_default();
    Ok(ListPostsByHashtagResponse { posts: view::view(h, cx, &ids).await?, next_page_token })
}

fn read(req: &ListPostsByHashtagRequest) -> Result<Tags> {
    let mut any = vec![tag("hashtag", &req.hashtag)?];
    any.extend(tags("any_of", &req.any_of)?);
    any.sort_unstable();
    any.dedup();
    Ok(Tags { any, all: tags("all_of", &req.all_of)?, none: tags("none_of", &req.none_of)? })
}

fn tags(field: &str, said: &[String]) -> Result<Vec<String>> {
    said.iter().enumerate().map(|(at, said)| tag(&format!("{field}[{at}]"), said)).collect()
}

/// A hashtag as posts are listed under it.
fn tag(field: &str, said: &str) -> Result<String> {
    let text = if said.starts_with(['#', '＃', '﹟']) { said.to_owned() } else { format!("#{said}") };
    let mut found = spans::parse(&text).into_iter().filter(|span| (span.start, span.end) == (0, text.len()));
    let found = found.find(|span| span.kind == SpanKind::Hashtag);
    found.map(|span| span.value).ok_or_else(|| Error::invalid_field(field, "must be one hashtag, such as `rust`"))
}

/// The tags as numbers, eight bytes each, for what a page token is bound to.
fn numbers(tags: &Tags) -> Vec<i64> {
    let lists = [&tags.any, &tags.all, &tags.none].map(|list| list.join(" "));
    let bytes = lists.join("\n").into_bytes();
    let number = |part: &[u8]| part.iter().fold(0, |sum, byte| sum << 8 | i64::from(*byte));
    bytes.chunks(8).map(number).collect()
}
