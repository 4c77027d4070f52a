//! Accounts that somebody may want to follow.

use std::cmp::Reverse;

use plaza_core::AccountId;

/// What is looked at to find some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// How many of the newest follows of whoever asks.
    pub friends: usize,
    /// How many of the newest follows of each of those.
    pub each: usize,
    /// How many of the newest followed hashtags.
    pub tags: usize,
    /// How many of the newest followers of each of those.
    pub per_tag: usize,
}

/// An account, and what speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The account.
    pub account: AccountId,
    /// Those whom both follow: the account is followed by each, and each is followed by whoever asks; by rising id.
    pub through: Vec<AccountId>,
    /// How many hashtags both follow.
    pub hashtags: i64,
}

impl Suggestion {
    /// How much speaks for it.
    #[must_use]
    pub fn score(&self) -> i64 {
        2 * i64::try_from(self.through.len()).unwrap_or(i64::MAX / 4) + self.hashtags
    }

    /// Its place: the highest score first; of one score, the lowest id.
    #[must_use]
    pub fn rank(&self) -> (Reverse<i64>, AccountId) {
        (Reverse(self.score()), self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_follow_counts_twice_a_hashtag() {
        let suggestion = |account, through: &[i64], hashtags| Suggestion {
            account: AccountId(account),
            through: through.iter().copied().map(AccountId).collect(),
            hashtags,
        };
        let mut all =
            [suggestion(3, &[], 2), suggestion(1, &[7], 0), suggestion(2, &[7, 8], 1), suggestion(4, &[7], 1)];
        all.sort_by_key(Suggestion::rank);
        let order = all.map(|suggestion| (suggestion.account.get(), suggestion.score()));
        assert_eq!(order, [(2, 5), (4, 3), (1, 2), (3, 2)]);
    }
}
