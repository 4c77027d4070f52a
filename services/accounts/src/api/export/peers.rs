//! What the other services hold: each hands it out by its RPC `ExportRecords`.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result};
use plaza_proto::{feeds, graph, posts, sessions};

use super::line::line;
use super::{Holder, Holders, Page};
use crate::SOURCE;

macro_rules! holder {
    ($package:ident: $client:ident, $service:ident) => {
        #[async_trait]
        impl Holder for $package::v1::$client {
            fn service(&self) -> &'static str {
                stringify!($package)
            }

            async fn page(&self, cx: &Cx, account: AccountId, page_token: &str) -> Result<Page> {
                let (account_id, page_token) = (account.get(), page_token.to_owned());
                let request = $package::v1::ExportRecordsRequest { account_id, page_token };
                let page = $package::v1::$service::export_records(self, cx, request).await?;
                let lines = page.records.iter().filter_map(|record| line(self.service(), record).transpose());
                Ok(Page { lines: lines.collect::<Result<_>>()?, next: page.next_page_token })
            }
        }
    };
}

holder!(sessions: SessionsServiceClient, SessionsService);
holder!(graph: GraphServiceClient, GraphService);
holder!(posts: PostsServiceClient, PostsService);
holder!(feeds: FeedsServiceClient, FeedsService);

/// All of them, in the order in which they are asked.
pub(super) fn all(holders: Holders) -> [Arc<dyn Holder>; 4] {
    let Holders { sessions, graph, posts, feeds } = holders;
    [
        Arc::new(sessions.as_service(SOURCE)),
        Arc::new(graph.as_service(SOURCE)),
        Arc::new(posts.as_service(SOURCE)),
        Arc::new(feeds.as_service(SOURCE)),
    ]
}
