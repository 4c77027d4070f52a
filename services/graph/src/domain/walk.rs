//! What is asked of the graph beyond one account's own edges.

use plaza_core::AccountId;

use super::Direction;

/// How many follows a way may have.
pub const MAX_HOPS: usize = 6;

/// One side of an account's follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arm {
    /// Whose it is.
    pub account: AccountId,
    /// Which.
    pub way: Direction,
}

/// Accounts that stand on two arms, as far as was looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Common {
    /// By rising id.
    pub found: Vec<AccountId>,
    /// Up to where, unless it was the end.
    pub looked_to: Option<AccountId>,
}

/// How many of an account's followers that somebody knows are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Familiar {
    /// How many are enough.
    pub few: usize,
    /// How many follows of one account are looked at: the newest followers of the account, or the newest follows of whoever
    /// asks, whichever of the two are fewer in all.
    pub scan: usize,
}

/// What became of the search for a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// Each follows the next, from the first to the last.
    Found(Vec<AccountId>),
    /// There is none of up to [`MAX_HOPS`] follows.
    None,
    /// There is too much to look at.
    GaveUp,
}
