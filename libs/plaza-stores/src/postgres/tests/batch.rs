//! Group commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use async_trait::async_trait;
use parking_lot::Mutex;
use plaza_core::{Error, Result, reason};
use plaza_testkit::wait::until;
use sqlx::PgConnection;

use super::super::{BatchOptions, BatchWrite, Batcher, PgResultExt as _};
use super::*;

/// Inserts ids, all in one statement. A negative one is refused alone, 13 fails its whole transaction, 1,000 and above
/// wait for as many milliseconds at the server, 99 panics.
#[derive(Default)]
struct Insert {
    transactions: AtomicUsize,
    told: Mutex<Vec<i64>>,
    /// The server process of the last transaction.
    at: Mutex<i32>,
}

#[async_trait]
impl BatchWrite for Insert {
    type Job = i64;
    type Outcome = i64;

    async fn run(&self, conn: &mut PgConnection, jobs: &[&i64]) -> Result<Vec<Result<i64>>> {
        *self.at.lock() = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *conn).await.sql()?;
        self.transactions.fetch_add(1, SeqCst);
        assert!(!jobs.contains(&&99));
        let ids: Vec<i64> = jobs.iter().copied().copied().filter(|id| *id >= 0).collect();
        for wait in ids.iter().filter(|id| **id >= 1_000) {
            let sleep = sqlx::query("SELECT pg_sleep($1 / 1000.0)").bind(*wait as f64);
            sleep.execute(&mut *conn).await.sql()?;
        }
        let insert = sqlx::query("INSERT INTO things SELECT id, 1 FROM unnest($1::bigint[]) AS ids (id)").bind(&ids);
        insert.execute(&mut *conn).await.unique("things_pkey", || Error::new(reason::ID_CLASH))?;
        if ids.contains(&13) {
            return Err(Error::internal("thirteen"));
        }
        let answer = |id: i64| if id < 0 { Err(Error::new(reason::ACCOUNT_NOT_FOUND)) } else { Ok(id) };
        Ok(jobs.iter().map(|id| answer(**id)).collect())
    }

    fn after(&self, job: &i64, outcome: &i64) {
        assert_eq!(job, outcome);
        self.told.lock().push(*job);
    }
}

async fn batcher(scratch: &Scratch, options: BatchOptions) -> (Postgres, Arc<Insert>, Arc<Batcher<Insert>>) {
    let (db, insert) = (open(scratch).await, Arc::new(Insert::default()));
    (db.clone(), insert.clone(), Arc::new(Batcher::start(db, insert, options)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_shares_a_transaction_and_a_bad_job_fails_alone() {
    let Some(scratch) = scratch() else { return };
    let (db, insert, batcher) = batcher(&scratch, BatchOptions::default()).await;
    // While the workers are held up, the others queue.
    let calls = [1_000, 1_001].into_iter().chain(2..=200).chain([-5, 99]).map(|id| {
        let batcher = batcher.clone();
        tokio::spawn(async move { (id, batcher.submit(&cx(), id).await) })
    });
    for call in calls.collect::<Vec<_>>() {
        let (id, answer) = call.await.unwrap();
        match id {
            13 | 99 => assert!(answer.unwrap_err().is(reason::INTERNAL)),
            -5 => assert!(answer.unwrap_err().is(reason::ACCOUNT_NOT_FOUND)),
            id => assert_eq!(answer.unwrap(), id),
        }
    }
    assert_eq!(values(&db).await.len(), 199);
    let mut told = insert.told.lock().clone();
    told.sort_unstable();
    assert_eq!(told, values(&db).await.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    assert!(insert.transactions.load(SeqCst) < 60, "{}", insert.transactions.load(SeqCst));
    let again = batcher.submit(&cx(), 5).await.unwrap_err();
    assert!(again.is(reason::ID_CLASH));
}

#[tokio::test]
async fn a_full_queue_refuses_and_late_jobs_are_not_run() {
    let Some(scratch) = scratch() else { return };
    let options = BatchOptions { workers: 1, queue: 3, max_batch: 2 };
    let (db, insert, batcher) = batcher(&scratch, options).await;
    let held = tokio::spawn({
        let batcher = batcher.clone();
        async move { batcher.submit(&cx(), 1_000).await }
    });
    until("the worker is busy", || async { (insert.transactions.load(SeqCst) == 1).then_some(()) }).await;
    let (short, long, longer, late) = (within(100), cx(), cx(), cx());
    let (a, b, c, refused) = tokio::join!(
        batcher.submit(&short, 1),
        batcher.submit(&long, 2),
        batcher.submit(&longer, 3),
        batcher.submit(&late, 4),
    );
    assert!(a.unwrap_err().is(reason::DEADLINE_EXCEEDED));
    assert_eq!((b.unwrap(), c.unwrap()), (2, 3));
    assert!(refused.unwrap_err().is(reason::OVERLOADED));
    held.await.unwrap().unwrap();
    assert_eq!(values(&db).await.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [2, 3, 1_000]);
}

#[tokio::test]
async fn whoever_gives_up_still_has_the_commit_told_and_closing_finishes_what_waits() {
    let Some(scratch) = scratch() else { return };
    let (db, insert, batcher) = batcher(&scratch, BatchOptions { workers: 1, ..BatchOptions::default() }).await;
    let gone = tokio::spawn({
        let batcher = batcher.clone();
        async move { batcher.submit(&cx(), 1_000).await }
    });
    until("the worker is busy", || async { (insert.transactions.load(SeqCst) == 1).then_some(()) }).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    let queued = cx();
    let (waiting, ()) = tokio::join!(batcher.submit(&queued, 2), batcher.close());
    assert_eq!(waiting.unwrap(), 2);
    assert_eq!(*insert.told.lock(), [1_000, 2]);
    assert_eq!(values(&db).await.len(), 2);
    assert!(batcher.submit(&cx(), 3).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
}

#[tokio::test]
async fn a_connection_lost_half_way_is_no_success_and_the_next_batch_goes_well() {
    let Some(scratch) = scratch() else { return };
    let (db, insert, batcher) = batcher(&scratch, BatchOptions { workers: 1, ..BatchOptions::default() }).await;
    let held = tokio::spawn({
        let batcher = batcher.clone();
        async move { batcher.submit(&cx(), 5_000).await }
    });
    until("the worker is busy", || async { (insert.transactions.load(SeqCst) == 1).then_some(()) }).await;
    scratch.execute(&format!("SELECT pg_terminate_backend({})", *insert.at.lock())).await.unwrap();
    assert!(held.await.unwrap().unwrap_err().is(reason::STORE_UNAVAILABLE));
    assert!(insert.told.lock().is_empty(), "it was undone");
    assert_eq!(batcher.submit(&cx(), 1).await.unwrap(), 1);
    assert_eq!(values(&db).await, [(1, 1)]);
}
