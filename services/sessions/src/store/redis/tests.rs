use std::sync::Arc;

use plaza_core::{Caller, ManualClock, RequestKey, Timestamp};
use plaza_events::{Relay, RelayOptions, SqliteLog};
use plaza_stores::{ServerKind, StoreAddress};
use plaza_testkit::{RedisKeys, Server, Store as Kind, redis, wait};
use tokio::time::Instant;
use uuid::Uuid;

use super::*;
use crate::domain::{Code, Device, Grant, Nonce, Presented, Proof};
use crate::store::conformance::Made;
use crate::store::{SqliteSessions, Store};

const RULES: Rules = Rules { session_ms: 24 * 3_600_000, grace_ms: 10_000, max_sessions: 3, guess_ms: 3_600_000 };
const START: Timestamp = Timestamp(1_800_000_000_000);
const ADA: AccountId = AccountId(7);

async fn open(address: &str, env: &Env, rules: Rules) -> RedisSessions {
    let address: StoreAddress = address.parse().unwrap();
    RedisSessions::open(address.server(ServerKind::Redis).unwrap(), env.clone(), rules).await.unwrap()
}

async fn make(env: Env, rules: Rules) -> Option<Made> {
    let keys = RedisKeys::new()?;
    let store = Arc::new(open(&keys.address(), &env, rules).await);
    Some(Made { store, keep: Box::new(keys) })
}

crate::store::conformance::suite!(make);

fn cx() -> Cx {
    Cx::new(Caller::default(), Instant::now() + Duration::from_secs(20))
}

fn env() -> (Arc<ManualClock>, Env) {
    let clock = ManualClock::new(START);
    (clock.clone(), Env::manual(clock, 7))
}

fn request(method: &'static str, id: u64) -> Cx {
    let key = RequestKey { caller: 0, request_id: Uuid::from_u128(id.into()), method, digest: [1; 16] };
    cx().with_request(Some(key))
}

fn new_session(env: &Env, account: AccountId) -> NewSession {
    let (device_name, address, proved_at) = ("phone".to_owned(), "192.0.2.1".to_owned(), env.now());
    let device = Device([1; 16]);
    NewSession {
        id: SessionId(env.next_id()),
        account,
        device_name,
        address,
        proved_at,
        device,
        proof: None,
        app: None,
    }
}

fn granted(signed_in: SignedIn) -> Grant {
    match signed_in {
        SignedIn::Opened(grant) => grant,
        SignedIn::Challenged(challenge) => panic!("{challenge:?}"),
    }
}

fn used(session: SessionId, generation: i64) -> Use {
    Use { presented: Presented { session, generation }, address: "192.0.2.2".to_owned() }
}

/// What a step of a history does.
#[derive(Clone, Debug)]
enum Step {
    Open(NewSession),
    Refresh(Use),
    End(AccountId, SessionId),
    EndAll(AccountId, Ending),
    Prune,
    Erase(AccountId),
    Begin(AccountId),
    Confirm(AccountId, i64),
    Drop(AccountId, Code),
}

/// The nonce of an account's second factor.
fn nonce(account: AccountId) -> Nonce {
    [account.get().to_le_bytes()[0]; 16]
}

async fn take(store: &dyn Store, id: u64, step: Step) -> String {
    let told = |error: Error| error.reason().to_owned();
    match step {
        Step::Open(new) => format!("{:?}", store.open(&request("Open", id), new, "k").await.map_err(told)),
        Step::Refresh(used) => {
            format!("{:?}", store.refresh(&request("Refresh", id), used, "k").await.map_err(told))
        }
        Step::End(account, session) => {
            format!("{:?}", store.end(&request("End", id), account, session).await.map_err(told))
        }
        Step::EndAll(account, ending) => {
            format!("{:?}", store.end_all(&request("EndAll", id), account, ending).await.map_err(told))
        }
        Step::Begin(account) => {
            format!("{:?}", store.begin_factor(&request("Begin", id), account, nonce(account)).await.map_err(told))
        }
        Step::Confirm(account, step) => {
            let confirmed = store.confirm_factor(&request("Confirm", id), account, nonce(account), step).await;
            format!("{:?}", confirmed.map_err(told))
        }
        Step::Drop(account, code) => {
            let proof = Proof { nonce: nonce(account), code };
            format!("{:?}", store.drop_factor(&request("Drop", id), account, proof).await.map_err(told))
        }
        Step::Prune => format!("{:?}", store.prune(&cx()).await.map(|_| ()).map_err(told)),
        Step::Erase(account) => format!("{:?}", store.erase(&cx(), &[account]).await.map_err(told)),
    }
}

/// Every history, however odd, ends as it does in SQLite, with the same answers on the way.
#[tokio::test]
async fn random_histories_are_the_same_as_in_sqlite() {
    let Some(keys) = RedisKeys::new() else { return };
    let (clock, env) = env();
    let redis = open(&keys.address(), &env, RULES).await;
    let sqlite = SqliteSessions::open(&StoreAddress::Memory, env.clone(), RULES).unwrap();
    let (mut sessions, mut answers) = (vec![SessionId(1)], String::new());
    for number in 0..2_000 {
        let pick = |of: usize| usize::try_from(env.below(of as u64)).unwrap();
        clock.advance([0, 1, 4_000, 7_000, 3_600_000][pick(5)]);
        // A third of the requests repeats the id of an earlier one, right or wrong.
        let id = if pick(3) == 0 { env.below(number + 1) } else { number };
        let account = AccountId(1 + i64::try_from(pick(4)).unwrap());
        let session = sessions[sessions.len() - 1 - pick(sessions.len().min(8))];
        let code = match pick(2) {
            0 => Code::Step(i64::try_from(pick(200)).unwrap()),
            _ => Code::Recovery(u32::try_from(pick(10)).unwrap()),
        };
        let step = match pick(48) {
            0..13 => {
                let proof = (pick(3) == 0).then_some(Proof { nonce: nonce(account), code });
                Step::Open(NewSession { proof, ..new_session(&env, account) })
            }
            13..30 => Step::Refresh(used(session, 1 + i64::try_from(pick(4)).unwrap())),
            30..34 => Step::End(account, session),
            34..36 => {
                let ago = i64::try_from(pick(8_000)).unwrap();
                let keep = (pick(2) == 0).then_some(session);
                Step::EndAll(account, Ending { keep, before: env.now().plus_ms(-ago) })
            }
            36..39 => Step::Prune,
            39..42 => Step::Begin(account),
            42..45 => Step::Confirm(account, i64::try_from(pick(100)).unwrap()),
            45 => Step::Drop(account, code),
            _ => Step::Erase(account),
        };
        if let Step::Open(new) = &step {
            sessions.push(new.id);
        }
        let (there, here) = (take(&redis, id, step.clone()).await, take(&sqlite, id, step.clone()).await);
        assert_eq!(there, here, "{number}: {step:?}");
        assert_eq!(seen(&redis).await, seen(&sqlite).await, "{number}: after {step:?}");
        answers.push_str(&there);
    }
    for often in [
        "Ok(Opened",
        "Granted",
        "Reused",
        "true",
        "false",
        "REQUEST_ID_REUSED",
        "REFRESH_TOKEN_INVALID",
        "Challenged",
        "CODE_INVALID",
        "SECOND_FACTOR_ACTIVE",
    ] {
        assert!(answers.matches(often).count() > 5, "{often} hardly came up");
    }
    assert!(answers.contains("SIGN_IN_FAILED"), "no account was erased");
}

/// All that can be read from a store.
async fn seen(store: &dyn Store) -> String {
    let (mut all, mut factors) = (Vec::new(), Vec::new());
    for account in 1..=4 {
        all.push(store.list(&cx(), AccountId(account), None, 10).await.unwrap());
        factors.push(store.factor(&cx(), AccountId(account)).await.unwrap());
    }
    let mut ended = store.revoked_after(&cx(), 0, 1_000).await.unwrap().sessions;
    ended.sort_unstable();
    format!("{all:?} {ended:?} {factors:?}")
}

#[tokio::test]
async fn two_replicas_share_everything_and_scripts_may_be_forgotten() {
    let Some(server) = Server::start(Kind::Redis).await else { return };
    let (_, env) = env();
    let both = [open(&server.address(), &env, RULES).await, open(&server.address(), &env, RULES).await];
    let [one, two] = both.map(Arc::new);
    let opened = granted(one.open(&request("Open", 1), new_session(&env, ADA), "k").await.unwrap());
    assert_eq!(two.recall_opened(&request("Open", 1)).await.unwrap(), Some(SignedIn::Opened(opened.clone())));
    assert_eq!(redis::command(&server.address(), &["SCRIPT", "FLUSH"]), "+OK");
    let used = used(opened.session, 1);
    // Both use the same token at once, each for many callers: one successor.
    let calls: Vec<_> = (0..20)
        .map(|n| {
            let (store, used) = (if n % 2 == 0 { one.clone() } else { two.clone() }, used.clone());
            tokio::spawn(async move { store.refresh(&cx(), used, "k").await.unwrap().0 })
        })
        .collect();
    let mut successors = Vec::new();
    for call in calls {
        successors.push(call.await.unwrap());
    }
    assert!(successors.windows(2).all(|w| w[0] == w[1]));
    assert!(two.end(&cx(), ADA, opened.session).await.unwrap());
    assert!(one.list(&cx(), ADA, None, 10).await.unwrap().is_empty());
    assert_eq!(one.revoked_after(&cx(), 0, 10).await.unwrap().sessions, [opened.session]);
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let Some(mut server) = Server::start(Kind::Redis).await else { return };
    let (_, env) = env();
    let store = Arc::new(open(&server.address(), &env, Rules { max_sessions: 10_000, ..RULES }).await);
    let key = StoredKey::generate(&env).unwrap();
    store.signing_keys(&cx(), key.clone()).await.unwrap();
    let writing: Vec<_> = (0..8)
        .map(|_| {
            let (store, env, kid) = (store.clone(), env.clone(), key.kid.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                // Until the server is killed.
                while let Ok(opened) = store.open(&cx(), new_session(&env, ADA), &kid).await {
                    acknowledged.push(granted(opened).session);
                }
                acknowledged
            })
        })
        .collect();
    wait::until("some sessions", || async {
        (store.list(&cx(), ADA, None, 100).await.unwrap().len() >= 50).then_some(())
    })
    .await;
    server.kill().await;
    let mut acknowledged = Vec::new();
    for writer in writing {
        acknowledged.extend(writer.await.unwrap());
    }
    let error = store.list(&cx(), ADA, None, 1).await.unwrap_err();
    assert!(error.is(reason::STORE_UNAVAILABLE));
    server.restart().await;
    let listed = wait::within(Duration::from_secs(10), "the server to be found again", || async {
        store.list(&cx(), ADA, None, 10_000).await.ok()
    })
    .await;
    let listed: std::collections::HashSet<_> = listed.iter().map(|s| s.id).collect();
    assert!(acknowledged.len() >= 50 && acknowledged.iter().all(|session| listed.contains(session)));
    assert!(store.signing_keys(&cx(), StoredKey::generate(&env).unwrap()).await.unwrap() == vec![key]);
}

#[tokio::test]
async fn a_server_that_lost_everything_ends_sessions_and_gets_its_keys_back() {
    let Some(server) = Server::start(Kind::Redis).await else { return };
    let (clock, env) = env();
    let (one, two) = (open(&server.address(), &env, RULES).await, open(&server.address(), &env, RULES).await);
    let first = StoredKey::generate(&env).unwrap();
    for store in [&one, &two] {
        store.signing_keys(&cx(), first.clone()).await.unwrap();
    }
    let opened = granted(one.open(&cx(), new_session(&env, ADA), &first.kid).await.unwrap());
    let ended = granted(one.open(&cx(), new_session(&env, ADA), &first.kid).await.unwrap());
    one.end(&cx(), ADA, ended.session).await.unwrap();
    let cursor = one.revoked_after(&cx(), 0, 10).await.unwrap().cursor;
    clock.advance(1_000);
    assert_eq!(redis::command(&server.address(), &["FLUSHALL"]), "+OK");

    let used = used(opened.session, 1);
    assert!(one.refresh(&cx(), used, &first.kid).await.unwrap_err().is(reason::REFRESH_TOKEN_INVALID));
    assert!(one.list(&cx(), ADA, None, 10).await.unwrap().is_empty());

    // A replica that starts now makes a key of its own; the first token that another signs brings the old one back.
    clock.advance(1);
    let second = StoredKey::generate(&env).unwrap();
    let three = open(&server.address(), &env, RULES).await;
    assert!(three.signing_keys(&cx(), second.clone()).await.unwrap() == vec![second.clone()]);
    let opened = granted(one.open(&cx(), new_session(&env, ADA), &first.kid).await.unwrap());
    let all = vec![second.clone(), first.clone()];
    assert!(three.signing_keys(&cx(), second.clone()).await.unwrap() == all);
    assert!(two.signing_keys(&cx(), first).await.unwrap() == all);

    // Whoever follows endings misses none, though the server counts anew.
    for _ in 0..3 {
        let late = granted(one.open(&cx(), new_session(&env, AccountId(9)), "k").await.unwrap());
        one.end(&cx(), AccountId(9), late.session).await.unwrap();
    }
    one.end(&cx(), ADA, opened.session).await.unwrap();
    assert_eq!(two.revoked_after(&cx(), cursor, 10).await.unwrap().sessions.len(), 4);
}

#[tokio::test]
async fn keys_go_by_themselves_when_nobody_prunes() {
    let Some(server) = Server::start(Kind::Redis).await else { return };
    let (_, env) = env();
    let store = open(&server.address(), &env, RULES).await;
    let opened = granted(store.open(&request("Open", 1), new_session(&env, ADA), "").await.unwrap());
    store.refresh(&cx(), used(opened.session, 1), "").await.unwrap();
    let session = format!("plaza:sessions:s:{}", text::id(opened.session.get()));
    let account = format!("plaza:sessions:a:{}", text::account(ADA));
    let request = format!("plaza:sessions:r:{}:{}", text::id(0), Uuid::from_u128(1).simple());
    for key in [&session, &account, &request, "plaza:sessions:expiry"] {
        let left: i64 = redis::command(&server.address(), &["PTTL", key]).trim_start_matches(':').parse().unwrap();
        assert!((RULES.session_ms - 60_000..=RULES.session_ms).contains(&left), "{key}: {left}");
    }
}

/// The positions of the events in a log.
async fn logged(log: &SqliteLog) -> Vec<i64> {
    let cx = cx();
    let read = log.database().read(&cx, |conn| {
        let mut rows = conn.prepare("SELECT position FROM log ORDER BY position").unwrap();
        Ok(rows.query_map([], |row| row.get(0)).unwrap().collect::<Result<Vec<_>, _>>().unwrap())
    });
    read.await.unwrap()
}

#[tokio::test]
async fn events_reach_the_log_in_order_from_two_replicas_also_past_the_loss_of_everything() {
    let Some(server) = Server::start(Kind::Redis).await else { return };
    let (clock, env) = env();
    let stores = [open(&server.address(), &env, RULES).await, open(&server.address(), &env, RULES).await];
    let log = Arc::new(SqliteLog::ephemeral().unwrap());
    let stop = tokio_util::sync::CancellationToken::new();
    let options = RelayOptions { poll: Duration::from_millis(20), ..RelayOptions::default() };
    let relays: Vec<_> = stores
        .iter()
        .map(|store| {
            let relay = Relay::new(store.outbox(), log.clone(), env.clone(), options);
            let stop = stop.clone();
            tokio::spawn(async move { relay.run(stop).await })
        })
        .collect();
    let told = async |number: usize| {
        wait::until("events in the log", || async { (logged(&log).await.len() == number).then_some(()) }).await;
    };
    let tell = async |account: i64| {
        let store = &stores[usize::try_from(account % 2).unwrap()];
        store.open(&cx(), new_session(&env, AccountId(account)), "k").await.unwrap();
    };
    for account in 1..=40 {
        tell(account).await;
    }
    told(40).await;
    assert_eq!(redis::command(&server.address(), &["FLUSHALL"]), "+OK");
    // A replica may not have seen yet what the other one told last: what comes later has a later time.
    clock.advance(1_000);
    for account in 41..=60 {
        tell(account).await;
    }
    told(60).await;
    clock.advance(1_000);
    tell(61).await;
    told(61).await;
    let positions = logged(&log).await;
    assert!(positions.windows(2).all(|w| w[0] < w[1]), "{positions:?}");
    stop.cancel();
    for relay in relays {
        relay.await.unwrap();
    }
}

#[tokio::test]
async fn a_relay_that_starts_on_an_emptied_server_goes_on() {
    let Some(server) = Server::start(Kind::Redis).await else { return };
    let (_, env) = env();
    let log = Arc::new(SqliteLog::ephemeral().unwrap());
    for round in 1..=2 {
        let store = open(&server.address(), &env, RULES).await;
        let relay = Arc::new(Relay::new(store.outbox(), log.clone(), env.clone(), RelayOptions::default()));
        let stop = tokio_util::sync::CancellationToken::new();
        let running = tokio::spawn({
            let (relay, stop) = (relay.clone(), stop.clone());
            async move { relay.run(stop).await }
        });
        wait::until("the relay to have begun", || async { (relay.published() > 0 || round == 1).then_some(()) }).await;
        store.open(&cx(), new_session(&env, ADA), "k").await.unwrap();
        wait::until("the event", || async { (logged(&log).await.len() == round).then_some(()) }).await;
        assert_eq!(relay.last_error(), None);
        stop.cancel();
        running.await.unwrap();
        assert_eq!(redis::command(&server.address(), &["FLUSHALL"]), "+OK");
    }
}
