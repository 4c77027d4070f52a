//! Tickets: what is sent by mail and comes back once, to prove that somebody reads an address.

use plaza_core::{AccountId, Error, Result, Timestamp, reason};

use super::{Account, Credential, Email};

/// What a ticket is good for. An account has one of each at most; a new one makes the one before worthless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To have an e-mail address.
    VerifyEmail,
    /// To set a password.
    ResetPassword,
}

impl Purpose {
    pub(crate) const ALL: [Self; 2] = [Self::VerifyEmail, Self::ResetPassword];

    /// As it is stored and signed.
    pub(crate) fn number(self) -> i32 {
        match self {
            Self::VerifyEmail => 1,
            Self::ResetPassword => 2,
        }
    }

    pub(crate) fn of_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.number() == number)
    }
}

/// A ticket that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewTicket {
    pub(crate) id: i64,
    pub(crate) purpose: Purpose,
    /// Where it goes to.
    pub(crate) email: Email,
    pub(crate) at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// A ticket that somebody without a session asks for by an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reset {
    pub(crate) ticket: NewTicket,
    /// One that is younger than this stays as it is.
    pub(crate) not_since: Timestamp,
}

/// A ticket as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) account: AccountId,
    pub(crate) id: i64,
    pub(crate) purpose: Purpose,
    pub(crate) email: String,
    /// Milliseconds since the Unix epoch.
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
    /// How often a mail server has put it off.
    pub(crate) attempts: i64,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    /// It is sent, or never will be.
    Done,
    /// It was put off, and is offered again at this time.
    PutOff(Timestamp),
}

/// A ticket that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redemption {
    pub(crate) account: AccountId,
    pub(crate) ticket: i64,
    pub(crate) effect: Effect,
    pub(crate) at: Timestamp,
}

/// What a ticket that came back leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Its address is the account's, and somebody reads it.
    VerifyEmail,
    /// This is the account's password.
    SetPassword(Credential),
}

impl Redemption {
    /// What kind of ticket it takes.
    pub(crate) fn purpose(&self) -> Purpose {
        match self.effect {
            Effect::VerifyEmail => Purpose::VerifyEmail,
            Effect::SetPassword(_) => Purpose::ResetPassword,
        }
    }

    /// The account afterwards; `ticket` is what is stored of this kind for it.
    ///
    /// # Errors
    /// `TOKEN_INVALID` if the ticket is not there any more, or good no longer.
    pub(crate) fn apply(&self, account: &Account, ticket: Option<Ticket>) -> Result<Account> {
        let good = |ticket: &Ticket| ticket.id == self.ticket && ticket.expires_at > self.at.0;
        let invalid = || Error::new(reason::TOKEN_INVALID).on_field("token");
        let ticket = ticket.filter(good).ok_or_else(invalid)?;
        let same_address = Email::new(&ticket.email).key() == Email::new(&account.email).key();
        // Sent to an address that is the account's no more, it must not open the account.
        if self.purpose() == Purpose::ResetPassword && !same_address {
            return Err(invalid());
        }
        let changes = !account.email_verified || !same_address;
        let version = account.version + i64::from(changes);
        let updated_at = if changes { self.at.0.max(account.updated_at) } else { account.updated_at };
        Ok(Account { email: ticket.email, email_verified: true, version, updated_at, ..account.clone() })
    }
}
