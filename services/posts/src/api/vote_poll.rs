//! Votes in the poll of a post that the caller may see.

use plaza_core::{Cx, Error, PostId, Result, reason};
use plaza_proto::posts::v1::{VotePollRequest, VotePollResponse};

use super::Handler;
use super::view::sighted;
use crate::NAME;
use crate::domain::Choices;
use crate::store::Vote;

pub(crate) async fn vote_poll(h: &Handler, cx: &Cx, req: VotePollRequest) -> Result<VotePollResponse> {
    let (account, post) = (cx.account()?, PostId(req.post_id));
    let voted = match choices(h, cx, post, &req.choices).await {
        Ok(choices) => h.store.vote(cx, Vote { post, account, choices }).await?,
        // What was answered already is answered again, though the post may be out of sight by now.
        Err(refusal) => h.store.answered_vote(cx).await?.ok_or(refusal)?,
    };
    cx.wrote(NAME, voted.position);
    Ok(VotePollResponse { vote_counts: voted.votes, voter_count: voted.voters })
}

async fn choices(h: &Handler, cx: &Cx, post: PostId, places: &[i32]) -> Result<Choices> {
    let (post, _) = sighted(h, cx, post, &Error::new(reason::POST_NOT_FOUND)).await?;
    let poll = post.poll.as_ref().ok_or_else(|| Error::new(reason::POLL_NOT_FOUND))?;
    let (options, multiple) = (poll.options.len(), poll.multiple);
    Choices::pick(places, options, multiple).ok_or_else(|| {
        let what = if multiple { "options, none twice" } else { "one option" };
        Error::invalid_field("choices", format!("must be {what}, of 0 to {}", options.saturating_sub(1)))
    })
}
