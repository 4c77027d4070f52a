//! Feeds in Redis: one sorted set for each, shared by all replicas of the service.
//!
//! Redis may evict any key at any time, come back without its last writes, or lose everything: what belongs together is in
//! one key, and what was lost is told from what was never there (`redis/lua/prelude.lua` has the layout). Then feeds are
//! cold, never wrong. A command that was given up may still be performed later: what that could harm is guarded by a
//! ticket or a nonce.

mod codec;
mod marks;
mod scripts;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fred::bytes::Bytes;
use fred::interfaces::KeysInterface as _;
use fred::types::{Expiration, Value};
use plaza_core::request::REMEMBERED_MS;
use plaza_core::{AccountId, Cx, Env, Error, PostId, RequestKey, Result, reason};
use plaza_stores::redis::{Redis, RedisOptions, unavailable};
use plaza_stores::{Gauge, ServerAddress};

use self::marks::{Marks, Seen};
use self::scripts::{Call, Script, Scripts};
use super::{FeedStore, Reading, Ticket};
use crate::domain::{Entry, Page, Window};

/// Owners that one run of a script is for at most.
const OWNERS: usize = 128;
/// Entries or posts of one run of a script.
const ENTRIES: usize = 64;
/// Owners times entries of one run of a script, some 2 ms of the server's time: then reads get their turn.
const WRITES: usize = 2_048;
/// Windows that one run of a script returns.
const WINDOWS: usize = 16;
/// Marks made by one run of a script.
const AUTHORS: usize = 1_000;
/// A build that takes longer was given up by whoever began it: longer than any setting allows.
const BUILD_MS: i64 = 600_000;
/// A feed that is merged into more often while it is purged is left to a later try.
const PURGES: usize = 8;
/// The key of the marks.
const MARKS: &str = "feeds:marks";

/// The bounds of the store; its memory is bounded by the server's own settings.
#[derive(Clone, Copy, Debug)]
pub struct RedisFeedsOptions {
    /// The most entries of one feed.
    pub cap: usize,
    /// A feed that was not read for this long goes cold, give or take a thirtieth, in milliseconds.
    pub active_ms: i64,
    /// A command that takes longer fails: the reader has another way.
    pub timeout: Duration,
}

/// The engine.
pub struct RedisFeeds {
    options: RedisFeedsOptions,
    env: Env,
    redis: Redis,
    scripts: Scripts,
    seen: Seen,
}

impl std::fmt::Debug for RedisFeeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisFeeds").field("options", &self.options).field("redis", &self.redis).finish_non_exhaustive()
    }
}

impl RedisFeeds {
    /// Begins to connect and does not wait for it: until the server answers, pages come from the truth.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if the address is not right.
    pub fn open(address: &ServerAddress, options: RedisFeedsOptions, env: Env) -> Result<Self> {
        let connections = RedisOptions { command_timeout: options.timeout, ..RedisOptions::new("feeds") };
        let redis = Redis::open(address, connections)?;
        Ok(Self { options, env, scripts: Scripts::new(redis.clone()), redis, seen: Seen::default() })
    }

    /// Waits until the server answers.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` if it does not by the deadline.
    pub async fn connected(&self, cx: &Cx) -> Result<()> {
        self.redis.connected(cx).await
    }

    fn feed(&self, owner: AccountId) -> String {
        self.redis.key(&format!("feeds:feed:{owner}"))
    }

    fn build(&self, owner: AccountId) -> String {
        self.redis.key(&format!("feeds:build:{owner}"))
    }

    fn marks(&self) -> String {
        self.redis.key(MARKS)
    }

    fn request(&self, request: &RequestKey) -> String {
        self.redis.key(&format!("feeds:request:{}:{}", request.caller, request.request_id.simple()))
    }

    fn pairs(&self, owners: &[AccountId]) -> Vec<String> {
        owners.iter().flat_map(|owner| [self.feed(*owner), self.build(*owner)]).collect()
    }

    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.env.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    /// What no epoch had before.
    fn fresh(&self) -> Value {
        format!("{:016x}", self.random()).into()
    }

    /// How much a build notes at most: reading the truth again is cheaper than noting more than a feed can hold.
    fn most_noted(&self) -> Value {
        number(2 * self.options.cap + 1)
    }

    /// Runs a script over the feeds and builds of many owners, each of which it writes so many entries for.
    async fn for_all(
        &self,
        cx: &Cx,
        script: Script,
        owners: &[AccountId],
        entries: usize,
        args: Vec<Value>,
    ) -> Result<()> {
        let at_once = (WRITES / entries.max(1)).clamp(1, OWNERS);
        let calls = owners.chunks(at_once).map(|owners| Call { keys: self.pairs(owners), args: args.clone() });
        self.scripts.run_all::<()>(cx, script, calls.collect()).await?;
        Ok(())
    }

    /// The marks as of now.
    async fn marks_now(&self, cx: &Cx) -> Result<Marks> {
        let last = self.seen.last();
        let call = Call { keys: vec![self.marks()], args: vec![Value::Bytes(last.version.clone())] };
        let answer: Vec<Value> = self.scripts.run(cx, Script::Marks, call).await?;
        let mut answer = answer.into_iter();
        let version = answer.next().and_then(Value::into_bytes).unwrap_or_default();
        if version == last.version {
            return Ok(last);
        }
        let authors: Vec<String> = answer.next().map_or(Ok(Vec::new()), Value::convert).map_err(strange)?;
        let marks = Marks::read(version, &authors)?;
        self.seen.see(marks.clone());
        Ok(marks)
    }
}

#[async_trait]
impl FeedStore for RedisFeeds {
    async fn page(&self, cx: &Cx, owner: AccountId, before: Option<PostId>, limit: usize) -> Result<Option<Reading>> {
        let before = before.map_or_else(|| Value::Bytes(Bytes::new()), |post| codec::id(post.0));
        let args = vec![number(limit), self.options.active_ms.into(), before.clone()];
        let call = Call { keys: vec![self.feed(owner), self.marks()], args };
        in_time(cx, async {
            let read: Option<(Bytes, Bytes, Vec<Bytes>)> = self.scripts.run(cx, Script::Page, call).await?;
            let Some((version, floor, members)) = read else { return Ok(None) };
            let celebrities = match self.seen.of(&version) {
                Some(authors) => authors,
                None => match self.marks_now(cx).await? {
                    marks if marks.cover(&version) => marks.authors,
                    // Lost since the page was read, and the page with them.
                    _ => return Ok(None),
                },
            };
            let mut page = page_of(&floor, &members)?;
            // Those of the cursor's own millisecond come along, whichever side of it they are on.
            if let Some(cursor) = before.as_bytes().filter(|bytes| !bytes.is_empty()) {
                let cursor = codec::post(cursor)?;
                page.entries.retain(|entry| entry.place < cursor);
            }
            page.entries.truncate(limit);
            Ok(Some(Reading { page, celebrities }))
        })
        .await
    }

    async fn windows(&self, cx: &Cx, owners: &[AccountId]) -> Result<Vec<Option<Window>>> {
        let keys =
            |owners: &[AccountId]| [self.marks()].into_iter().chain(owners.iter().map(|o| self.feed(*o))).collect();
        let calls = owners.chunks(WINDOWS).map(|owners| Call { keys: keys(owners), args: vec![] }).collect();
        let answers: Vec<Vec<Value>> = in_time(cx, self.scripts.run_all(cx, Script::Windows, calls)).await?;
        answers.into_iter().flatten().map(|window| self.window_of(window)).collect()
    }

    async fn held(&self, cx: &Cx, owners: &[AccountId]) -> Result<Vec<AccountId>> {
        let keys = |owners: &[AccountId]| [self.marks()].into_iter().chain(self.pairs(owners)).collect();
        let calls = owners.chunks(OWNERS).map(|owners| Call { keys: keys(owners), args: vec![] }).collect();
        let answers: Vec<Vec<bool>> = in_time(cx, self.scripts.run_all(cx, Script::Held, calls)).await?;
        let held = owners.iter().zip(answers.into_iter().flatten());
        Ok(held.filter(|(_, held)| *held).map(|(owner, _)| *owner).collect())
    }

    async fn push(&self, cx: &Cx, owners: &[AccountId], entries: &[Entry]) -> Result<()> {
        for entries in entries.chunks(ENTRIES) {
            let mut args = vec![number(self.options.cap), self.most_noted()];
            args.append(&mut codec::members(entries));
            in_time(cx, self.for_all(cx, Script::Push, owners, entries.len(), args)).await?;
        }
        Ok(())
    }

    async fn remove(&self, cx: &Cx, owners: &[AccountId], posts: &[PostId]) -> Result<()> {
        for posts in posts.chunks(ENTRIES) {
            let args = [self.most_noted()].into_iter().chain(posts.iter().map(|post| codec::id(post.0))).collect();
            in_time(cx, self.for_all(cx, Script::Remove, owners, posts.len(), args)).await?;
        }
        Ok(())
    }

    async fn merge(&self, cx: &Cx, owner: AccountId, entries: &[Entry], floor: PostId) -> Result<()> {
        // What would be trimmed anyway need not travel.
        let merged = Window::new(entries, floor, self.options.cap);
        let entries: Vec<Entry> = merged.iter().copied().collect();
        let nonce = Ticket(self.random());
        let mut args = vec![ticket(nonce), number(self.options.cap), codec::id(merged.floor().0)];
        args.append(&mut codec::members(&entries));
        in_time(cx, self.for_all(cx, Script::Merge, &[owner], entries.len(), args)).await
    }

    async fn purge(&self, cx: &Cx, owner: AccountId, authors: &[AccountId]) -> Result<()> {
        let authors: Vec<Value> = authors.iter().map(|author| codec::id(author.0)).collect();
        in_time(cx, async {
            let mut nonce = Bytes::new();
            for _ in 0..=PURGES {
                let args = [number(self.options.cap), Value::Bytes(nonce)].into_iter().chain(authors.iter().cloned());
                let call = Call { keys: self.pairs(&[owner]), args: args.collect() };
                match self.scripts.run::<Option<Bytes>>(cx, Script::Purge, call).await? {
                    Some(other) => nonce = other,
                    None => return Ok(()),
                }
            }
            Err(Error::new(reason::OVERLOADED).with("feed", "changes faster than it can be purged"))
        })
        .await
    }

    async fn begin_build(&self, cx: &Cx, owner: AccountId) -> Result<Ticket> {
        let begun = Ticket(self.random());
        let args = vec![ticket(begun), self.fresh(), BUILD_MS.into()];
        let call = Call { keys: vec![self.build(owner), self.marks()], args };
        in_time(cx, self.scripts.run::<()>(cx, Script::Begin, call)).await?;
        Ok(begun)
    }

    async fn finish_build(
        &self,
        cx: &Cx,
        owner: AccountId,
        begun: Ticket,
        entries: &[Entry],
        floor: PostId,
    ) -> Result<Option<usize>> {
        let built = Window::new(entries, floor, self.options.cap);
        let entries: Vec<Entry> = built.iter().copied().collect();
        let (cap, stays) = (number(self.options.cap), self.options.active_ms.into());
        let mut args = vec![ticket(begun), cap, stays, codec::id(built.floor().0)];
        args.append(&mut codec::members(&entries));
        let call = Call { keys: vec![self.feed(owner), self.build(owner), self.marks()], args };
        in_time(cx, self.scripts.run(cx, Script::Finish, call)).await
    }

    async fn drop_feeds(&self, cx: &Cx, owners: &[AccountId]) -> Result<()> {
        for owners in owners.chunks(OWNERS) {
            let keys = self.pairs(owners);
            in_time(cx, self.redis.call(cx, |redis| async move { redis.unlink::<(), _>(keys).await })).await?;
        }
        Ok(())
    }

    async fn mark_celebrities(&self, cx: &Cx, authors: &[AccountId]) -> Result<()> {
        for authors in authors.chunks(AUTHORS) {
            let args = [self.fresh()].into_iter().chain(authors.iter().map(|author| author.0.into())).collect();
            let call = Call { keys: vec![self.marks()], args };
            in_time(cx, self.scripts.run::<()>(cx, Script::Mark, call)).await?;
        }
        Ok(())
    }

    async fn celebrities(&self, cx: &Cx) -> Result<Arc<HashSet<AccountId>>> {
        Ok(in_time(cx, self.marks_now(cx)).await?.authors)
    }

    async fn answered(&self, cx: &Cx, request: &RequestKey) -> Result<Option<usize>> {
        let key = self.request(request);
        let given: Option<String> =
            in_time(cx, self.redis.call(cx, |redis| async move { redis.get(key).await })).await?;
        let Some(given) = given else { return Ok(None) };
        match given.split_once(' ') {
            Some((entries, same)) if same == identity(request) => {
                Ok(Some(entries.parse().map_err(|_| Error::internal("an answer in redis is no number"))?))
            }
            _ => Err(Error::new(reason::REQUEST_ID_REUSED).on_field("request_id")),
        }
    }

    async fn remember(&self, cx: &Cx, request: &RequestKey, entries: usize) -> Result<()> {
        let (key, given) = (self.request(request), format!("{entries} {}", identity(request)));
        let expires = Some(Expiration::PX(REMEMBERED_MS));
        in_time(cx, self.redis.call(cx, |redis| async move { redis.set(key, given, expires, None, false).await })).await
    }

    async fn ping(&self, cx: &Cx) -> Result<()> {
        self.redis.ping(cx).await
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn observe(&self) -> Vec<Gauge> {
        let gauge = |name, value: f64| Gauge::new(name, "engine", "redis", value);
        let mut gauges = self.redis.observe();
        gauges.push(gauge("feeds_celebrities", self.seen.last().authors.len() as f64));
        gauges.push(gauge("feeds_script_loads_total", self.scripts.loads() as f64));
        gauges
    }
}

impl RedisFeeds {
    fn window_of(&self, window: Value) -> Result<Option<Window>> {
        let read: Vec<Value> = window.convert().map_err(strange)?;
        let mut read = read.into_iter();
        let Some(floor) = read.next().and_then(Value::into_bytes) else { return Ok(None) };
        let members: Vec<Bytes> = read.next().map_or(Ok(Vec::new()), Value::convert).map_err(strange)?;
        let page = page_of(&floor, &members)?;
        Ok(Some(Window::new(&page.entries, page.floor, self.options.cap)))
    }
}

/// Leaves half of the caller's time for another way.
async fn in_time<T>(cx: &Cx, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(cx.remaining() / 2, work).await.unwrap_or_else(|_| Err(unavailable()))
}

fn page_of(floor: &[u8], members: &[Bytes]) -> Result<Page> {
    let entries = members.iter().map(|member| codec::entry(member)).collect::<Result<_>>()?;
    Ok(Page { entries, floor: codec::post(floor)? })
}

fn number(n: usize) -> Value {
    i64::try_from(n).unwrap_or(i64::MAX).into()
}

fn ticket(Ticket(ticket): Ticket) -> Value {
    Value::Bytes(Bytes::copy_from_slice(&ticket.to_be_bytes()))
}

/// What tells a request from another under the same id.
fn identity(request: &RequestKey) -> String {
    format!("{} {:032x}", request.method, u128::from_be_bytes(request.digest))
}

#[expect(clippy::needless_pass_by_value, reason = "so that it can stand in `Result::map_err`")]
fn strange(error: fred::error::Error) -> Error {
    Error::internal(format!("redis answers what was not asked for: {error}"))
}
