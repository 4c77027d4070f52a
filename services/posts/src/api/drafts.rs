//! What the RPCs on drafts have in common.

use plaza_core::{AccountId, Cx, Error, Result, Timestamp};
use plaza_proto::posts::v1 as pb;
use prost::Message as _;

use super::view::timestamp;
use super::{Handler, create_post};
use crate::store::{Draft, DraftChange, DraftWork, Drafted, Kept, NewPost};

/// What to keep: without a time as it is; with a time it must be fit to be published.
pub(super) fn kept(
    h: &Handler,
    account: AccountId,
    post: Option<pb::NewPost>,
    publish_time: Option<prost_types::Timestamp>,
) -> Result<Kept> {
    let post = post.unwrap_or_default();
    let publish_at = publish_time.map(|time| ahead(h, time)).transpose()?;
    let kept = Kept { post: post.encode_to_vec(), publish_at };
    if publish_at.is_some() {
        create_post::read(account, post, &h.limits, "post.")?;
    }
    Ok(kept)
}

/// A time that lies ahead, but not too far.
fn ahead(h: &Handler, time: prost_types::Timestamp) -> Result<Timestamp> {
    let (now, most) = (h.env.now(), h.limits.schedule_ahead);
    let wrong =
        || Error::invalid_field("publish_time", format!("must lie ahead, by at most {} days", most.as_secs() / 86_400));
    let millis = time.seconds.checked_mul(1_000).ok_or_else(wrong)?;
    let at = millis.checked_add(i64::from(time.nanos) / 1_000_000).ok_or_else(wrong)?;
    let by = u128::try_from(i128::from(at) - i128::from(now.0)).map_err(|_| wrong())?;
    if (1..=most.as_millis()).contains(&by) { Ok(Timestamp(at)) } else { Err(wrong()) }
}

/// Changes the caller's drafts. What was answered already is answered again, though its time may have passed by now.
pub(super) async fn change(h: &Handler, cx: &Cx, work: Result<DraftWork>) -> Result<Drafted> {
    match work {
        Ok(work) => h.store.change_draft(cx, DraftChange { account: cx.account()?, work }).await,
        Err(refusal) => h.store.answered_draft(cx).await?.ok_or(refusal),
    }
}

/// The caller's draft of this id.
pub(super) async fn find(h: &Handler, cx: &Cx, id: i64) -> Result<Option<Draft>> {
    let found = h.store.drafts(cx, cx.account()?, id.saturating_add(1), 1).await?;
    Ok(found.into_iter().find(|draft| draft.id == id))
}

/// A draft as it travels.
pub(super) fn message(draft: Draft) -> Result<pb::Draft> {
    let (post, publish_time) = (Some(decode(&draft)?), draft.kept.publish_at.map(timestamp));
    Ok(pb::Draft { draft_id: draft.id, post, publish_time, failure: draft.failure })
}

/// The post that a draft holds, fit to be published from it.
pub(super) fn fit(h: &Handler, draft: &Draft) -> Result<NewPost> {
    let post = create_post::read(draft.account, decode(draft)?, &h.limits, "post.")?;
    Ok(NewPost { draft: Some(draft.version()), ..post })
}

fn decode(draft: &Draft) -> Result<pb::NewPost> {
    pb::NewPost::decode(draft.kept.post.as_slice())
        .map_err(|e| Error::internal(format!("a stored draft cannot be read: {e}")))
}
