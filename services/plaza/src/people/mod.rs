//! The people that `demo`, `seed` and `bench` fill a platform with: who they are, whom they follow, what they say.
//!
//! All of it is fixed by numbers: the same seed gives the same people, follows, posts and likes, under the same request
//! ids, on every machine.

pub mod edges;
pub mod graph;
mod names;
mod words;

use uuid::Uuid;

pub use graph::{Follows, Shape};
pub use names::{PASSWORD, Person, person};

/// What a platform is filled with.
#[derive(Clone, Debug)]
pub struct Plan {
    follows: Follows,
    seed: u64,
    posts: u64,
    likes: u64,
}

/// One post of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedPost {
    /// The number of its author.
    pub author: u32,
    /// What it says.
    pub text: String,
}

/// What a seeded request is for; with the seed and a number it makes the request's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Creating an account.
    Account,
    /// Following.
    Follow,
    /// Publishing.
    Post,
    /// Liking.
    Like,
}

impl Plan {
    /// A plan with this many posts and likes among the people of `follows`.
    #[must_use]
    pub fn new(follows: Follows, seed: u64, posts: u64, likes: u64) -> Self {
        let likes = if posts == 0 { 0 } else { likes };
        let posts = if follows.people() == 0 { 0 } else { posts };
        Self { follows, seed, posts, likes }
    }

    /// Who follows whom.
    #[must_use]
    pub fn follows(&self) -> &Follows {
        &self.follows
    }

    /// How many posts there are.
    #[must_use]
    pub fn posts(&self) -> u64 {
        self.posts
    }

    /// How many likes there are.
    #[must_use]
    pub fn likes(&self) -> u64 {
        self.likes
    }

    /// Post number `n`. It does not depend on how many posts there are, so that a larger plan only adds.
    #[must_use]
    pub fn post(&self, n: u64) -> PlannedPost {
        let mut rng = self.rng(Purpose::Post, n);
        // The smaller of two draws: a few write much, many write little.
        let people = self.follows.people();
        let author = rng.u32(0..people).min(rng.u32(0..people));
        let friend = rng.choice(self.follows.of(author)).copied();
        let text = words::post(&mut rng, friend.map(|f| person(f).handle).as_deref());
        PlannedPost { author, text }
    }

    /// Like number `n`: who likes, and the number of the post.
    #[must_use]
    pub fn like(&self, n: u64) -> (u32, u64) {
        let mut rng = self.rng(Purpose::Like, n);
        // The smallest of three draws: some posts are liked a lot.
        let post = rng.u64(0..self.posts).min(rng.u64(0..self.posts)).min(rng.u64(0..self.posts));
        (rng.u32(0..self.follows.people()), post)
    }

    /// The id of the request that does number `n` of `purpose`.
    #[must_use]
    pub fn request_id(&self, purpose: Purpose, n: u64) -> Uuid {
        let mut bytes = [0; 16];
        let mut rng = self.rng(purpose, n);
        rng.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    fn rng(&self, purpose: Purpose, n: u64) -> fastrand::Rng {
        // Odd multipliers spread the three numbers over the generator's 64 bits of seed.
        let mixed = (self.seed.wrapping_add(1)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ (purpose as u64 + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9)
            ^ n.wrapping_add(1).wrapping_mul(0x94d0_49bb_1331_11eb);
        fastrand::Rng::with_seed(mixed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn plan(seed: u64, posts: u64) -> Plan {
        Plan::new(Follows::generate(Shape { people: 50, mean_followers: 8.0 }, 3), seed, posts, 40)
    }

    #[test]
    fn a_larger_plan_only_adds() {
        let (small, large) = (plan(1, 10), plan(1, 100));
        for n in 0..10 {
            assert_eq!(small.post(n), large.post(n));
            assert_eq!(small.request_id(Purpose::Post, n), large.request_id(Purpose::Post, n));
        }
        assert_ne!(plan(2, 10).post(0), small.post(0));
    }

    #[test]
    fn request_ids_are_uuids_and_differ() {
        let plan = plan(1, 10);
        let purposes = [Purpose::Account, Purpose::Follow, Purpose::Post, Purpose::Like];
        let ids = purposes.map(|p| (0..1_000).map(move |n| (p, n)));
        let ids: HashSet<Uuid> = ids.into_iter().flatten().map(|(p, n)| plan.request_id(p, n)).collect();
        assert_eq!(ids.len(), 4_000);
        assert!(ids.iter().all(|id| id.get_version_num() == 4));
    }

    #[test]
    fn posts_are_within_what_the_platform_takes_and_likes_name_posts() {
        let plan = plan(1, 500);
        for n in 0..500 {
            let post = plan.post(n);
            assert!(post.author < 50 && !post.text.trim().is_empty() && post.text.len() < 500, "{}", post.text);
        }
        assert!((0..40).map(|n| plan.like(n)).all(|(who, post)| who < 50 && post < 500));
    }

    #[test]
    fn a_plan_without_people_or_posts_is_empty() {
        let nobody = Plan::new(Follows::from_pairs(0, Vec::new()), 1, 10, 10);
        assert_eq!(nobody.posts(), 0);
        assert_eq!(Plan::new(Follows::from_pairs(2, vec![(0, 1)]), 1, 0, 10).likes(), 0);
    }
}
