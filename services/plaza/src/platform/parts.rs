//! The services of this process, built in the order in which they need each other.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{Cx, Env, Result as CoreResult, Secret, reason};
use plaza_events::{EventLog, Follow, Followed, Marks, Outbox, Projection};
use plaza_rpc::{Dependency, Gate, RpcService};
use plaza_stores::Gauge;

use crate::config::{Service, Settings};
use crate::failure::{Failure, Result};

use super::peers::Peers;

/// How long one round of upkeep of a service may take.
const UPKEEP: Duration = Duration::from_secs(10);

/// A service as the process sees it.
#[async_trait]
pub(super) trait Part: Send + Sync {
    /// It over gRPC.
    fn server(&self) -> Arc<dyn RpcService>;
    /// The events of its writes, if it has any.
    fn outbox(&self) -> Option<Arc<dyn Outbox>>;
    /// What follows others' events.
    fn projections(&self) -> Vec<(Arc<dyn Projection>, Marks)>;
    /// What it does with every event in this process.
    fn followers(&self) -> Vec<(Arc<dyn Follow>, Followed)>;
    /// What it needs, besides its peers.
    fn dependencies(&self) -> Vec<Dependency>;
    /// Figures for metrics.
    fn gauges(&self) -> Vec<Gauge>;
    /// Removes a bounded number of rows that have served their time; how many went.
    async fn upkeep(&self, cx: &Cx) -> CoreResult<usize>;
    /// Finishes work in hand and closes the store.
    async fn close(&self);
}

macro_rules! part {
    ($app:ty, outbox: $outbox:expr, upkeep: |$this:ident, $cx:ident| $upkeep:expr) => {
        #[async_trait]
        impl Part for $app {
            fn server(&self) -> Arc<dyn RpcService> {
                Arc::new(self.server())
            }

            fn outbox(&self) -> Option<Arc<dyn Outbox>> {
                let outbox: fn(&$app) -> Option<Arc<dyn Outbox>> = $outbox;
                outbox(self)
            }

            fn projections(&self) -> Vec<(Arc<dyn Projection>, Marks)> {
                self.projections()
            }

            fn followers(&self) -> Vec<(Arc<dyn Follow>, Followed)> {
                self.followers()
            }

            fn dependencies(&self) -> Vec<Dependency> {
                self.dependencies()
            }

            fn gauges(&self) -> Vec<Gauge> {
                self.gauges()
            }

            async fn upkeep(&self, $cx: &Cx) -> CoreResult<usize> {
                let $this = self;
                $upkeep
            }

            async fn close(&self) {
                self.close().await;
            }
        }
    };
}

part!(plaza_accounts::App, outbox: |app| Some(app.outbox()), upkeep: |app, cx| app.maintain(cx).await);
part!(plaza_sessions::App, outbox: |app| Some(app.outbox()), upkeep: |app, cx| app.maintain(cx).await);
part!(plaza_graph::App, outbox: |app| Some(app.outbox()), upkeep: |app, cx| app.maintain(cx).await);
part!(plaza_posts::App, outbox: |app| Some(app.outbox()), upkeep: |app, cx| app.maintain(cx).await);
part!(plaza_feeds::App, outbox: |_| None, upkeep: |app, cx| app.maintain(cx).await);

/// The services that run here, and a client of every service that they know, here or elsewhere.
pub(super) struct Parts {
    parts: Vec<(Service, Arc<dyn Part>)>,
    /// The event log.
    pub(super) log: Arc<dyn EventLog>,
    /// The one that asks others which are built after it, if it runs here.
    accounts: Option<Arc<plaza_accounts::App>>,
    pub(super) peers: Peers,
}

/// How many rows went until there were no more, or until time was up.
async fn upkeep(part: &dyn Part, cx: &Cx) -> CoreResult<usize> {
    let mut rows = 0;
    loop {
        match cx.within(part.upkeep(cx)).await {
            Ok(0) => return Ok(rows),
            Ok(some) => rows += some,
            // The next round goes on.
            Err(error) if rows > 0 && error.is(reason::DEADLINE_EXCEEDED) => return Ok(rows),
            Err(error) => return Err(error),
        }
    }
}

impl Parts {
    /// Builds `services` (in any order), each with its peers. What was built before a failure is closed.
    pub(super) async fn build(
        settings: &Settings,
        env: &Env,
        gate: &Arc<Gate>,
        secret: &Secret,
        log: Arc<dyn EventLog>,
        services: &[Service],
    ) -> Result<Self> {
        let mut parts = Self { parts: Vec::new(), log, accounts: None, peers: Peers::remote(settings, gate)? };
        for service in Service::ALL.into_iter().filter(|service| services.contains(service)) {
            // Boxed, as the futures of all stores within one another are more than the compiler takes.
            if let Err(failure) = Box::pin(parts.add(service, settings, env, gate, secret)).await {
                parts.close().await;
                return Err(Failure::new(format!("{service} cannot start: {failure}")).with_status(failure.status()));
            }
        }
        parts.connect_accounts();
        Ok(parts)
    }

    /// Tells accounts where the services are that hold something of accounts, if all are known.
    fn connect_accounts(&self) {
        let Some(accounts) = &self.accounts else { return };
        match self.peers.holders() {
            Ok(holders) => accounts.connect(holders),
            Err(missing) => tracing::warn!(%missing, "accounts cannot be exported"),
        }
    }

    async fn add(
        &mut self,
        service: Service,
        settings: &Settings,
        env: &Env,
        gate: &Arc<Gate>,
        secret: &Secret,
    ) -> Result<()> {
        let (env, gate, secret) = (env.clone(), gate.clone(), secret.clone());
        let peers = &mut self.peers;
        let part: Arc<dyn Part> = match service {
            Service::Accounts => {
                let deps = plaza_accounts::Deps { env, gate, secret };
                let app = plaza_accounts::App::build(settings.accounts.clone(), deps).await?;
                peers.accounts = Some(app.client());
                let app = Arc::new(app);
                self.accounts = Some(app.clone());
                app
            }
            Service::Sessions => {
                let deps = plaza_sessions::Deps { env, gate, secret, accounts: peers.accounts()? };
                let app = plaza_sessions::App::build(settings.sessions.clone(), deps).await?;
                peers.sessions = Some(app.client());
                Arc::new(app)
            }
            Service::Graph => {
                let deps = plaza_graph::Deps { env, gate, secret, accounts: peers.accounts()? };
                let app = plaza_graph::App::build(settings.graph.clone(), deps).await?;
                peers.graph = Some(app.client());
                Arc::new(app)
            }
            Service::Posts => {
                let (graph, accounts) = (peers.graph()?, peers.accounts()?);
                let deps = plaza_posts::Deps { env, gate, secret, graph, accounts };
                let app = plaza_posts::App::build(settings.posts.clone(), deps).await?;
                peers.posts = Some(app.client());
                Arc::new(app)
            }
            Service::Feeds => {
                let (posts, graph, accounts) = (peers.posts()?, peers.graph()?, peers.accounts()?);
                let deps = plaza_feeds::Deps { env, gate, secret, posts, graph, accounts, log: self.log.clone() };
                let app = plaza_feeds::App::build(settings.feeds.clone(), deps).await?;
                peers.feeds = Some(app.client());
                Arc::new(app)
            }
        };
        self.parts.push((service, part));
        Ok(())
    }

    /// Each service's part.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<dyn Part>> {
        self.parts.iter().map(|(_, part)| part)
    }

    /// What the process needs: its services' stores, and the peers that run elsewhere.
    pub(super) fn dependencies(&self) -> Vec<Dependency> {
        let here: Vec<Service> = self.parts.iter().map(|(service, _)| *service).collect();
        let stores = self.iter().flat_map(|part| part.dependencies());
        stores.chain(self.peers.dependencies(&here)).collect()
    }

    /// Figures of the services and of the ways to peers.
    pub(super) fn gauges(&self) -> Vec<Gauge> {
        self.iter().flat_map(|part| part.gauges()).chain(self.peers.gauges()).collect()
    }

    /// One round of upkeep of every service: each removes rows bit by bit until none is left or its time is up, so that
    /// a service that writes more in a round than one bit holds does not grow for ever.
    pub(super) async fn upkeep(&self) {
        for (service, part) in &self.parts {
            let rows = upkeep(&**part, &Cx::background(service.name(), UPKEEP)).await;
            match rows {
                Ok(0) => {}
                Ok(rows) => tracing::debug!(%service, rows, "old rows removed"),
                Err(error) => tracing::warn!(%service, %error, "upkeep failed"),
            }
        }
    }

    /// Closes every service, those first that need others.
    pub(super) async fn close(&self) {
        for (_, part) in self.parts.iter().rev() {
            part.close().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    /// Has `left` rows to remove, ten at a time.
    struct Rows {
        left: AtomicUsize,
    }

    #[async_trait]
    impl Part for Rows {
        fn server(&self) -> Arc<dyn RpcService> {
            unreachable!("not asked for")
        }

        fn outbox(&self) -> Option<Arc<dyn Outbox>> {
            None
        }

        fn projections(&self) -> Vec<(Arc<dyn Projection>, Marks)> {
            Vec::new()
        }

        fn followers(&self) -> Vec<(Arc<dyn Follow>, Followed)> {
            Vec::new()
        }

        fn dependencies(&self) -> Vec<Dependency> {
            Vec::new()
        }

        fn gauges(&self) -> Vec<Gauge> {
            Vec::new()
        }

        async fn upkeep(&self, _: &Cx) -> CoreResult<usize> {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let some = self.left.load(Relaxed).min(10);
            self.left.fetch_sub(some, Relaxed);
            Ok(some)
        }

        async fn close(&self) {}
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_of_upkeep_goes_on_until_nothing_is_left_or_time_is_up() {
        let rows = Rows { left: AtomicUsize::new(1_234) };
        assert_eq!(upkeep(&rows, &Cx::background("test", UPKEEP)).await.unwrap(), 1_234);
        let rows = Rows { left: AtomicUsize::new(1_000_000) };
        let removed = upkeep(&rows, &Cx::background("test", UPKEEP)).await.unwrap();
        assert!((9_000..=10_000).contains(&removed), "{removed}");
    }
}
