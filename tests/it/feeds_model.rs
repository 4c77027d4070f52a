//! Random histories on the whole platform, with its stores and its event log, against a brute-force model of home feeds.

use std::collections::{BTreeMap, BTreeSet};

use plaza_core::{Env, ManualClock, Timestamp, Token};
use plaza_proto::feeds::v1::RebuildFeedRequest;
use plaza_proto::graph::v1::{BlockRequest, FollowRequest, UnblockRequest, UnfollowRequest};
use plaza_proto::posts::v1::{CreatePostRequest, DeletePostRequest, Visibility};
use plaza_testkit::person::request_id;
use plaza_testkit::{Person, Sandbox, wait};

const PEOPLE: usize = 6;
const ROUNDS: usize = 12;
const STEPS: usize = 30;
/// Windows overflow and authors become celebrities early on.
pub(crate) const SETTINGS: &[(&str, &str)] = &[("PLAZA_FEEDS__CAP", "12"), ("PLAZA_FEEDS__CELEBRITY_THRESHOLD", "3")];

/// Who follows and blocks whom, and who wrote what for whom.
#[derive(Default)]
struct Model {
    follows: BTreeSet<(usize, usize)>,
    blocks: BTreeSet<(usize, usize)>,
    /// Author and whether it is for followers only, by id.
    posts: BTreeMap<i64, (usize, bool)>,
}

impl Model {
    fn blocked(&self, a: usize, b: usize) -> bool {
        self.blocks.contains(&(a, b)) || self.blocks.contains(&(b, a))
    }

    /// The whole home feed of a reader, newest first.
    fn home(&self, reader: usize) -> Vec<i64> {
        let shown = |author: usize| {
            author == reader || (self.follows.contains(&(reader, author)) && !self.blocked(reader, author))
        };
        self.posts.iter().rev().filter(|(_, (author, _))| shown(*author)).map(|(id, _)| *id).collect()
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
        match self.roll(20) {
            0..=9 => self.post(a).await,
            10 | 11 => self.delete().await,
            _ if a == b => {}
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
        let request = DeletePostRequest { request_id: request_id(), post_id: id };
        let answer = self.people[author].call(request).await.expect("a deletion");
        self.token.merge(&answer.token);
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
