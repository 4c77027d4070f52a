//! The plan that the flags of `demo`, `seed` and `bench` ask for.

use crate::cli::{PeopleArgs, SizesArgs};
use crate::failure::{Failure, Result};
use crate::people::{Follows, Plan, Shape, edges};

/// People, unless asked for otherwise.
const PEOPLE: u32 = 1_000;
/// The mean number of followers of a college network; see `docs/performance.md`.
const MEAN_FOLLOWERS: f64 = 39.0;
const POSTS_EACH: u64 = 20;
const LIKES_EACH: u64 = 10;

/// The plan.
///
/// # Errors
/// An edge list that cannot be read, with the line that is to blame.
pub fn of(people: &PeopleArgs, sizes: &SizesArgs) -> Result<Plan> {
    let follows = follows(people)?.with_somebody_ordinary_first();
    let count = u64::from(follows.people());
    let posts = sizes.posts.unwrap_or(count * POSTS_EACH);
    let likes = sizes.likes.unwrap_or(count * LIKES_EACH);
    Ok(Plan::new(follows, people.seed, posts, likes))
}

fn follows(people: &PeopleArgs) -> Result<Follows> {
    let Some(file) = &people.edges else {
        let shape = Shape {
            people: people.people.unwrap_or(PEOPLE),
            mean_followers: people.followers.unwrap_or(MEAN_FOLLOWERS),
        };
        return Ok(Follows::generate(shape, people.seed));
    };
    let text = std::fs::read_to_string(file).map_err(|e| Failure::new(format!("{}: {e}", file.display())))?;
    edges::parse(&text).map_err(|e| Failure::new(format!("{}: {e}", file.display())))
}
