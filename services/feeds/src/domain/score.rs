//! How good a post is for who catches up, told in parts.

use plaza_core::Timestamp;
use plaza_proto::posts::v1::Post;

/// So many posts of one author that the reader likes make it as close as it gets.
const LIKED_MOST: u32 = 5;
const HOUR_MS: f64 = 3_600_000.0;

/// How much each part counts. Settings are in hundredths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weights {
    pub(crate) likes: f64,
    pub(crate) reposts: f64,
    pub(crate) replies: f64,
    pub(crate) closeness: f64,
    /// After so many hours a post counts half.
    pub(crate) half_life_hours: f64,
}

/// How close whoever brings a post is to the reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Closeness {
    /// Follows the reader back.
    pub(crate) mutual: bool,
    /// How many of the posts that are looked at it wrote and the reader likes.
    pub(crate) liked: u32,
}

/// A score by its parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Score {
    pub(crate) likes: f64,
    pub(crate) reposts: f64,
    pub(crate) replies: f64,
    pub(crate) closeness: f64,
    /// What the sum of the others is multiplied by.
    pub(crate) decay: f64,
}

impl Score {
    /// The score of a post that stands since `since`, at `now`. Of each count the logarithm counts, so that ten times as
    /// many likes are one step more.
    pub(crate) fn of(weights: &Weights, post: &Post, since: Timestamp, closeness: Closeness, now: Timestamp) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a score need not be exact to the last digit")]
        let step = |count: i64| (count.max(0) as f64).ln_1p();
        #[expect(clippy::cast_precision_loss, reason = "as above; years of milliseconds are exact")]
        let hours = now.0.saturating_sub(since.0).max(0) as f64 / HOUR_MS;
        Self {
            likes: weights.likes * step(post.like_count),
            reposts: weights.reposts * step(post.repost_count),
            replies: weights.replies * step(post.reply_count),
            closeness: weights.closeness * closeness.degree(),
            decay: (-hours / weights.half_life_hours).exp2(),
        }
    }

    pub(crate) fn total(&self) -> f64 {
        (self.likes + self.reposts + self.replies + self.closeness) * self.decay
    }
}

impl Closeness {
    /// From one half, for who is followed alone, to one and a half.
    fn degree(self) -> f64 {
        let followed = if self.mutual { 1.0 } else { 0.5 };
        followed + f64::from(self.liked.min(LIKED_MOST)) / f64::from(LIKED_MOST) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEIGHTS: Weights = Weights { likes: 1.0, reposts: 2.0, replies: 3.0, closeness: 4.0, half_life_hours: 12.0 };

    fn score(post: &Post, hours: i64, closeness: Closeness) -> Score {
        Score::of(&WEIGHTS, post, Timestamp(0), closeness, Timestamp(hours * 3_600_000))
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn each_part_counts_by_its_weight_and_time_halves_the_sum() {
        let post = Post { like_count: 9, repost_count: 0, reply_count: 1, ..Post::default() };
        let fresh = score(&post, 0, Closeness::default());
        assert!(near(fresh.likes, 10_f64.ln()) && near(fresh.reposts, 0.0) && near(fresh.replies, 3.0 * 2_f64.ln()));
        assert!(near(fresh.closeness, 2.0) && near(fresh.decay, 1.0));
        assert!(near(fresh.total(), 10_f64.ln() + 3.0 * 2_f64.ln() + 2.0));
        assert!(near(score(&post, 24, Closeness::default()).total(), fresh.total() / 4.0));
        assert!(near(score(&post, -5, Closeness::default()).decay, 1.0), "a clock that is ahead gives no more");
    }

    #[test]
    fn who_follows_back_and_is_liked_is_closer_up_to_a_bound() {
        let degrees = [(false, 0), (false, 5), (true, 0), (true, 1), (true, 5), (true, 500)]
            .map(|(mutual, liked)| Closeness { mutual, liked }.degree());
        for (degree, expected) in degrees.into_iter().zip([0.5, 1.0, 1.0, 1.1, 1.5, 1.5]) {
            assert!(near(degree, expected), "{degree} is not {expected}");
        }
    }
}
