//! Whoever takes a live feed in has the home feed, whatever happens: random histories, slow readers, and readers who go
//! away and come back to another replica.

use std::collections::BTreeMap;

use futures::{FutureExt as _, StreamExt as _};
use plaza_events::Event;
use plaza_feeds::Config;
use plaza_proto::feeds::v1::stream_home_feed_response::Update;
use plaza_proto::feeds::v1::{FeedsService as _, Removed, StreamHomeFeedRequest, StreamHomeFeedResponse};
use proptest::prelude::*;

use crate::stream_home_feed::Live;
use crate::support::{Bench, Engine, config, user};

const READER: i64 = 1;
const ACCOUNTS: i64 = 5;

#[derive(Clone, Debug)]
enum Op {
    Post {
        author: i64,
        followers_only: bool,
    },
    Reply(i64, prop::sample::Index),
    Edit(prop::sample::Index),
    Delete(prop::sample::Index),
    Repost(i64, prop::sample::Index),
    Undo(prop::sample::Index),
    /// Up to so many of the events that wait.
    Deliver(usize),
    /// Takes up to so many updates.
    Take(usize),
    /// Goes away, and comes back to this replica.
    Return(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let (account, nth) = (|| 1..=ACCOUNTS, any::<prop::sample::Index>);
    prop_oneof![
        4 => (account(), any::<bool>()).prop_map(|(author, followers_only)| Op::Post { author, followers_only }),
        3 => (account(), nth()).prop_map(|(author, to)| Op::Reply(author, to)),
        3 => nth().prop_map(Op::Edit),
        2 => nth().prop_map(Op::Delete),
        5 => (account(), nth()).prop_map(|(by, post)| Op::Repost(by, post)),
        3 => nth().prop_map(Op::Undo),
        5 => (1..6_usize).prop_map(Op::Deliver),
        5 => (1..6_usize).prop_map(Op::Take),
        2 => (0..2_usize).prop_map(Op::Return),
    ]
}

/// A post as the reader has it: where it stands, who brought it there and wrote it, what it replies to, how often it was
/// edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stands {
    place: i64,
    author: i64,
    reply_to: i64,
    edits: i32,
}

/// What a reader has who takes updates in as they say.
struct Device {
    live: Live,
    token: String,
    posts: BTreeMap<i64, Stands>,
}

impl Device {
    async fn open(bench: &Bench, resume_token: String) -> Live {
        let req = StreamHomeFeedRequest { resume_token };
        bench.client.stream_home_feed(&user(READER), req).await.unwrap()
    }

    /// Reads the whole feed.
    async fn read(&mut self, bench: &Bench) {
        self.posts.clear();
        let mut token = String::new();
        loop {
            let page = bench.page_at(READER, 50, &token).await.unwrap();
            let state = bench.world.state.lock();
            for entry in &page.entries {
                let post = state.posts[&entry.post];
                let (author, reply_to, edits) = (post.author, post.reply_to, post.edits);
                self.posts.insert(entry.post, Stands { place: entry.place, author, reply_to, edits });
            }
            token = page.next;
            if token.is_empty() {
                return;
            }
        }
    }

    /// Takes up to `most` updates that are there.
    async fn take(&mut self, bench: &Bench, most: usize) {
        for _ in 0..most {
            let Some(update) = self.live.next().now_or_never() else { return };
            let StreamHomeFeedResponse { update, repost, resume_token } = update.unwrap().unwrap();
            self.token = resume_token;
            match update.unwrap() {
                Update::Opened(_) | Update::Alive(_) => {}
                Update::Missed(_) => self.read(bench).await,
                Update::Post(post) => {
                    let place = repost.map_or(post.post_id, |repost| repost.repost_id);
                    let (author, reply_to, edits) = (post.author_id, post.reply_to_id, post.edit_count);
                    self.posts.insert(post.post_id, Stands { place, author, reply_to, edits });
                }
                Update::Edited(post) => {
                    if let Some(stands) = self.posts.get_mut(&post.post_id) {
                        stands.edits = post.edit_count;
                    }
                }
                Update::Removed(Removed { post_id, deleted }) => {
                    let orphan = |post: i64, stands: &Stands| {
                        deleted && stands.reply_to == post_id && stands.place == post && stands.author != READER
                    };
                    self.posts.retain(|post, stands| *post != post_id && !orphan(*post, stands));
                }
            }
        }
    }
}

struct Run {
    replicas: [Bench; 2],
    waiting: Vec<Event>,
    device: Device,
}

impl Run {
    async fn new(config: &Config) -> Self {
        let first = Bench::with(Engine::Memory, ACCOUNTS, config).await;
        for followed in [2, 3] {
            first.world.follow(READER, followed);
        }
        first.deliver().await;
        let second = first.beside(config);
        let live = Device::open(&first, String::new()).await;
        let mut device = Device { live, token: String::new(), posts: BTreeMap::new() };
        device.take(&first, 1).await;
        device.read(&first).await;
        Self { replicas: [first, second], waiting: Vec::new(), device }
    }

    async fn run(&mut self, op: &Op) {
        let world = self.replicas[0].world.clone();
        let posts: Vec<i64> = world.state.lock().posts.keys().copied().collect();
        let reposts: Vec<i64> = world.state.lock().reposts.keys().copied().collect();
        let nth = |of: &prop::sample::Index, among: &[i64]| (!among.is_empty()).then(|| among[of.index(among.len())]);
        match op {
            Op::Post { author, followers_only } => {
                world.post_for(*author, *followers_only);
            }
            Op::Reply(author, to) => {
                nth(to, &posts).map(|to| world.reply(*author, to));
            }
            Op::Edit(of) => nth(of, &posts).into_iter().for_each(|post| world.revise(post)),
            Op::Delete(of) => nth(of, &posts).into_iter().for_each(|post| world.delete(post)),
            Op::Repost(by, of) => {
                nth(of, &posts).and_then(|post| world.repost(*by, post));
            }
            Op::Undo(of) => nth(of, &reposts).into_iter().for_each(|repost| world.undo_repost(repost)),
            Op::Deliver(count) => self.deliver(*count).await,
            Op::Take(count) => self.device.take(&self.replicas[0], *count).await,
            Op::Return(replica) => {
                // What was not taken in by then is lost with the stream.
                self.device.live = Device::open(&self.replicas[*replica], self.device.token.clone()).await;
            }
        }
        self.waiting.extend(world.drain());
    }

    /// The log has them first; the stored feeds are the first replica's and shared, each replica tells its own readers.
    async fn deliver(&mut self, count: usize) {
        let batch: Vec<Event> = self.waiting.drain(..count.min(self.waiting.len())).collect();
        self.replicas[0].world.log(&batch).await;
        self.replicas[0].apply(&batch).await;
        self.replicas[1].follow(&batch).await.unwrap();
    }

    async fn settle(&mut self) {
        self.deliver(usize::MAX).await;
        self.device.take(&self.replicas[0], usize::MAX).await;
        let world = &self.replicas[0].world;
        let (state, now) = (world.state.lock(), world.env.now());
        let edits = |post: &i64| state.posts[post].edits;
        let home = state.home(READER, now).into_iter().map(|entry| (entry.post, (entry.place, edits(&entry.post))));
        let home: BTreeMap<i64, (i64, i32)> = home.collect();
        let has = self.device.posts.iter().map(|(post, stands)| (*post, (stands.place, stands.edits)));
        assert_eq!(has.collect::<BTreeMap<_, _>>(), home, "what the device has, and home");
    }
}

fn check(config: &Config, ops: &[Op]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut run = Run::new(config).await;
        for op in ops {
            run.run(op).await;
        }
        run.settle().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Nobody is pulled: of those who are, no feed knows what they reposted of posts that are deleted.
    #[test]
    fn whoever_takes_a_live_feed_in_has_the_home_feed(ops in prop::collection::vec(op(), 1..80)) {
        check(&Config { celebrity_threshold: 100, cap: 400, ..config() }, &ops);
    }

    /// A reader that is hardly ever quick enough, and may not be away for long.
    #[test]
    fn a_slow_reader_of_a_live_feed_has_the_home_feed(ops in prop::collection::vec(op(), 1..80)) {
        let slow = Config { celebrity_threshold: 100, live_queue: 1, live_resume_events: 2, ..config() };
        check(&Config { cap: 400, ..slow }, &ops);
    }
}
