//! Rules and types; nothing of transport or storage.

mod app_password;
mod challenge;
mod device;
mod guesses;
pub(crate) mod refresh_token;
pub(crate) mod session;
mod totp;

pub(crate) use app_password::{App, AppPassword, AppPasswords, MAX_APP_PASSWORDS};
pub(crate) use challenge::{Challenge, Challenges};
pub(crate) use device::{Device, Devices, KNOWN_MS, MAX_DEVICES};
pub(crate) use guesses::{FIRST_WAIT_MS, Guess, Guessed, Guesses, LONGEST_WAIT_MS, Subject, Tally};
pub(crate) use refresh_token::{Presented, RefreshTokens};
pub(crate) use session::{
    ACCESS_MS, Decision, Ending, Grant, NewSession, REVOCATION_MS, Rules, Session, SignedIn, Use,
};
pub(crate) use totp::{ALL_RECOVERY, Code, Factor, Nonce, Proof, SETUP_MS, Totp};
