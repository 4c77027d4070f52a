//! Live home feeds: who reads now, and what is waiting for them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use plaza_core::{AccountId, Error, PostId, Result, Timestamp, id, reason};
use plaza_stores::Gauge;
use tokio::sync::Notify;

use super::relations::Followers;
use super::{Entry, Relations};

/// A post that is older than this when a reader arrives is not news for them; younger ones may have been under way, or
/// come from a machine whose clock is behind.
const NEWS_MS: i64 = 60_000;

/// Bounds of live feeds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LiveOptions {
    /// Readers in all.
    pub(crate) readers: usize,
    /// Readers of one account.
    pub(crate) readers_per_account: usize,
    /// Posts that wait for one reader.
    pub(crate) queue: usize,
}

/// The readers of this process.
pub(crate) struct Live {
    options: LiveOptions,
    readers: Mutex<HashMap<AccountId, Vec<Arc<Reader>>>>,
    count: AtomicUsize,
    closed: AtomicBool,
}

/// One reader's queue.
struct Reader {
    owner: AccountId,
    /// Posts below this id are no news for it.
    since: PostId,
    bound: usize,
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    /// Posts left out since the queue was full; none is queued until the reader has heard of them.
    missed: u64,
    /// What was queued lately, since an event may come twice.
    seen: VecDeque<PostId>,
    closed: bool,
}

/// What a reader takes at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// In the order in which they were published.
    pub(crate) entries: Vec<Entry>,
    /// How many were left out after them.
    pub(crate) missed: u64,
}

/// A place among the readers, given back when dropped.
pub(crate) struct Subscription {
    live: Arc<Live>,
    reader: Arc<Reader>,
}

impl Live {
    pub(crate) fn new(options: LiveOptions) -> Arc<Self> {
        let (count, closed) = (AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Self { options, readers: Mutex::default(), count, closed })
    }

    /// Registers a reader: what is published from now on is kept for it.
    ///
    /// # Errors
    /// `OVERLOADED` if there are too many readers, `SHUTTING_DOWN` if the service closes.
    pub(crate) fn subscribe(self: &Arc<Self>, owner: AccountId, now: Timestamp) -> Result<Subscription> {
        let reader = Arc::new(Reader {
            owner,
            since: PostId(id::first_at(now.plus_ms(-NEWS_MS))),
            bound: self.options.queue,
            waiting: Mutex::default(),
            more: Notify::new(),
        });
        let mut readers = self.readers.lock();
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::new(reason::SHUTTING_DOWN));
        }
        let own = readers.get(&owner).map_or(0, Vec::len);
        if own >= self.options.readers_per_account || self.count.load(Ordering::SeqCst) >= self.options.readers {
            return Err(Error::new(reason::OVERLOADED).message("too many live feeds are open"));
        }
        readers.entry(owner).or_default().push(reader.clone());
        self.count.fetch_add(1, Ordering::SeqCst);
        drop(readers);
        Ok(Subscription { live: self.clone(), reader })
    }

    /// Whether nobody reads.
    pub(crate) fn is_idle(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Queues a post for the readers that it concerns. Whether a reader follows an author with too many followers to list
    /// is looked up where that is known without asking; the rules decide when the post is shown.
    pub(crate) fn publish(&self, entry: Entry, followers: &Followers, relations: &Relations) {
        let author = entry.by;
        let follows = |owner: AccountId| match followers {
            _ if owner == author => true,
            Followers::Listed(ids) => ids.binary_search(&owner).is_ok(),
            Followers::TooMany => {
                relations.following_known(owner).is_none_or(|following| following.binary_search(&author).is_ok())
            }
        };
        let readers = self.readers.lock();
        match followers {
            Followers::Listed(ids) if ids.len() < readers.len() => {
                for reader in ids.iter().chain([&author]).filter_map(|owner| readers.get(owner)).flatten() {
                    reader.offer(entry);
                }
            }
            _ => {
                for reader in readers.iter().filter(|(owner, _)| follows(**owner)).flat_map(|(_, readers)| readers) {
                    reader.offer(entry);
                }
            }
        }
    }

    /// Tells every reader that posts were missed; nobody knows how many, and one stands for them.
    pub(crate) fn miss(&self) {
        for reader in self.readers.lock().values().flatten() {
            reader.waiting.lock().missed += 1;
            reader.more.notify_one();
        }
    }

    /// Ends all live feeds, and refuses new ones.
    pub(crate) fn close(&self) {
        let readers = self.readers.lock();
        self.closed.store(true, Ordering::SeqCst);
        for reader in readers.values().flatten() {
            reader.waiting.lock().closed = true;
            reader.more.notify_one();
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub(crate) fn observe(&self) -> Gauge {
        Gauge::new("feeds_live_readers", "service", "feeds", self.count.load(Ordering::Relaxed) as f64)
    }
}

impl Reader {
    fn offer(&self, entry: Entry) {
        if entry.place >= self.since {
            self.waiting.lock().offer(entry, self.bound);
            self.more.notify_one();
        }
    }
}

impl Waiting {
    fn offer(&mut self, entry: Entry, bound: usize) {
        if self.seen.contains(&entry.place) {
            return;
        }
        if self.seen.len() >= bound * 2 {
            self.seen.pop_front();
        }
        self.seen.push_back(entry.place);
        if self.missed > 0 || self.entries.len() >= bound {
            self.missed += 1;
        } else {
            self.entries.push_back(entry);
        }
    }
}

impl Subscription {
    /// Whose feed it is.
    pub(crate) fn owner(&self) -> AccountId {
        self.reader.owner
    }

    /// Waits for news and takes up to `most` posts of it; what was missed is told when the queue is empty.
    ///
    /// # Errors
    /// `SHUTTING_DOWN` when the service closes.
    pub(crate) async fn next(&self, most: usize) -> Result<News> {
        loop {
            if let Some(news) = self.take(most)? {
                return Ok(news);
            }
            self.reader.more.notified().await;
        }
    }

    fn take(&self, most: usize) -> Result<Option<News>> {
        let mut waiting = self.reader.waiting.lock();
        if waiting.closed {
            return Err(Error::new(reason::SHUTTING_DOWN));
        }
        let count = most.min(waiting.entries.len());
        let entries: Vec<Entry> = waiting.entries.drain(..count).collect();
        let missed = if waiting.entries.is_empty() { std::mem::take(&mut waiting.missed) } else { 0 };
        Ok((!entries.is_empty() || missed > 0).then_some(News { entries, missed }))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut readers = self.live.readers.lock();
        if let Some(of_owner) = readers.get_mut(&self.reader.owner) {
            of_owner.retain(|reader| !Arc::ptr_eq(reader, &self.reader));
            if of_owner.is_empty() {
                readers.remove(&self.reader.owner);
            }
        }
        self.live.count.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const OPTIONS: LiveOptions = LiveOptions { readers: 3, readers_per_account: 2, queue: 3 };

    fn entries(from: i64, to: i64) -> Vec<Entry> {
        let first = id::first_at(NOW);
        (from..=to).map(|n| Entry::post(PostId(first + n), AccountId(1))).collect()
    }

    fn offer(live: &Live, owner: i64, entries: &[Entry]) {
        let readers = live.readers.lock();
        for (reader, entry) in readers[&AccountId(owner)].iter().flat_map(|r| entries.iter().map(move |e| (r, *e))) {
            reader.offer(entry);
        }
    }

    #[tokio::test]
    async fn a_slow_reader_hears_how_many_it_missed_and_then_goes_on() {
        let live = Live::new(OPTIONS);
        let subscription = live.subscribe(AccountId(7), NOW).unwrap();
        offer(&live, 7, &entries(1, 5));
        assert_eq!(subscription.next(2).await.unwrap(), News { entries: entries(1, 2), missed: 0 });
        // There is room again, but the reader has not heard of the gap yet.
        offer(&live, 7, &entries(6, 6));
        assert_eq!(subscription.next(9).await.unwrap(), News { entries: entries(3, 3), missed: 3 });
        offer(&live, 7, &entries(7, 8));
        assert_eq!(subscription.next(9).await.unwrap(), News { entries: entries(7, 8), missed: 0 });
    }

    #[tokio::test]
    async fn whoever_reads_hears_that_posts_were_missed() {
        let live = Live::new(OPTIONS);
        let subscription = live.subscribe(AccountId(7), NOW).unwrap();
        offer(&live, 7, &entries(1, 1));
        live.miss();
        assert_eq!(subscription.next(9).await.unwrap(), News { entries: entries(1, 1), missed: 1 });
        live.miss();
        assert_eq!(subscription.next(9).await.unwrap(), News { entries: Vec::new(), missed: 1 });
    }

    #[tokio::test]
    async fn what_came_twice_or_is_old_is_no_news() {
        let live = Live::new(OPTIONS);
        let subscription = live.subscribe(AccountId(7), NOW).unwrap();
        let old = Entry::post(PostId(id::first_at(NOW.plus_ms(-NEWS_MS - 1))), AccountId(1));
        offer(&live, 7, &[old]);
        offer(&live, 7, &entries(1, 1));
        offer(&live, 7, &entries(1, 2));
        assert_eq!(subscription.next(9).await.unwrap(), News { entries: entries(1, 2), missed: 0 });
    }

    #[tokio::test]
    async fn readers_are_bounded_and_leave_when_dropped() {
        let live = Live::new(OPTIONS);
        let own: Vec<_> = (0..2).map(|_| live.subscribe(AccountId(7), NOW).unwrap()).collect();
        assert!(live.subscribe(AccountId(7), NOW).err().unwrap().is(reason::OVERLOADED));
        let _other = live.subscribe(AccountId(8), NOW).unwrap();
        assert!(live.subscribe(AccountId(9), NOW).err().unwrap().is(reason::OVERLOADED));
        drop(own);
        let last = live.subscribe(AccountId(9), NOW).unwrap();
        live.close();
        assert!(last.next(1).await.unwrap_err().is(reason::SHUTTING_DOWN));
        assert!(live.subscribe(AccountId(9), NOW).err().unwrap().is(reason::SHUTTING_DOWN));
    }
}
