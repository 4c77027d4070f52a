//! Publishes a post or a reply.

use plaza_core::{AccountId, Cx, Error, PostId, Result, Violations, reason};
use plaza_proto::posts::v1::{self as pb, CreatePostRequest, CreatePostResponse};

use super::{Handler, view};
use crate::NAME;
use crate::domain::{Counts, Post, Visibility, spans, text};
use crate::store::{NewPost, Published};

pub(crate) async fn create_post(h: &Handler, cx: &Cx, req: CreatePostRequest) -> Result<CreatePostResponse> {
    let post = read(cx.account()?, req)?;
    if let Some(target) = post.reply_to
        && let Err(refusal) = may_reply(h, cx, target).await
    {
        // What was published already is answered again, though the target may be out of sight by now.
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
    let reply_to = (req.reply_to_id != 0).then_some(PostId(req.reply_to_id));
    Ok(NewPost { author, spans: spans::parse(&req.text), text: req.text, visibility, reply_to })
}

async fn may_reply(h: &Handler, cx: &Cx, target: PostId) -> Result<()> {
    let missing = || Error::new(reason::REPLY_TARGET_NOT_FOUND).on_field("reply_to_id");
    if view::visible(h, cx, &[target]).await?.is_empty() { Err(missing()) } else { Ok(()) }
}

/// The post as it was when it was published, also for a repeated request.
fn answer(cx: &Cx, new: NewPost, published: Published) -> CreatePostResponse {
    cx.wrote(NAME, published.position);
    let post = Post {
        id: published.post,
        author: new.author,
        text: new.text,
        spans: new.spans,
        visibility: new.visibility,
        reply_to: new.reply_to,
        root: published.root,
        counts: Counts::default(),
        likers: None,
    };
    CreatePostResponse { post: Some(view::message(&post, false)) }
}
