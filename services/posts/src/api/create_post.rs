//! Publishes a post, a reply or a quote.

use plaza_core::{AccountId, Cx, Error, PostId, Result, Violations, reason};
use plaza_proto::posts::v1::{self as pb, CreatePostRequest, CreatePostResponse};

use super::{Handler, view};
use crate::NAME;
use crate::domain::sharing::may_quote;
use crate::domain::{QuotePolicy, Visibility, text};
use crate::store::{NewPost, Published};

pub(crate) async fn create_post(h: &Handler, cx: &Cx, req: CreatePostRequest) -> Result<CreatePostResponse> {
    let post = read(cx.account()?, req)?;
    if let Err(refusal) = may_answer(h, cx, &post).await {
        // What was published already is answered again, though what it answers may be out of sight by now.
        let published = h.store.answered_publish(cx).await?.ok_or(refusal)?;
        return Ok(answer(cx, post, published));
    }
    let published = h.store.publish(cx, post.clone()).await?;
    Ok(answer(cx, post, published))
}

fn read(author: AccountId, req: CreatePostRequest) -> Result<NewPost> {
    let mut faults = Violations::default();
    text::check("text", &req.text, &mut faults);
    faults.into_result()?;
    let visibility = match req.visibility() {
        pb::Visibility::Unspecified | pb::Visibility::Public => Visibility::Public,
        pb::Visibility::Followers => Visibility::Followers,
    };
    let quote_policy = match req.quote_policy() {
        pb::QuotePolicy::Unspecified | pb::QuotePolicy::Everyone => QuotePolicy::Everyone,
        pb::QuotePolicy::Followers => QuotePolicy::Followers,
        pb::QuotePolicy::Nobody => QuotePolicy::Nobody,
    };
    let optional = |id: i64| (id != 0).then_some(PostId(id));
    let (reply_to, quote_of) = (optional(req.reply_to_id), optional(req.quote_of_id));
    Ok(NewPost { visibility, reply_to, quote_of, quote_policy, ..NewPost::new(author, req.text) })
}

/// Whether the author may reply to what the post replies to, and quote what it quotes.
async fn may_answer(h: &Handler, cx: &Cx, post: &NewPost) -> Result<()> {
    if let Some(target) = post.reply_to {
        let missing = Error::new(reason::REPLY_TARGET_NOT_FOUND).on_field("reply_to_id");
        view::sighted(h, cx, target, &missing).await?;
    }
    if let Some(target) = post.quote_of {
        let missing = Error::new(reason::QUOTE_TARGET_NOT_FOUND).on_field("quote_of_id");
        let (quoted, relation) = view::sighted(h, cx, target, &missing).await?;
        if !may_quote(post.author, &quoted, relation) {
            return Err(Error::new(reason::QUOTE_NOT_ALLOWED).on_field("quote_of_id"));
        }
    }
    Ok(())
}

/// The post as it was when it was published, also for a repeated request.
fn answer(cx: &Cx, new: NewPost, published: Published) -> CreatePostResponse {
    cx.wrote(NAME, published.position);
    CreatePostResponse { post: Some(view::message(&new.published(&published), |_| false)) }
}
