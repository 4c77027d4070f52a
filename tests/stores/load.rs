//! A mixed load that knows what it got acknowledged, and what every call came to.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{Caller, Code, Cx, Error, Token};
use plaza_proto::accounts::v1::GetAccountRequest;
use plaza_proto::feeds::v1::{GetHomeFeedRequest, GetHomeFeedResponse};
use plaza_proto::graph::v1::{FollowRequest, UnfollowRequest};
use plaza_proto::posts::v1::{CreatePostRequest, LikePostRequest};
use plaza_proto::sessions::v1::SignInRequest;
use plaza_rpc::Rpc;
use plaza_testkit::person::{Guest, PASSWORD, Person, request_id};
use plaza_testkit::wait;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The deadline that every call carries ...
pub(crate) const DEADLINE: Duration = Duration::from_secs(2);
/// ... and how late an answer may be, on a machine that the whole platform shares.
pub(crate) const MARGIN: Duration = Duration::from_millis(750);
/// So many posts come with a page.
const PAGE: i32 = 20;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    SignIn,
    Profile,
    Post,
    Like,
    Follow,
    Home,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [Self::SignIn, Self::Profile, Self::Post, Self::Like, Self::Follow, Self::Home];

    /// As the table of faults has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign in",
            Self::Profile => "read a profile",
            Self::Post => "post",
            Self::Like => "like",
            Self::Follow => "follow",
            Self::Home => "read home",
        }
    }
}

/// One call that was made.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) kind: Kind,
    pub(crate) began: Instant,
    pub(crate) took: Duration,
    /// What it said, if it failed.
    pub(crate) error: Option<Error>,
    pub(crate) degraded: bool,
    /// Whether the call before it, of the same kind by the same person, had failed.
    pub(crate) again: bool,
}

/// Whether a call of each kind is among these that did not fail.
pub(crate) fn each_kind_worked(samples: &[Sample]) -> bool {
    Kind::ALL.iter().all(|kind| samples.iter().any(|s| s.kind == *kind && s.error.is_none()))
}

/// Everything that the load saw and did.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) samples: Vec<Sample>,
    /// Each author's acknowledged posts, by text, with their ids: an id twice, or two ids, is an effect twice.
    pub(crate) posts: BTreeMap<String, i64>,
    /// Whose last call of a kind failed.
    failed: HashSet<(i64, Kind)>,
    /// What must never happen, as it was seen.
    pub(crate) wrong: Vec<String>,
    /// The latest write of posts that was acknowledged.
    token: Token,
}

/// People at work until they are told to stop.
pub(crate) struct Crowd {
    pub(crate) authors: Vec<Person>,
    pub(crate) reader: Person,
    pub(crate) star: Person,
    pub(crate) record: Arc<Mutex<Record>>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<bool>>,
    follows: i64,
}

struct Worker {
    guest: Guest,
    me: Person,
    star: i64,
    liked: i64,
    name: String,
    record: Arc<Mutex<Record>>,
    posted: u64,
    follows: bool,
    /// Writes that were not acknowledged yet: the same requests are made again until they are.
    post: Option<CreatePostRequest>,
    change: Option<Change>,
}

enum Change {
    Follow(FollowRequest),
    Unfollow(UnfollowRequest),
}

impl Crowd {
    /// `authors` people whom one reader follows begin to work, and the reader to read.
    pub(crate) async fn start(guest: &Guest, name: &str, authors: usize) -> Self {
        let record = Arc::new(Mutex::new(Record::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let reader = guest.join(&format!("{name}_reader")).await;
        let star = guest.join(&format!("{name}_star")).await;
        let (liked, _) = star.post("to be liked").await.expect("a post");
        let mut crowd = Self {
            authors: Vec::new(),
            reader: reader.clone(),
            star: star.clone(),
            record,
            stop,
            tasks: Vec::new(),
            follows: 0,
        };
        for n in 0..authors {
            let me = guest.join(&format!("{name}_author{n}")).await;
            reader.follow(&me).await.expect("follow");
            crowd.authors.push(me.clone());
            let worker = Worker {
                guest: guest.clone(),
                me,
                star: star.id(),
                liked: liked.post_id,
                name: format!("{name} {n}"),
                record: crowd.record.clone(),
                posted: 0,
                follows: false,
                post: None,
                change: None,
            };
            crowd.tasks.push(tokio::spawn(worker.run(crowd.stop.clone())));
        }
        let (record, stop) = (crowd.record.clone(), crowd.stop.clone());
        crowd.tasks.push(tokio::spawn(read(reader, record, stop)));
        crowd
    }

    /// Everybody finishes what they began, until it is acknowledged, and ends; then signs in anew, as the first session
    /// had to make room for later ones, or was lost on purpose.
    pub(crate) async fn finish(&mut self, guest: &Guest) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks.drain(..) {
            self.follows += i64::from(task.await.expect("a worker"));
        }
        for person in self.authors.iter_mut().chain([&mut self.reader, &mut self.star]) {
            person.tokens = guest.sign_in(&person.account.handle).await.expect("tokens");
        }
    }

    /// Waits until every kind of call that begins from now on has succeeded.
    pub(crate) async fn work(&self) {
        let from = Instant::now();
        wait::until("a call of each kind", || async {
            each_kind_worked(&self.between(from, Instant::now())).then_some(())
        })
        .await;
    }

    /// How many authors follow the star, once they have finished.
    pub(crate) fn follows(&self) -> i64 {
        self.follows
    }

    /// The samples of calls that began between the two moments.
    pub(crate) fn between(&self, from: Instant, until: Instant) -> Vec<Sample> {
        let record = self.record.lock();
        record.samples.iter().filter(|s| s.began >= from && s.began < until).cloned().collect()
    }
}

impl Worker {
    /// Works until told to stop and nothing is open any more; whether it follows the star then.
    async fn run(mut self, stop: Arc<AtomicBool>) -> bool {
        while !stop.load(Ordering::Relaxed) || self.post.is_some() || self.change.is_some() {
            self.publish().await;
            self.change_follow().await;
            let like = LikePostRequest { request_id: request_id(), post_id: self.liked };
            let _ = call(&self.record, Kind::Like, &self.me, &Token::default(), like).await;
            let profile = GetAccountRequest { account_id: self.star };
            let _ = call(&self.record, Kind::Profile, &self.me, &Token::default(), profile).await;
            self.sign_in().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.follows
    }

    async fn publish(&mut self) {
        let fresh = || CreatePostRequest {
            request_id: request_id(),
            text: format!("{} {}", self.name, self.posted),
            ..CreatePostRequest::default()
        };
        let request = self.post.take().unwrap_or_else(fresh);
        let text = request.text.clone();
        match call(&self.record, Kind::Post, &self.me, &Token::default(), request.clone()).await {
            Ok((answer, token)) => {
                let post = answer.post.expect("a post");
                let mut record = self.record.lock();
                record.token.merge(&token);
                if let Some(other) = record.posts.insert(text.clone(), post.post_id) {
                    record.wrong.push(format!("`{text}` was published as {other} and as {}", post.post_id));
                }
                drop(record);
                self.posted += 1;
            }
            Err(error) => {
                self.allowed(&error, "post");
                self.post = Some(request);
            }
        }
    }

    async fn change_follow(&mut self) {
        let change = self.change.take().unwrap_or_else(|| match self.follows {
            false => Change::Follow(FollowRequest { request_id: request_id(), account_id: self.star }),
            true => Change::Unfollow(UnfollowRequest { request_id: request_id(), account_id: self.star }),
        });
        let done = match &change {
            Change::Follow(request) => {
                call(&self.record, Kind::Follow, &self.me, &Token::default(), request.clone()).await.map(drop)
            }
            Change::Unfollow(request) => {
                call(&self.record, Kind::Follow, &self.me, &Token::default(), request.clone()).await.map(drop)
            }
        };
        match done {
            Ok(()) => self.follows = !self.follows,
            Err(error) => {
                self.allowed(&error, "follow");
                self.change = Some(change);
            }
        }
    }

    async fn sign_in(&mut self) {
        let request = SignInRequest {
            request_id: request_id(),
            login: self.me.account.handle.clone(),
            password: PASSWORD.to_owned(),
            device_name: "test".to_owned(),
        };
        let channel = self.guest.routes.to(SignInRequest::METHOD.service);
        // Sessions may be lost on purpose; then this brings the next.
        if let Ok((answer, _)) =
            timed(&self.record, self.me.id(), Kind::SignIn, &channel, &Token::default(), request).await
        {
            self.me.tokens = answer.tokens.expect("tokens");
        }
    }

    /// A write that failed for what a fault does not explain is wrong.
    fn allowed(&self, error: &Error, what: &str) {
        let session = error.code() == Code::Unauthenticated;
        if !error.is_transient() && error.code() != Code::Unknown && !session {
            self.record.lock().wrong.push(format!("{what}: {error}"));
        }
    }
}

/// Reads home again and again: every page must be right, whatever is away.
async fn read(mut reader: Person, record: Arc<Mutex<Record>>, stop: Arc<AtomicBool>) -> bool {
    while !stop.load(Ordering::Relaxed) {
        let (token, known) = {
            let record = record.lock();
            (record.token.clone(), record.posts.values().copied().collect::<Vec<i64>>())
        };
        let request = GetHomeFeedRequest { page_size: PAGE, ..GetHomeFeedRequest::default() };
        let channel = reader.routes.to(GetHomeFeedRequest::METHOD.service);
        let channel = channel.with_bearer(&reader.tokens.access_token).expect("an ASCII token");
        let cx = Cx::new(Caller::default(), Instant::now() + DEADLINE).with_token(token);
        let began = Instant::now();
        let answer: Result<GetHomeFeedResponse, Error> =
            channel.unary(&cx, None, GetHomeFeedRequest::METHOD, request).await;
        let behind = !cx.take_outcome().degraded.is_empty();
        note(&record, reader.id(), Kind::Home, began, answer.as_ref().err(), behind);
        match answer {
            Ok(page) => {
                let ids: Vec<i64> = page.posts.iter().map(|post| post.post_id).collect();
                let more = !page.next_page_token.is_empty();
                record.lock().wrong.extend(wrong_page(&ids, &known, more, behind));
            }
            Err(error) if error.code() == Code::Unauthenticated => {
                if let Ok(tokens) = (Guest { routes: reader.routes.clone() }).sign_in(&reader.account.handle).await {
                    reader.tokens = tokens;
                }
            }
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// What is wrong with a page that was asked for when `known` was acknowledged: posts out of order, twice, or left out. One
/// that says that it is behind may lack the newest, but nothing in the middle.
fn wrong_page(page: &[i64], known: &[i64], more: bool, behind: bool) -> Option<String> {
    if !page.windows(2).all(|pair| pair[0] > pair[1]) {
        return Some(format!("a page out of order: {page:?}"));
    }
    let lowest = if more { page.last().copied().unwrap_or(i64::MAX) } else { i64::MIN };
    let highest = if behind { page.first().copied().unwrap_or(i64::MIN) } else { i64::MAX };
    let inside = known.iter().filter(|id| **id > lowest && **id < highest);
    let lacking: Vec<i64> = inside.filter(|id| !page.contains(id)).copied().collect();
    (!lacking.is_empty()).then(|| format!("a page without {lacking:?}, behind: {behind}: {page:?}"))
}

async fn call<Q: Rpc>(
    record: &Mutex<Record>,
    kind: Kind,
    me: &Person,
    token: &Token,
    request: Q,
) -> Result<(Q::Response, Token), Error> {
    let channel = me.routes.to(Q::METHOD.service).with_bearer(&me.tokens.access_token).expect("an ASCII token");
    timed(record, me.id(), kind, &channel, token, request).await
}

async fn timed<Q: Rpc>(
    record: &Mutex<Record>,
    who: i64,
    kind: Kind,
    channel: &plaza_rpc::Channel,
    token: &Token,
    request: Q,
) -> Result<(Q::Response, Token), Error> {
    let cx = Cx::new(Caller::default(), Instant::now() + DEADLINE).with_token(token.clone());
    let began = Instant::now();
    let answer = channel.unary(&cx, None, Q::METHOD, request).await;
    let outcome = cx.take_outcome();
    note(record, who, kind, began, answer.as_ref().err(), !outcome.degraded.is_empty());
    answer.map(|answer| (answer, outcome.token))
}

fn note(record: &Mutex<Record>, who: i64, kind: Kind, began: Instant, error: Option<&Error>, degraded: bool) {
    let mut record = record.lock();
    let again = match error {
        Some(_) => !record.failed.insert((who, kind)),
        None => record.failed.remove(&(who, kind)),
    };
    let sample = Sample { kind, began, took: began.elapsed(), error: error.cloned(), degraded, again };
    record.samples.push(sample);
}

#[test]
fn pages_are_judged() {
    assert_eq!(wrong_page(&[5, 4, 3], &[3, 4, 5], true, false), None);
    assert_eq!(wrong_page(&[5, 4], &[1, 4, 5], true, false), None, "older posts come later");
    assert!(wrong_page(&[5, 4], &[1, 4, 5], false, false).is_some(), "the end of the feed");
    assert!(wrong_page(&[5, 3], &[3, 4, 5], true, true).is_some(), "a hole");
    assert!(wrong_page(&[4, 3], &[3, 4, 5], true, false).is_some(), "the newest");
    assert_eq!(wrong_page(&[4, 3], &[3, 4, 5], true, true), None, "behind, and says so");
    assert!(wrong_page(&[4, 4], &[], true, false).is_some(), "twice");
}
