//! `StreamHomeFeed`: what changes in the caller's home feed, from now on or from where an earlier stream ended.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use plaza_core::page::{Pager, Scope};
use plaza_core::{AccountId, Caller, Cx, Error, Position, PostId, Result, id, reason};
use plaza_proto::feeds::v1::stream_home_feed_response::Update;
use plaza_proto::feeds::v1::{Alive, Missed, Opened, Removed, StreamHomeFeedRequest, StreamHomeFeedResponse};
use plaza_proto::posts::v1::Visibility;
use plaza_rpc::Stream;
use tokio::time::Instant;

use super::Handler;
use super::items::repost;
use crate::domain::{Change, Entry, Item, News, Pages, Since, Subscription, Told};

/// How many changes are looked at at once.
const BATCH: usize = 50;
/// How long that may take.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) async fn stream_home_feed(
    h: &Handler,
    cx: &Cx,
    req: StreamHomeFeedRequest,
) -> Result<Stream<StreamHomeFeedResponse>> {
    let owner = cx.account()?;
    let from = open(&h.pager, owner, &req.resume_token)?;
    let subscription = h.live.subscribe(owner, h.env.now(), from.is_some())?;
    h.pages.prepare(cx, owner).await;
    let mut progress = match from {
        Some(progress) => progress,
        None => Progress { at: begin(h, cx, &subscription).await, newest: PostId(id::first_at(h.env.now())) },
    };
    let standing = newest(h, cx, owner).await;
    progress.newest = progress.newest.max(standing.first().map_or(PostId(0), |entry| entry.place));
    let since = match from {
        None => Some(Since::default()),
        Some(from) => h.history.since(cx, from.at).await?,
    };
    let mut reading = Reading {
        subscription,
        pages: h.pages.clone(),
        pager: h.pager.clone(),
        caller: cx.caller().clone(),
        heartbeat: h.heartbeat,
        behind: VecDeque::new(),
        ready: VecDeque::new(),
        progress,
    };
    reading.begin(from.is_some(), since, &standing);
    Ok(Box::pin(stream::try_unfold(reading, |mut reading| async move {
        let update = reading.next().await?;
        Ok(Some((update, reading)))
    })))
}

/// Where a stream begins that has no token. Before this process has heard of any event, the log tells.
async fn begin(h: &Handler, cx: &Cx, subscription: &Subscription) -> Position {
    match subscription.at() {
        0 => h.history.end(cx).await.unwrap_or_default(),
        at => at,
    }
}

/// What stands in the feed, newest first, as far as it can be read now.
async fn newest(h: &Handler, cx: &Cx, owner: AccountId) -> Vec<Entry> {
    let newest = h.pages.newest(cx, owner).await;
    newest
        .inspect_err(|error| tracing::debug!(%owner, %error, "a live feed begins without what stands in it"))
        .unwrap_or_default()
}

/// How far a stream is.
#[derive(Clone, Copy)]
struct Progress {
    /// All that happened up to here was told.
    at: Position,
    /// The newest place that was told.
    newest: PostId,
}

fn scope(owner: AccountId) -> Scope<'static> {
    Scope { method: "StreamHomeFeed", filter: &[], caller: Some(owner) }
}

/// Where a token says to go on.
fn open(pager: &Pager, owner: AccountId, token: &str) -> Result<Option<Progress>> {
    let opened = pager.open::<2>(scope(owner), token);
    let opened = opened.map_err(|_| Error::new(reason::PAGE_TOKEN_INVALID).on_field("resume_token"))?;
    Ok(opened.map(|[at, newest]| Progress { at, newest: PostId(newest) }))
}

/// One live feed. It works when it is polled, so a reader who does not read costs nothing but its queue.
struct Reading {
    subscription: Subscription,
    pages: Arc<Pages>,
    pager: Pager,
    caller: Caller,
    /// After so long without anything to tell it says that it is alive.
    heartbeat: Duration,
    /// What changed before the subscription.
    behind: VecDeque<(Position, Change)>,
    ready: VecDeque<StreamHomeFeedResponse>,
    progress: Progress,
}

impl Reading {
    /// Makes ready what comes first. Of the reposts that stand in the feed, or came since, the authors may be followed by
    /// nobody here, so they are remembered; the newest of them last, so that they are forgotten last.
    fn begin(&mut self, goes_on: bool, since: Option<Since>, standing: &[Entry]) {
        let resumed = goes_on && since.is_some();
        self.push(Update::Opened(Opened { resumed }), None);
        if since.is_none() {
            self.miss(1);
        }
        let Since { changes, until } = since.unwrap_or_default();
        let standing = standing.iter().rev().copied().filter(Entry::is_repost);
        let came = changes.iter().filter_map(|(_, change)| change.repost());
        self.subscription.begin(until, standing.chain(came));
        self.behind = changes.into();
    }

    async fn next(&mut self) -> Result<StreamHomeFeedResponse> {
        loop {
            if let Some(update) = self.ready.pop_front() {
                return Ok(update);
            }
            if self.behind.is_empty() {
                self.wait().await?;
            } else {
                let count = BATCH.min(self.behind.len());
                let changes: Vec<(Position, Change)> = self.behind.drain(..count).collect();
                let at = changes.last().map_or(0, |(at, _)| *at);
                self.take(News { changes, missed: 0, at }).await;
            }
        }
    }

    /// Waits for news and makes ready what of it concerns the reader.
    async fn wait(&mut self) -> Result<()> {
        match tokio::time::timeout(self.heartbeat, self.subscription.next(BATCH)).await {
            Ok(news) => self.take(news?).await,
            Err(_) => {
                self.progress.at = self.progress.at.max(self.subscription.at());
                self.push(Update::Alive(Alive {}), None);
            }
        }
        Ok(())
    }

    /// Changes that cannot be looked at now count as missed, and the token stays before them.
    async fn take(&mut self, news: News) {
        let cx = Cx::new(self.caller.clone(), Instant::now() + TIMEOUT);
        let changes: Vec<Change> = news.changes.iter().map(|(_, change)| *change).collect();
        let (owner, places) = (self.subscription.owner(), self.subscription.remembered());
        let told = match changes.is_empty() {
            true => Ok(Vec::new()),
            false => cx.within(self.pages.tell(&cx, owner, &changes, &places)).await,
        };
        let mut missed = news.missed;
        match told {
            Ok(told) => {
                for ((at, _), told) in news.changes.iter().zip(told) {
                    self.progress.at = self.progress.at.max(*at);
                    told.into_iter().for_each(|told| self.tell(told));
                }
                self.progress.at = self.progress.at.max(news.at);
            }
            Err(error) => {
                tracing::warn!(%owner, %error, "changes missing from a live feed");
                missed += news.changes.len() as u64;
            }
        }
        if missed > 0 {
            self.miss(missed);
        }
    }

    fn tell(&mut self, told: Told) {
        match told {
            Told::Post(item) => {
                let Item { entry, post } = item;
                // Whom it was for nobody can tell when it is deleted.
                if post.visibility() == Visibility::Mentioned {
                    self.subscription.remember(entry);
                }
                self.progress.newest = self.progress.newest.max(entry.place);
                self.push(Update::Post(post), Some(&entry));
            }
            Told::Edited(Item { entry, post }) => self.push(Update::Edited(post), Some(&entry)),
            Told::Removed { post, deleted } => {
                self.push(Update::Removed(Removed { post_id: post.get(), deleted }), None);
            }
        }
    }

    fn miss(&mut self, missed: u64) {
        let count = i64::try_from(missed).unwrap_or(i64::MAX);
        self.push(Update::Missed(Missed { count, down_to: self.progress.newest.get() }), None);
    }

    fn push(&mut self, update: Update, entry: Option<&Entry>) {
        let Progress { at, newest } = self.progress;
        let resume_token = self.pager.seal(scope(self.subscription.owner()), &[at, newest.get()]);
        let repost = entry.and_then(repost);
        self.ready.push_back(StreamHomeFeedResponse { update: Some(update), repost, resume_token });
    }
}
