//! One file for each RPC.

mod export_records;
mod get_catch_up_feed;
mod get_hashtag_feed;
mod get_home_feed;
mod get_list_feed;
mod get_read_position;
mod get_user_feed;
mod items;
mod positions;
mod rebuild_feed;
mod set_read_position;
mod stream_home_feed;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::page::Pager;
use plaza_core::{Cx, Env, Result};
use plaza_events::Marks;
use plaza_proto::feeds::v1::{
    ExportRecordsRequest, ExportRecordsResponse, FeedsService, GetCatchUpFeedRequest, GetCatchUpFeedResponse,
    GetHashtagFeedRequest, GetHashtagFeedResponse, GetHomeFeedRequest, GetHomeFeedResponse, GetListFeedRequest,
    GetListFeedResponse, GetReadPositionRequest, GetReadPositionResponse, GetUserFeedRequest, GetUserFeedResponse,
    RebuildFeedRequest, RebuildFeedResponse, SetReadPositionRequest, SetReadPositionResponse, StreamHomeFeedRequest,
    StreamHomeFeedResponse,
};
use plaza_rpc::Stream;

use crate::domain::{Builder, CatchUpOptions, History, Live, Pages};
use crate::store::FeedStore;
use crate::store::positions::PositionStore;

/// What the handlers work with.
pub(crate) struct Handler {
    pub(crate) env: Env,
    pub(crate) pager: Pager,
    pub(crate) pages: Arc<Pages>,
    pub(crate) store: Arc<dyn FeedStore>,
    pub(crate) positions: Arc<dyn PositionStore>,
    pub(crate) builder: Arc<Builder>,
    pub(crate) live: Arc<Live>,
    pub(crate) history: History,
    pub(crate) best: CatchUpOptions,
    /// How often a live feed says that it is alive when there is nothing to tell.
    pub(crate) heartbeat: Duration,
    /// How far the projection has got.
    pub(crate) marks: Marks,
    /// How long a read waits for it at most.
    pub(crate) consistency_wait: Duration,
    /// How many hashtags of each kind the feed of hashtags takes.
    pub(crate) hashtags: usize,
}

impl Handler {
    /// Waits until feeds have what the caller's token asks for, or says that they do not.
    async fn await_token(&self, cx: &Cx) {
        if cx.token().is_empty() {
            return;
        }
        // The page is still to be made, and without caches if those are behind as well: half of the time is for that.
        let wait = self.consistency_wait.min(cx.remaining() / 2);
        let reached = tokio::time::timeout(wait, self.marks.wait(cx, cx.token())).await;
        if !matches!(reached, Ok(Ok(()))) {
            cx.degraded("feeds-behind");
        }
    }
}

#[async_trait]
impl FeedsService for Handler {
    async fn get_home_feed(&self, cx: &Cx, req: GetHomeFeedRequest) -> Result<GetHomeFeedResponse> {
        get_home_feed::get_home_feed(self, cx, req).await
    }

    async fn get_user_feed(&self, cx: &Cx, req: GetUserFeedRequest) -> Result<GetUserFeedResponse> {
        get_user_feed::get_user_feed(self, cx, req).await
    }

    async fn get_hashtag_feed(&self, cx: &Cx, req: GetHashtagFeedRequest) -> Result<GetHashtagFeedResponse> {
        get_hashtag_feed::get_hashtag_feed(self, cx, req).await
    }

    async fn get_list_feed(&self, cx: &Cx, req: GetListFeedRequest) -> Result<GetListFeedResponse> {
        get_list_feed::get_list_feed(self, cx, req).await
    }

    async fn rebuild_feed(&self, cx: &Cx, req: RebuildFeedRequest) -> Result<RebuildFeedResponse> {
        rebuild_feed::rebuild_feed(self, cx, req).await
    }

    async fn get_read_position(&self, cx: &Cx, req: GetReadPositionRequest) -> Result<GetReadPositionResponse> {
        get_read_position::get_read_position(self, cx, req).await
    }

    async fn set_read_position(&self, cx: &Cx, req: SetReadPositionRequest) -> Result<SetReadPositionResponse> {
        set_read_position::set_read_position(self, cx, req).await
    }

    async fn export_records(&self, cx: &Cx, req: ExportRecordsRequest) -> Result<ExportRecordsResponse> {
        export_records::export_records(self, cx, req).await
    }

    async fn get_catch_up_feed(&self, cx: &Cx, req: GetCatchUpFeedRequest) -> Result<GetCatchUpFeedResponse> {
        get_catch_up_feed::get_catch_up_feed(self, cx, req).await
    }

    async fn stream_home_feed(&self, cx: &Cx, req: StreamHomeFeedRequest) -> Result<Stream<StreamHomeFeedResponse>> {
        stream_home_feed::stream_home_feed(self, cx, req).await
    }
}
