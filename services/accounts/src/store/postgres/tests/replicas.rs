//! Two processes' stores on one database.

use std::time::Duration;

use plaza_core::{AccountId, Cx, Error, RequestKey, reason};
use plaza_testkit::wait;
use uuid::Uuid;

use super::*;
use crate::domain::{Email, Handle, Login, NewAccount};
use crate::store::{AccountStore, Created, Credential, Written};

fn cx() -> Cx {
    Cx::background("test", Duration::from_secs(10))
}

async fn pair(scratch: &Scratch) -> [Arc<PostgresAccounts>; 2] {
    let env = Env::system();
    let store = || open(scratch, env.clone(), Arc::new(|_| {}));
    [Arc::new(store().await), Arc::new(store().await)]
}

fn account(env: &Env, name: &str) -> NewAccount {
    NewAccount {
        id: AccountId(env.next_id()),
        handle: Handle::parse(name).unwrap(),
        email: Email::new(&format!("{name}@example.org")),
        display_name: name.to_owned(),
        at: env.now(),
    }
}

async fn create(
    store: &Arc<PostgresAccounts>,
    account: NewAccount,
    request: Option<RequestKey>,
) -> Result<Written<Created>, Error> {
    store.create(&cx().with_request(request), account, Credential::new("$of-nobody".to_owned())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handle_goes_to_one_whichever_store_is_asked() {
    let Some(scratch) = scratch() else { return };
    let (stores, env) = (pair(&scratch).await, Env::system());
    let rivals = (0..120).map(|n| {
        let (store, account) = (stores[n % 2].clone(), account(&env, &format!("user{}", n / 6)));
        tokio::spawn(async move { (n / 6, create(&store, account, None).await) })
    });
    let mut winners = [0; 20];
    for rival in rivals.collect::<Vec<_>>() {
        match rival.await.unwrap() {
            (n, Ok(_)) => winners[n] += 1,
            (_, Err(error)) => assert!(error.is(reason::HANDLE_TAKEN), "{error:?}"),
        }
    }
    assert_eq!(winners, [1; 20]);
    for store in &stores {
        assert_eq!(store.list_ids(&cx(), AccountId(0), 100).await.unwrap().len(), 20);
        assert_eq!(events(store).await.len(), 20);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_comes_to_both_at_once_has_one_outcome() {
    let Some(scratch) = scratch() else { return };
    let (stores, env) = (pair(&scratch).await, Env::system());
    for round in 0..10_u128 {
        let key = RequestKey { caller: 0, request_id: Uuid::from_u128(round), method: "Create", digest: [1; 16] };
        let twins = (0..6).map(|n| {
            let (store, account) = (stores[n % 2].clone(), account(&env, &format!("user{round}")));
            let key = key.clone();
            tokio::spawn(async move { create(&store, account, Some(key)).await })
        });
        let mut answers = Vec::new();
        for twin in twins.collect::<Vec<_>>() {
            answers.push(twin.await.unwrap().unwrap());
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    }
    assert_eq!(events(&stores[0]).await.len(), 10);
}

#[tokio::test]
async fn signing_in_does_not_wait_behind_other_reads() {
    let Some(scratch) = scratch() else { return };
    let ([store, _], env) = (pair(&scratch).await, Env::system());
    create(&store, account(&env, "ada"), None).await.unwrap();
    // The table is locked for all readers but those that need no row of it, and every connection for reads waits.
    let mut lock = scratch.connect().await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE requests").execute(&mut lock).await.unwrap();
    let key = RequestKey { caller: 0, request_id: Uuid::from_u128(1), method: "Create", digest: [1; 16] };
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let (store, key) = (store.clone(), key.clone());
            tokio::spawn(async move { store.recall_created(&cx().with_request(Some(key))).await })
        })
        .collect();
    wait::until("all connections for reads are taken", || async {
        let short = Cx::background("test", Duration::from_millis(50));
        store.get(&short, AccountId(1)).await.err()
    })
    .await;
    let quick = Cx::background("test", Duration::from_secs(2));
    let (id, _) = store.credential(&quick, &Login::parse("ADA")).await.unwrap().unwrap();
    store.ping(&quick).await.unwrap();
    sqlx::raw_sql("COMMIT").execute(&mut lock).await.unwrap();
    for call in waiting {
        assert_eq!(call.await.unwrap().unwrap(), None);
    }
    assert!(store.get(&cx(), id).await.unwrap().is_some());
}

/// Every event so far, once no older transaction of the server is open.
pub(super) async fn events(store: &PostgresAccounts) -> Vec<plaza_events::Event> {
    let outbox = store.outbox();
    let last = outbox.last_position(&cx()).await.unwrap();
    wait::until("all events to show", || async {
        let events = outbox.read_after(&cx(), 0, 1_000_000).await.unwrap();
        (events.last().map_or(0, |event| event.position) == last).then_some(events)
    })
    .await
}
