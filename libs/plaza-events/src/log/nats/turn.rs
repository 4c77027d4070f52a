//! The turn of a consumer: which process applies its events, and how far they are applied.
//!
//! Both stand in one record, which changes by compare-and-swap only. Whoever has the turn writes the record again before
//! [`TURN`] is over; whoever stands by takes the turn when the record has not changed for longer than that, counted by its
//! own clock, so that no clocks are compared. A process that was paused past its time cannot write any more, and knows by
//! its own clock that its turn is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use async_nats::jetstream::kv::{CreateErrorKind, UpdateErrorKind};
use parking_lot::Mutex;
use plaza_core::{Cx, Error, Position, Result};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::broker::{Broker, Extent, Streams};
use super::errors::{NatsResultExt as _, unavailable};
use crate::log::Positions;

/// How long a turn lasts after the record was written last.
pub(super) const TURN: Duration = Duration::from_secs(5);
/// It is written again after this time.
pub(super) const RENEW: Duration = Duration::from_millis(1_500);
/// Others wait this much longer: the time of a write counts from when it was sent.
const MARGIN: Duration = Duration::from_secs(1);

/// What is kept of a consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Who has the turn; empty if nobody has.
    pub(super) holder: String,
    /// Of which stream of events this tells; see [`Extent::epoch`].
    pub(super) epoch: i64,
    /// Everything up to this sequence number is applied.
    pub(super) floor: u64,
    /// For each source the highest position applied.
    pub(super) positions: Positions,
}

/// The record at a revision.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) record: Record,
    revision: u64,
}

/// Watches a consumer's record from outside.
pub(super) struct Watcher {
    key: String,
    me: String,
    /// The revision that was seen last, and since when.
    unchanged: Option<(u64, Instant)>,
}

/// What a look at the record showed.
pub(super) enum Look {
    /// This process has the turn now.
    Mine(Seen),
    /// Another one has it.
    Theirs(Record),
}

impl Watcher {
    pub(super) fn new(key: &str, me: &str) -> Self {
        Self { key: key.to_owned(), me: me.to_owned(), unchanged: None }
    }

    /// Looks at the record, and takes the turn if it is free.
    pub(super) async fn look(&mut self, broker: &Broker, cx: &Cx) -> Result<Look> {
        broker
            .on(cx, async |streams: &Streams| {
                let Some(seen) = read(streams, &self.key).await? else {
                    return self.take(streams, None).await;
                };
                let since = match self.unchanged {
                    Some((revision, since)) if revision == seen.revision => since,
                    _ => self.unchanged.insert((seen.revision, Instant::now())).1,
                };
                let holder = &seen.record.holder;
                if holder.is_empty() || *holder == self.me || since.elapsed() > TURN + MARGIN {
                    return self.take(streams, Some(seen)).await;
                }
                Ok(Look::Theirs(seen.record))
            })
            .await
    }

    async fn take(&mut self, streams: &Streams, seen: Option<Seen>) -> Result<Look> {
        let mut record = seen.as_ref().map(|seen| seen.record.clone()).unwrap_or_default();
        let Extent { epoch, last, .. } = streams.extent().await?;
        if record.epoch != epoch || record.floor > last {
            (record.epoch, record.floor) = (epoch, 0);
        }
        self.me.clone_into(&mut record.holder);
        let revision = match seen {
            None => create(streams, &self.key, &record).await?,
            Some(seen) => update(streams, &self.key, &record, seen.revision).await?,
        };
        match revision {
            Some(revision) => Ok(Look::Mine(Seen { record, revision })),
            // Somebody was faster.
            None => Ok(Look::Theirs(Record { holder: String::new(), ..record })),
        }
    }
}

/// A turn that this process has, until it lapses.
pub(super) struct Turn {
    broker: Arc<Broker>,
    key: String,
    /// Held while it is written.
    seen: tokio::sync::Mutex<Seen>,
    until: Mutex<Instant>,
    lapsed: AtomicBool,
    /// What was applied since, for the next time that it is written.
    applied: Mutex<Positions>,
}

impl Turn {
    /// The turn that began with writing `seen`, at `since` or later.
    pub(super) fn new(broker: Arc<Broker>, key: &str, seen: Seen, since: Instant) -> Self {
        let (seen, until) = (tokio::sync::Mutex::new(seen), Mutex::new(since + TURN));
        Self { broker, key: key.to_owned(), seen, until, lapsed: AtomicBool::new(false), applied: Mutex::default() }
    }

    /// Whether this process still has it. Once it has not, it never has again.
    pub(super) fn is_mine(&self) -> bool {
        if Instant::now() >= *self.until.lock() {
            self.lapsed.store(true, Relaxed);
        }
        !self.lapsed.load(Relaxed)
    }

    /// When it has to be written again.
    pub(super) fn renew_at(&self) -> Instant {
        *self.until.lock() - TURN + RENEW
    }

    /// Changes the record, which makes the turn longer. Returns whether it is still this process's.
    pub(super) async fn write(&self, cx: &Cx, change: impl Fn(&mut Record)) -> Result<bool> {
        let mut seen = cx.within(async { Ok(self.seen.lock().await) }).await?;
        // Twice: the revision may be unknown, since the answer to the write before was lost.
        for _ in 0..2 {
            if !self.is_mine() {
                return Ok(false);
            }
            let now = Instant::now();
            let mut record = seen.record.clone();
            change(&mut record);
            raise(&mut record.positions, &self.applied.lock());
            let revision = seen.revision;
            let wrote =
                self.broker.on(cx, async |streams: &Streams| update(streams, &self.key, &record, revision).await);
            if let Some(revision) = wrote.await? {
                *seen = Seen { record, revision };
                *self.until.lock() = now + TURN;
                return Ok(true);
            }
            let there = self.broker.on(cx, async |streams: &Streams| read(streams, &self.key).await).await?;
            match there {
                Some(there) if there.record.holder == seen.record.holder => *seen = there,
                _ => self.lapsed.store(true, Relaxed),
            }
        }
        Ok(false)
    }

    /// Notes what is applied, which a long batch does not let be committed for a while.
    pub(super) fn raise(&self, applied: &[(String, Position)]) {
        raise(&mut self.applied.lock(), applied);
    }

    /// Ends it for this process.
    pub(super) fn lapse(&self) {
        self.lapsed.store(true, Relaxed);
    }
}

fn raise(marks: &mut Positions, applied: &[(String, Position)]) {
    for (source, position) in applied {
        match marks.iter_mut().find(|(known, _)| known == source) {
            Some((_, mark)) => *mark = (*mark).max(*position),
            None => marks.push((source.clone(), *position)),
        }
    }
}

/// The record of every consumer.
pub(super) async fn all(streams: &Streams) -> Result<Vec<Record>> {
    use futures::TryStreamExt as _;

    let keys: Vec<String> = streams.turns.keys().await.nats("list turns")?.try_collect().await.nats("list turns")?;
    let mut records = Vec::with_capacity(keys.len());
    for key in keys {
        records.extend(read(streams, &key).await?.map(|seen| seen.record));
    }
    Ok(records)
}

/// Forgets a consumer's record.
pub(super) async fn forget(streams: &Streams, key: &str) -> Result<()> {
    streams.turns.purge(key).await.nats("forget turn")
}

async fn read(streams: &Streams, key: &str) -> Result<Option<Seen>> {
    let entry = streams.turns.entry(key).await.nats("read turn")?;
    let put = entry.filter(|entry| entry.operation == async_nats::jetstream::kv::Operation::Put);
    let Some(entry) = put else { return Ok(None) };
    let record = serde_json::from_slice(&entry.value).map_err(Error::internal)?;
    Ok(Some(Seen { record, revision: entry.revision }))
}

/// The revision, or `None` if there is a record already.
async fn create(streams: &Streams, key: &str, record: &Record) -> Result<Option<u64>> {
    match streams.turns.create(key, encoded(record)?).await {
        Ok(revision) => Ok(Some(revision)),
        Err(error) if error.kind() == CreateErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(unavailable("make turn", error)),
    }
}

/// The new revision, or `None` if the record has changed since `revision`.
async fn update(streams: &Streams, key: &str, record: &Record, revision: u64) -> Result<Option<u64>> {
    match streams.turns.update(key, encoded(record)?, revision).await {
        Ok(revision) => Ok(Some(revision)),
        Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
        Err(error) => Err(unavailable("write turn", error)),
    }
}

fn encoded(record: &Record) -> Result<bytes::Bytes> {
    serde_json::to_vec(record).map(Into::into).map_err(Error::internal)
}
