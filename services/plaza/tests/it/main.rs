//! The platform as tests and people start it: in this process, and as the real program.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod binary;
mod fill;
mod limits;
mod platform;
mod readiness;
