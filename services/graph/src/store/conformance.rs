//! What every engine of the graph's store must do: a list of cases against the trait alone.
//!
//! An engine's test runs each of [`cases`] on a fresh store, and [`model::check`] on sequences of its own.
#![expect(clippy::unwrap_used, reason = "test support: a failure here is the test's failure")]

mod erasure;
mod lists;
pub mod model;
mod mutes;
mod race;
mod requests;
mod shelf;
mod suggest;
mod walks;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use plaza_core::{AccountId, Cx, ManualClock, Position, RequestKey, Timestamp};
use plaza_events::Event;
use uuid::Uuid;

use super::GraphStore;
use crate::domain::{Change, Limits, Write};

/// A fresh, empty store, and the clock that its environment shows.
#[derive(Clone)]
pub struct Subject {
    /// The store.
    pub store: Arc<dyn GraphStore>,
    /// Its clock.
    pub clock: Arc<ManualClock>,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject").field("clock", &self.clock).finish_non_exhaustive()
    }
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
    ($($module:ident::$name:ident),* $(,)?) => {
        /// All cases.
        #[must_use]
        pub fn cases() -> Vec<Case> {
            vec![$(Case { name: stringify!($name), run: |subject| Box::pin($module::$name(subject)) }),*]
        }
    };
}

cases![
    writes::following_twice_is_following_once,
    writes::unfollowing_twice_is_unfollowing_once,
    writes::a_block_ends_follows_both_ways_and_forbids_new_ones,
    writes::a_follow_of_an_unknown_account_is_refused,
    writes::a_repeated_request_gets_the_first_answer,
    writes::a_reused_request_id_is_refused,
    writes::answers_are_forgotten_after_their_time,
    writes::every_position_is_in_the_outbox,
    writes::the_outbox_is_read_in_pages_and_pruned_from_its_beginning,
    writes::a_closed_store_refuses,
    lists::lists_are_newest_first_and_pages_join,
    lists::a_walk_is_not_disturbed_by_writes,
    lists::ids_rise_and_pages_join,
    lists::batches_keep_order_and_duplicates,
    lists::a_circle_is_whole_or_large,
    mutes::a_mute_is_replaced_and_lifted,
    mutes::a_mute_that_has_run_out_is_as_good_as_none,
    mutes::mutes_that_have_run_out_are_pruned,
    mutes::mutes_and_blocks_are_listed_newest_first,
    mutes::a_follower_can_be_removed,
    mutes::limits_are_kept_and_make_room_again,
    requests::a_protected_account_is_asked,
    requests::an_answer_ends_a_request,
    requests::a_request_is_taken_back_by_either_call_and_by_a_block,
    requests::requests_are_listed_newest_first,
    requests::requests_have_a_limit,
    requests::what_an_account_asked_is_listed_by_rising_id,
    walks::what_two_accounts_have_in_common_is_found_in_parts,
    walks::familiar_followers_come_newest_first_from_either_side,
    walks::the_shortest_path_is_found_and_leads_round_blocks,
    walks::random_walks_agree_with_brute_force,
    shelf::hashtags_are_followed_once_and_listed_newest_first,
    shelf::words_are_muted_until_their_end,
    shelf::a_list_is_made_changed_and_deleted_by_its_owner,
    shelf::only_followed_accounts_are_on_a_list,
    shelf::whoever_is_followed_no_more_leaves_the_lists,
    shelf::what_an_account_keeps_has_limits,
    shelf::a_repeated_change_gets_the_first_answer,
    shelf::what_an_erased_account_kept_is_gone,
    suggest::friends_of_friends_and_shared_hashtags_are_suggested_best_first,
    suggest::what_speaks_against_a_suggestion_leaves_it_out,
    suggest::only_the_newest_are_looked_at,
    suggest::dismissals_are_forgotten_from_the_oldest_on_and_with_either_account,
    suggest::dismissals_are_listed_by_rising_id,
    suggest::random_suggestions_agree_with_brute_force,
    erasure::an_erased_account_leaves_nothing_behind,
    erasure::an_erased_account_takes_no_new_edges,
    erasure::erasing_goes_on_where_it_stopped,
    erasure::erasing_while_others_write_leaves_nothing_behind,
    erasure::held_accounts_are_listed_in_pages,
    race::writes_of_one_pair_at_once_stay_consistent,
    race::a_follow_never_stands_across_a_block,
    model::random_sequences_agree_with_the_model,
];

/// A context with plenty of time.
#[must_use]
pub fn cx() -> Cx {
    Cx::background("conformance", Duration::from_secs(60))
}

/// A context for request number `n` with content `digest`.
fn request(n: u128, method: &'static str, digest: u8) -> Cx {
    let key = RequestKey { caller: 1, request_id: Uuid::from_u128(n), method, digest: [digest; 16] };
    cx().with_request(Some(key))
}

/// A write of `actor` about `target`, who exists, at `at` milliseconds.
#[must_use]
pub const fn write(actor: i64, target: i64, at: i64) -> Write {
    let (actor, target) = (AccountId(actor), AccountId(target));
    let at = Timestamp(at);
    Write { actor, target, target_exists: true, target_protected: false, at, limits: Limits::NONE }
}

/// As [`write()`], to a protected target.
const fn ask(actor: i64, target: i64, at: i64) -> Write {
    Write { target_protected: true, ..write(actor, target, at) }
}

/// What the whole outbox tells of two accounts each, in order.
///
/// # Panics
/// If it cannot be read.
pub async fn told(store: &dyn GraphStore) -> Vec<(Position, Change)> {
    let (outbox, mut told) = (store.outbox(), Vec::new());
    let mut after = 0;
    loop {
        let events = outbox.read_after(&cx(), after, 500).await.unwrap();
        let Some(last) = events.last() else { return told };
        after = last.position;
        told.extend(events.iter().filter_map(|event| Some((event.position, change(event)?))));
    }
}

/// The changes alone.
async fn changes(store: &dyn GraphStore) -> Vec<Change> {
    told(store).await.into_iter().map(|(_, change)| change).collect()
}

/// What an event tells of two accounts, if it does.
fn change(event: &Event) -> Option<Change> {
    let change = Change::told_by(event).unwrap()?;
    assert_eq!((event.aggregate_type.as_str(), event.aggregate_id), ("account", change.accounts()[0].get()));
    Some(change)
}
