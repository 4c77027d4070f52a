//! Remembered requests.

use plaza_core::request::REMEMBERED_MS;
use plaza_core::{Error, RequestKey, Result, Timestamp, reason};
use uuid::Uuid;

use super::super::requests::{Book, PRUNE_LIMIT, prune, recall};
use super::super::{Conn, PgResultExt as _};
use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn key(id: u128, method: &'static str, digest: u8) -> RequestKey {
    RequestKey { caller: 7, request_id: Uuid::from_u128(id), method, digest: [digest; 16] }
}

/// Counts up, once for each of the requests; answers what each got.
async fn perform(mut conn: Conn, keys: &[Option<RequestKey>], now: Timestamp) -> Result<Vec<Result<i64>>> {
    let mut book = Book::open(&mut conn, keys.iter().map(Option::as_ref), now).await?;
    let mut answers = Vec::new();
    for key in keys {
        let answer = match book.recall(key.as_ref()) {
            Ok(Some(known)) => Ok(known),
            Ok(None) => {
                let next = sqlx::query_scalar(
                    "INSERT INTO things SELECT count(*) + 1, 0 FROM things ON CONFLICT DO NOTHING RETURNING id",
                );
                let next = next.fetch_optional(&mut *conn).await.sql()?.ok_or_else(|| Error::new(reason::ID_CLASH));
                book.settle(key.as_ref(), &next)?;
                next
            }
            Err(error) => Err(error),
        };
        answers.push(answer);
    }
    book.store(&mut conn).await?;
    Ok(answers)
}

async fn call(db: &Postgres, key: Option<RequestKey>, now: Timestamp) -> Result<i64> {
    let keys = [key];
    let mut answers = db.write(&cx(), |conn| perform(conn, &keys, now)).await?;
    answers.remove(0)
}

#[tokio::test]
async fn a_retry_gets_the_first_answer_and_another_request_is_refused() {
    let Some(scratch) = scratch() else { return };
    let db = open(&scratch).await;
    assert_eq!(call(&db, Some(key(1, "Create", 1)), NOW).await.unwrap(), 1);
    assert_eq!(call(&db, Some(key(1, "Create", 1)), NOW.plus_ms(REMEMBERED_MS - 1)).await.unwrap(), 1);
    for other in [key(1, "Create", 2), key(1, "Delete", 1)] {
        let error = call(&db, Some(other.clone()), NOW).await.unwrap_err();
        assert!(error.is(reason::REQUEST_ID_REUSED));
        assert_eq!(error.violations()[0].field, "request_id");
        let context = cx();
        let recalled = db.read(&context, |mut conn| {
            let other = &other;
            async move { recall::<i64>(&mut conn, Some(other), NOW).await }
        });
        assert!(recalled.await.unwrap_err().is(reason::REQUEST_ID_REUSED));
    }
    let somebody_else = RequestKey { caller: 8, ..key(1, "Create", 9) };
    assert_eq!(call(&db, Some(somebody_else), NOW).await.unwrap(), 2);
    assert_eq!(call(&db, None, NOW).await.unwrap(), 3);
    assert_eq!(call(&db, Some(key(1, "Create", 1)), NOW.plus_ms(REMEMBERED_MS)).await.unwrap(), 4, "forgotten");
}

#[tokio::test]
async fn a_batch_knows_what_it_did_itself_and_forgets_a_caller() {
    let Some(scratch) = scratch() else { return };
    let db = open(&scratch).await;
    let keys = [1, 2, 1].map(|id| Some(key(id, "Create", 1)));
    let context = cx();
    let answers = db.write(&context, |conn| perform(conn, &keys, NOW)).await.unwrap();
    assert_eq!(answers.into_iter().collect::<Result<Vec<_>>>().unwrap(), [1, 2, 1]);
    let other = RequestKey { caller: 8, ..key(1, "Create", 1) };
    assert_eq!(call(&db, Some(other.clone()), NOW).await.unwrap(), 3);
    let context = cx();
    let erase = db.write(&context, |mut conn| async move {
        let (before, after) = (key(3, "Update", 1), key(4, "Delete", 1));
        let mut book = Book::open(&mut conn, [Some(&before)], NOW).await?;
        book.settle(Some(&before), &Ok(30))?;
        book.forget(7);
        assert_eq!(book.recall::<i64>(Some(&before))?, None);
        book.settle(Some(&after), &Ok(40))?;
        book.store(&mut conn).await
    });
    erase.await.unwrap();
    let known = async |key: RequestKey| {
        let key = &key;
        let context = cx();
        let read = db.read(&context, |mut conn| async move { recall::<i64>(&mut conn, Some(key), NOW).await });
        read.await.unwrap()
    };
    assert_eq!(known(key(1, "Create", 1)).await, None);
    assert_eq!(known(key(3, "Update", 1)).await, None);
    assert_eq!(known(key(4, "Delete", 1)).await, Some(40));
    assert_eq!(known(other).await, Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_retries_at_once_at_several_replicas_have_one_effect() {
    let Some(scratch) = scratch() else { return };
    let replicas = [open(&scratch).await, open(&scratch).await];
    let calls = (0..40).map(|n| {
        let db = replicas[n % 2].clone();
        tokio::spawn(async move {
            loop {
                match call(&db, Some(key(1, "Create", 1)), NOW).await {
                    Err(error) if error.is(reason::STORE_UNAVAILABLE) => {}
                    answer => return answer.unwrap(),
                }
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 1);
    }
    assert_eq!(values(&replicas[0]).await.len(), 1);
}

#[tokio::test]
async fn errors_are_not_remembered_and_old_rows_go_bit_by_bit() {
    let Some(scratch) = scratch() else { return };
    let db = open(&scratch).await;
    let context = cx();
    let failing = db.write(&context, |mut conn| async move {
        let key = key(1, "Create", 1);
        let mut book = Book::open(&mut conn, [Some(&key)], NOW).await?;
        book.settle(Some(&key), &Ok(1))?;
        book.store(&mut conn).await?;
        Err::<(), _>(Error::new(reason::HANDLE_TAKEN))
    });
    failing.await.unwrap_err();
    let keys: Vec<_> = (1..=PRUNE_LIMIT + 10).map(|id| Some(key(u128::try_from(id).unwrap(), "Create", 1))).collect();
    db.write(&cx(), |conn| {
        let keys = &keys;
        async move { perform(conn, keys, NOW).await.map(|answers| assert_eq!(*answers[0].as_ref().unwrap(), 1)) }
    })
    .await
    .unwrap();
    let prune = async |now| db.write(&cx(), |mut conn| async move { prune(&mut conn, now).await }).await.unwrap();
    assert_eq!(prune(NOW.plus_ms(REMEMBERED_MS - 1)).await, 0);
    assert_eq!(prune(NOW.plus_ms(REMEMBERED_MS)).await, 1_000);
    assert_eq!(prune(NOW.plus_ms(REMEMBERED_MS)).await, 10);
}
