//! Counts of guesses in SQLite.

use async_trait::async_trait;
use plaza_core::{Cx, Result, Timestamp};
use plaza_stores::SqlResultExt as _;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::SqliteSessions;
use crate::domain::{Guess, Guessed, Subject, Tally};
use crate::store::{GuessStore, Notice, PRUNE_LIMIT, too_many_guesses};

type Key = [u8; 16];

#[async_trait]
impl GuessStore for SqliteSessions {
    async fn guess(&self, cx: &Cx, guess: Guess) -> Result<Timestamp> {
        let (now, window) = (self.env.now(), self.rules.guess_ms);
        let job = move |conn: &Connection| {
            let table = Table { conn, now: now.0, since: now.0 - window };
            let counted = [Some(guess.at), guess.from].into_iter().flatten();
            let counted: Vec<_> = counted.map(|subject| table.tally(&subject)).collect::<Result<_>>()?;
            let wait = counted.iter().map(|(_, free, tally)| tally.wait_ms(*free, now.0)).max().unwrap_or_default();
            if wait > 0 {
                return Err(too_many_guesses(wait));
            }
            for (key, _, tally) in counted {
                table.put(&key, tally.guessed(now.0))?;
            }
            Ok(now)
        };
        self.db.write(cx, job).await
    }

    async fn guessed(&self, cx: &Cx, guess: Guess, at: Timestamp, outcome: Guessed) -> Result<()> {
        let (now, window, events) = (self.env.now(), self.rules.guess_ms, self.events(cx));
        let job = move |conn: &Connection| {
            let table = Table { conn, now: now.0, since: now.0 - window };
            match outcome {
                Guessed::Nobody => Ok(()),
                Guessed::Wrong(id, account) => {
                    table.merge(&guess.at, &account)?;
                    let tally = table.get(&account.key)?;
                    if tally.is_news(account.free) {
                        table.put(&account.key, Tally { told: true, ..tally })?;
                        events.append(conn, id, Notice::Limited)?;
                    }
                    Ok(())
                }
                Guessed::Right(account) => {
                    table.forget(&guess.at.key)?;
                    table.forget(&account.key)?;
                    table.take_back(guess.from, at.0)
                }
                Guessed::Unseen => {
                    table.take_back(Some(guess.at), at.0)?;
                    table.take_back(guess.from, at.0)
                }
            }
        };
        self.db.write(cx, job).await
    }
}

/// The table, at one moment.
struct Table<'a> {
    conn: &'a Connection,
    now: i64,
    /// What was counted last by then no longer counts.
    since: i64,
}

impl Table<'_> {
    /// Where a subject is counted, its free guesses, and its tally.
    fn tally(&self, subject: &Subject) -> Result<(Key, i64, Tally)> {
        let key = self.counted_as(&subject.key)?.unwrap_or(subject.key);
        Ok((key, subject.free, self.get(&key)?))
    }

    fn counted_as(&self, key: &Key) -> Result<Option<Key>> {
        let found = self
            .conn
            .prepare_cached("SELECT counts_as FROM guesses WHERE subject = ?1 AND last_at > ?2")
            .sql()?
            .query_row(params![key, self.since], |row| row.get(0))
            .optional()
            .sql()?;
        Ok(found.flatten())
    }

    fn get(&self, key: &Key) -> Result<Tally> {
        let found = self
            .conn
            .prepare_cached("SELECT count, last_at, before, told FROM guesses WHERE subject = ?1 AND last_at > ?2")
            .sql()?
            .query_row(params![key, self.since], |row| {
                Ok(Tally { count: row.get(0)?, last_at: row.get(1)?, before: row.get(2)?, told: row.get(3)? })
            })
            .optional()
            .sql()?;
        Ok(found.unwrap_or_default())
    }

    fn put(&self, key: &Key, tally: Tally) -> Result<()> {
        if tally.count == 0 {
            return self.forget(key);
        }
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO guesses (subject, count, last_at, before, told) VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .sql()?
            .execute(params![key, tally.count, tally.last_at, tally.before, tally.told])
            .sql()?;
        Ok(())
    }

    fn forget(&self, key: &Key) -> Result<()> {
        self.conn.prepare_cached("DELETE FROM guesses WHERE subject = ?1").sql()?.execute([key]).sql()?;
        Ok(())
    }

    fn take_back(&self, subject: Option<Subject>, at: i64) -> Result<()> {
        let Some(subject) = subject else { return Ok(()) };
        let (key, _, tally) = self.tally(&subject)?;
        if tally.count > 0 { self.put(&key, tally.without(at)) } else { Ok(()) }
    }

    /// Counts a login's guesses for its account from now on.
    fn merge(&self, login: &Subject, account: &Subject) -> Result<()> {
        if login.key == account.key {
            return Ok(());
        }
        if self.counted_as(&login.key)?.is_none() {
            let (one, other) = (self.get(&login.key)?, self.get(&account.key)?);
            self.put(&account.key, other.merged(one))?;
        }
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO guesses (subject, counts_as, count, last_at, before) VALUES (?1, ?2, 0, ?3, 0)",
            )
            .sql()?
            .execute(params![login.key, account.key, self.now])
            .sql()?;
        Ok(())
    }
}

/// Forgets what no longer counts.
pub(super) fn prune(conn: &Connection, before: Timestamp) -> Result<usize> {
    conn.prepare_cached(
        "DELETE FROM guesses WHERE subject IN (SELECT subject FROM guesses WHERE last_at <= ?1 ORDER BY last_at LIMIT ?2)",
    )
    .sql()?
    .execute(params![before.0, i64::try_from(PRUNE_LIMIT).unwrap_or(i64::MAX)])
    .sql()
}
