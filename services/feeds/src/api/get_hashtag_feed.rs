//! `GetHashtagFeed`: the public posts with hashtags that the caller may see, newest first.

use plaza_core::{Cx, Error, Result, Violations, hashtag, page};
use plaza_proto::feeds::v1::{GetHashtagFeedRequest, GetHashtagFeedResponse};
use plaza_proto::posts::v1::ListPostsByHashtagRequest;

use super::Handler;

pub(crate) async fn get_hashtag_feed(
    h: &Handler,
    cx: &Cx,
    req: GetHashtagFeedRequest,
) -> Result<GetHashtagFeedResponse> {
    let size = page::size(req.page_size)?;
    let list = list(req, h.hashtags)?;
    h.await_token(cx).await;
    let (posts, next_page_token) = h.pages.tagged(cx, list, size).await?;
    Ok(GetHashtagFeedResponse { posts, next_page_token })
}

/// The list of posts that the feed is read from. Its page tokens are the feed's: they are bound to the hashtags and to the
/// caller there.
fn list(req: GetHashtagFeedRequest, most: usize) -> Result<ListPostsByHashtagRequest> {
    let mut wrong = Violations::default();
    let mut any = tags("any_of", &req.any_of, most, &mut wrong);
    let all_of = tags("all_of", &req.all_of, most, &mut wrong);
    let none_of = tags("none_of", &req.none_of, most, &mut wrong);
    wrong.into_result()?;
    if any.is_empty() {
        any.extend(all_of.first().cloned());
    }
    if any.is_empty() {
        return Err(Error::invalid_field("any_of", "must hold a hashtag, or `all_of` must"));
    }
    let hashtag = any.remove(0);
    Ok(ListPostsByHashtagRequest { hashtag, any_of: any, all_of, none_of, page_token: req.page_token, page_size: 0 })
}

/// The hashtags as posts lists them, each once, in order.
fn tags(field: &str, said: &[String], most: usize, wrong: &mut Violations) -> Vec<String> {
    if said.len() > most {
        wrong.push(field, format!("must hold at most {most} hashtags"));
    }
    let mut tags = Vec::new();
    for (at, said) in said.iter().enumerate() {
        match hashtag::value(said.strip_prefix(hashtag::is_sign).unwrap_or(said)) {
            Some(tag) => tags.push(tag),
            None => wrong.push(format!("{field}[{at}]"), "must be one hashtag, such as `rust`"),
        }
    }
    tags.sort_unstable();
    tags.dedup();
    tags
}
