//! What every engine of the posts' store must do: a list of cases against the trait alone.
//!
//! An engine's test runs each of [`cases`] on a fresh store, bare and with the cache in front.
#![expect(clippy::unwrap_used, reason = "test support: a failure here is the test's failure")]

mod drafts;
mod erasure;
mod grace;
mod marks;
mod model;
mod polls;
mod race;
mod reads;
mod threads;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use plaza_core::{AccountId, Cx, ManualClock, Position, PostId, RequestKey};
use plaza_events::Event;
use plaza_proto::posts::v1::{
    PostBookmarked, PostCreated, PostDeleted, PostLiked, PostUnbookmarked, PostUnliked, RepostUndone, Reposted,
};
use uuid::Uuid;

use super::{MarkChange, NewPost, PostStore, Published};
use crate::domain::{Counts, Mark, Post};

/// A fresh, empty store, and the clock that its environment shows.
#[derive(Clone)]
pub struct Subject {
    /// The store.
    pub store: Arc<dyn PostStore>,
    /// Its clock.
    pub clock: Arc<ManualClock>,
}

/// One case.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What holds.
    pub name: &'static str,
    /// Panics if it does not.
    pub run: fn(Subject) -> BoxFuture<'static, ()>,
}

macro_rules! cases {
    ($(#[$doc:meta])* $list:ident: $($module:ident::$name:ident),* $(,)?) => {
        $(#[$doc])*
        #[must_use]
        pub fn $list() -> Vec<Case> {
            vec![$(Case { name: stringify!($name), run: |subject| Box::pin($module::$name(subject)) }),*]
        }
    };
}

cases![
    /// The cases for a store without grace for deleted posts.
    cases:
    writes::a_post_is_read_as_it_was_written,
    writes::each_choice_of_the_author_is_kept,
    writes::ids_rise_whatever_the_clock_does,
    writes::replies_are_counted_and_keep_their_thread,
    writes::a_reply_needs_a_living_target,
    writes::a_deleted_post_is_gone_for_every_reader,
    writes::a_deletion_tells_who_could_see_the_post,
    writes::only_the_author_deletes_and_only_once,
    writes::likes_are_set_once_and_counted,
    writes::a_like_needs_a_living_post,
    writes::a_repeated_request_gets_the_first_answer,
    writes::a_reused_request_id_is_refused,
    writes::answers_are_forgotten_after_their_time,
    writes::every_change_is_told_once,
    marks::each_kind_of_mark_is_set_once_and_counted_apart,
    marks::a_mark_keeps_its_id_until_it_is_taken_back,
    marks::those_who_mark_a_post_are_listed_last_first,
    marks::what_an_account_keeps_is_listed_last_first,
    marks::quotes_are_counted_and_listed,
    marks::a_quote_needs_a_living_target,
    marks::reposts_of_many_accounts_are_merged,
    marks::an_erased_account_leaves_no_mark,
    marks::random_marks_at_once_leave_exact_counts,
    reads::posts_come_in_the_order_asked,
    reads::an_unknown_id_shows_once_it_is_published,
    reads::likes_of_many_posts_are_told_at_once,
    reads::likers_that_come_along_are_all_there_are,
    reads::an_authors_pages_are_full_and_join,
    reads::an_authors_list_follows_each_change,
    reads::refs_merge_many_authors_newest_first,
    reads::refs_of_a_busy_and_many_silent_authors,
    reads::refs_keep_to_the_deadline,
    erasure::an_erased_account_leaves_nothing_behind,
    erasure::an_erased_account_takes_nothing_new,
    erasure::erasing_goes_on_where_it_stopped,
    erasure::held_accounts_are_listed_in_pages,
    erasure::likes_of_a_deleted_post_are_pruned,
    race::a_thousand_likes_of_one_post_at_once,
    race::writers_and_readers_at_once_leave_exact_counts,
    race::likes_taken_back_at_once_are_told_in_turn,
    race::one_request_many_times_at_once_has_one_effect,
    race::deletions_at_any_moment_leave_exact_counts,
    model::random_sequences_agree_with_the_model,
    drafts::drafts_are_kept_replaced_and_deleted,
    drafts::an_account_keeps_so_many_drafts_and_no_more,
    drafts::drafts_come_due_in_the_order_of_their_times,
    drafts::a_draft_that_failed_says_why_until_it_is_replaced,
    drafts::a_draft_is_published_once_however_many_try,
    drafts::an_erased_account_leaves_no_draft,
    polls::a_poll_is_kept_with_its_post_and_counts_each_account_once,
    polls::votes_are_taken_of_living_posts_that_ask_and_until_the_poll_closes,
    polls::what_a_poll_asks_stays_once_somebody_has_voted,
    polls::a_thousand_votes_at_once_are_counted_exactly,
    polls::a_vote_goes_with_its_account,
    threads::what_a_post_said_is_kept_with_each_edit,
    threads::only_the_author_edits_what_lives,
    threads::a_post_is_edited_so_often_and_no_more,
    threads::own_posts_are_pinned_up_to_a_bound,
    threads::an_authors_list_can_do_without_replies,
    threads::an_authors_list_can_be_of_media_alone,
    threads::public_posts_are_listed_by_hashtag,
    threads::a_list_by_hashtag_looks_through_so_many_at_a_time,
    threads::threads_hold_together_across_deleted_posts,
];

cases![
    /// The cases for a store with [`GRACE`].
    cases_with_grace:
    grace::a_deleted_post_comes_back_with_all_that_belongs_to_it,
    grace::only_the_author_brings_back_what_is_deleted_and_in_time,
    polls::a_poll_comes_back_with_its_post_and_goes_for_good_with_it,
    grace::an_erasure_leaves_nothing_of_deleted_posts,
    grace::what_is_set_aside_of_an_accounts_posts_is_listed,
];

/// How long deleted posts can be restored in [`cases_with_grace`].
pub const GRACE: Duration = Duration::from_secs(3_600);

/// A context with plenty of time.
fn cx() -> Cx {
    Cx::background("conformance", Duration::from_secs(60))
}

/// A context for request number `n` with content `digest`.
fn request(n: u128, method: &'static str, digest: u8) -> Cx {
    let key = RequestKey { caller: 1, request_id: Uuid::from_u128(n), method, digest: [digest; 16] };
    cx().with_request(Some(key))
}

fn new(author: i64, text: &str) -> NewPost {
    NewPost::new(AccountId(author), text)
}

fn reply(author: i64, text: &str, to: PostId) -> NewPost {
    NewPost { reply_to: Some(to), ..new(author, text) }
}

const fn repost(account: i64, post: PostId) -> MarkChange {
    MarkChange { mark: Mark::Repost, ..like(account, post) }
}

const fn bookmark(account: i64, post: PostId) -> MarkChange {
    MarkChange { mark: Mark::Bookmark, ..like(account, post) }
}

const fn undone(change: MarkChange) -> MarkChange {
    MarkChange { set: false, ..change }
}

fn quote(author: i64, text: &str, of: PostId) -> NewPost {
    NewPost { quote_of: Some(of), ..new(author, text) }
}

const fn like(account: i64, post: PostId) -> MarkChange {
    MarkChange { mark: Mark::Like, post, account: AccountId(account), set: true }
}

const fn unlike(account: i64, post: PostId) -> MarkChange {
    MarkChange { set: false, ..like(account, post) }
}

impl Subject {
    async fn publish(&self, post: NewPost) -> Published {
        self.store.publish(&cx(), post).await.unwrap()
    }

    async fn post(&self, id: PostId) -> Option<Arc<Post>> {
        self.store.posts(&cx(), &[id]).await.unwrap().remove(0)
    }

    /// The counters as readers see them, which must be those that a recount gives.
    async fn counts(&self, id: PostId) -> Option<Counts> {
        let kept = self.post(id).await.map(|post| post.counts);
        assert_eq!(kept, self.store.recount(&cx(), id).await.unwrap(), "counters of {id}");
        kept
    }

    /// What the whole outbox tells, in order. An engine may hold events back while other transactions are open.
    async fn told(&self) -> Vec<(Position, Told)> {
        let (outbox, mut told) = (self.store.outbox(), Vec::new());
        let patient = cx();
        let last = outbox.last_position(&patient).await.unwrap();
        let mut after = 0;
        while after < last {
            let events = outbox.read_after(&patient, after, 500).await.unwrap();
            told.extend(events.iter().map(|event| (event.position, read(event))));
            after = told.last().map_or(0, |(position, _)| *position);
            tokio::task::yield_now().await;
        }
        told
    }
}

/// An event: the post, its author, and what it replies to, or for a like whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Created(PostId, AccountId, Option<PostId>),
    Deleted(PostId, AccountId, Option<PostId>),
    Liked(PostId, AccountId, AccountId),
    Unliked(PostId, AccountId, AccountId),
    Reposted(PostId, AccountId, AccountId, i64),
    RepostUndone(PostId, AccountId, AccountId, i64),
    Bookmarked(PostId, AccountId),
    Unbookmarked(PostId, AccountId),
    Other(&'static str, PostId),
}

fn replied(id: i64) -> Option<PostId> {
    (id != 0).then_some(PostId(id))
}

fn read(event: &Event) -> Told {
    assert_eq!((event.source.as_str(), event.aggregate_type.as_str()), ("posts", "post"));
    let (post, told) = if let Some(m) = event.decode::<PostCreated>() {
        let m = m.unwrap();
        (m.post_id, Told::Created(PostId(m.post_id), AccountId(m.author_id), replied(m.reply_to_id)))
    } else if let Some(m) = event.decode::<PostDeleted>() {
        let m = m.unwrap();
        (m.post_id, Told::Deleted(PostId(m.post_id), AccountId(m.author_id), replied(m.reply_to_id)))
    } else if let Some(m) = event.decode::<PostLiked>() {
        let m = m.unwrap();
        (m.post_id, Told::Liked(PostId(m.post_id), AccountId(m.author_id), AccountId(m.account_id)))
    } else if let Some(m) = event.decode::<PostUnliked>() {
        let m = m.unwrap();
        (m.post_id, Told::Unliked(PostId(m.post_id), AccountId(m.author_id), AccountId(m.account_id)))
    } else {
        handed_on(event)
    };
    assert_eq!(event.aggregate_id, post);
    told
}

/// As [`read`], for reposts and bookmarks.
fn handed_on(event: &Event) -> (i64, Told) {
    if let Some(m) = event.decode::<Reposted>() {
        let m = m.unwrap();
        let (post, author) = (PostId(m.post_id), AccountId(m.author_id));
        (m.post_id, Told::Reposted(post, author, AccountId(m.account_id), m.repost_id))
    } else if let Some(m) = event.decode::<RepostUndone>() {
        let m = m.unwrap();
        let (post, author) = (PostId(m.post_id), AccountId(m.author_id));
        (m.post_id, Told::RepostUndone(post, author, AccountId(m.account_id), m.repost_id))
    } else if let Some(m) = event.decode::<PostBookmarked>() {
        let m = m.unwrap();
        (m.post_id, Told::Bookmarked(PostId(m.post_id), AccountId(m.author_id)))
    } else if let Some(m) = event.decode::<PostUnbookmarked>() {
        let m = m.unwrap();
        (m.post_id, Told::Unbookmarked(PostId(m.post_id), AccountId(m.author_id)))
    } else {
        let kinds = ["PostEdited", "PostRestored", "PostPinned", "PostUnpinned", "PollVoted"];
        let kind = kinds.into_iter().find(|kind| event.type_.ends_with(kind)).unwrap();
        (event.aggregate_id, Told::Other(kind, PostId(event.aggregate_id)))
    }
}
