//! The accounts service over its engine, called through its entry steps.
#![expect(clippy::unwrap_used, reason = "what fails to unwrap in a helper is the test's failure")]

mod bad_input;
mod cache_on_redis;
mod change_handle;
mod change_password;
mod create_account;
mod delete_account;
mod erasure_receipt;
mod export_account;
mod hidden;
mod mail;
mod over_postgres;
mod preferences;
mod read;
mod update_profile;
mod verify_password;
mod world;
