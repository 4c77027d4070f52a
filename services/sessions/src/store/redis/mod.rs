//! Sessions in Redis.
//!
//! A write is one script, so that a session, the lists it stands in, the endings that others follow and the remembered
//! request change together. Scripts get the time from the service, not from the server, whose own time only decides when
//! it drops keys that nobody has pruned: a session's as long after its last use as the session lives.
//!
//! The server must not evict (`maxmemory-policy noeviction`): what it drops are sessions. One that has lost everything
//! ends all sessions, with `REFRESH_TOKEN_INVALID`; signing keys it gets back from whoever still signs with them.

mod apps;
mod factors;
mod guesses;
mod outbox;
mod scripts;
#[cfg(test)]
mod tests;
mod text;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fred::interfaces::SortedSetsInterface as _;
use fred::types::Value;
use parking_lot::RwLock;
use plaza_core::request::REMEMBERED_MS;
use plaza_core::{AccountId, Cx, Env, Error, Result, SessionId, reason};
use plaza_events::Outbox;
use plaza_stores::redis::{Redis, RedisOptions, Script, ScriptCall};
use plaza_stores::{Gauge, ServerAddress};

use super::{BARRED_MS, ERASED_MS, Notice, PRUNE_LIMIT, Refreshed, Revoked, SessionStore, Stamp, code_invalid};
use crate::SERVICE;
use crate::domain::{
    Ending, KNOWN_MS, MAX_DEVICES, NewSession, REVOCATION_MS, Rules, SETUP_MS, Session, SignedIn, Use,
};
use crate::tokens::StoredKey;

use outbox::{RedisOutbox, Told};

/// How long opening waits for the server.
const START: Duration = Duration::from_secs(10);

/// What came of a request.
enum Performed {
    /// Its outcome, now or when it was performed first, with what the script adds to it.
    Done(Vec<String>),
    /// It was only asked for, and never performed.
    Never,
}

/// The store on one Redis server.
pub(crate) struct RedisSessions {
    redis: Redis,
    env: Env,
    rules: Rules,
    /// What all keys begin with.
    base: String,
    /// The signing keys that this process knows, as they are stored, for a server that loses them.
    keys: RwLock<HashMap<String, String>>,
    told: Arc<Told>,
}

impl RedisSessions {
    /// Connects.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` or `INVALID_FIELDS` with a message for the operator.
    pub(crate) async fn open(address: &ServerAddress, env: Env, rules: Rules) -> Result<Self> {
        let redis = Redis::open(address, RedisOptions::new(SERVICE))?;
        redis.connected(&Cx::background(SERVICE, START)).await?;
        let base = redis.key("sessions:");
        Ok(Self { redis, env, rules, base, keys: RwLock::default(), told: Told::new() })
    }

    fn now(&self) -> Value {
        self.env.now().0.into()
    }

    /// A signing key as it is stored; nothing for one that was never read from here.
    fn material(&self, kid: &str) -> Value {
        self.keys.read().get(kid).cloned().unwrap_or_default().into()
    }

    /// What happened to an account, as a script puts it into the outbox.
    fn notice(&self, cx: &Cx, account: AccountId, notice: Notice) -> Value {
        format!("{} {}", self.stamp(cx), text::notice(account, notice)).into()
    }

    /// The part of an event in the outbox that comes before what happened.
    fn stamp(&self, cx: &Cx) -> String {
        text::stamp(&Stamp::new(&self.env, cx.trace()))
    }

    /// Below what no event's position may be.
    fn floor(&self) -> Value {
        self.told.highest().into()
    }

    fn script(&self, args: Vec<Value>) -> ScriptCall {
        ScriptCall::new(vec![self.base.clone()], args)
    }

    /// Performs the context's request by a script.
    async fn perform(&self, cx: &Cx, script: &Script, args: Vec<Value>) -> Result<Performed> {
        let mut all = vec![self.now(), REMEMBERED_MS.into()];
        all.extend(text::request(cx.request()));
        all.extend(args);
        let mut answer: Vec<String> = self.redis.run(cx, script, &self.script(all)).await?;
        let said = if answer.is_empty() { String::new() } else { answer.remove(0) };
        match said.as_str() {
            "done" if !answer.is_empty() => Ok(Performed::Done(answer)),
            "never" => Ok(Performed::Never),
            "other" => Err(Error::new(reason::REQUEST_ID_REUSED).on_field("request_id")),
            "erased" | "barred" => Err(Error::new(reason::SIGN_IN_FAILED)),
            "code" => Err(code_invalid()),
            "active" => Err(Error::new(reason::SECOND_FACTOR_ACTIVE)),
            "no factor" => Err(Error::new(reason::SECOND_FACTOR_NOT_FOUND)),
            "too many apps" => Err(Error::new(reason::TOO_MANY_APP_PASSWORDS)),
            "clash" => Err(Error::new(reason::ID_CLASH)),
            "invalid" => Err(Error::new(reason::REFRESH_TOKEN_INVALID)),
            _ => Err(unexpected(&said)),
        }
    }

    async fn once(&self, cx: &Cx, script: &Script, args: Vec<Value>) -> Result<Vec<String>> {
        match self.perform(cx, script, args).await? {
            Performed::Done(outcome) => Ok(outcome),
            Performed::Never => Err(unexpected("never")),
        }
    }
}

#[async_trait]
impl SessionStore for RedisSessions {
    async fn open(&self, cx: &Cx, new: NewSession, kid: &str) -> Result<SignedIn> {
        let Rules { session_ms, max_sessions, .. } = self.rules;
        let NewSession { proved_at, device, proof, .. } = new;
        let session = Session::start(new, self.env.now(), &self.rules);
        let mut args: Vec<Value> = vec![
            text::id(session.id.get()).into(),
            text::account(session.account).into(),
            session.device_name.as_str().into(),
            session.expires_at.into(),
            session_ms.into(),
            i64::try_from(max_sessions).unwrap_or(i64::MAX).into(),
            ERASED_MS.into(),
            kid.into(),
            self.material(kid),
            text::granted(&session.grant(kid)).into(),
            session.address.as_str().into(),
            proved_at.0.into(),
            text::hex(&device.0).into(),
            KNOWN_MS.into(),
            count(MAX_DEVICES),
            self.notice(cx, session.account, Notice::NewDevice { session: session.id.get() }),
            self.floor(),
            SETUP_MS.into(),
        ];
        args.extend(text::proof(proof.as_ref()));
        args.push(self.stamp(cx).into());
        args.push(session.app.map(|app| text::id(app.id)).unwrap_or_default().into());
        args.push(i64::from(text::bits(session.app.map(|app| app.scopes))).into());
        let outcome = self.once(cx, &scripts::OPEN, args).await?;
        self.told.announce();
        text::signed_in(&outcome[0])
    }

    async fn recall_opened(&self, cx: &Cx) -> Result<Option<SignedIn>> {
        if cx.request().is_none() {
            return Ok(None);
        }
        match self.perform(cx, &scripts::RECALL, Vec::new()).await? {
            Performed::Done(outcome) => text::signed_in(&outcome[0]).map(Some),
            Performed::Never => Ok(None),
        }
    }

    async fn refresh(&self, cx: &Cx, used: Use, kid: &str) -> Result<(Refreshed, String)> {
        let args: Vec<Value> = vec![
            text::id(used.presented.session.get()).into(),
            used.presented.generation.into(),
            self.rules.session_ms.into(),
            self.rules.grace_ms.into(),
            kid.into(),
            self.material(kid),
            used.address.into(),
            self.stamp(cx).into(),
            self.floor(),
        ];
        let mut outcome = self.once(cx, &scripts::REFRESH, args).await?;
        self.told.announce();
        let device_name = outcome.pop().unwrap_or_default();
        let outcome = outcome.pop().unwrap_or_default();
        Ok((text::refreshed(&outcome)?, device_name))
    }

    async fn end(&self, cx: &Cx, account: AccountId, session: SessionId) -> Result<bool> {
        let args = vec![text::account(account).into(), text::id(session.get()).into()];
        let outcome = self.once(cx, &scripts::END, args).await?;
        Ok(outcome[0] == "ended")
    }

    async fn end_all(&self, cx: &Cx, account: AccountId, ending: Ending) -> Result<u64> {
        let kept = ending.keep.map(|session| text::id(session.get())).unwrap_or_default();
        let args = vec![text::account(account).into(), kept.into(), ending.before.0.into(), BARRED_MS.into()];
        let outcome = self.once(cx, &scripts::END_ALL, args).await?;
        u64::try_from(text::number(&outcome[0])?).map_err(|_| unexpected(&outcome[0]))
    }

    async fn list(&self, cx: &Cx, account: AccountId, before: Option<SessionId>, limit: usize) -> Result<Vec<Session>> {
        let bound = before.map_or_else(|| "+".to_owned(), |before| format!("({}", text::id(before.get())));
        let args = vec![self.now(), text::account(account).into(), bound.into(), count(limit)];
        let found: Vec<Vec<String>> = self.redis.run(cx, &scripts::LIST, &self.script(args)).await?;
        found.into_iter().map(|fields| text::session(account, fields)).collect()
    }

    async fn devices(&self, cx: &Cx, account: AccountId) -> Result<Vec<i64>> {
        let known_since = self.env.now().plus_ms(-KNOWN_MS).0;
        let args = vec![self.now(), text::account(account).into(), known_since.into()];
        let seen: Vec<String> = self.redis.run(cx, &scripts::DEVICES, &self.script(args)).await?;
        seen.iter().map(|at| text::number(at)).collect()
    }

    async fn revoked_after(&self, cx: &Cx, after: i64, limit: usize) -> Result<Revoked> {
        let since = self.env.now().plus_ms(-REVOCATION_MS).0;
        let args = vec![self.now(), after.into(), since.into(), count(limit)];
        let answer: Vec<String> = self.redis.run(cx, &scripts::REVOKED, &self.script(args)).await?;
        let numbers: Vec<i64> = answer.iter().map(|number| text::number(number)).collect::<Result<_>>()?;
        let (cursor, sessions) = numbers.split_first().ok_or_else(|| Error::internal("a page without its cursor"))?;
        Ok(Revoked { sessions: sessions.iter().copied().map(SessionId).collect(), cursor: *cursor })
    }

    async fn signing_keys(&self, cx: &Cx, candidate: StoredKey) -> Result<Vec<StoredKey>> {
        let mut args = vec![self.now(), candidate.kid.as_str().into(), text::material(&candidate).into()];
        for (kid, material) in self.keys.read().iter() {
            args.extend([kid.as_str().into(), material.as_str().into()]);
        }
        let stored: HashMap<String, String> = self.redis.run(cx, &scripts::KEYS, &self.script(args)).await?;
        let keys = stored.iter().map(|(kid, material)| text::key(kid.clone(), material));
        let mut keys = keys.collect::<Result<Vec<_>>>()?;
        keys.sort_by(StoredKey::newest_first);
        *self.keys.write() = stored;
        Ok(keys)
    }

    async fn add_key(&self, cx: &Cx, key: StoredKey, after: i64) -> Result<()> {
        let args = vec![self.now(), key.kid.as_str().into(), text::material(&key).into(), after.into()];
        self.redis.run::<i64>(cx, &scripts::KEY_ADD, &self.script(args)).await.map(drop)
    }

    async fn drop_keys(&self, cx: &Cx, kids: &[String]) -> Result<()> {
        // Not known here any more either, or it would be given back to the server.
        self.keys.write().retain(|kid, _| !kids.contains(kid));
        let args = [self.now()].into_iter().chain(kids.iter().map(|kid| kid.as_str().into())).collect();
        self.redis.run::<i64>(cx, &scripts::KEY_DROP, &self.script(args)).await.map(drop)
    }

    async fn erase(&self, cx: &Cx, accounts: &[AccountId]) -> Result<()> {
        let mut args = vec![self.now(), ERASED_MS.into(), count(PRUNE_LIMIT)];
        args.extend(accounts.iter().map(|account| Value::from(text::account(*account))));
        let call = self.script(args);
        while self.redis.run::<i64>(cx, &scripts::ERASE, &call).await? > 0 {}
        Ok(())
    }

    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        let args = vec![self.now(), text::account(after).into(), count(limit)];
        let found: Vec<String> = self.redis.run(cx, &scripts::HELD, &self.script(args)).await?;
        found.iter().map(|account| text::number(account).map(AccountId)).collect()
    }

    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
        let mut accounts = accounts.to_vec();
        accounts.sort_unstable();
        accounts.dedup();
        if accounts.is_empty() {
            return Ok(accounts);
        }
        let (held, members) =
            (format!("{}held", self.base), accounts.iter().copied().map(text::account).collect::<Vec<_>>());
        let scores: Vec<Option<f64>> =
            self.redis.call(cx, |redis| async move { redis.zmscore(held, members).await }).await?;
        Ok(accounts.into_iter().zip(scores).filter(|(_, score)| score.is_some()).map(|(account, _)| account).collect())
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        let ended_by = self.env.now().plus_ms(-REVOCATION_MS).0;
        let unused_since = self.env.now().plus_ms(-KNOWN_MS).0;
        let args = vec![self.now(), count(PRUNE_LIMIT), ended_by.into(), unused_since.into()];
        self.redis.run(cx, &scripts::PRUNE, &self.script(args)).await
    }

    async fn ping(&self, cx: &Cx) -> Result<()> {
        self.redis.ping(cx).await
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        let (redis, env, base) = (self.redis.clone(), self.env.clone(), self.base.clone());
        Arc::new(RedisOutbox { redis, env, base, told: self.told.clone() })
    }

    fn observe(&self) -> Vec<Gauge> {
        self.redis.observe()
    }

    async fn close(&self) {
        self.redis.close().await;
    }
}

fn unexpected(said: &str) -> Error {
    Error::internal(format!("a script answered `{said}`"))
}

fn count(n: usize) -> Value {
    i64::try_from(n).unwrap_or(i64::MAX).into()
}
