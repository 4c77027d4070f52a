//! All the real servers that the platform runs on, each behind a proxy, for one test alone.

use std::net::SocketAddr;

use tokio::sync::{Mutex, MutexGuard};

use crate::servers::Server;
use crate::{Proxy, Store};

/// One at a time in a process: two platforms with all their servers would take each other's time.
static TURN: Mutex<()> = Mutex::const_new(());

/// A server of each kind with a proxy in front of it. Services reach the servers through the proxies.
#[derive(Debug)]
pub struct Backends {
    all: Vec<Backend>,
    _turn: MutexGuard<'static, ()>,
}

#[derive(Debug)]
struct Backend {
    store: Store,
    server: Server,
    proxy: Proxy,
}

impl Backends {
    /// Starts them all, once those of another test of this process are gone; `None` after saying that the test is skipped.
    ///
    /// # Panics
    /// If one does not start, or is not installed and `PLAZA_REQUIRE_STORES` asks for all.
    pub async fn start() -> Option<Self> {
        let turn = TURN.lock().await;
        let mut all = Vec::new();
        for store in Store::ALL {
            let server = Server::start(store).await?;
            let proxy = Proxy::start(server.socket()).await;
            all.push(Backend { store, server, proxy });
        }
        Some(Self { all, _turn: turn })
    }

    /// The address of a store's proxy, for the services.
    ///
    /// # Panics
    /// Never: there is a backend for every store.
    #[must_use]
    pub fn address(&self, store: Store) -> String {
        let backend = self.all.iter().find(|backend| backend.store == store).expect("one for every store");
        store.address_at(backend.proxy.address().port())
    }

    /// A store's server.
    ///
    /// # Panics
    /// Never: there is a backend for every store.
    pub fn server(&mut self, store: Store) -> &mut Server {
        &mut self.all.iter_mut().find(|backend| backend.store == store).expect("one for every store").server
    }

    /// The proxy before a store's server.
    ///
    /// # Panics
    /// Never: there is a backend for every store.
    #[must_use]
    pub fn proxy(&self, store: Store) -> &Proxy {
        &self.all.iter().find(|backend| backend.store == store).expect("one for every store").proxy
    }
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port()))
    }
}
