//! `StreamHomeFeed`: what is new in the caller's home feed from now on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use plaza_core::{Caller, Cx, Result};
use plaza_proto::feeds::v1::stream_home_feed_response::Update;
use plaza_proto::feeds::v1::{Missed, Opened, StreamHomeFeedRequest, StreamHomeFeedResponse};
use plaza_rpc::Stream;
use tokio::time::Instant;

use super::Handler;
use super::items::repost;
use crate::domain::{Item, Pages, Subscription};

/// How many posts are hydrated at once.
const BATCH: usize = 50;
/// How long that may take.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) async fn stream_home_feed(
    h: &Handler,
    cx: &Cx,
    _: StreamHomeFeedRequest,
) -> Result<Stream<StreamHomeFeedResponse>> {
    let subscription = h.live.subscribe(cx.account()?, h.env.now())?;
    h.pages.prepare(cx, subscription.owner()).await;
    let ready = VecDeque::from([of(Update::Opened(Opened {}))]);
    let reading = Reading { subscription, pages: h.pages.clone(), caller: cx.caller().clone(), ready };
    Ok(Box::pin(stream::try_unfold(reading, |mut reading| async move {
        let update = reading.next().await?;
        Ok(Some((update, reading)))
    })))
}

/// One live feed. It works when it is polled, so a reader who does not read costs nothing but its queue.
struct Reading {
    subscription: Subscription,
    pages: Arc<Pages>,
    caller: Caller,
    ready: VecDeque<StreamHomeFeedResponse>,
}

impl Reading {
    async fn next(&mut self) -> Result<StreamHomeFeedResponse> {
        loop {
            if let Some(update) = self.ready.pop_front() {
                return Ok(update);
            }
            self.fetch().await?;
        }
    }

    /// Waits for news and makes ready what of it the reader may see. Posts that cannot be read now count as missed.
    async fn fetch(&mut self) -> Result<()> {
        let news = self.subscription.next(BATCH).await?;
        let cx = Cx::new(self.caller.clone(), Instant::now() + TIMEOUT);
        let visible = cx.within(self.pages.visible(&cx, self.subscription.owner(), &news.entries));
        let mut missed = news.missed;
        match visible.await {
            Ok(items) => self.ready.extend(items.into_iter().map(published)),
            Err(error) => {
                tracing::warn!(owner = %self.subscription.owner(), %error, "posts missing from a live feed");
                missed += news.entries.len() as u64;
            }
        }
        if missed > 0 {
            let count = i64::try_from(missed).unwrap_or(i64::MAX);
            self.ready.push_back(of(Update::Missed(Missed { count })));
        }
        Ok(())
    }
}

fn published(item: Item) -> StreamHomeFeedResponse {
    StreamHomeFeedResponse { repost: repost(&item.entry), update: Some(Update::Post(item.post)) }
}

fn of(update: Update) -> StreamHomeFeedResponse {
    StreamHomeFeedResponse { update: Some(update), repost: None }
}
