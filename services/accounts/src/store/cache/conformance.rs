//! What every cache must do: a suite against the trait alone.
//!
//! A cache runs it with `suite!(make)`, where `make(env)` gives empty caches, several if they share their copies, or `None`
//! if there is no server to keep them on.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{AccountId, Caller, Cx, Env, ManualClock, Result, Timestamp};
use plaza_events::Outbox;
use plaza_stores::{Gauge, StoreAddress};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{AccountCache, on_change};
use crate::domain::erasure::{Receipt, Report};
use crate::domain::kept::Kept;
use crate::domain::ticket::{Noted, Redemption, Reset, Ticket};
use crate::domain::{Account, Change, Deletion, Edit, Email, Handle, Login, NewAccount, ProfileEdit};
use crate::store::{AccountStore, CachedAccounts, Changed, Created, Credential, Ended, SqliteAccounts, Written};

/// Empty caches over the same copies, and what they need to be there for.
pub(crate) struct Made {
    pub(crate) caches: Vec<Arc<dyn AccountCache>>,
    pub(crate) keep: Box<dyn Any + Send>,
}

pub(crate) fn cx() -> Cx {
    Cx::new(Caller::default(), Instant::now() + Duration::from_secs(10))
}

/// Stores with a cache in front, over one engine that counts what it is asked.
pub(crate) struct Bench {
    stores: Vec<CachedAccounts>,
    engine: Arc<Counted>,
    cache: Arc<dyn AccountCache>,
    env: Env,
    clock: Arc<ManualClock>,
    _keep: Box<dyn Any + Send>,
}

impl Bench {
    pub(crate) async fn new<F: Future<Output = Option<Made>>>(make: impl FnOnce(Env) -> F) -> Option<Self> {
        let clock = ManualClock::new(Timestamp(1_800_000_000_000));
        let env = Env::manual(clock.clone(), 7);
        let Made { caches, keep } = make(env.clone()).await?;
        // The first cache is that of the process that writes.
        let inner = SqliteAccounts::open(&StoreAddress::Memory, env.clone(), on_change(&caches[0])).unwrap();
        let engine = Arc::new(Counted { inner, reads: AtomicUsize::new(0), hold: Mutex::default() });
        let store = |cache: &Arc<dyn AccountCache>| CachedAccounts::new(engine.clone(), cache.clone());
        let stores = caches.iter().map(store).collect();
        Some(Self { stores, engine, cache: caches[0].clone(), env, clock, _keep: keep })
    }

    fn writer(&self) -> &CachedAccounts {
        &self.stores[0]
    }

    /// Another process, if there are several.
    fn reader(&self) -> &CachedAccounts {
        &self.stores[self.stores.len() - 1]
    }

    async fn created(&self, handle: &str) -> AccountId {
        let account = NewAccount {
            id: AccountId(self.env.next_id()),
            handle: Handle::parse(handle).unwrap(),
            email: Email::new(&format!("{handle}@example.org")),
            display_name: handle.to_owned(),
            at: self.env.now(),
        };
        self.writer().create(&cx(), account, Credential::new("$".to_owned())).await.unwrap().value.id
    }

    async fn edited(&self, id: AccountId, bio: &str) {
        let edit = Edit::Profile(ProfileEdit { bio: Some(bio.to_owned()), ..ProfileEdit::default() });
        self.writer().change(&cx(), Change::new(id, edit, self.env.now())).await.unwrap();
    }

    /// How often the engine was read since the last time.
    fn reads(&self) -> usize {
        self.engine.reads.swap(0, Ordering::SeqCst)
    }
}

async fn bio(store: &CachedAccounts, id: AccountId) -> Option<String> {
    store.get(&cx(), id).await.unwrap().map(|account| account.bio.clone())
}

async fn by_handle(store: &CachedAccounts, handle: &str) -> Option<AccountId> {
    store.id_by_handle(&cx(), &Handle::parse(handle).unwrap()).await.unwrap()
}

pub(crate) async fn what_was_read_once_is_served_from_its_copy(b: Bench) {
    let id = b.created("ada").await;
    for _ in 0..3 {
        assert_eq!(bio(b.writer(), id).await.as_deref(), Some(""));
        assert_eq!(bio(b.reader(), id).await.as_deref(), Some(""));
        assert_eq!(by_handle(b.reader(), "ADA").await, Some(id));
    }
    assert_eq!(b.reads(), 2);
    let held = b.cache.held(&cx(), &[id, AccountId(5)]).await;
    assert_eq!(held[0].as_ref().unwrap().as_ref().unwrap().id, id);
    assert!(held[1].is_none());
}

pub(crate) async fn that_there_is_none_is_remembered_until_there_is(b: Bench) {
    for _ in 0..3 {
        assert_eq!(bio(b.reader(), AccountId(5)).await, None);
        assert_eq!(by_handle(b.reader(), "ada").await, None);
    }
    assert_eq!(b.reads(), 2);
    assert_eq!(b.cache.held(&cx(), &[AccountId(5)]).await, [Some(None)]);
    let id = b.created("ada").await;
    assert_eq!(by_handle(b.reader(), "ada").await, Some(id));
}

pub(crate) async fn a_write_shows_at_once_everywhere(b: Bench) {
    let id = b.created("ada").await;
    for round in 0..20 {
        let text = format!("round {round}");
        b.edited(id, &text).await;
        assert_eq!(bio(b.reader(), id).await, Some(text.clone()));
        assert_eq!(bio(b.writer(), id).await, Some(text));
    }
    assert_eq!(by_handle(b.reader(), "ada").await, Some(id));
    b.writer().delete(&cx(), Deletion { id, handle_free_at: Timestamp(i64::MAX), only_if_due: false }).await.unwrap();
    assert_eq!((bio(b.reader(), id).await, by_handle(b.reader(), "ada").await), (None, None));
    assert!(b.reader().batch_get(&cx(), &[id]).await.unwrap().is_empty());
}

pub(crate) async fn a_batch_asks_once_for_all_that_is_missing(b: Bench) {
    let (ada, bob, carol) = (b.created("ada").await, b.created("bob").await, b.created("carol").await);
    bio(b.reader(), bob).await;
    b.reads();
    for _ in 0..2 {
        let found = b.reader().batch_get(&cx(), &[carol, AccountId(5), ada, bob, carol]).await.unwrap();
        let mut ids: Vec<AccountId> = found.iter().map(|account| account.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids, [ada, bob, carol]);
    }
    assert_eq!(b.reads(), 1);
    assert!(b.reader().batch_get(&cx(), &[]).await.unwrap().is_empty());
}

pub(crate) async fn a_row_that_was_read_before_a_write_is_not_kept_after_it(b: Bench) {
    let id = b.created("ada").await;
    let (reached, reaches) = oneshot::channel();
    let (open, opened) = oneshot::channel();
    *b.engine.hold.lock() = Some((reached, opened));
    let write = async {
        reaches.await.unwrap();
        b.edited(id, "new").await;
        open.send(()).unwrap();
    };
    let (slow, ()) = tokio::join!(bio(b.reader(), id), write);
    assert_eq!(slow.as_deref(), Some(""), "it was read before");
    assert_eq!(bio(b.reader(), id).await.as_deref(), Some("new"));
    assert_eq!(bio(b.writer(), id).await.as_deref(), Some("new"));
}

pub(crate) async fn copies_expire(b: Bench) {
    let id = b.created("ada").await;
    assert_eq!(bio(b.reader(), id).await.as_deref(), Some(""));
    b.clock.advance(300_000);
    b.reads();
    assert_eq!(bio(b.reader(), id).await.as_deref(), Some(""));
    assert_eq!(b.reads(), 1);
}

pub(crate) async fn what_an_event_tells_of_is_forgotten(b: Bench) {
    let id = b.created("ada").await;
    assert_eq!((bio(b.reader(), id).await.as_deref(), by_handle(b.reader(), "ada").await), (Some(""), Some(id)));
    b.cache.forget_now(&cx(), &Changed { id, handle_keys: vec!["ada".to_owned()] }).await.unwrap();
    b.reads();
    assert_eq!((bio(b.reader(), id).await.as_deref(), by_handle(b.reader(), "ada").await), (Some(""), Some(id)));
    assert_eq!(b.reads(), 2);
}

/// Makes a test of each case for the cache that `$make` opens.
macro_rules! suite {
    ($make:path) => {
        $crate::store::cache::conformance::suite!(@ $make:
            what_was_read_once_is_served_from_its_copy,
            that_there_is_none_is_remembered_until_there_is,
            a_write_shows_at_once_everywhere,
            a_batch_asks_once_for_all_that_is_missing,
            a_row_that_was_read_before_a_write_is_not_kept_after_it,
            copies_expire,
            what_an_event_tells_of_is_forgotten);
    };
    (@ $make:path: $($case:ident),*) => {
        $(
            #[tokio::test]
            async fn $case() {
                if let Some(bench) = $crate::store::cache::conformance::Bench::new($make).await {
                    $crate::store::cache::conformance::$case(bench).await;
                }
            }
        )*
    };
}
pub(crate) use suite;

type Hold = (oneshot::Sender<()>, oneshot::Receiver<()>);

/// An engine that counts its reads, and can be made to wait after one.
struct Counted {
    inner: SqliteAccounts,
    reads: AtomicUsize,
    hold: Mutex<Option<Hold>>,
}

impl Counted {
    async fn read<T>(&self, answer: Result<T>) -> Result<T> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let hold = self.hold.lock().take();
        if let Some((reached, opened)) = hold {
            reached.send(()).unwrap();
            opened.await.unwrap();
        }
        answer
    }
}

#[async_trait::async_trait]
impl AccountStore for Counted {
    async fn get(&self, cx: &Cx, id: AccountId) -> Result<Option<Arc<Account>>> {
        self.read(self.inner.get(cx, id).await).await
    }

    async fn batch_get(&self, cx: &Cx, ids: &[AccountId]) -> Result<Vec<Arc<Account>>> {
        self.read(self.inner.batch_get(cx, ids).await).await
    }

    async fn id_by_handle(&self, cx: &Cx, handle: &Handle) -> Result<Option<AccountId>> {
        self.read(self.inner.id_by_handle(cx, handle).await).await
    }

    async fn create(&self, cx: &Cx, account: NewAccount, credential: Credential) -> Result<Written<Created>> {
        self.inner.create(cx, account, credential).await
    }

    async fn recall_created(&self, cx: &Cx) -> Result<Option<Written<Created>>> {
        self.inner.recall_created(cx).await
    }

    async fn check_free(&self, cx: &Cx, handle: &Handle, email: &Email) -> Result<()> {
        self.inner.check_free(cx, handle, email).await
    }

    async fn change(&self, cx: &Cx, change: Change) -> Result<Written<Account>> {
        self.inner.change(cx, change).await
    }

    async fn delete(&self, cx: &Cx, deletion: Deletion) -> Result<Written<()>> {
        self.inner.delete(cx, deletion).await
    }

    async fn list_ids(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.inner.list_ids(cx, after, limit).await
    }

    async fn credential(&self, cx: &Cx, login: &Login) -> Result<Option<(AccountId, Credential)>> {
        self.inner.credential(cx, login).await
    }

    async fn due_deletions(&self, cx: &Cx, now: Timestamp, limit: usize) -> Result<Vec<AccountId>> {
        self.inner.due_deletions(cx, now, limit).await
    }

    async fn redeem(&self, cx: &Cx, redemption: Redemption) -> Result<Written<()>> {
        self.inner.redeem(cx, redemption).await
    }

    async fn recall_deleted(&self, cx: &Cx) -> Result<Option<Ended>> {
        self.inner.recall_deleted(cx).await
    }

    async fn recall_redeemed(&self, cx: &Cx) -> Result<Option<Written<()>>> {
        self.inner.recall_redeemed(cx).await
    }

    async fn request_reset(&self, cx: &Cx, reset: Reset) -> Result<()> {
        self.inner.request_reset(cx, reset).await
    }

    async fn unsent(&self, cx: &Cx, id: AccountId) -> Result<Vec<Ticket>> {
        self.inner.unsent(cx, id).await
    }

    async fn take_put_off(&self, cx: &Cx, limit: usize) -> Result<Vec<Ticket>> {
        self.inner.take_put_off(cx, limit).await
    }

    async fn kept(&self, cx: &Cx, id: AccountId) -> Result<Kept> {
        self.inner.kept(cx, id).await
    }

    async fn note_mail(&self, cx: &Cx, ticket: &Ticket, noted: Noted) -> Result<()> {
        self.inner.note_mail(cx, ticket, noted).await
    }

    async fn report_erasure(&self, cx: &Cx, report: Report) -> Result<Written<()>> {
        self.inner.report_erasure(cx, report).await
    }

    async fn receipt(&self, cx: &Cx, id: AccountId) -> Result<Receipt> {
        self.inner.receipt(cx, id).await
    }

    async fn recall_changed(&self, cx: &Cx) -> Result<Option<Written<Account>>> {
        self.inner.recall_changed(cx).await
    }

    async fn credential_of(&self, cx: &Cx, id: AccountId) -> Result<Option<Credential>> {
        self.inner.credential_of(cx, id).await
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        self.inner.prune(cx).await
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        self.inner.outbox()
    }

    async fn ping(&self, cx: &Cx) -> Result<()> {
        self.inner.ping(cx).await
    }

    fn observe(&self) -> Vec<Gauge> {
        self.inner.observe()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
