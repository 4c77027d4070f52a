//! How often guesses may be made.

use std::time::Duration;

use futures::future::join_all;
use plaza_core::{Secret, Timestamp, reason};

use super::{ADA, BOB, Bench, RULES, cx};
use crate::domain::{Guess, Guessed, Guesses, LONGEST_WAIT_MS};

pub(super) fn guesses() -> Guesses {
    Guesses::new(&Secret::new([1; 32]), 3, 6)
}

pub(super) fn at(login: &str) -> Guess {
    guesses().at_login(login, None)
}

fn from(login: &str, address: &str) -> Guess {
    guesses().at_login(login, Some(address.parse().unwrap()))
}

impl Bench {
    /// Guesses; the milliseconds to wait if it may not.
    async fn guess(&self, guess: Guess) -> Result<Timestamp, u128> {
        self.store.guess(&cx(), guess).await.map_err(|error| {
            assert!(error.is(reason::TOO_MANY_GUESSES));
            error.retry_delay().unwrap().as_millis()
        })
    }

    pub(super) async fn guessed(&self, guess: Guess, outcome: Guessed) {
        let at = self.guess(guess).await.unwrap();
        self.store.guessed(&cx(), guess, at, outcome).await.unwrap();
    }
}

pub(crate) async fn after_the_free_guesses_each_next_waits_twice_as_long(b: Bench) {
    for _ in 0..3 {
        b.guessed(at("ada"), Guessed::Nobody).await;
    }
    for wait in [1_000, 2_000, 4_000, 8_000] {
        assert_eq!(b.guess(at("ada")).await, Err(wait));
        b.clock.advance(i64::try_from(wait).unwrap() - 1);
        assert_eq!(b.guess(at("ada")).await, Err(1), "what is refused is not counted");
        b.clock.advance(1);
        b.guessed(at("ada"), Guessed::Nobody).await;
    }
    b.guess(at("bob")).await.unwrap();
    for _ in 0..8 {
        b.clock.advance(LONGEST_WAIT_MS);
        b.guess(at("ada")).await.unwrap();
    }
    assert_eq!(b.guess(at("ada")).await, Err(LONGEST_WAIT_MS.unsigned_abs().into()));
}

pub(crate) async fn guesses_made_at_once_do_not_share_an_allowance(b: Bench) {
    let outcomes = join_all((0..20).map(|_| b.guess(at("ada")))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    b.clock.advance(1_000);
    let outcomes = join_all((0..20).map(|_| b.guess(at("ada")))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

pub(crate) async fn a_right_guess_clears_the_account_and_not_the_address(b: Bench) {
    let (here, there) = (from("ada", "192.0.2.1"), from("ada", "192.0.2.2"));
    let ada = guesses().account(ADA);
    for _ in 0..2 {
        b.guessed(here, Guessed::Wrong(ADA, ada)).await;
    }
    b.guessed(there, Guessed::Right(ada)).await;
    for _ in 0..3 {
        b.guessed(here, Guessed::Wrong(ADA, ada)).await;
    }
    assert_eq!(b.guess(there).await, Err(1_000), "counted from nothing again");
    // Five from here, of six; right ones are not counted.
    for _ in 0..10 {
        b.guessed(from("bob", "192.0.2.1"), Guessed::Right(guesses().account(BOB))).await;
    }
    b.guessed(from("carol", "192.0.2.1"), Guessed::Nobody).await;
    assert_eq!(b.guess(from("dave", "192.0.2.1")).await, Err(1_000));
    b.guess(from("dave", "192.0.2.2")).await.unwrap();
}

pub(crate) async fn logins_of_one_account_count_as_one(b: Bench) {
    let ada = guesses().account(ADA);
    b.guessed(at("ada"), Guessed::Wrong(ADA, ada)).await;
    b.guessed(at("ada@example.org"), Guessed::Wrong(ADA, ada)).await;
    b.guessed(at("ada"), Guessed::Wrong(ADA, ada)).await;
    assert_eq!(b.guess(at("ada@example.org")).await, Err(1_000));
    assert_eq!(b.guess(at("ada")).await, Err(1_000));
    b.clock.advance(1_000);
    b.guessed(at("ada@example.org"), Guessed::Right(ada)).await;
    for login in ["ada", "ada@example.org", "ada"] {
        b.guessed(at(login), Guessed::Wrong(ADA, ada)).await;
    }
    assert_eq!(b.guess(at("ada")).await, Err(1_000));
}

pub(crate) async fn a_guess_that_nobody_looked_at_is_taken_back(b: Bench) {
    for _ in 0..10 {
        b.guessed(from("ada", "192.0.2.1"), Guessed::Unseen).await;
    }
    for _ in 0..3 {
        b.guessed(from("ada", "192.0.2.1"), Guessed::Wrong(ADA, guesses().account(ADA))).await;
    }
    assert_eq!(b.guess(from("ada", "192.0.2.1")).await, Err(1_000));
}

pub(crate) async fn guesses_are_forgotten_a_while_after_the_last(b: Bench) {
    for _ in 0..3 {
        b.guessed(at("ada"), Guessed::Wrong(ADA, guesses().account(ADA))).await;
    }
    b.clock.advance(RULES.guess_ms);
    for _ in 0..3 {
        b.guess(at("ada")).await.unwrap();
    }
    assert_eq!(b.guess(at("ada")).await, Err(Duration::from_secs(1).as_millis()));
    b.clock.advance(RULES.guess_ms);
    b.store.prune(&cx()).await.unwrap();
    assert_eq!(b.store.prune(&cx()).await.unwrap(), 0);
    b.guess(at("ada")).await.unwrap();
}
