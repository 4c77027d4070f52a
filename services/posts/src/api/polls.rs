//! Polls as they travel.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use plaza_core::{AccountId, Cx, PostId, Result, Timestamp, Violations};
use plaza_proto::posts::v1 as pb;

use super::Handler;
use super::view::timestamp;
use crate::config::Limits;
use crate::domain::poll::check_options;
use crate::domain::{Choices, NewPoll, Poll, Post};

/// The shortest time that a poll is open.
const LEAST: Duration = Duration::from_secs(300);

/// A poll that is to be published, checked; `at` stands before the names of fields.
pub(super) fn read(poll: pb::NewPoll, limits: &Limits, at: &str, faults: &mut Violations) -> NewPoll {
    check_options(&format!("{at}poll.options"), &poll.options, limits.poll_options, faults);
    let open = Duration::from_secs(u64::try_from(poll.duration_seconds).unwrap_or_default());
    if !(LEAST..=limits.poll_open).contains(&open) {
        let (least, most) = (LEAST.as_secs(), limits.poll_open.as_secs());
        faults.push(format!("{at}poll.duration_seconds"), format!("must be {least} to {most}"));
    }
    NewPoll { options: poll.options, multiple: poll.multiple, hides: poll.hide_results, open }
}

/// What the caller voted in the polls of these posts.
pub(super) async fn own(
    h: &Handler,
    cx: &Cx,
    viewer: AccountId,
    posts: &[Arc<Post>],
) -> Result<HashMap<PostId, Choices>> {
    let voted = |post: &&Arc<Post>| post.poll.as_ref().is_some_and(|poll| poll.results.voters > 0);
    let ids: Vec<PostId> = posts.iter().filter(voted).map(|post| post.id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(h.store.votes(cx, viewer, &ids).await?.into_iter().collect())
}

/// Whether a viewer who voted `own` sees the results of a post's poll.
pub(super) fn shows(post: &Post, poll: &Poll, viewer: Option<AccountId>, own: Choices, now: Timestamp) -> bool {
    !poll.hides || now >= poll.closes_at || !own.is_none() || viewer == Some(post.author)
}

/// A poll as somebody sees it who voted `own`, with its results or without.
pub(super) fn message(poll: &Poll, own: Choices, shows: bool) -> pb::Poll {
    let votes = poll.results.votes.iter().map(|votes| if shows { *votes } else { 0 });
    let option = |(text, vote_count): (&String, i64)| pb::PollOption { text: text.clone(), vote_count };
    pb::Poll {
        options: poll.options.iter().zip(votes).map(option).collect(),
        multiple: poll.multiple,
        close_time: Some(timestamp(poll.closes_at)),
        hide_results: poll.hides,
        results_hidden: !shows,
        voter_count: poll.results.voters,
        own_choices: places(own),
    }
}

/// The places of the options voted for.
pub(super) fn places(choices: Choices) -> Vec<i32> {
    // There are few options.
    choices.options().filter_map(|option| i32::try_from(option).ok()).collect()
}
