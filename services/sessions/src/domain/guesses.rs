//! How often passwords and codes may be guessed.
//!
//! A guess is counted as a wrong one before it is looked at, so that guesses made at once do not share an allowance, and
//! taken back if it was right. After so many free ones each next has to wait, twice as long as the one before it.

use std::net::IpAddr;

use plaza_core::{AccountId, Secret};

/// The first wait, in milliseconds.
pub(crate) const FIRST_WAIT_MS: i64 = 1_000;
/// The longest wait: 15 minutes, in milliseconds.
pub(crate) const LONGEST_WAIT_MS: i64 = 15 * 60 * 1_000;

/// Whom guesses are counted for, as it is stored: a keyed hash, which tells neither logins nor addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) key: [u8; 16],
    /// How many guesses need not wait.
    pub(crate) free: i64,
}

/// One guess: at whose secret, and from where if that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guess {
    pub(crate) at: Subject,
    pub(crate) from: Option<Subject>,
}

/// What came of a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guessed {
    /// It was right: what was counted for the account is forgotten.
    Right(Subject),
    /// It was wrong, for a login that is the account's: from now on both count as one. The owner is told when guesses
    /// have to wait.
    Wrong(AccountId, Subject),
    /// It was wrong, and there is no such login.
    Nobody,
    /// Nobody looked at it, so that nothing was learnt.
    Unseen,
}

/// What was counted for a subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) count: i64,
    pub(crate) last_at: i64,
    pub(crate) before: i64,
    /// Whether the owner was told.
    pub(crate) told: bool,
}

impl Tally {
    /// How long the next guess has to wait, in milliseconds.
    pub(crate) fn wait_ms(&self, free: i64, now: i64) -> i64 {
        let over = self.count - free;
        if over < 0 {
            return 0;
        }
        let doubled = FIRST_WAIT_MS << over.min(20);
        (self.last_at + doubled.min(LONGEST_WAIT_MS) - now).max(0)
    }

    /// With one more guess.
    pub(crate) fn guessed(self, now: i64) -> Self {
        Self { count: self.count + 1, last_at: now, before: self.last_at, ..self }
    }

    /// Without the guess made at `at`.
    pub(crate) fn without(self, at: i64) -> Self {
        let last_at = if self.last_at == at { self.before } else { self.last_at };
        Self { count: (self.count - 1).max(0), last_at, ..self }
    }

    /// What was counted for two that are one.
    pub(crate) fn merged(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            last_at: self.last_at.max(other.last_at),
            before: self.last_at.min(other.last_at),
            told: self.told || other.told,
        }
    }

    /// Whether the owner is to be told now.
    pub(crate) fn is_news(&self, free: i64) -> bool {
        self.count >= free && !self.told
    }
}

/// Makes subjects.
#[derive(Clone, Debug)]
pub(crate) struct Guesses {
    secret: Secret,
    free: i64,
    free_of_address: i64,
}

impl Guesses {
    pub(crate) fn new(secret: &Secret, free: u32, free_of_address: u32) -> Self {
        let secret = secret.derive("guesses");
        Self { secret, free: free.into(), free_of_address: free_of_address.into() }
    }

    /// A guess at the password of a login, from a network.
    pub(crate) fn at_login(&self, login: &str, from: Option<IpAddr>) -> Guess {
        let login = login.trim().to_lowercase();
        Guess { at: self.subject("login", login.as_bytes(), self.free), from: from.map(|from| self.network(from)) }
    }

    /// A guess at a code of an account's second factor, from a network.
    pub(crate) fn at_factor(&self, account: AccountId, from: Option<IpAddr>) -> Guess {
        let at = self.subject("factor", &account.get().to_be_bytes(), self.free);
        Guess { at, from: from.map(|from| self.network(from)) }
    }

    /// The subject of an account's password.
    pub(crate) fn account(&self, account: AccountId) -> Subject {
        self.subject("account", &account.get().to_be_bytes(), self.free)
    }

    fn network(&self, address: IpAddr) -> Subject {
        self.subject("address", address.to_string().as_bytes(), self.free_of_address)
    }

    fn subject(&self, kind: &str, what: &[u8], free: i64) -> Subject {
        let mut key = [0; 16];
        key.copy_from_slice(&self.secret.mac(&[kind.as_bytes(), what])[..16]);
        Subject { key, free }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_after_the_free_guesses_up_to_the_longest() {
        let waits: Vec<i64> =
            (0..18).map(|count| Tally { count, last_at: 10, ..Tally::default() }.wait_ms(5, 10)).collect();
        assert_eq!(waits[..9], [0, 0, 0, 0, 0, 1_000, 2_000, 4_000, 8_000]);
        assert_eq!(waits[15..], [LONGEST_WAIT_MS; 3]);
        let endless = Tally { count: i64::MAX, last_at: 10, ..Tally::default() };
        assert_eq!(endless.wait_ms(5, 10 + LONGEST_WAIT_MS - 1), 1);
        assert_eq!(endless.wait_ms(5, 10 + LONGEST_WAIT_MS), 0);
    }

    #[test]
    fn a_guess_that_is_taken_back_leaves_no_trace() {
        let one = Tally::default().guessed(5);
        assert_eq!(one.guessed(9).without(9), Tally { before: 5, ..one });
        assert_eq!(one.guessed(9).without(5), Tally { count: 1, last_at: 9, before: 5, told: false });
        assert_eq!(Tally::default().without(3).count, 0);
    }

    #[test]
    fn logins_are_one_in_any_case_and_subjects_of_different_kinds_are_not() {
        let guesses = Guesses::new(&Secret::new([1; 32]), 5, 50);
        let at = |login: &str| guesses.at_login(login, None).at;
        assert_eq!(at(" Ada "), at("ada"));
        assert_ne!(at("ada"), at("bob"));
        let from = |address: &str| guesses.at_login(address, address.parse().ok());
        let guess = from("192.0.2.1");
        assert_ne!((guess.at.key, guess.from), (guess.from.unwrap().key, from("192.0.2.2").from));
        assert_ne!(guesses.account(AccountId(7)).key, at("7").key);
    }
}
