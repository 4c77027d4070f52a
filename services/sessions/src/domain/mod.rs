//! Rules and types; nothing of transport or storage.

pub(crate) mod refresh_token;
pub(crate) mod session;

pub(crate) use refresh_token::{Presented, RefreshTokens};
pub(crate) use session::{ACCESS_MS, Decision, Ending, Grant, NewSession, REVOCATION_MS, Rules, Session, Use};
