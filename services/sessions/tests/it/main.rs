//! The sessions service over its engine, called through its entry steps.
#![expect(clippy::unwrap_used, reason = "what fails to unwrap in a helper is the test's failure")]

mod app_passwords;
mod erasure;
mod export_records;
mod guesses;
mod key_rotation;
mod list_sessions;
mod over_grpc;
mod over_redis;
mod password_changes;
mod people;
mod refresh_session;
mod revoke_session;
mod second_factor;
mod sign_in;
mod sign_out_everywhere;
mod verifier;
mod world;
