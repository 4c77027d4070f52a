//! Remembered requests in Neo4j: as [`crate::requests`], for transactions that perform several mutations at once.

use std::collections::HashMap;

use neo4rs::{BoltType, Row};
use plaza_core::request::REMEMBERED_MS;
use plaza_core::{Error, RequestKey, Result, Timestamp, reason};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Fault, Tx, get};

/// The schema of remembered requests; part of a service's migrations.
pub const SCHEMA: &str = "
CREATE CONSTRAINT request_key{ns} IF NOT EXISTS
    FOR (r:Request{ns}) REQUIRE (r.caller, r.request_id) IS UNIQUE;
CREATE INDEX request_age{ns} IF NOT EXISTS FOR (r:Request{ns}) ON (r.created_at);
";

const LOAD: &str = "UNWIND $keys AS key MATCH (r:Request{ns} {caller: key[0], request_id: key[1]})
    RETURN r.caller AS caller, r.request_id AS request_id, r.method AS method, r.digest AS digest,
           r.outcome AS outcome, r.created_at AS created_at";
const SAVE: &str = "UNWIND $rows AS row MERGE (r:Request{ns} {caller: row[0], request_id: row[1]})
    SET r.method = row[2], r.digest = row[3], r.outcome = row[4], r.created_at = row[5]";
const PRUNE: &str = "MATCH (r:Request{ns}) WHERE r.created_at <= $before
    WITH r ORDER BY r.created_at LIMIT $limit DELETE r RETURN count(*) AS deleted";

struct Answer {
    method: String,
    digest: String,
    outcome: String,
    created_at: i64,
    /// Whether it is to be saved.
    new: bool,
}

/// The answers that some requests got before, and those that they get now.
#[derive(Default)]
pub struct Answers(HashMap<(i64, Uuid), Answer>);

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Answers").field(&self.0.len()).finish()
    }
}

impl Answers {
    /// What is remembered of `keys`.
    ///
    /// # Errors
    /// A [`Fault`].
    pub async fn load(tx: &mut Tx, keys: impl Iterator<Item = &RequestKey>) -> Result<Self, Fault> {
        let keys: Vec<BoltType> =
            keys.map(|key| list([key.caller.into(), key.request_id.to_string().into()])).collect();
        if keys.is_empty() {
            return Ok(Self::default());
        }
        let mut answers = HashMap::new();
        for row in tx.rows(tx.query(LOAD).param("keys", list(keys))).await? {
            let (key, answer) = read(&row)?;
            answers.insert(key, answer);
        }
        Ok(Self(answers))
    }

    /// The outcome remembered for `key`, if there is one.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`, reason `REQUEST_ID_REUSED`, if the id stands for another request of this caller in the last
    /// 24 hours.
    pub fn recall<T: DeserializeOwned>(&self, key: Option<&RequestKey>, now: Timestamp) -> Result<Option<T>> {
        let Some(key) = key else { return Ok(None) };
        let found = self.0.get(&(key.caller, key.request_id));
        let Some(seen) = found.filter(|seen| seen.created_at > now.plus_ms(-REMEMBERED_MS).0) else { return Ok(None) };
        if seen.method != key.method || seen.digest != hex(&key.digest) {
            return Err(Error::new(reason::REQUEST_ID_REUSED).on_field("request_id"));
        }
        serde_json::from_str(&seen.outcome)
            .map(Some)
            .map_err(|e| Error::internal(format!("the remembered outcome of {} cannot be read: {e}", key.method)))
    }

    /// Remembers the outcome for `key`, from [`Answers::save`] on.
    ///
    /// # Errors
    /// Internal, if the outcome cannot be written down.
    pub fn remember<T: Serialize>(&mut self, key: Option<&RequestKey>, now: Timestamp, outcome: &T) -> Result<()> {
        let Some(key) = key else { return Ok(()) };
        let outcome = serde_json::to_string(outcome)
            .map_err(|e| Error::internal(format!("the outcome of {} cannot be stored: {e}", key.method)))?;
        let (method, digest) = (key.method.to_owned(), hex(&key.digest));
        let answer = Answer { method, digest, outcome, created_at: now.0, new: true };
        self.0.insert((key.caller, key.request_id), answer);
        Ok(())
    }

    /// Whether there is anything to save.
    #[must_use]
    pub fn has_new(&self) -> bool {
        self.0.values().any(|answer| answer.new)
    }

    /// Writes the new answers, in the transaction of what they tell of.
    ///
    /// # Errors
    /// A [`Fault`].
    pub async fn save(&self, tx: &mut Tx) -> Result<(), Fault> {
        let new = self.0.iter().filter(|(_, answer)| answer.new);
        let row = |((caller, id), answer): (&(i64, Uuid), &Answer)| {
            list([
                (*caller).into(),
                id.to_string().into(),
                answer.method.as_str().into(),
                answer.digest.as_str().into(),
                answer.outcome.as_str().into(),
                answer.created_at.into(),
            ])
        };
        let rows: Vec<BoltType> = new.map(row).collect();
        if rows.is_empty() {
            return Ok(());
        }
        tx.run(tx.query(SAVE).param("rows", list(rows))).await
    }
}

/// Deletes what is over 24 hours old, [`crate::requests::PRUNE_LIMIT`] at most; returns how many went. Keep writers out
/// meanwhile, as one of them may just be giving an old id a new answer.
///
/// # Errors
/// A [`Fault`].
pub async fn prune(tx: &mut Tx, now: Timestamp) -> Result<usize, Fault> {
    let query = tx.query(PRUNE).param("before", now.plus_ms(-REMEMBERED_MS).0);
    let rows = tx.rows(query.param("limit", crate::requests::PRUNE_LIMIT)).await?;
    Ok(rows.first().map_or(Ok(0), |row| get(row, "deleted"))?)
}

fn read(row: &Row) -> Result<((i64, Uuid), Answer)> {
    let id: String = get(row, "request_id")?;
    let id = id.parse().map_err(|e| Error::internal(format!("a remembered request has no id: {e}")))?;
    let answer = Answer {
        method: get(row, "method")?,
        digest: get(row, "digest")?,
        outcome: get(row, "outcome")?,
        created_at: get(row, "created_at")?,
        new: false,
    };
    Ok(((get(row, "caller")?, id), answer))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

fn list(values: impl IntoIterator<Item = BoltType>) -> BoltType {
    values.into_iter().collect()
}
