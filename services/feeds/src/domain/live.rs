//! Live home feeds: who reads now, and what is waiting for them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use plaza_core::{AccountId, Error, Position, PostId, Result, Timestamp, id, reason};
use plaza_stores::Gauge;
use tokio::sync::Notify;

use super::relations::Followers;
use super::{Change, Entry, Relations};

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
    /// Changes that wait for one reader.
    pub(crate) queue: usize,
    /// Places of one reader that are remembered, since no list of followers tells that they are in its feed.
    pub(crate) places: usize,
}

/// The readers of this process.
pub(crate) struct Live {
    options: LiveOptions,
    readers: Mutex<HashMap<AccountId, Vec<Arc<Reader>>>>,
    count: AtomicUsize,
    /// Everything up to here was offered to the readers. Changed while `readers` is locked.
    at: AtomicI64,
    closed: AtomicBool,
}

/// One reader's queue.
struct Reader {
    owner: AccountId,
    /// Posts below this id are no news for it.
    since: PostId,
    options: LiveOptions,
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Default)]
struct Waiting {
    changes: VecDeque<(Position, Change)>,
    /// Changes left out since the queue was full; none is queued until the reader has heard of them.
    missed: u64,
    /// What comes at this position or before was offered already, since an event may come twice.
    offered: Position,
    /// Everything up to here was taken.
    taken: Position,
    /// Places in the reader's feed that it would not be told of otherwise.
    places: VecDeque<Entry>,
    /// Whether those are known. Until then the reader is told of everything.
    places_known: bool,
    closed: bool,
}

/// What a reader takes at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// In the order of their events.
    pub(crate) changes: Vec<(Position, Change)>,
    /// How many were left out after them.
    pub(crate) missed: u64,
    /// Everything up to here was taken then.
    pub(crate) at: Position,
}

/// A place among the readers, given back when dropped.
pub(crate) struct Subscription {
    live: Arc<Live>,
    reader: Arc<Reader>,
}

impl Live {
    pub(crate) fn new(options: LiveOptions) -> Arc<Self> {
        let (count, at, closed) = (AtomicUsize::new(0), AtomicI64::new(0), AtomicBool::new(false));
        Arc::new(Self { options, readers: Mutex::default(), count, at, closed })
    }

    /// Registers a reader: what changes from now on is kept for it, of posts old and new if it `goes_on`.
    ///
    /// # Errors
    /// `OVERLOADED` if there are too many readers, `SHUTTING_DOWN` if the service closes.
    pub(crate) fn subscribe(self: &Arc<Self>, owner: AccountId, now: Timestamp, goes_on: bool) -> Result<Subscription> {
        let since = if goes_on { PostId(0) } else { PostId(id::first_at(now.plus_ms(-NEWS_MS))) };
        let mut readers = self.readers.lock();
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::new(reason::SHUTTING_DOWN));
        }
        let own = readers.get(&owner).map_or(0, Vec::len);
        if own >= self.options.readers_per_account || self.count.load(Ordering::SeqCst) >= self.options.readers {
            return Err(Error::new(reason::OVERLOADED).message("too many live feeds are open"));
        }
        let at = self.at.load(Ordering::SeqCst);
        let waiting = Mutex::new(Waiting { offered: at, taken: at, ..Waiting::default() });
        let reader = Arc::new(Reader { owner, since, options: self.options, waiting, more: Notify::new() });
        readers.entry(owner).or_default().push(reader.clone());
        self.count.fetch_add(1, Ordering::SeqCst);
        drop(readers);
        Ok(Subscription { live: self.clone(), reader })
    }

    /// Notes that events up to `until` need not be offered, as they are of `no_concern` or as nobody reads; whether that
    /// is so.
    pub(crate) fn pass_over(&self, until: Position, no_concern: bool) -> bool {
        let readers = self.readers.lock();
        let pass = no_concern || readers.is_empty();
        if pass {
            self.at.fetch_max(until, Ordering::SeqCst);
        }
        pass
    }

    /// Queues changes for the readers that they concern; with them, all events up to `until` are offered. Whether a reader
    /// follows an account with too many followers to list is looked up where that is known without asking; the rules
    /// decide when the post is shown.
    pub(crate) fn publish(
        &self,
        changes: &[(Position, Change)],
        until: Position,
        followers: &HashMap<AccountId, Followers>,
        relations: &Relations,
    ) {
        let readers = self.readers.lock();
        for (position, change) in changes {
            let by = change.entry().by;
            let followers = followers.get(&by).unwrap_or(&Followers::TooMany);
            let follows = |owner: AccountId| match followers {
                _ if owner == by => true,
                Followers::Listed(ids) => ids.binary_search(&owner).is_ok(),
                Followers::TooMany => {
                    relations.following_known(owner).is_none_or(|following| following.binary_search(&by).is_ok())
                }
            };
            match followers {
                Followers::Listed(ids) if !change.is_of_old() && ids.len() < readers.len() => {
                    let concerned = ids.iter().chain([&by]).filter_map(|owner| readers.get(owner));
                    concerned.flatten().for_each(|reader| reader.offer(*position, *change));
                }
                _ => {
                    for (owner, of_owner) in &*readers {
                        let follows = follows(*owner);
                        let concerned = of_owner.iter().filter(|reader| follows || reader.remembers(change));
                        concerned.for_each(|reader| reader.offer(*position, *change));
                    }
                }
            }
        }
        self.at.fetch_max(until, Ordering::SeqCst);
    }

    /// Tells every reader that changes were missed; nobody knows how many, and one stands for them.
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
    fn offer(&self, position: Position, change: Change) {
        if change.is_of_old() || change.entry().place >= self.since {
            self.waiting.lock().offer(position, change, self.options);
            self.more.notify_one();
        }
    }

    /// Whether the change is of a post that the reader's feed shows though its author is not followed.
    fn remembers(&self, change: &Change) -> bool {
        let waiting = self.waiting.lock();
        let known = |waiting: &Waiting| waiting.places.iter().any(|entry| entry.post == change.entry().post);
        change.is_of_old() && (!waiting.places_known || known(&waiting))
    }
}

impl Waiting {
    fn offer(&mut self, position: Position, change: Change, options: LiveOptions) {
        if position <= self.offered {
            return;
        }
        self.offered = position;
        // Also of what is left out: the reader reads its feed anew, and then has it.
        self.remember(change.repost(), options);
        if self.missed > 0 || self.changes.len() >= options.queue {
            self.missed += 1;
        } else {
            self.changes.push_back((position, change));
        }
    }

    fn remember(&mut self, places: impl IntoIterator<Item = Entry>, options: LiveOptions) {
        self.places.extend(places);
        let over = self.places.len().saturating_sub(options.places);
        self.places.drain(..over);
    }
}

impl Subscription {
    /// Whose feed it is.
    pub(crate) fn owner(&self) -> AccountId {
        self.reader.owner
    }

    /// Everything up to here was taken, or was there before; 0 if that is not known yet.
    pub(crate) fn at(&self) -> Position {
        let mut waiting = self.reader.waiting.lock();
        self.advance(&mut waiting, None);
        waiting.taken
    }

    /// Begins after this position, of which the reader is told from elsewhere, with the `places` that its feed has.
    pub(crate) fn begin(&self, position: Position, places: impl IntoIterator<Item = Entry>) {
        let mut waiting = self.reader.waiting.lock();
        // What came meanwhile is newer.
        let newer = std::mem::take(&mut waiting.places);
        waiting.remember(places.into_iter().chain(newer), self.reader.options);
        waiting.places_known = true;
        waiting.offered = waiting.offered.max(position);
        waiting.taken = waiting.taken.max(position);
        waiting.changes.retain(|(at, _)| *at > position);
    }

    /// Remembers that the reader's feed shows a post at a place that no list of followers tells of.
    pub(crate) fn remember(&self, entry: Entry) {
        self.reader.waiting.lock().remember([entry], self.reader.options);
    }

    /// What was remembered.
    pub(crate) fn remembered(&self) -> Vec<Entry> {
        self.reader.waiting.lock().places.iter().copied().collect()
    }

    /// Waits for news and takes up to `most` changes of it; what was missed is told when the queue is empty.
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
        let count = most.min(waiting.changes.len());
        let changes: Vec<(Position, Change)> = waiting.changes.drain(..count).collect();
        self.advance(&mut waiting, changes.last().map(|(position, _)| *position));
        let missed = if waiting.changes.is_empty() { std::mem::take(&mut waiting.missed) } else { 0 };
        let at = waiting.taken;
        Ok((!changes.is_empty() || missed > 0).then_some(News { changes, missed, at }))
    }

    /// Notes how far the reader is, having taken up to `last`: with nothing in the queue, as far as all readers.
    fn advance(&self, waiting: &mut Waiting, last: Option<Position>) {
        let empty = waiting.changes.is_empty() && waiting.missed == 0;
        let all = if empty { self.live.at.load(Ordering::SeqCst) } else { 0 };
        waiting.taken = waiting.taken.max(last.unwrap_or(0)).max(all);
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
    const OPTIONS: LiveOptions = LiveOptions { readers: 3, readers_per_account: 2, queue: 3, places: 2 };

    /// New posts of one author, at these positions.
    fn changes(from: i64, to: i64) -> Vec<(Position, Change)> {
        let first = id::first_at(NOW);
        (from..=to).map(|n| (n, Change::New(Entry::post(PostId(first + n), AccountId(1))))).collect()
    }

    fn news(from: i64, to: i64, missed: u64, at: Position) -> News {
        News { changes: changes(from, to), missed, at }
    }

    /// Everybody who reads follows the author.
    fn publish(live: &Live, changes: &[(Position, Change)]) {
        let readers = live.readers.lock();
        for (reader, (position, change)) in
            readers.values().flatten().flat_map(|r| changes.iter().map(move |c| (r.clone(), *c)))
        {
            reader.offer(position, change);
        }
        live.at.fetch_max(changes.last().unwrap().0, Ordering::SeqCst);
    }

    #[tokio::test]
    async fn a_slow_reader_hears_how_many_it_missed_and_then_goes_on() {
        let live = Live::new(OPTIONS);
        let subscription = live.subscribe(AccountId(7), NOW, false).unwrap();
        publish(&live, &changes(1, 5));
        assert_eq!(subscription.next(2).await.unwrap(), news(1, 2, 0, 2));
        // There is room again, but the reader has not heard of the gap yet.
        publish(&live, &changes(6, 6));
        // With what it missed it is where it was before the gap, so that it can be told of what is in it.
        assert_eq!(subscription.next(9).await.unwrap(), news(3, 3, 3, 3));
        publish(&live, &changes(7, 8));
        assert_eq!(subscription.next(9).await.unwrap(), news(7, 8, 0, 8));
    }

    #[tokio::test]
    async fn whoever_reads_hears_that_posts_were_missed() {
        let live = Live::new(OPTIONS);
        let subscription = live.subscribe(AccountId(7), NOW, false).unwrap();
        publish(&live, &changes(1, 1));
        live.miss();
        assert_eq!(subscription.next(9).await.unwrap(), news(1, 1, 1, 1));
        live.miss();
        assert_eq!(subscription.next(9).await.unwrap(), News { changes: Vec::new(), missed: 1, at: 1 });
    }

    #[tokio::test]
    async fn what_came_twice_or_is_old_is_no_news() {
        let live = Live::new(OPTIONS);
        let subscription = live.subscribe(AccountId(7), NOW, false).unwrap();
        let old = Entry::post(PostId(id::first_at(NOW.plus_ms(-NEWS_MS - 1))), AccountId(1));
        publish(&live, &[(1, Change::New(old))]);
        publish(&live, &changes(2, 2));
        publish(&live, &changes(2, 3));
        assert_eq!(subscription.next(9).await.unwrap(), news(2, 3, 0, 3));
        let goes_on = live.subscribe(AccountId(7), NOW, true).unwrap();
        publish(&live, &[(4, Change::New(old)), (5, Change::Edited(old))]);
        assert_eq!(goes_on.next(9).await.unwrap().changes, [(4, Change::New(old)), (5, Change::Edited(old))]);
        assert_eq!(subscription.next(9).await.unwrap().changes, [(5, Change::Edited(old))], "an edit is news");
    }

    #[tokio::test]
    async fn a_reader_knows_how_far_it_is_also_by_what_does_not_concern_it() {
        let live = Live::new(OPTIONS);
        assert!(live.pass_over(4, false), "nobody reads");
        let subscription = live.subscribe(AccountId(7), NOW, false).unwrap();
        assert_eq!(subscription.at(), 4);
        assert!(!live.pass_over(5, false));
        assert!(live.pass_over(5, true));
        assert_eq!(subscription.at(), 5);
        publish(&live, &changes(6, 8));
        assert_eq!(subscription.at(), 5, "some wait");
        subscription.begin(7, []);
        assert_eq!(subscription.at(), 7);
        assert_eq!(subscription.next(9).await.unwrap(), news(8, 8, 0, 8));
    }

    #[tokio::test]
    async fn the_newest_places_are_remembered() {
        let live = Live::new(OPTIONS);
        let subscription = live.subscribe(AccountId(7), NOW, false).unwrap();
        let place = |n| Entry::repost(PostId(n), AccountId(2), PostId(n - 10));
        let edited = |post| Change::Edited(Entry::post(PostId(post), AccountId(3)));
        assert!(subscription.reader.remembers(&edited(1)), "nothing is known yet");
        subscription.reader.offer(1, Change::New(Entry::repost(PostId(i64::MAX), AccountId(2), PostId(13))));
        subscription.begin(0, [place(21), place(22)]);
        assert_eq!(subscription.remembered().iter().map(|place| place.post.0).collect::<Vec<_>>(), [12, 13]);
        subscription.remember(place(21));
        subscription.remember(place(22));
        let told = [13, 12].map(|post| subscription.reader.remembers(&edited(post)));
        assert_eq!(told, [false, true]);
        assert!(!subscription.reader.remembers(&Change::New(place(22))), "followers tell of new ones");
    }

    #[tokio::test]
    async fn readers_are_bounded_and_leave_when_dropped() {
        let live = Live::new(OPTIONS);
        let subscribe = |owner| live.subscribe(AccountId(owner), NOW, false);
        let own: Vec<_> = (0..2).map(|_| subscribe(7).unwrap()).collect();
        assert!(subscribe(7).err().unwrap().is(reason::OVERLOADED));
        let _other = subscribe(8).unwrap();
        assert!(subscribe(9).err().unwrap().is(reason::OVERLOADED));
        drop(own);
        let last = subscribe(9).unwrap();
        live.close();
        assert!(last.next(1).await.unwrap_err().is(reason::SHUTTING_DOWN));
        assert!(subscribe(9).err().unwrap().is(reason::SHUTTING_DOWN));
    }
}
