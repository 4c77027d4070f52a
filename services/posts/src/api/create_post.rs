//! Publishes a post, a reply or a quote.

use plaza_core::text::Lines;
use plaza_core::{AccountId, Cx, Error, PostId, Result, Violations, reason};
use plaza_proto::posts::v1::{self as pb, CreatePostRequest, CreatePostResponse};

use super::view::{self, Sights};
use super::{Handler, choices, media, mentions, polls};
use crate::NAME;
use crate::config::Limits;
use crate::domain::replies::may_reply;
use crate::domain::sharing::may_quote;
use crate::domain::{Choices, Sensitive, text};
use crate::store::{NewPost, Published};

pub(crate) async fn create_post(h: &Handler, cx: &Cx, req: CreatePostRequest) -> Result<CreatePostResponse> {
    let (post, published) = publish(h, cx, read(cx.account()?, said(req), &h.limits, "")?).await?;
    Ok(answer(cx, post, &published))
}

fn said(req: CreatePostRequest) -> pb::NewPost {
    pb::NewPost {
        text: req.text,
        visibility: req.visibility,
        reply_to_id: req.reply_to_id,
        quote_of_id: req.quote_of_id,
        quote_policy: req.quote_policy,
        sensitive: req.sensitive,
        warning: req.warning,
        language: req.language,
        reply_policy: req.reply_policy,
        poll: req.poll,
        media: req.media,
    }
}

/// Publishes a post if its author may answer what it answers.
pub(super) async fn publish(h: &Handler, cx: &Cx, mut post: NewPost) -> Result<(NewPost, Published)> {
    if let Err(refusal) = may_answer(h, cx, &post).await {
        // What was published already is answered again, though what it answers may be out of sight by now.
        let published = h.store.answered_publish(cx).await?.ok_or(refusal)?;
        return Ok((post, published));
    }
    mentions::resolve(h, cx, &mut post.spans).await?;
    let published = h.store.publish(cx, post.clone()).await?;
    Ok((post, published))
}

/// What is to be published, checked; `at` stands before the names of fields.
pub(super) fn read(author: AccountId, mut req: pb::NewPost, limits: &Limits, at: &str) -> Result<NewPost> {
    let mut faults = Violations::default();
    if req.media.is_empty() || !req.text.is_empty() {
        text::check(&format!("{at}text"), &req.text, &mut faults);
    }
    plaza_core::text::check(&format!("{at}warning"), &req.warning, Lines::Single, &mut faults);
    let media = media::read(std::mem::take(&mut req.media), limits, at, &mut faults);
    let poll = req.poll.take().map(|poll| polls::read(poll, limits, at, &mut faults));
    faults.into_result()?;
    let optional = |id: i64| (id != 0).then_some(PostId(id));
    Ok(NewPost {
        visibility: choices::visibility_of(req.visibility()),
        reply_to: optional(req.reply_to_id),
        quote_of: optional(req.quote_of_id),
        quote_policy: choices::quote_policy_of(req.quote_policy()),
        reply_policy: choices::reply_policy_of(req.reply_policy()),
        sensitive: Sensitive { is: req.sensitive || !req.warning.is_empty(), warning: req.warning },
        language: req.language,
        media,
        poll,
        ..NewPost::new(author, req.text)
    })
}

/// Whether the author may reply to what the post replies to, and quote what it quotes.
async fn may_answer(h: &Handler, cx: &Cx, post: &NewPost) -> Result<()> {
    if let Some(target) = post.reply_to {
        answers(h, cx, post.author, target).await?;
    }
    if let Some(target) = post.quote_of {
        let missing = Error::new(reason::QUOTE_TARGET_NOT_FOUND).on_field("quote_of_id");
        let (quoted, sights) = view::sighted(h, cx, target, &missing).await?;
        let (relation, protected) = (sights.relation(quoted.author), view::is_protected(h, cx, &quoted).await?);
        if !may_quote(post.author, &quoted, relation, protected) {
            return Err(Error::new(reason::QUOTE_NOT_ALLOWED).on_field("quote_of_id"));
        }
    }
    Ok(())
}

/// Whether `account` may reply to `target`: its author and that of the thread's first post, while that lives, agree.
async fn answers(h: &Handler, cx: &Cx, account: AccountId, target: PostId) -> Result<()> {
    let missing = || Error::new(reason::REPLY_TARGET_NOT_FOUND).on_field("reply_to_id");
    let target = h.store.posts(cx, &[target]).await?.pop().flatten().ok_or_else(missing)?;
    let root = if target.root == target.id { None } else { h.store.posts(cx, &[target.root]).await?.pop().flatten() };
    let authors = root.iter().chain([&target]).map(|post| post.author).collect();
    let sights = Sights::load(h, cx, authors).await?;
    if !sights.shows(&target) {
        return Err(missing());
    }
    if root.iter().chain([&target]).all(|post| may_reply(account, post, sights.relation(post.author))) {
        return Ok(());
    }
    Err(Error::new(reason::REPLY_NOT_ALLOWED).on_field("reply_to_id"))
}

/// The post as it was when it was published, also for a repeated request.
fn answer(cx: &Cx, new: NewPost, published: &Published) -> CreatePostResponse {
    cx.wrote(NAME, published.position);
    let post = new.published(published);
    let poll = post.poll.as_ref().map(|poll| polls::message(poll, Choices::default(), true));
    CreatePostResponse { post: Some(pb::Post { poll, ..view::message(&post, |_| false) }) }
}
