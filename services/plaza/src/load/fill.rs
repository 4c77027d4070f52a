//! Fills a platform by a plan: accounts, sign-ins, follows, posts, likes, each stage with many calls under way at once.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{AccountId, Env, Error, Result, reason};
use plaza_proto::accounts::v1::{AccountsService as _, CreateAccountRequest, GetAccountByHandleRequest};
use plaza_proto::graph::v1::{FollowRequest, GraphService as _};
use plaza_proto::posts::v1::{CreatePostRequest, LikePostRequest, PostsService as _};
use tokio::task::JoinSet;

use super::clients::{Actor, Door};
use crate::people::{PASSWORD, Plan, Purpose, person};
use crate::progress::Progress;

/// How often a call that may succeed later is made in all.
const TRIES: u32 = 8;
/// The first wait between them; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// What became of it.
#[derive(Clone, Debug)]
pub struct Filled {
    /// Each person, by number.
    pub actors: Vec<Actor>,
    /// The id of each post, by number.
    pub posts: Vec<i64>,
}

/// Fills a platform.
#[derive(Debug)]
pub struct Filler {
    door: Door,
    plan: Arc<Plan>,
    env: Env,
    concurrency: usize,
}

/// What the workers of all stages share.
struct Work {
    door: Door,
    plan: Arc<Plan>,
    env: Env,
    /// Each person: set when they have an account, and again when they sign in anew.
    actors: Vec<Mutex<Option<Actor>>>,
    posts: Vec<AtomicI64>,
}

impl Filler {
    /// Fills what is behind `door` by `plan`, with `concurrency` calls under way at once.
    #[must_use]
    pub fn new(door: Door, plan: Plan, env: Env, concurrency: usize) -> Self {
        Self { door, plan: Arc::new(plan), env, concurrency: concurrency.max(1) }
    }

    /// Fills it. Safe to do again: what is there stays as it is.
    ///
    /// # Errors
    /// The first failure that retries do not cure.
    pub async fn run(self) -> Result<Filled> {
        let plan = &self.plan;
        let people = plan.follows().people();
        let work = Arc::new(Work {
            door: self.door.clone(),
            plan: plan.clone(),
            env: self.env.clone(),
            actors: (0..people).map(|_| Mutex::new(None)).collect(),
            posts: (0..plan.posts()).map(|_| AtomicI64::new(0)).collect(),
        });
        // Accounts cost a password hash each, and the queue for those is short.
        let few = self.concurrency.min(16);
        stage("accounts", u64::from(people), few, &work, |work, n| async move { work.join(narrow(n)).await }).await?;
        let pairs: Arc<Vec<(u32, u32)>> = Arc::new(plan.follows().pairs().collect());
        let follow = {
            let pairs = pairs.clone();
            move |work: Arc<Work>, n: u64| {
                let pair = pairs[usize::try_from(n).unwrap_or_default()];
                async move { work.follow(n, pair).await }
            }
        };
        stage("follows", pairs.len() as u64, self.concurrency, &work, follow).await?;
        stage("posts", plan.posts(), self.concurrency, &work, |work, n| async move { work.post(n).await }).await?;
        stage("likes", plan.likes(), self.concurrency, &work, |work, n| async move { work.like(n).await }).await?;
        let actors = (0..people).map(|n| work.actor(n)).collect::<Result<_>>()?;
        Ok(Filled { actors, posts: work.posts.iter().map(|id| id.load(Relaxed)).collect() })
    }
}

fn narrow(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Does `one` for each number below `total`, `concurrency` at once, and ends at the first failure.
async fn stage<F, Fut>(label: &str, total: u64, concurrency: usize, work: &Arc<Work>, one: F) -> Result<()>
where
    F: Fn(Arc<Work>, u64) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    if total == 0 {
        return Ok(());
    }
    let progress = Arc::new(Progress::new(label, Some(total)));
    let next = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..concurrency {
        let (work, one, progress, next) = (work.clone(), one.clone(), progress.clone(), next.clone());
        workers.spawn(async move {
            loop {
                let n = next.fetch_add(1, Relaxed);
                if n >= total {
                    return Ok(());
                }
                one(work.clone(), n).await?;
                progress.inc(1);
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended.map_err(|e| Error::internal(format!("a worker of `{label}` broke: {e}")))??;
    }
    progress.done();
    Ok(())
}

/// Calls until it succeeds or fails for good.
async fn retried<T, Fut: Future<Output = Result<T>>>(mut call: impl FnMut() -> Fut) -> Result<T> {
    let (mut tries, mut wait) = (1, FIRST_WAIT);
    loop {
        match call().await {
            Err(error) if error.is_transient() && tries < TRIES => {
                tokio::time::sleep(error.retry_delay().unwrap_or_default().max(wait)).await;
                (tries, wait) = (tries + 1, wait * 2);
            }
            done => return done,
        }
    }
}

impl Work {
    fn id(&self, purpose: Purpose, n: u64) -> String {
        self.plan.request_id(purpose, n).to_string()
    }

    /// Makes sure that person `n` has an account, and signs them in.
    async fn join(&self, n: u32) -> Result<()> {
        let who = person(n);
        let request = CreateAccountRequest {
            request_id: self.id(Purpose::Account, u64::from(n)),
            handle: who.handle.clone(),
            email: who.email,
            password: PASSWORD.to_owned(),
            display_name: who.name,
        };
        let anybody = self.door.anybody();
        let created = retried(|| async { anybody.accounts.create_account(&Door::cx(), request.clone()).await });
        let account = match created.await {
            Ok(created) => created.account,
            // They are here since a seeding that is over a day ago, or of another seed.
            Err(error) if error.is(reason::HANDLE_TAKEN) || error.is(reason::EMAIL_TAKEN) => {
                let request = GetAccountByHandleRequest { handle: who.handle };
                anybody.accounts.get_account_by_handle(&Door::cx(), request).await?.account
            }
            Err(error) => return Err(error),
        };
        let account = account.ok_or_else(|| Error::internal("an answer without an account"))?;
        self.sign_in(n, AccountId(account.account_id)).await.map(drop)
    }

    async fn sign_in(&self, n: u32, account: AccountId) -> Result<Actor> {
        let login = person(n).handle;
        let signed_in = retried(|| {
            // Signing in is never repeated from memory: an old answer's token may have expired.
            let request_id = self.env.event_id().to_string();
            self.door.sign_in(account, &login, request_id)
        });
        let actor = signed_in.await?;
        *self.actors[n as usize].lock() = Some(actor.clone());
        Ok(actor)
    }

    /// Person `n`, who has joined.
    fn actor(&self, n: u32) -> Result<Actor> {
        self.actors[n as usize].lock().clone().ok_or_else(|| Error::internal("a person who never joined"))
    }

    /// Calls as person `n`; signs in anew if the access token has run out.
    async fn act<T, Fut: Future<Output = Result<T>>>(&self, n: u32, call: impl Fn(Actor) -> Fut) -> Result<T> {
        let actor = self.actor(n)?;
        let account = actor.account;
        match retried(|| call(actor.clone())).await {
            Err(error) if error.is(reason::CREDENTIALS_EXPIRED) => {
                let actor = self.sign_in(n, account).await?;
                retried(|| call(actor.clone())).await
            }
            done => done,
        }
    }

    async fn follow(&self, n: u64, (who, whom): (u32, u32)) -> Result<()> {
        let account_id = self.actor(whom)?.account.get();
        let request = FollowRequest { request_id: self.id(Purpose::Follow, n), account_id };
        let call = |actor: Actor| {
            let request = request.clone();
            async move { actor.clients.graph.follow(&actor.cx(), request).await }
        };
        self.act(who, call).await.map(drop)
    }

    async fn post(&self, n: u64) -> Result<()> {
        let planned = self.plan.post(n);
        let request =
            CreatePostRequest { request_id: self.id(Purpose::Post, n), text: planned.text, ..Default::default() };
        let call = |actor: Actor| {
            let request = request.clone();
            async move { actor.clients.posts.create_post(&actor.cx(), request).await }
        };
        let post = self.act(planned.author, call).await?.post.unwrap_or_default();
        self.posts[usize::try_from(n).unwrap_or_default()].store(post.post_id, Relaxed);
        Ok(())
    }

    async fn like(&self, n: u64) -> Result<()> {
        let (who, post) = self.plan.like(n);
        let post_id = self.posts[usize::try_from(post).unwrap_or_default()].load(Relaxed);
        let request = LikePostRequest { request_id: self.id(Purpose::Like, n), post_id };
        let call = |actor: Actor| {
            let request = request.clone();
            async move { actor.clients.posts.like_post(&actor.cx(), request).await }
        };
        match self.act(who, call).await {
            // Somebody deleted the post meanwhile.
            Err(error) if error.is(reason::POST_NOT_FOUND) => Ok(()),
            done => done.map(drop),
        }
    }
}
