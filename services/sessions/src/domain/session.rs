//! Sessions, and what a refresh token is worth.

use plaza_core::{AccountId, Scopes, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{App, Challenge, Device, Presented, Proof};

/// How long an access token is good: 10 minutes. Not a setting: whoever verifies tokens relies on it.
pub(crate) const ACCESS_MS: i64 = 10 * 60 * 1_000;
/// How long the end of a session matters to others: as long as its last access token, and a margin for their clocks.
pub(crate) const REVOCATION_MS: i64 = ACCESS_MS + 60 * 1_000;

/// How sessions live.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// A session expires this long after its last use, in milliseconds.
    pub(crate) session_ms: i64,
    /// The last used refresh token gets its successor again for this long after the refresh, in milliseconds.
    pub(crate) grace_ms: i64,
    /// How many sessions one account may have.
    pub(crate) max_sessions: usize,
    /// How long after the last guess at a secret guesses are forgotten, in milliseconds.
    pub(crate) guess_ms: i64,
}

/// A session that is to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewSession {
    pub(crate) id: SessionId,
    pub(crate) account: AccountId,
    pub(crate) device_name: String,
    /// Where it is opened from; empty if not known.
    pub(crate) address: String,
    /// When checking the credentials began: if the account's sessions were ended after it, none is opened.
    pub(crate) proved_at: Timestamp,
    /// What it is opened with; the owner hears of one that is not known.
    pub(crate) device: Device,
    /// A code of the account's second factor, if one was given.
    pub(crate) proof: Option<Proof>,
    /// The app password that opens it, if it is one; of those no second factor is asked.
    pub(crate) app: Option<App>,
}

/// What came of a sign-in; remembered with the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SignedIn {
    /// A session is open.
    Opened(Grant),
    /// The account has a second factor, of which no code was given.
    Challenged(Challenge),
}

/// A use of a genuine refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) presented: Presented,
    /// Where it is used from; empty if not known.
    pub(crate) address: String,
}

/// The end of an account's sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The one that goes on.
    pub(crate) keep: Option<SessionId>,
    /// Sessions that were opened by then end, and sign-ins that began before it open none.
    pub(crate) before: Timestamp,
}

/// A living session. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) account: AccountId,
    pub(crate) device_name: String,
    /// Where it was last used from; empty if not known.
    pub(crate) address: String,
    pub(crate) created_at: i64,
    pub(crate) last_used_at: i64,
    pub(crate) expires_at: i64,
    /// The number of the newest refresh token, from 1.
    pub(crate) generation: i64,
    /// When that token was first handed out.
    pub(crate) rotated_at: i64,
    /// The app password that opened it, if one did.
    pub(crate) app: Option<App>,
}

/// All that a pair of tokens is made from, so that the same pair can be made again. Remembered with the request in place
/// of the tokens, which are stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) session: SessionId,
    pub(crate) account: AccountId,
    pub(crate) created_at: i64,
    /// When the session was used: the access token counts from here.
    pub(crate) at: i64,
    pub(crate) expires_at: i64,
    pub(crate) generation: i64,
    /// The key that signs the access token.
    pub(crate) kid: String,
    /// What the session may do, if an app password opened it; else everything.
    #[serde(default)]
    pub(crate) scopes: Option<Scopes>,
}

/// What to do about a genuine refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is the newest: hand out the next.
    Rotate,
    /// It was used a moment ago, and the answer may have been lost: hand out the same successor again.
    Again,
    /// It was used before: somebody has a copy. End the session.
    Reuse,
    /// It was never handed out, or the session is over.
    Refuse,
}

impl Session {
    /// A session as it starts.
    pub(crate) fn start(new: NewSession, now: Timestamp, rules: &Rules) -> Self {
        Self {
            id: new.id,
            account: new.account,
            device_name: new.device_name,
            address: new.address,
            created_at: now.0,
            last_used_at: now.0,
            expires_at: now.0 + rules.session_ms,
            generation: 1,
            rotated_at: now.0,
            app: new.app,
        }
    }

    /// What the refresh token numbered `generation` is worth now.
    pub(crate) fn decide(&self, generation: i64, now: Timestamp, rules: &Rules) -> Decision {
        if self.expires_at <= now.0 || generation > self.generation {
            Decision::Refuse
        } else if generation == self.generation {
            Decision::Rotate
        } else if generation == self.generation - 1 && now.0 - self.rotated_at <= rules.grace_ms {
            Decision::Again
        } else {
            Decision::Reuse
        }
    }

    /// The session after a use.
    pub(crate) fn rotated(self, address: String, now: Timestamp, rules: &Rules) -> Self {
        Self {
            address,
            last_used_at: now.0,
            expires_at: now.0 + rules.session_ms,
            generation: self.generation + 1,
            rotated_at: now.0,
            ..self
        }
    }

    /// The tokens of the newest generation.
    pub(crate) fn grant(&self, kid: &str) -> Grant {
        Grant {
            session: self.id,
            account: self.account,
            created_at: self.created_at,
            at: self.rotated_at,
            expires_at: self.expires_at,
            generation: self.generation,
            kid: kid.to_owned(),
            scopes: self.app.map(|app| app.scopes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { session_ms: 1_000_000, grace_ms: 10_000, max_sessions: 3, guess_ms: 3_600_000 };

    #[test]
    fn the_newest_rotates_the_last_is_answered_again_and_the_rest_is_reuse() {
        let new = NewSession {
            id: SessionId(1),
            account: AccountId(2),
            device_name: String::new(),
            address: String::new(),
            proved_at: Timestamp(0),
            device: Device([0; 16]),
            proof: None,
            app: None,
        };
        let session = Session::start(new, Timestamp(0), &RULES);
        assert_eq!(session.decide(1, Timestamp(5), &RULES), Decision::Rotate);
        let used = |session: Session, at| session.rotated(String::new(), Timestamp(at), &RULES);
        let session = used(used(session, 5), 100);
        for (generation, now, expected) in [
            (3, 200, Decision::Rotate),
            (2, 100, Decision::Again),
            (2, 10_100, Decision::Again),
            (2, 10_101, Decision::Reuse),
            (1, 100, Decision::Reuse),
            (0, 100, Decision::Reuse),
            (4, 100, Decision::Refuse),
            (3, 1_000_099, Decision::Rotate),
            (3, 1_000_100, Decision::Refuse),
            (1, 1_000_100, Decision::Refuse),
        ] {
            assert_eq!(session.decide(generation, Timestamp(now), &RULES), expected, "{generation} at {now}");
        }
    }
}
