//! What every engine must do: a suite against the trait alone.
//!
//! An engine runs it with `suite!(make)`, where `make(env, rules)` gives an empty store, or `None` if there is no server to
//! have one on.

mod apps;
mod factors;
mod guesses;
mod notices;

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use plaza_core::{AccountId, Caller, Cx, Env, ManualClock, RequestKey, SessionId, Timestamp, reason};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Refreshed, Store};
use crate::domain::{Device, Ending, Grant, KNOWN_MS, NewSession, Presented, REVOCATION_MS, Rules, SignedIn, Use};
use crate::tokens::StoredKey;

pub(crate) use apps::*;
pub(crate) use factors::*;
pub(crate) use guesses::*;
pub(crate) use notices::*;

const RULES: Rules = Rules { session_ms: 24 * 3_600_000, grace_ms: 10_000, max_sessions: 3, guess_ms: 3_600_000 };
const START: Timestamp = Timestamp(1_800_000_000_000);
const ADA: AccountId = AccountId(7);
const BOB: AccountId = AccountId(9);

/// An empty store, and what it needs to be there for.
pub(crate) struct Made {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keep: Box<dyn Any + Send>,
}

/// An empty store with its clock.
pub(crate) struct Bench {
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    env: Env,
    _keep: Box<dyn Any + Send>,
}

impl Bench {
    pub(crate) async fn new<F: Future<Output = Option<Made>>>(make: impl FnOnce(Env, Rules) -> F) -> Option<Self> {
        let clock = ManualClock::new(START);
        let env = Env::manual(clock.clone(), 7);
        let Made { store, keep } = make(env.clone(), RULES).await?;
        Some(Self { store, clock, env, _keep: keep })
    }

    fn new_session(&self, account: AccountId) -> NewSession {
        NewSession {
            id: SessionId(self.env.next_id()),
            account,
            device_name: "phone".to_owned(),
            address: "192.0.2.1".to_owned(),
            proved_at: self.env.now(),
            device: Device([1; 16]),
            proof: None,
            app: None,
        }
    }

    async fn opened(&self, account: AccountId) -> Grant {
        let grant = self.open(&cx(), self.new_session(account), "k1").await.unwrap();
        self.clock.advance(1);
        grant
    }

    /// Opens a session of an account without a second factor, or with a code of it.
    async fn open(&self, cx: &Cx, new: NewSession, kid: &str) -> Result<Grant, plaza_core::Error> {
        self.store.open(cx, new, kid).await.map(|signed_in| match signed_in {
            SignedIn::Opened(grant) => grant,
            SignedIn::Challenged(challenge) => panic!("{challenge:?}"),
        })
    }

    async fn refreshed(&self, session: SessionId, generation: i64) -> Result<Refreshed, plaza_core::Error> {
        self.store.refresh(&cx(), used(session, generation), "k1").await.map(|(refreshed, _)| refreshed)
    }

    async fn granted(&self, session: SessionId, generation: i64) -> Grant {
        match self.refreshed(session, generation).await.unwrap() {
            Refreshed::Granted(grant) => grant,
            Refreshed::Reused => panic!("reused"),
        }
    }

    async fn listed(&self, account: AccountId) -> Vec<SessionId> {
        self.store.list(&cx(), account, None, 100).await.unwrap().iter().map(|s| s.id).collect()
    }

    async fn revoked(&self, after: i64) -> (Vec<SessionId>, i64) {
        let page = self.store.revoked_after(&cx(), after, 100).await.unwrap();
        (page.sessions, page.cursor)
    }
}

fn cx() -> Cx {
    Cx::new(Caller::default(), Instant::now() + Duration::from_secs(5))
}

fn used(session: SessionId, generation: i64) -> Use {
    Use { presented: Presented { session, generation }, address: "192.0.2.2".to_owned() }
}

/// A context of the request `id` with content `digest`.
fn request(id: u128, digest: u8) -> Cx {
    let key = RequestKey { caller: 0, request_id: Uuid::from_u128(id), method: "Test", digest: [digest; 16] };
    cx().with_request(Some(key))
}

pub(crate) async fn an_opened_session_is_listed_newest_first(b: Bench) {
    let first = b.opened(ADA).await;
    assert_eq!((first.generation, first.at, first.expires_at), (1, START.0, START.0 + RULES.session_ms));
    let (second, other) = (b.opened(ADA).await, b.opened(BOB).await);
    assert_eq!(b.listed(ADA).await, [second.session, first.session]);
    assert_eq!(b.listed(BOB).await, [other.session]);
    let page = b.store.list(&cx(), ADA, Some(second.session), 1).await.unwrap();
    assert_eq!((page[0].id, page[0].device_name.as_str()), (first.session, "phone"));
    assert_eq!(page[0].address, "192.0.2.1");
    let clash = NewSession { id: first.session, ..b.new_session(BOB) };
    assert!(b.open(&cx(), clash, "k1").await.unwrap_err().is(reason::ID_CLASH));
}

pub(crate) async fn a_refresh_rotates_and_moves_the_expiry_on(b: Bench) {
    let opened = b.opened(ADA).await;
    b.clock.advance(60_000);
    let (now, next) = (b.env.now().0, b.granted(opened.session, 1).await);
    assert_eq!((next.generation, next.at, next.expires_at), (2, now, now + RULES.session_ms));
    assert_eq!((next.created_at, next.account), (opened.created_at, ADA));
    let listed = b.store.list(&cx(), ADA, None, 1).await.unwrap();
    assert_eq!((listed[0].last_used_at, listed[0].expires_at), (now, now + RULES.session_ms));
    assert_eq!(listed[0].address, "192.0.2.2", "where it was used last");
}

pub(crate) async fn the_last_token_gets_the_same_successor_within_the_grace(b: Bench) {
    let opened = b.opened(ADA).await;
    let next = b.granted(opened.session, 1).await;
    b.clock.advance(RULES.grace_ms);
    assert_eq!(b.granted(opened.session, 1).await, next, "the same grant: the same tokens");
    b.clock.advance(1);
    assert_eq!(b.refreshed(opened.session, 1).await.unwrap(), Refreshed::Reused);
    assert_eq!(b.revoked(0).await.0, [opened.session]);
    assert!(b.refreshed(opened.session, 2).await.unwrap_err().is(reason::REFRESH_TOKEN_INVALID));
    assert!(b.listed(ADA).await.is_empty());
}

pub(crate) async fn an_older_token_ends_its_session_at_once(b: Bench) {
    let (opened, other) = (b.opened(ADA).await, b.opened(ADA).await);
    b.granted(opened.session, 1).await;
    b.granted(opened.session, 2).await;
    assert_eq!(b.refreshed(opened.session, 1).await.unwrap(), Refreshed::Reused);
    assert!(b.refreshed(opened.session, 3).await.unwrap_err().is(reason::REFRESH_TOKEN_INVALID));
    assert_eq!(b.listed(ADA).await, [other.session], "the account's other sessions go on");
}

pub(crate) async fn unknown_future_and_expired_tokens_are_refused(b: Bench) {
    let opened = b.opened(ADA).await;
    for (session, generation) in [(SessionId(5), 1), (opened.session, 2), (opened.session, i64::MAX)] {
        assert!(b.refreshed(session, generation).await.unwrap_err().is(reason::REFRESH_TOKEN_INVALID));
    }
    b.clock.advance(RULES.session_ms - 2);
    b.granted(opened.session, 1).await;
    b.clock.advance(RULES.session_ms);
    assert!(b.refreshed(opened.session, 2).await.unwrap_err().is(reason::REFRESH_TOKEN_INVALID));
    assert!(b.listed(ADA).await.is_empty());
    assert!(b.revoked(0).await.0.is_empty(), "an expired session has no good access token to refuse");
}

pub(crate) async fn only_its_account_ends_a_session(b: Bench) {
    let opened = b.opened(ADA).await;
    assert!(!b.store.end(&cx(), BOB, opened.session).await.unwrap());
    assert_eq!(b.listed(ADA).await, [opened.session]);
    assert!(b.store.end(&cx(), ADA, opened.session).await.unwrap());
    assert!(!b.store.end(&cx(), ADA, opened.session).await.unwrap());
    assert!(b.listed(ADA).await.is_empty());
    assert_eq!(b.revoked(0).await.0, [opened.session]);
}

pub(crate) async fn all_sessions_of_an_account_end_but_one_and_no_sign_in_under_way_opens_any(b: Bench) {
    let (one, two, three) = (b.opened(ADA).await, b.opened(ADA).await, b.opened(ADA).await);
    let other = b.opened(BOB).await;
    let late = b.new_session(ADA);
    b.clock.advance(1);
    let all_but = |keep| Ending { keep, before: b.env.now() };
    for _ in 0..2 {
        let ended = b.store.end_all(&request(1, 1), ADA, all_but(Some(two.session))).await.unwrap();
        assert_eq!(ended, 2, "told again, not done again");
    }
    assert_eq!((b.listed(ADA).await, b.listed(BOB).await), (vec![two.session], vec![other.session]));
    let mut revoked = b.revoked(0).await.0;
    revoked.sort_unstable();
    assert_eq!(revoked, [one.session, three.session]);
    assert!(b.open(&cx(), late, "k1").await.unwrap_err().is(reason::SIGN_IN_FAILED));
    let again = b.opened(ADA).await;
    // What was opened later than a time goes on, and an earlier time takes nothing back.
    let long_ago = Ending { keep: None, before: Timestamp(two.created_at) };
    assert_eq!(b.store.end_all(&cx(), ADA, long_ago).await.unwrap(), 1);
    assert_eq!(b.listed(ADA).await, [again.session]);
    let stale = NewSession { proved_at: Timestamp(two.created_at), ..b.new_session(ADA) };
    assert!(b.open(&cx(), stale, "k1").await.unwrap_err().is(reason::SIGN_IN_FAILED));
    assert_eq!(b.store.end_all(&cx(), ADA, all_but(None)).await.unwrap(), 1);
    assert_eq!(b.store.end_all(&cx(), ADA, all_but(None)).await.unwrap(), 0);
}

pub(crate) async fn a_repeated_request_has_its_first_outcome(b: Bench) {
    let first = b.open(&request(1, 1), b.new_session(ADA), "k1").await.unwrap();
    b.clock.advance(1_000);
    assert_eq!(b.store.recall_opened(&request(1, 1)).await.unwrap(), Some(SignedIn::Opened(first.clone())));
    assert_eq!(b.store.recall_opened(&request(2, 1)).await.unwrap(), None);
    assert_eq!(b.store.recall_opened(&cx()).await.unwrap(), None);
    assert!(b.store.recall_opened(&request(1, 2)).await.unwrap_err().is(reason::REQUEST_ID_REUSED));
    assert_eq!(b.open(&request(1, 1), b.new_session(ADA), "k2").await.unwrap(), first);

    let presented = used(first.session, 1);
    let (refreshed, device) = b.store.refresh(&request(3, 1), presented.clone(), "k1").await.unwrap();
    b.clock.advance(2 * RULES.grace_ms);
    let again = b.store.refresh(&request(3, 1), presented.clone(), "k2").await.unwrap();
    assert_eq!(again, (refreshed, device), "a repeated request is no reuse, however late");

    let reused = b.store.refresh(&request(4, 1), presented.clone(), "k1").await.unwrap();
    assert_eq!(reused, (Refreshed::Reused, String::new()));
    assert_eq!(b.store.refresh(&request(4, 1), presented, "k1").await.unwrap(), reused);
    assert_eq!(b.revoked(0).await.0, [first.session], "it ended once");

    let other = b.opened(ADA).await;
    assert!(b.store.end(&request(5, 1), ADA, other.session).await.unwrap());
    assert!(b.store.end(&request(5, 1), ADA, other.session).await.unwrap());
}

pub(crate) async fn a_sign_in_past_the_limit_ends_the_session_unused_for_longest(b: Bench) {
    let (first, second, third) = (b.opened(ADA).await, b.opened(ADA).await, b.opened(ADA).await);
    b.granted(first.session, 1).await;
    let fourth = b.opened(ADA).await;
    assert_eq!(b.listed(ADA).await, [fourth.session, third.session, first.session]);
    assert_eq!(b.revoked(0).await.0, [second.session]);
}

pub(crate) async fn revocations_are_paged_by_a_cursor_that_misses_none(b: Bench) {
    assert_eq!(b.revoked(0).await, (vec![], 0));
    let mut ended = Vec::new();
    for _ in 0..5 {
        let opened = b.opened(ADA).await;
        b.store.end(&cx(), ADA, opened.session).await.unwrap();
        ended.push(opened.session);
    }
    let (mut seen, mut cursor) = (Vec::new(), 0);
    loop {
        let page = b.store.revoked_after(&cx(), cursor, 2).await.unwrap();
        if page.sessions.is_empty() {
            assert_eq!(page.cursor, cursor);
            break;
        }
        seen.extend(page.sessions);
        cursor = page.cursor;
    }
    assert_eq!(seen, ended);
    let late = b.opened(BOB).await;
    b.store.end(&cx(), BOB, late.session).await.unwrap();
    let (seen, next) = b.revoked(cursor).await;
    assert!(seen == [late.session] && next > cursor);
    assert_eq!(b.revoked(next).await, (vec![], next));
    assert_eq!(b.revoked(next + 1_000_000).await.0.len(), 6, "a cursor of another store starts over");
}

pub(crate) async fn revocations_end_when_no_access_token_can_be_good(b: Bench) {
    let (old, new) = (b.opened(ADA).await, b.opened(BOB).await);
    b.store.end(&cx(), ADA, old.session).await.unwrap();
    b.clock.advance(REVOCATION_MS - 1);
    let (seen, first) = b.revoked(0).await;
    assert_eq!(seen, [old.session]);
    b.store.end(&cx(), BOB, new.session).await.unwrap();
    b.clock.advance(1);
    let (seen, second) = b.revoked(0).await;
    assert!(seen == [new.session] && second > first);
    assert_eq!(b.store.prune(&cx()).await.unwrap(), 1);
    b.clock.advance(REVOCATION_MS);
    assert_eq!(b.store.prune(&cx()).await.unwrap(), 1);
    assert_eq!(b.revoked(first).await, (vec![], second), "numbers are not given again after a prune");
    let next = b.opened(ADA).await;
    b.store.end(&cx(), ADA, next.session).await.unwrap();
    let (seen, third) = b.revoked(second).await;
    assert!(seen == [next.session] && third > second);
}

pub(crate) async fn the_first_key_stays_the_key(b: Bench) {
    let (one, two) = (StoredKey::generate(&b.env).unwrap(), StoredKey::generate(&b.env).unwrap());
    assert!(one != two);
    assert!(b.store.signing_keys(&cx(), one.clone()).await.unwrap() == vec![one.clone()]);
    assert!(b.store.signing_keys(&cx(), two).await.unwrap() == vec![one]);
}

pub(crate) async fn a_key_has_one_successor_whoever_makes_it_and_keys_go(b: Bench) {
    let key = || StoredKey::generate(&b.env).unwrap();
    let first = key();
    b.store.signing_keys(&cx(), first.clone()).await.unwrap();
    b.clock.advance(1);
    let (second, late) = (key(), key());
    for successor in [second.clone(), late] {
        b.store.add_key(&cx(), successor, first.created_at).await.unwrap();
    }
    assert!(b.store.signing_keys(&cx(), first.clone()).await.unwrap() == vec![second.clone(), first.clone()]);
    b.store.drop_keys(&cx(), std::slice::from_ref(&first.kid)).await.unwrap();
    for _ in 0..2 {
        assert!(b.store.signing_keys(&cx(), second.clone()).await.unwrap() == vec![second.clone()]);
    }
}

pub(crate) async fn erased_accounts_have_no_sessions_and_get_none(b: Bench) {
    let (one, two, other) = (b.opened(ADA).await, b.opened(ADA).await, b.opened(BOB).await);
    assert_eq!(b.store.held(&cx(), AccountId(0), 10).await.unwrap(), [ADA, BOB]);
    assert_eq!(b.store.held(&cx(), ADA, 10).await.unwrap(), [BOB]);
    for _ in 0..2 {
        b.store.erase(&cx(), &[ADA, AccountId(8)]).await.unwrap();
    }
    assert_eq!(b.store.held(&cx(), AccountId(0), 10).await.unwrap(), [BOB]);
    assert_eq!(b.store.held_among(&cx(), &[ADA, AccountId(8), BOB]).await.unwrap(), [BOB]);
    let mut revoked = b.revoked(0).await.0;
    revoked.sort_unstable();
    assert_eq!(revoked, [one.session, two.session]);
    assert_eq!(b.listed(BOB).await, [other.session]);
    let late = b.open(&cx(), b.new_session(ADA), "k1").await.unwrap_err();
    assert!(late.is(reason::SIGN_IN_FAILED), "its password was checked before the erasure");
}

pub(crate) async fn what_an_erased_accounts_requests_were_answered_is_forgotten(b: Bench) {
    let by_ada = |digest| {
        let key =
            RequestKey { caller: ADA.get(), request_id: Uuid::from_u128(1), method: "Test", digest: [digest; 16] };
        cx().with_request(Some(key))
    };
    let opened = b.opened(ADA).await;
    assert!(b.store.end(&by_ada(1), ADA, opened.session).await.unwrap());
    let reused = b.store.end(&by_ada(2), ADA, opened.session).await.unwrap_err();
    assert!(reused.is(reason::REQUEST_ID_REUSED));
    b.store.erase(&cx(), &[ADA]).await.unwrap();
    assert!(!b.store.end(&by_ada(2), ADA, opened.session).await.unwrap());
}

pub(crate) async fn only_the_living_count_towards_the_limit_and_are_listed(b: Bench) {
    let mut opened = Vec::new();
    for _ in 0..RULES.max_sessions {
        opened.push(b.opened(ADA).await.session);
    }
    b.clock.advance(RULES.session_ms / 2);
    b.granted(opened[1], 1).await;
    b.clock.advance(RULES.session_ms / 2);
    let (new, newer) = (b.opened(ADA).await, b.opened(ADA).await);
    assert_eq!(b.listed(ADA).await, [newer.session, new.session, opened[1]]);
    assert!(b.revoked(0).await.0.is_empty(), "what has expired need not be ended");
    let page = b.store.list(&cx(), ADA, Some(newer.session), 2).await.unwrap();
    assert_eq!(page.iter().map(|s| s.id).collect::<Vec<_>>(), [new.session, opened[1]]);
}

pub(crate) async fn what_no_longer_matters_is_pruned(b: Bench) {
    let _expires = b.open(&request(1, 1), b.new_session(ADA), "k1").await.unwrap();
    b.store.erase(&cx(), &[BOB]).await.unwrap();
    assert_eq!(b.store.prune(&cx()).await.unwrap(), 0);
    b.clock.advance(RULES.session_ms);
    assert!(b.store.prune(&cx()).await.unwrap() >= 1, "a session; requests and erased accounts may go by themselves");
    assert_eq!(b.store.prune(&cx()).await.unwrap(), 0);
    assert_eq!(b.store.held(&cx(), AccountId(0), 10).await.unwrap(), [ADA], "its device is known");
    assert_eq!(b.store.recall_opened(&request(1, 2)).await.unwrap(), None, "another request may have the id now");
    let again = b.open(&request(1, 2), b.new_session(BOB), "k1").await.unwrap();
    assert_eq!(b.listed(BOB).await, [again.session]);
    b.clock.advance(KNOWN_MS);
    while b.store.prune(&cx()).await.unwrap() > 0 {}
    assert!(b.store.held(&cx(), AccountId(0), 10).await.unwrap().is_empty());
}

/// Makes a test of each case for the engine that `$make` opens.
macro_rules! suite {
    ($make:path) => {
        $crate::store::conformance::suite!(@ $make:
            an_opened_session_is_listed_newest_first,
            a_refresh_rotates_and_moves_the_expiry_on,
            the_last_token_gets_the_same_successor_within_the_grace,
            an_older_token_ends_its_session_at_once,
            unknown_future_and_expired_tokens_are_refused,
            only_its_account_ends_a_session,
            all_sessions_of_an_account_end_but_one_and_no_sign_in_under_way_opens_any,
            a_repeated_request_has_its_first_outcome,
            a_sign_in_past_the_limit_ends_the_session_unused_for_longest,
            revocations_are_paged_by_a_cursor_that_misses_none,
            revocations_end_when_no_access_token_can_be_good,
            the_first_key_stays_the_key,
            a_key_has_one_successor_whoever_makes_it_and_keys_go,
            erased_accounts_have_no_sessions_and_get_none,
            what_an_erased_accounts_requests_were_answered_is_forgotten,
            only_the_living_count_towards_the_limit_and_are_listed,
            what_no_longer_matters_is_pruned,
            after_the_free_guesses_each_next_waits_twice_as_long,
            guesses_made_at_once_do_not_share_an_allowance,
            a_right_guess_clears_the_account_and_not_the_address,
            logins_of_one_account_count_as_one,
            a_guess_that_nobody_looked_at_is_taken_back,
            guesses_are_forgotten_a_while_after_the_last,
            a_device_that_is_not_known_is_told_once,
            only_so_many_devices_are_known,
            known_devices_are_listed_by_their_last_sign_in,
            a_token_that_came_back_is_told,
            guesses_that_have_to_wait_are_told_once,
            old_events_are_forgotten_once_published,
            a_second_factor_is_asked_for_once_it_is_confirmed,
            each_code_is_spent_once_however_many_try,
            a_setup_begins_anew_and_ends_in_an_hour,
            a_factor_is_dropped_for_a_code,
            a_second_factor_goes_with_its_account_and_stays_else,
            app_passwords_are_kept_listed_and_revoked,
            a_session_of_an_app_password_keeps_its_scopes_and_ends_with_it,
            app_passwords_are_bounded_and_go_with_their_account);
    };
    (@ $make:path: $($case:ident),*) => {
        $(
            #[tokio::test]
            async fn $case() {
                if let Some(bench) = $crate::store::conformance::Bench::new($make).await {
                    $crate::store::conformance::$case(bench).await;
                }
            }
        )*
    };
}
pub(crate) use suite;
