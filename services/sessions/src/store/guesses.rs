//! What the service asks of its store to count wrong guesses.

use async_trait::async_trait;
use plaza_core::{Cx, Result, Timestamp};

use crate::domain::{Guess, Guessed};

/// Counts guesses at passwords and codes. What is counted is forgotten a while after the last guess.
#[async_trait]
pub(crate) trait GuessStore: Send + Sync + 'static {
    /// Counts a guess as a wrong one, at once for the one that is guessed at and for where it comes from; answers when it
    /// was counted. Errors: `TOO_MANY_GUESSES`, with when the next may be made, and nothing is counted.
    async fn guess(&self, cx: &Cx, guess: Guess) -> Result<Timestamp>;

    /// Tells what came of a guess that was counted at `at`.
    async fn guessed(&self, cx: &Cx, guess: Guess, at: Timestamp, outcome: Guessed) -> Result<()>;
}
