//! What stands in Redis, as text.

use std::fmt::Write as _;

use fred::types::Value;
use plaza_core::{AccountId, Error, RequestKey, Result, Scopes, SessionId, Timestamp, TraceContext};
use plaza_events::Event;

use crate::SOURCE;
use crate::domain::{App, AppPassword, Challenge, Code, Factor, Grant, Nonce, Proof, Session, SignedIn};
use crate::store::{Notice, Refreshed, Stamp};
use crate::tokens::StoredKey;

/// An id in 19 digits, so that ids sort as text does.
pub(super) fn id(id: i64) -> String {
    format!("{id:019}")
}

pub(super) fn account(id: AccountId) -> String {
    self::id(id.get())
}

/// Reads a number.
pub(super) fn number(text: &str) -> Result<i64> {
    text.parse().map_err(|_| odd("a number", text))
}

/// Who asks, what, and under which id: the arguments of `once.lua`. Without identity the caller is empty.
pub(super) fn request(key: Option<&RequestKey>) -> [Value; 4] {
    match key {
        Some(key) => {
            let request = key.request_id.simple().to_string();
            [id(key.caller).into(), request.into(), key.method.into(), hex(&key.digest).into()]
        }
        None => [const { "" }; 4].map(Value::from),
    }
}

/// What came of opening a session or of refreshing it, as it is remembered.
pub(super) fn granted(grant: &Grant) -> String {
    let Grant { session, account, created_at, at, expires_at, generation, kid, scopes } = grant;
    let (session, account) = (id(session.get()), id(account.get()));
    format!("granted {session} {account} {created_at} {at} {expires_at} {generation} {kid} {}", bits(*scopes))
}

/// Reads what [`granted`] wrote, or that a used token came back.
pub(super) fn refreshed(text: &str) -> Result<Refreshed> {
    let parts: Vec<&str> = text.split(' ').collect();
    match parts[..] {
        ["reused"] => Ok(Refreshed::Reused),
        ["granted", session, account, created_at, at, expires_at, generation, kid, scopes] => {
            Ok(Refreshed::Granted(Grant {
                session: SessionId(number(session)?),
                account: AccountId(number(account)?),
                created_at: number(created_at)?,
                at: number(at)?,
                expires_at: number(expires_at)?,
                generation: number(generation)?,
                kid: kid.to_owned(),
                scopes: scopes_of(scopes)?,
            }))
        }
        _ => Err(odd("an outcome", text)),
    }
}

/// Reads a session as `list.lua` answers it.
pub(super) fn session(account: AccountId, fields: Vec<String>) -> Result<Session> {
    let [id, device_name, created, used, expires, generation, rotated, address, app, scopes]: [String; 10] =
        fields.try_into().map_err(|fields: Vec<String>| odd("a session", &format!("{} fields", fields.len())))?;
    let app = match scopes_of(&scopes)? {
        Some(scopes) => Some(App { id: number(&app)?, scopes }),
        None => None,
    };
    Ok(Session {
        id: SessionId(number(&id)?),
        account,
        device_name,
        address,
        created_at: number(&created)?,
        last_used_at: number(&used)?,
        expires_at: number(&expires)?,
        generation: number(&generation)?,
        rotated_at: number(&rotated)?,
        app,
    })
}

/// What an event has besides what happened, as it stands in the outbox.
pub(super) fn stamp(stamp: &Stamp) -> String {
    let trace = stamp.trace.map_or_else(|| "-".to_owned(), |trace| trace.to_string());
    format!("{} {} {trace}", stamp.id.simple(), stamp.at.0)
}

/// What happened, as it stands in the outbox behind a stamp.
pub(super) fn notice(account: AccountId, notice: Notice) -> String {
    let (kind, detail) = match notice {
        Notice::NewDevice { session } => ("device", session),
        Notice::TokenReused { session } => ("reused", session),
        Notice::Limited => ("limited", 0),
        Notice::FactorChanged { enabled } => ("factor", enabled.into()),
        Notice::RecoveryUsed { left } => ("recovery", left.into()),
        Notice::AppCreated { id } => ("app", id),
    };
    format!("{kind} {} {detail}", self::account(account))
}

/// Reads an event of the outbox behind its position.
pub(super) fn told(found: &[String]) -> Result<Event> {
    let broken = || odd("an event", &found.join(" "));
    let [position, event] = found else { return Err(broken()) };
    let parts: Vec<&str> = event.split(' ').collect();
    let [id, at, trace, kind, account, detail] = parts[..] else { return Err(broken()) };
    let (detail, account) = (number(detail)?, AccountId(number(account)?));
    let notice = match kind {
        "device" => Notice::NewDevice { session: detail },
        "reused" => Notice::TokenReused { session: detail },
        "limited" => Notice::Limited,
        "app" => Notice::AppCreated { id: detail },
        "factor" => Notice::FactorChanged { enabled: detail != 0 },
        "recovery" => Notice::RecoveryUsed { left: i32::try_from(detail).map_err(|_| broken())? },
        _ => return Err(broken()),
    };
    let id = id.parse().map_err(|_| broken())?;
    let stamp = Stamp { id, at: Timestamp(number(at)?), trace: TraceContext::parse(trace) };
    Ok(stamp.event(account, notice).placed(SOURCE, number(position)?))
}

/// Scopes as a number; 0 for everything.
pub(super) fn bits(scopes: Option<Scopes>) -> u8 {
    scopes.map_or(0, Scopes::bits)
}

/// Reads what [`bits`] made.
fn scopes_of(text: &str) -> Result<Option<Scopes>> {
    text.parse().map(Scopes::from_bits).map_err(|_| odd("scopes", text))
}

/// An app password without its id.
pub(super) fn app_value(app: &AppPassword) -> String {
    format!("{} {} {} {}", app.created_at, app.last_used_at, app.scopes.bits(), app.name)
}

/// Reads an app password, its id in front.
pub(super) fn app(text: &str) -> Result<AppPassword> {
    let broken = || odd("an app password", text);
    let parts: Vec<&str> = text.splitn(5, ' ').collect();
    let [id, created_at, last_used_at, scopes, name] = parts[..] else { return Err(broken()) };
    Ok(AppPassword {
        id: number(id)?,
        name: name.to_owned(),
        scopes: scopes_of(scopes)?.ok_or_else(broken)?,
        created_at: number(created_at)?,
        last_used_at: number(last_used_at)?,
    })
}

/// A code that is to be spent, as scripts take it: nonce, kind, value.
pub(super) fn proof(proof: Option<&Proof>) -> [Value; 3] {
    let Some(Proof { nonce, code }) = proof else { return [const { "" }; 3].map(Value::from) };
    let (kind, value) = match code {
        Code::Step(step) => ("step", *step),
        Code::Recovery(number) => ("recovery", i64::from(*number)),
    };
    [hex(nonce).into(), kind.into(), value.into()]
}

/// Reads a nonce.
pub(super) fn nonce(text: &str) -> Result<Nonce> {
    let nonce = unhex(text).and_then(|bytes| bytes.try_into().ok());
    nonce.ok_or_else(|| odd("a nonce", text))
}

/// Reads a second factor as `factor_read.lua` answers it.
pub(super) fn factor(fields: &[String]) -> Result<Factor> {
    let [nonce, confirmed, step, recovery] = fields else { return Err(odd("a second factor", &fields.join(" "))) };
    let (nonce, confirmed) = (self::nonce(nonce)?, confirmed == "1");
    Ok(Factor { nonce, confirmed, last_step: number(step)?, recovery: number(recovery)? })
}

/// Reads what came of a sign-in.
pub(super) fn signed_in(text: &str) -> Result<SignedIn> {
    if let Some(rest) = text.strip_prefix("challenged ") {
        let (account, proved_at) = rest.split_once(' ').ok_or_else(|| odd("an outcome", text))?;
        let (account, proved_at) = (AccountId(number(account)?), number(proved_at)?);
        return Ok(SignedIn::Challenged(Challenge { account, proved_at }));
    }
    match refreshed(text)? {
        Refreshed::Granted(grant) => Ok(SignedIn::Opened(grant)),
        Refreshed::Reused => Err(odd("a sign-in", text)),
    }
}

/// A signing key without its name: when it was made, and its seed.
pub(super) fn material(key: &StoredKey) -> String {
    format!("{} {}", key.created_at, hex(&key.seed))
}

/// Reads what [`material`] wrote. The text of an error does not show the seed.
pub(super) fn key(kid: String, material: &str) -> Result<StoredKey> {
    let broken = || odd("a signing key", &kid);
    let (created_at, seed) = material.split_once(' ').ok_or_else(broken)?;
    let seed: Vec<u8> = unhex(seed).ok_or_else(broken)?;
    let seed = seed.try_into().map_err(|_| broken())?;
    Ok(StoredKey { created_at: number(created_at)?, seed, kid })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.is_ascii() && text.len().is_multiple_of(2);
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).ok();
    digits.then(|| (0..text.len()).step_by(2).map(byte).collect()).flatten()
}

fn odd(what: &str, text: &str) -> Error {
    Error::internal(format!("not {what} in redis: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let grant = Grant {
            session: SessionId(i64::MAX),
            account: AccountId(7),
            created_at: 1_800_000_000_000,
            at: 1_800_000_000_001,
            expires_at: 1_800_000_000_002,
            generation: 3,
            kid: "k_1-".to_owned(),
            scopes: None,
        };
        for scopes in (0..8).map(Scopes::from_bits) {
            let grant = Grant { scopes, ..grant.clone() };
            assert_eq!(refreshed(&granted(&grant)).unwrap(), Refreshed::Granted(grant));
        }
        let made = AppPassword {
            id: 7,
            name: "my  bot ".to_owned(),
            scopes: Scopes::from_bits(5).unwrap(),
            created_at: 1,
            last_used_at: 0,
        };
        assert_eq!(app(&format!("{} {}", id(7), app_value(&made))).unwrap(), made);
        let challenge = Challenge { account: AccountId(7), proved_at: 5 };
        assert_eq!(signed_in("challenged 0000000000000000007 5").unwrap(), SignedIn::Challenged(challenge));
        assert_eq!(refreshed("reused").unwrap(), Refreshed::Reused);
        let stored = StoredKey { kid: "k".to_owned(), seed: [0xa5; 32], created_at: 5 };
        assert!(key("k".to_owned(), &material(&stored)).unwrap() == stored);
        let stamped = Stamp {
            id: uuid::Uuid::from_u128(7),
            at: Timestamp(5),
            trace: Some(TraceContext { trace_id: 1, span_id: 2, sampled: true }),
        };
        for notice in [
            Notice::NewDevice { session: 9 },
            Notice::TokenReused { session: i64::MAX },
            Notice::Limited,
            Notice::FactorChanged { enabled: true },
            Notice::FactorChanged { enabled: false },
            Notice::RecoveryUsed { left: 9 },
            Notice::AppCreated { id: 4 },
        ] {
            for stamped in [stamped, Stamp { trace: None, ..stamped }] {
                let text = format!("{} {}", stamp(&stamped), super::notice(AccountId(3), notice));
                let read = told(&["11".to_owned(), text]).unwrap();
                assert_eq!(read, stamped.event(AccountId(3), notice).placed(SOURCE, 11));
            }
        }
        assert!(id(7) < id(10) && id(10) < id(i64::MAX));
    }

    #[test]
    fn what_is_damaged_is_said_and_no_seed_with_it() {
        for text in ["", "granted", "granted 1 2 3 4 5 6", "granted x 2 3 4 5 6 k", "ended"] {
            assert!(refreshed(text).is_err(), "{text}");
        }
        for text in ["", "x", "1 2 - device 3", "1 2 - other 3 4", "x 2 - device 3 4"] {
            assert!(told(&["1".to_owned(), text.to_owned()]).is_err(), "{text}");
        }
        for text in ["", "5", "5 zz", "5 a5", "5 \u{e9}5"] {
            let error = key("k".to_owned(), text).err().unwrap();
            assert!(!format!("{error:?}").contains("a5"));
        }
        assert!(session(AccountId(1), vec!["1".to_owned()]).is_err());
    }
}
