//! What every crate of Plaza shares: ids, clock, errors, the call context, tokens.

pub mod cx;
pub mod env;
pub mod error;
pub mod hashtag;
pub mod id;
pub mod page;
pub mod reason;
pub mod request;
pub mod secret;
pub mod text;
pub mod token;
pub mod trace;
pub mod validate;

pub use cx::{Caller, Cx};
pub use env::{Clock, Entropy, Env, ManualClock, SystemClock, Timestamp};
pub use error::{Code, Error, Result};
pub use id::{AccountId, PostId, SessionId};
pub use reason::Reason;
pub use request::RequestKey;
pub use secret::Secret;
pub use token::{Position, Token};
pub use trace::TraceContext;
pub use validate::{Check, Violation, Violations};
