//! Who sees what, in every place, on a platform that runs: viewer × author × visibility, as the tables of
//! `docs/visibility.md` have it. What the posts service says alone is tested there, with viewers that there cannot be here.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use plaza_core::{Token, reason};
use plaza_proto::accounts::v1::{DeactivateAccountRequest, Preferences, UpdatePreferencesRequest};
use plaza_proto::feeds::v1::stream_home_feed_response::Update;
use plaza_proto::feeds::v1::{GetListFeedRequest, GetUserFeedRequest, StreamHomeFeedRequest, StreamHomeFeedResponse};
use plaza_proto::graph::v1::{
    AddListMembersRequest, BlockRequest, CreateListRequest, FollowRequest, MuteRequest, MuteScopes,
};
use plaza_proto::posts::v1::{
    BatchGetPostsRequest, CreatePostRequest, GetPostRequest, GetThreadRequest, ListLikersRequest,
    ListPostsByAuthorRequest, ListPostsByHashtagRequest, ListQuotesRequest, Post, Visibility,
};
use plaza_rpc::Rpc;
use plaza_testkit::person::{Outcome, request_id};
use plaza_testkit::{Guest, Person, Sandbox, Shape, wait};

const OPEN: &str = "## Posts of an account\n";
const PROTECTED: &str = "## Posts of a protected account\n";
const HIDDEN: &str = "## Posts of an account that is out of sight\n";
const VISIBILITIES: [Visibility; 4] =
    [Visibility::Public, Visibility::Unlisted, Visibility::Followers, Visibility::Mentioned];

/// The rows of the docs' table under a heading: a viewer, and the places by visibility.
fn table(heading: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let docs = include_str!("../../docs/visibility.md");
    let part = docs.split_once(heading).expect("the heading").1.split("\n## ").next().unwrap_or_default();
    let rows = part.lines().filter(|line| line.starts_with("| ")).skip(1);
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    rows.map(|line| (cells(line)[0], cells(line)[1..].to_vec())).collect()
}

/// An author, and somebody who looks for their posts.
struct Scene {
    guest: Guest,
    author: Person,
    /// `None` for nobody.
    viewer: Option<Person>,
    /// A public list of somebody else that the author is on.
    list: i64,
    /// What the author's posts quote.
    quoted: i64,
    tag: String,
    mention: String,
    /// Of all that was written so far.
    token: Token,
}

impl Scene {
    /// Makes the people, and has the viewer stand to the author as the docs call it; `None` for a viewer that there cannot
    /// be here.
    async fn new(guest: &Guest, n: usize, heading: &str, name: &str) -> Option<Self> {
        let author = guest.join(&format!("author_{n}")).await;
        let (other, lister) = (guest.join(&format!("other_{n}")).await, guest.join(&format!("lister_{n}")).await);
        let viewer = match name {
            "nobody" => None,
            "a service" | "a service for a follower" => return None,
            "the author" => Some(author.clone()),
            _ => Some(guest.join(&format!("viewer_{n}")).await),
        };
        let mut token = lister.follow(&author).await.expect("follow");
        let create =
            CreateListRequest { request_id: request_id(), name: "l".to_owned(), public: true, exclusive: false };
        let list = lister.call(create).await.expect("a list").message.list.unwrap_or_default().list_id;
        let account_ids = vec![author.id()];
        let add = AddListMembersRequest { request_id: request_id(), list_id: list, account_ids };
        lister.call(add).await.expect("a member");
        let (quoted, wrote) = other.post("quoted").await.expect("post");
        token.merge(&wrote);
        let mut scene = Self {
            guest: guest.clone(),
            author,
            viewer,
            list,
            quoted: quoted.post_id,
            tag: format!("tag{n}"),
            mention: if name.contains("the post mentions") { format!("@viewer_{n}") } else { String::new() },
            token,
        };
        scene.relate(heading, name).await;
        Some(scene)
    }

    async fn relate(&mut self, heading: &str, name: &str) {
        let (author, viewer) = (self.author.clone(), self.viewer.clone().unwrap_or_else(|| self.author.clone()));
        if name.starts_with("a follower") || name == "a mutual" {
            self.token.merge(&viewer.follow(&author).await.expect("follow"));
        }
        if name == "one whom the author follows" || name == "a mutual" {
            self.token.merge(&author.follow(&viewer).await.expect("follow"));
        }
        let asks = name == "one who waits for leave to follow the author";
        if heading == PROTECTED || asks {
            self.protect(true).await;
        }
        if asks {
            let request = FollowRequest { request_id: request_id(), account_id: author.id() };
            let asked = viewer.call(request).await.expect("a request");
            assert!(asked.message.relationship.is_some_and(|r| r.requested && !r.following));
            self.token.merge(&asked.token);
        }
        if heading != PROTECTED && asks {
            self.protect(false).await;
        }
        if name.contains("who mutes the author") {
            let scopes = Some(MuteScopes { posts: true, reposts: true, notifications: true });
            let (request_id, account_id) = (request_id(), author.id());
            let mute = MuteRequest { request_id, account_id, scopes, ..MuteRequest::default() };
            self.token.merge(&viewer.call(mute).await.expect("mute").token);
        }
        if name == "one who blocks the author" {
            self.block(&viewer, &author).await;
        }
        if name.ends_with("the author blocks") {
            self.block(&author, &viewer).await;
        }
        if heading == HIDDEN {
            let request = DeactivateAccountRequest { request_id: request_id(), account_id: author.id() };
            self.token.merge(&author.call(request).await.expect("out of sight").token);
        }
    }

    async fn protect(&mut self, protected: bool) {
        let preferences = Some(Preferences { protected, ..Preferences::default() });
        let update_mask = Some(prost_types::FieldMask { paths: vec!["protected".to_owned()] });
        let (request_id, account_id) = (request_id(), self.author.id());
        let request = UpdatePreferencesRequest { request_id, account_id, preferences, update_mask };
        self.token.merge(&self.author.call(request).await.expect("preferences").token);
    }

    async fn block(&mut self, one: &Person, other: &Person) {
        let request = BlockRequest { request_id: request_id(), account_id: other.id() };
        self.token.merge(&one.call(request).await.expect("block").token);
    }

    /// Calls as the viewer, after all that was written.
    async fn call<Q: Rpc>(&self, request: Q) -> Outcome<Q::Response> {
        match &self.viewer {
            Some(viewer) => viewer.call_after(&self.token, request).await,
            None => self.guest.call_after(&self.token, request).await,
        }
    }

    /// Publishes a post of each visibility, and tells which of them came by the viewer's live feed.
    async fn publish(&mut self) -> (Vec<i64>, BTreeSet<i64>) {
        let live = match &self.viewer {
            Some(viewer) => Some(opened(viewer).await),
            None => None,
        };
        let mut posts = Vec::new();
        for visibility in VISIBILITIES {
            let request = CreatePostRequest {
                request_id: request_id(),
                text: format!("look #{} {}", self.tag, self.mention),
                visibility: visibility.into(),
                quote_of_id: self.quoted,
                ..CreatePostRequest::default()
            };
            let published = self.author.call(request).await.expect("post");
            self.token.merge(&published.token);
            posts.push(published.message.post.expect("a post").post_id);
        }
        let (Some(viewer), Some(mut live)) = (&self.viewer, live) else { return (posts, BTreeSet::new()) };
        // What comes before the viewer's own post is all there was.
        let (last, wrote) = viewer.post("last").await.expect("post");
        let mut came = BTreeSet::new();
        loop {
            match next(&mut live).await {
                Update::Post(post) if post.post_id == last.post_id => break,
                Update::Post(post) => drop(came.insert(post.post_id)),
                other => panic!("not a post: {other:?}"),
            }
        }
        self.token.merge(&wrote);
        (posts, came)
    }

    /// In which places the viewer finds a post, by the letters of the docs.
    async fn places(&self, post: i64, streamed: bool) -> String {
        let mut found = String::new();
        let mut add = |letter, there: bool| {
            if there {
                found.push(letter);
            }
        };
        let holds = |posts: Vec<Post>| posts.iter().any(|found| found.post_id == post);
        match self.call(GetPostRequest { post_id: post }).await {
            Ok(_) => add('g', true),
            Err(error) => assert!(error.is(reason::POST_NOT_FOUND), "{error}"),
        }
        let batch = self.call(BatchGetPostsRequest { post_ids: vec![post] }).await.expect("a batch");
        add('b', holds(batch.message.posts));
        let author_id = self.author.id();
        let request = ListPostsByAuthorRequest { author_id, page_size: 100, ..Default::default() };
        add('a', holds(self.call(request).await.expect("a list").message.posts));
        let likers = ListLikersRequest { post_id: post, ..ListLikersRequest::default() };
        add('l', self.call(likers).await.is_ok());
        let quotes = ListQuotesRequest { post_id: self.quoted, ..ListQuotesRequest::default() };
        add('q', holds(self.call(quotes).await.expect("quotes").message.posts));
        let thread = self.call(GetThreadRequest { post_id: post, ..GetThreadRequest::default() }).await;
        add('t', thread.is_ok_and(|thread| thread.message.post.is_some_and(|place| place.post.is_some())));
        let tagged = ListPostsByHashtagRequest { hashtag: self.tag.clone(), ..Default::default() };
        add('h', holds(self.call(tagged).await.expect("a list").message.posts));
        if let Some(viewer) = &self.viewer {
            add('o', holds(viewer.home(&self.token, 100).await.expect("a page").message.posts));
        }
        add('s', streamed);
        let request = GetUserFeedRequest { account_id: author_id, page_size: 100, ..Default::default() };
        add('u', holds(self.call(request).await.expect("a page").message.posts));
        let request = GetListFeedRequest { list_id: self.list, page_size: 100, ..Default::default() };
        add('i', holds(self.call(request).await.expect("a page").message.posts));
        found
    }
}

type Live = plaza_rpc::Stream<StreamHomeFeedResponse>;

/// The viewer's live feed, once it is open.
async fn opened(viewer: &Person) -> Live {
    let mut live = viewer.stream(StreamHomeFeedRequest::default()).await.expect("a stream");
    let first = next(&mut live).await;
    assert!(matches!(first, Update::Opened(_)), "{first:?}");
    live
}

async fn next(live: &mut Live) -> Update {
    let update = tokio::time::timeout(wait::PATIENCE, live.next()).await.expect("in time");
    update.expect("a message").expect("no error").update.expect("an update")
}

async fn holds(heading: &str) {
    let sandbox = Sandbox::start(Shape::OneProcess).await;
    let guest = sandbox.guest();
    let (mut seen, mut wrong) = (0, Vec::new());
    for (n, (name, expected)) in table(heading).into_iter().enumerate() {
        let Some(mut scene) = Scene::new(&guest, n, heading, name).await else { continue };
        let (posts, came) = scene.publish().await;
        for ((post, visibility), expected) in posts.into_iter().zip(VISIBILITIES).zip(expected) {
            let found = scene.places(post, came.contains(&post)).await;
            if found != expected.trim_matches('–') {
                wrong.push(format!("{name} finds a post {visibility:?} at `{found}`, not `{expected}`"));
            }
        }
        seen += 1;
    }
    assert!(wrong.is_empty(), "{heading}{}", wrong.join("\n"));
    assert_eq!(seen, 15, "{heading}");
    sandbox.stop().await;
}

#[tokio::test]
async fn the_matrix_holds_in_every_place_for_an_account() {
    holds(OPEN).await;
}

#[tokio::test]
async fn the_matrix_holds_in_every_place_for_a_protected_account() {
    holds(PROTECTED).await;
}

#[tokio::test]
async fn the_matrix_holds_in_every_place_for_an_account_out_of_sight() {
    holds(HIDDEN).await;
}
