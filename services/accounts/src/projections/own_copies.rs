//! `accounts-own-cache`: each replica that keeps copies for itself forgets those of accounts that another one changed.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{Cx, Result};
use plaza_events::{Event, Follow, Projection as _};

use super::CachedCopies;
use crate::SOURCE;
use crate::store::{AccountCache, AccountStore};

/// The copies that this process alone has of what `engine` has.
pub(crate) struct OwnCopies {
    cache: Arc<dyn AccountCache>,
    copies: CachedCopies,
}

impl OwnCopies {
    pub(crate) fn new(engine: Arc<dyn AccountStore>, cache: Arc<dyn AccountCache>) -> Self {
        Self { copies: CachedCopies::new(engine, cache.clone()), cache }
    }
}

#[async_trait]
impl Follow for OwnCopies {
    fn name(&self) -> &'static str {
        "accounts-own-cache"
    }

    fn sources(&self) -> &[&'static str] {
        &[SOURCE]
    }

    async fn apply(&self, cx: &Cx, events: &[Event]) -> Result<()> {
        self.copies.apply(cx, events).await
    }

    fn forget_all(&self) {
        self.cache.forget_own();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use plaza_core::{AccountId, Env, Token};
    use plaza_events::{Followed, Freshness};
    use plaza_stores::StoreAddress;
    use tokio::time::Instant;

    use super::*;
    use crate::config::Config;
    use crate::domain::{Change, Edit, Email, Handle, NewAccount, ProfileEdit};
    use crate::store::{CachedAccounts, Credential, SqliteAccounts, cache};

    struct Replica {
        store: CachedAccounts,
        follow: OwnCopies,
        followed: Followed,
    }

    fn cx() -> Cx {
        Cx::background("test", Duration::from_secs(10))
    }

    impl Replica {
        fn open(file: &Path) -> Self {
            let cache = cache::open(&Config::ephemeral(), &Env::system()).unwrap();
            let on_change = cache::on_change(&cache);
            let engine = SqliteAccounts::open(&StoreAddress::sqlite(file), Env::system(), on_change).unwrap();
            let engine: Arc<dyn AccountStore> = Arc::new(engine);
            let freshness = Freshness::of(true, &[SOURCE]);
            let followed = freshness.followed().unwrap().clone();
            followed.heard(Instant::now());
            let store = CachedAccounts::new(engine.clone(), cache.clone()).with_freshness(freshness);
            Self { store, follow: OwnCopies::new(engine, cache), followed }
        }

        async fn follow(&self) {
            let events = self.store.outbox().read_after(&cx(), 0, 1_000).await.unwrap();
            self.follow.apply(&cx(), &events).await.unwrap();
            self.followed.raise(events.iter().map(|event| (event.source.as_str(), event.position)));
            self.followed.heard(Instant::now());
        }

        /// The bio of the account by its id, and whom the handle names.
        async fn shows(&self, cx: &Cx, id: AccountId, handle: &Handle) -> (Option<String>, Option<AccountId>) {
            let bio = self.store.get(cx, id).await.unwrap().map(|account| account.bio.clone());
            let among = self.store.batch_get(cx, &[id]).await.unwrap().first().map(|account| account.bio.clone());
            assert_eq!(bio, among);
            (bio, self.store.id_by_handle(cx, handle).await.unwrap())
        }
    }

    #[tokio::test]
    async fn what_another_replica_writes_shows_to_its_caller_at_once_and_to_all_after_the_event() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("accounts.db");
        let (writer, reader) = (Replica::open(&file), Replica::open(&file));
        let (id, handle) = (AccountId(7), Handle::parse("ada").unwrap());
        let mut now = (None, None);
        assert_eq!(reader.shows(&cx(), id, &handle).await, now, "and keeps that there is none");
        for step in 0..3 {
            let position = match step {
                0 => {
                    let email = Email::new("ada@example.org");
                    let (display_name, at) = ("Ada".to_owned(), Env::system().now());
                    let account = NewAccount { id, handle: handle.clone(), email, display_name, at };
                    writer.store.create(&cx(), account, Credential::new("$".to_owned())).await.unwrap().position
                }
                1 => {
                    let edit = Edit::Profile(ProfileEdit { bio: Some("new".to_owned()), ..ProfileEdit::default() });
                    let change = Change::new(id, edit, Env::system().now());
                    writer.store.change(&cx(), change).await.unwrap().position
                }
                _ => writer.store.delete(&cx(), id).await.unwrap().position,
            };
            let with_token = cx().with_token(Token::parse(&format!("{SOURCE}={position}")).unwrap());
            let then = writer.shows(&cx(), id, &handle).await;
            assert_ne!(then, now, "{step}");
            assert_eq!(reader.shows(&cx(), id, &handle).await, now, "{step}: who did not write may get what is kept");
            assert_eq!(reader.shows(&with_token, id, &handle).await, then, "{step}: who wrote gets what is");
            reader.follow().await;
            let shown = reader.shows(&cx(), id, &handle).await;
            assert_eq!(shown.0, then.0, "{step}: the event made it forget");
            // The handle of one who is gone may lead to an account that is not found.
            assert!(shown.1 == then.1 || step == 2, "{step}");
            now = shown;
        }
        reader.follow.forget_all();
        assert_eq!(reader.shows(&cx(), id, &handle).await, (None, None), "events were missed");
    }
}
