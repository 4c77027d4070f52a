//! Hashing passwords on a fixed set of threads, off the async ones.
//!
//! Each thread keeps one memory buffer and uses it again: allocating one for each hash makes the allocator hold on to many
//! times the memory in use. The queue in front is bounded, and a caller whose time is over is not hashed for.

mod argon2id;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{Cx, Env, Error, Result, reason};
use plaza_stores::Gauge;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::config::{Config, PasswordHash};
use crate::store::Credential;
use argon2id::Scratch;

/// When a caller that met a full queue may try again.
const RETRY_WHEN_FULL: Duration = Duration::from_secs(1);

type Job = Box<dyn FnOnce(&mut Scratch) + Send>;

/// The hashing threads.
pub(crate) struct Passwords {
    env: Env,
    work: PasswordHash,
    /// What an unknown login's password is checked against, so that it takes the same work as a known one's.
    nobody: Credential,
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Passwords {
    /// Starts the threads.
    pub(crate) fn start(config: &Config, env: Env) -> Result<Self> {
        if config.insecure_fast_hash {
            tracing::warn!("INSECURE: accounts.insecure_fast_hash is set; password hashes protect nothing");
        }
        let mut secret = [0; 32];
        env.fill(&mut secret);
        let nobody = argon2id::hash(config.password_hash, &secret, &salt(&env), &mut Scratch::default())?;
        let (sender, queue) = mpsc::channel(config.hash_queue);
        let queue = Arc::new(Mutex::new(queue));
        let threads = (0..config.hash_threads)
            .map(|n| {
                let queue = queue.clone();
                let name = format!("password-hash-{n}");
                std::thread::Builder::new().name(name).spawn(move || work_off(&queue))
            })
            .collect::<std::io::Result<_>>()
            .map_err(|e| Error::internal(format!("cannot start the hashing threads: {e}")))?;
        let (queue, threads) = (Mutex::new(Some(sender)), Mutex::new(threads));
        Ok(Self { env, work: config.password_hash, nobody, queue, threads })
    }

    /// The credential to store for `password`.
    ///
    /// # Errors
    /// `OVERLOADED` if too many hashes wait; `DEADLINE_EXCEEDED`.
    pub(crate) async fn hash(&self, cx: &Cx, password: String) -> Result<Credential> {
        let (work, salt) = (self.work, salt(&self.env));
        self.run(cx, move |scratch| argon2id::hash(work, password.as_bytes(), &salt, scratch)).await
    }

    /// Whether `password` is the one behind `credential`. Without a credential it never is, after the same work.
    ///
    /// # Errors
    /// As [`Passwords::hash`].
    pub(crate) async fn verify(&self, cx: &Cx, password: String, credential: Option<Credential>) -> Result<bool> {
        let known = credential.is_some();
        let credential = credential.unwrap_or_else(|| self.nobody.clone());
        let matches = self.run(cx, move |scratch| argon2id::verify(&credential, password.as_bytes(), scratch)).await?;
        Ok(known && matches)
    }

    async fn run<T: Send + 'static>(
        &self,
        cx: &Cx,
        work: impl FnOnce(&mut Scratch) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let deadline = cx.deadline();
        let job: Job = Box::new(move |scratch| {
            if !reply.is_closed() && Instant::now() < deadline {
                // Whoever asked may be gone by now; then nobody needs the answer.
                let _ = reply.send(work(scratch));
            }
        });
        let queue = self.queue.lock().clone().ok_or_else(|| Error::new(reason::SHUTTING_DOWN))?;
        queue.try_send(job).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => Error::new(reason::OVERLOADED).retry_after(RETRY_WHEN_FULL),
            mpsc::error::TrySendError::Closed(_) => Error::new(reason::SHUTTING_DOWN),
        })?;
        drop(queue);
        // A job that was dropped unanswered came too late, or the threads have ended.
        cx.within(async { answer.await.unwrap_or_else(|_| Err(Error::new(reason::DEADLINE_EXCEEDED))) }).await
    }

    /// How many hashes wait.
    #[expect(clippy::cast_precision_loss, reason = "the queue is short")]
    pub(crate) fn observe(&self) -> Vec<Gauge> {
        let waiting = self.queue.lock().as_ref().map_or(0, |q| q.max_capacity() - q.capacity());
        vec![Gauge::new("queue_length", "queue", "password-hash", waiting as f64)]
    }

    /// Takes no more work, finishes what waits, ends the threads.
    pub(crate) async fn close(&self) {
        self.queue.lock().take();
        let threads = std::mem::take(&mut *self.threads.lock());
        let joined = tokio::task::spawn_blocking(move || threads.into_iter().try_for_each(JoinHandle::join));
        // A join error is a panic of a thread, which the panic hook has reported.
        let _ = joined.await;
    }
}

/// One thread's life: it takes jobs until the queue is closed and empty. The threads take turns at the queue.
fn work_off(queue: &Mutex<mpsc::Receiver<Job>>) {
    let mut scratch = Scratch::default();
    loop {
        let job = queue.lock().blocking_recv();
        let Some(job) = job else { return };
        if catch_unwind(AssertUnwindSafe(|| job(&mut scratch))).is_err() {
            tracing::error!("hashing a password panicked");
            scratch = Scratch::default();
        }
    }
}

/// 128 random bits, as RFC 9106, section 3.1, recommends.
fn salt(env: &Env) -> [u8; 16] {
    let mut salt = [0; 16];
    env.fill(&mut salt);
    salt
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    fn passwords(config: &Config) -> Passwords {
        Passwords::start(config, Env::system()).unwrap()
    }

    fn cx(ms: u64) -> Cx {
        Cx::background("test", Duration::from_millis(ms))
    }

    #[tokio::test]
    async fn a_password_matches_its_own_credential_alone() {
        let passwords = passwords(&Config::ephemeral());
        let mine = passwords.hash(&cx(5_000), "correct horse".to_owned()).await.unwrap();
        let again = passwords.hash(&cx(5_000), "correct horse".to_owned()).await.unwrap();
        assert_ne!(mine.phc(), again.phc(), "each hash has a salt of its own");
        for (password, credential, expected) in [
            ("correct horse", Some(mine.clone()), true),
            ("correct Horse", Some(mine), false),
            ("correct horse", None, false),
            ("", None, false),
        ] {
            let matches = passwords.verify(&cx(5_000), password.to_owned(), credential).await.unwrap();
            assert_eq!(matches, expected, "{password}");
        }
        passwords.close().await;
        let closed = passwords.hash(&cx(5_000), "late".to_owned()).await;
        assert!(closed.err().unwrap().is(reason::SHUTTING_DOWN));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_late_job_is_not_hashed() {
        let passwords = passwords(&Config { hash_threads: 1, hash_queue: 1, ..Config::ephemeral() });
        let (entered, has_entered) = sync_channel::<()>(1);
        let (go, may_go) = sync_channel::<()>(1);
        let block = move |_: &mut Scratch| {
            entered.send(()).unwrap();
            may_go.recv().unwrap();
            Ok(())
        };
        let (long, short) = (cx(60_000), cx(0));
        let ran = Arc::new(Mutex::new(false));
        let note = ran.clone();
        let late = passwords.run(&short, move |_| {
            *note.lock() = true;
            Ok(())
        });
        let check = async {
            tokio::task::spawn_blocking(move || has_entered.recv().unwrap()).await.unwrap();
            // The thread is busy; this one waits until its time is up, and still holds the queue's one place.
            assert!(late.await.unwrap_err().is(reason::DEADLINE_EXCEEDED));
            let refused = passwords.hash(&long, "x".to_owned()).await.err().unwrap();
            assert!(refused.is(reason::OVERLOADED) && refused.retry_delay().is_some());
            go.send(()).unwrap();
        };
        let (done, ()) = tokio::join!(passwords.run(&long, block), check);
        done.unwrap();
        passwords.close().await;
        assert!(!*ran.lock());
    }

    #[tokio::test]
    async fn a_job_that_panics_does_not_take_its_thread_along() {
        let passwords = passwords(&Config { hash_threads: 1, ..Config::ephemeral() });
        assert!(passwords.run::<()>(&cx(5_000), |_| panic!("on purpose")).await.is_err());
        assert!(passwords.hash(&cx(5_000), "fine".to_owned()).await.is_ok());
    }
}
