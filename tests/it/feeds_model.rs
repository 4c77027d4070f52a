//! Random histories on the whole platform, with its stores and its event log, against a brute-force model of home feeds.

use std::collections::{BTreeMap, BTreeSet};

use plaza_core::{Env, ManualClock, Timestamp, Token};
use plaza_proto::feeds::v1::RebuildFeedRequest;
use plaza_proto::graph::v1::{
    BlockRequest, FollowRequest, MuteRequest, MuteScopes, UnblockRequest, UnfollowRequest, UnmuteRequest,
};
use plaza_proto::posts::v1::{CreatePostRequest, DeletePostRequest, RepostRequest, UndoRepostRequest, Visibility};
use plaza_testkit::person::request_id;
use plaza_testkit::{Person, Sandbox, wait};

const PEOPLE: usize = 6;
const ROUNDS: usize = 12;
const STEPS: usize = 30;
/// Windows overflow and authors become celebrities early on.
pub(crate) const SETTINGS: &[(&str, &str)] = &[("PLAZA_FEEDS__CAP", "12"), ("PLAZA_FEEDS__CELEBRITY_THRESHOLD", "3")];

/// Who follows, blocks and mutes whom, and who wrote and reposted what.
#[derive(Default)]
struct Model {
    follows: BTreeSet<(usize, usize)>,
    blocks: BTreeSet<(usize, usize)>,
    /// Author and whether it is for followers only, by id.
    posts: BTreeMap<i64, (usize, bool)>,
    /// Who reposted which post, by the repost's id.
    reposts: BTreeMap<i64, (usize, i64)>,
    /// Whether a mute is of posts, and of reposts.
    mutes: BTreeMap<(usize, usize), [bool; 2]>,
}

impl Model {
    fn blocked(&self, a: usize, b: usize) -> bool {
        self.blocks.contains(&(a, b)) || self.blocks.contains(&(b, a))
    }

    fn mutes(&self, reader: usize, other: usize) -> [bool; 2] {
        self.mutes.get(&(reader, other)).copied().unwrap_or_default()
    }

    /// Whether `by` brings a post of `author` into the home of a reader.
    fn shows(&self, reader: usize, by: usize, author: usize, is_repost: bool) -> bool {
        let wanted = match is_repost {
            true => !self.mutes(reader, by)[1] && !self.mutes(reader, author)[0],
            false => !self.mutes(reader, by)[0],
        };
        !self.blocked(reader, author) && (by == reader || (self.follows.contains(&(reader, by)) && wanted))
    }

    /// The whole home feed of a reader, newest first, each post once.
    fn home(&self, reader: usize) -> Vec<i64> {
        let posts = self.posts.iter().map(|(id, (author, _))| (*id, *id, *author));
        let reposts = self.reposts.iter().map(|(place, (by, post))| (*place, *post, *by));
        let entries: BTreeSet<(i64, i64, usize)> = posts.chain(reposts).collect();
        let shown = entries
            .into_iter()
            .rev()
            .filter(|(place, post, by)| self.shows(reader, *by, self.posts[post].0, place != post));
        let mut once = BTreeSet::new();
        shown.map(|(_, post, _)| post).filter(|post| once.insert(*post)).collect()
    }
}

/// A platform with people in it, the model of it, and what stands for all that was written.
struct World {
    people: Vec<Person>,
    model: Model,
    token: Token,
    dice: Env,
}

impl World {
    fn roll(&self, below: usize) -> usize {
        usize::try_from(self.dice.below(below as u64)).expect("small")
    }

    async fn step(&mut self) {
        let (a, b) = (self.roll(PEOPLE), self.roll(PEOPLE));
        match self.roll(27) {
            0..=9 => self.post(a).await,
            10 | 11 => self.delete().await,
            20..=23 => self.repost(a).await,
            24 => self.undo_repost().await,
            _ if a == b => {}
            25 => self.mute(a, b).await,
            26 => self.unmute(a, b).await,
            12..=15 => self.follow(a, b).await,
            16 | 17 => self.unfollow(a, b).await,
            18 => self.block(a, b).await,
            _ => self.unblock(a, b).await,
        }
    }

    async fn post(&mut self, author: usize) {
        let for_followers = self.roll(5) == 0;
        let visibility = if for_followers { Visibility::Followers } else { Visibility::Public };
        let request = CreatePostRequest {
            request_id: request_id(),
            text: format!("a word of {author}"),
            visibility: visibility.into(),
            ..CreatePostRequest::default()
        };
        let answer = self.people[author].call(request).await.expect("a post");
        self.token.merge(&answer.token);
        self.model.posts.insert(answer.message.post.expect("one").post_id, (author, for_followers));
    }

    async fn delete(&mut self) {
        let all: Vec<i64> = self.model.posts.keys().copied().collect();
        if all.is_empty() {
            return;
        }
        let id = all[self.roll(all.len())];
        let (author, _) = self.model.posts.remove(&id).expect("one of them");
        self.model.reposts.retain(|_, (_, post)| *post != id);
        let request = DeletePostRequest { request_id: request_id(), post_id: id };
        let answer = self.people[author].call(request).await.expect("a deletion");
        self.token.merge(&answer.token);
    }

    async fn repost(&mut self, by: usize) {
        let public = self.model.posts.iter().filter(|(_, (author, only))| !only && !self.model.blocked(by, *author));
        let public: Vec<i64> = public.map(|(id, _)| *id).collect();
        if public.is_empty() {
            return;
        }
        let post_id = public[self.roll(public.len())];
        let request = RepostRequest { request_id: request_id(), post_id };
        let answer = self.people[by].call(request).await.expect("a repost");
        self.token.merge(&answer.token);
        self.model.reposts.insert(answer.message.repost_id, (by, post_id));
    }

    async fn undo_repost(&mut self) {
        // Of a post that a block hides by now a repost cannot be named any more.
        let seen = |(_, (by, post)): &(&i64, &(usize, i64))| !self.model.blocked(*by, self.model.posts[post].0);
        let all: Vec<i64> = self.model.reposts.iter().filter(seen).map(|(id, _)| *id).collect();
        if all.is_empty() {
            return;
        }
        let (by, post_id) = self.model.reposts.remove(&all[self.roll(all.len())]).expect("one of them");
        let request = UndoRepostRequest { request_id: request_id(), post_id };
        self.token.merge(&self.people[by].call(request).await.expect("the end of a repost").token);
    }

    async fn mute(&mut self, a: usize, b: usize) {
        let [posts, reposts] = [[true, true], [true, false], [false, true]][self.roll(3)];
        let scopes = Some(MuteScopes { posts, reposts, notifications: false });
        let account_id = self.people[b].id();
        let request = MuteRequest { request_id: request_id(), account_id, scopes, duration_seconds: 0 };
        self.token.merge(&self.people[a].call(request).await.expect("a mute").token);
        self.model.mutes.insert((a, b), [posts, reposts]);
    }

    async fn unmute(&mut self, a: usize, b: usize) {
        let request = UnmuteRequest { request_id: request_id(), account_id: self.people[b].id() };
        self.token.merge(&self.people[a].call(request).await.expect("an unmute").token);
        self.model.mutes.remove(&(a, b));
    }

    async fn follow(&mut self, a: usize, b: usize) {
        let request = FollowRequest { request_id: request_id(), account_id: self.people[b].id() };
        let answer = self.people[a].call(request).await;
        assert_eq!(answer.is_err(), self.model.blocked(a, b), "{answer:?}");
        if let Ok(answer) = answer {
            self.token.merge(&answer.token);
            self.model.follows.insert((a, b));
        }
    }

    async fn unfollow(&mut self, a: usize, b: usize) {
        let request = UnfollowRequest { request_id: request_id(), account_id: self.people[b].id() };
        self.token.merge(&self.people[a].call(request).await.expect("an unfollow").token);
        self.model.follows.remove(&(a, b));
    }

    async fn block(&mut self, a: usize, b: usize) {
        let request = BlockRequest { request_id: request_id(), account_id: self.people[b].id() };
        self.token.merge(&self.people[a].call(request).await.expect("a block").token);
        self.model.follows.remove(&(a, b));
        self.model.follows.remove(&(b, a));
        self.model.blocks.insert((a, b));
    }

    async fn unblock(&mut self, a: usize, b: usize) {
        let request = UnblockRequest { request_id: request_id(), account_id: self.people[b].id() };
        self.token.merge(&self.people[a].call(request).await.expect("an unblock").token);
        self.model.blocks.remove(&(a, b));
    }

    /// Every home is the model's: with the token at once, and without it soon.
    async fn check(&self, round: usize) {
        for (reader, person) in self.people.iter().enumerate() {
            let home = self.model.home(reader);
            let seen = person.walk_home(&self.token, 5).await.expect("a walk");
            assert_eq!(seen, home, "the home of {reader} in round {round}");
            wait::until("the home without a token", || async {
                (person.walk_home(&Token::default(), 7).await.expect("a walk") == home).then_some(())
            })
            .await;
        }
    }
}

pub(crate) async fn homes_are_what_the_model_says(sandbox: Sandbox) {
    let guest = sandbox.guest();
    let mut people = Vec::new();
    for n in 0..PEOPLE {
        people.push(guest.join(&format!("person{n}")).await);
    }
    let dice = Env::manual(ManualClock::new(Timestamp(0)), 23);
    let mut world = World { people, model: Model::default(), token: Token::default(), dice };
    for round in 0..ROUNDS {
        for _ in 0..STEPS {
            world.step().await;
        }
        if round % 4 == 3 {
            let rebuilt = world.roll(PEOPLE);
            let person = &world.people[rebuilt];
            let request = RebuildFeedRequest { request_id: request_id(), account_id: person.id() };
            person.call(request).await.expect("a rebuild");
        }
        world.check(round).await;
    }
    sandbox.stop().await;
}
