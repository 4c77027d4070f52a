//! A social graph: loaded from an edge list, or made with the degrees that real networks have.

use std::collections::HashSet;

/// How a made graph is to look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// How many people.
    pub people: u32,
    /// How many followers each has on average, as far as there are people.
    pub mean_followers: f64,
}

/// Who follows whom. People are numbered from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follows {
    /// For each person the people they follow, by rising number.
    followed: Vec<Vec<u32>>,
}

/// The spread of how many people somebody follows: the standard deviation of its logarithm.
const SIGMA_OUT: f64 = 0.9;
/// The spread of how popular somebody is besides.
const SIGMA_POPULARITY: f64 = 0.9;
/// The chance that a follow is returned because it was made. Of `b` follows made so and `b·p` returned, `2·p / (1 + p)`
/// of all are mutual: a half for a third.
const RETURNED: f64 = 1.0 / 3.0;

impl Follows {
    /// A graph from pairs of follower and followed; pairs said twice count once, and nobody follows themselves.
    #[must_use]
    pub fn from_pairs(people: u32, pairs: Vec<(u32, u32)>) -> Self {
        let mut followed = vec![Vec::new(); people as usize];
        for (who, whom) in pairs.into_iter().filter(|(a, b)| a != b) {
            followed[who as usize].push(whom);
        }
        for list in &mut followed {
            list.sort_unstable();
            list.dedup();
        }
        Self { followed }
    }

    /// A graph with log-normal numbers of followed accounts, a long tail of popular people, and about half of the
    /// follows mutual. The same seed gives the same graph.
    #[must_use]
    pub fn generate(shape: Shape, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let people = shape.people as usize;
        let mean = shape.mean_followers.clamp(0.0, f64::from(shape.people.saturating_sub(1)) / 3.0);
        let wanted: Vec<f64> = (0..people).map(|_| log_normal(&mut rng, mean / (1.0 + RETURNED), SIGMA_OUT)).collect();
        let picker = Picker::new(&mut rng, &wanted);
        let mut sets = vec![HashSet::new(); people];
        for (who, wanted) in wanted.iter().enumerate() {
            let count = round_by_chance(&mut rng, *wanted, people);
            for whom in picker.draw(&mut rng, who, count) {
                sets[who].insert(whom);
                if rng.f64() < RETURNED {
                    sets[whom as usize].insert(u32::try_from(who).unwrap_or_default());
                }
            }
        }
        let mut followed: Vec<Vec<u32>> = sets.into_iter().map(|set| set.into_iter().collect()).collect();
        followed.iter_mut().for_each(|list| list.sort_unstable());
        Self { followed }
    }

    /// The same graph with the person first whose circle is the most ordinary: as many followed and followers as most.
    #[must_use]
    pub fn with_somebody_ordinary_first(mut self) -> Self {
        let followers = self.follower_counts();
        let mean = self.count() / u64::from(self.people()).max(1);
        let oddness = |n: &u32| {
            let (following, followers) = (self.of(*n).len() as u64, u64::from(followers[*n as usize]));
            following.abs_diff(mean) + followers.abs_diff(mean)
        };
        let Some(ordinary) = (0..self.people()).min_by_key(oddness) else { return self };
        self.followed.swap(0, ordinary as usize);
        for list in &mut self.followed {
            for whom in list.iter_mut().filter(|whom| **whom == 0 || **whom == ordinary) {
                *whom = ordinary - *whom;
            }
            list.sort_unstable();
        }
        self
    }

    /// How many people there are.
    #[must_use]
    pub fn people(&self) -> u32 {
        u32::try_from(self.followed.len()).unwrap_or(u32::MAX)
    }

    /// How many follows there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.followed.iter().map(|list| list.len() as u64).sum()
    }

    /// Whom `who` follows, by rising number.
    #[must_use]
    pub fn of(&self, who: u32) -> &[u32] {
        self.followed.get(who as usize).map_or(&[], Vec::as_slice)
    }

    /// Each follow as follower and followed.
    pub fn pairs(&self) -> impl Iterator<Item = (u32, u32)> {
        (0u32..).zip(&self.followed).flat_map(|(who, list)| list.iter().map(move |whom| (who, *whom)))
    }

    /// How many followers each person has.
    #[must_use]
    pub fn follower_counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.followed.len()];
        for (_, whom) in self.pairs() {
            counts[whom as usize] += 1;
        }
        counts
    }
}

/// Draws people by their popularity.
struct Picker {
    /// Running sums of everybody's weight.
    sums: Vec<f64>,
}

impl Picker {
    fn new(rng: &mut fastrand::Rng, wanted: &[f64]) -> Self {
        let mut sum = 0.0;
        // Who follows many is followed by more, but far from in proportion.
        let weight = |wanted: &f64| wanted.max(0.1).sqrt() * log_normal(rng, 1.0, SIGMA_POPULARITY);
        let sums = wanted.iter().map(weight).map(|weight| {
            sum += weight;
            sum
        });
        Self { sums: sums.collect() }
    }

    /// Up to `count` different people other than `who`, in the order drawn.
    fn draw(&self, rng: &mut fastrand::Rng, who: usize, count: usize) -> Vec<u32> {
        let total = self.sums.last().copied().unwrap_or_default();
        let (mut seen, mut drawn) = (HashSet::new(), Vec::with_capacity(count));
        // The most popular are drawn again and again: give up in time.
        for _ in 0..count * 20 {
            if drawn.len() == count {
                break;
            }
            let at = rng.f64() * total;
            let whom = self.sums.partition_point(|sum| *sum <= at).min(self.sums.len() - 1);
            if whom != who && seen.insert(whom) {
                drawn.push(u32::try_from(whom).unwrap_or_default());
            }
        }
        drawn
    }
}

/// A draw from the log-normal distribution with this mean.
fn log_normal(rng: &mut fastrand::Rng, mean: f64, sigma: f64) -> f64 {
    // Box and Muller: two uniform draws make a normal one.
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * rng.f64()).cos();
    mean * (sigma * normal - sigma * sigma / 2.0).exp()
}

/// A whole number that is `wanted` on average, and fewer than all people.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and cut to the people")]
fn round_by_chance(rng: &mut fastrand::Rng, wanted: f64, people: usize) -> usize {
    ((wanted + rng.f64()).floor() as usize).min(people.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thousand(seed: u64) -> Follows {
        Follows::generate(Shape { people: 1_000, mean_followers: 39.0 }, seed)
    }

    #[test]
    fn the_same_seed_gives_the_same_graph() {
        assert_eq!(thousand(1), thousand(1));
        assert_ne!(thousand(1), thousand(2));
    }

    #[test]
    fn degrees_have_the_mean_asked_for_and_a_long_tail() {
        for seed in 0..5 {
            let graph = thousand(seed);
            let mean = graph.count() as f64 / 1_000.0;
            assert!((33.0..=43.0).contains(&mean), "mean {mean}");
            let mut counts = graph.follower_counts();
            counts.sort_unstable();
            let (median, p99) = (f64::from(counts[500]), f64::from(counts[990]));
            assert!(median < 0.9 * mean && p99 > 3.0 * mean, "median {median}, 99th percentile {p99}");
            assert!(counts[999] < 600, "most popular: {}", counts[999]);
        }
    }

    #[test]
    fn about_half_of_the_follows_are_mutual() {
        let graph = thousand(7);
        let mutual = graph.pairs().filter(|(a, b)| graph.of(*b).binary_search(a).is_ok()).count();
        let share = mutual as f64 / graph.count() as f64;
        assert!((0.45..=0.62).contains(&share), "{share}");
    }

    #[test]
    fn nobody_follows_themselves_or_anybody_twice() {
        let graph = thousand(3);
        assert!(graph.pairs().all(|(a, b)| a != b && b < 1_000));
        assert!((0..1_000).all(|who| graph.of(who).windows(2).all(|w| w[0] < w[1])));
    }

    #[test]
    fn the_ordinary_person_changes_places_with_the_first() {
        // 1 follows everybody, 0 and 3 follow nobody, 2 follows 1 and is followed by 1 alone, as are 0 and 3.
        let graph = Follows::from_pairs(4, vec![(1, 0), (1, 2), (1, 3), (2, 1)]).with_somebody_ordinary_first();
        assert_eq!(graph.pairs().collect::<Vec<_>>(), [(0, 1), (1, 0), (1, 2), (1, 3)]);
        assert_eq!(thousand(1).with_somebody_ordinary_first().count(), thousand(1).count());
        assert_eq!(Follows::from_pairs(0, Vec::new()).with_somebody_ordinary_first().people(), 0);
    }

    #[test]
    fn few_people_or_none_are_fine() {
        for people in 0..6 {
            let graph = Follows::generate(Shape { people, mean_followers: 39.0 }, 1);
            assert_eq!(graph.people(), people);
            assert!(graph.count() <= u64::from(people) * u64::from(people.saturating_sub(1)));
        }
    }
}
