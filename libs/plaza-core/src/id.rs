//! 63-bit ids: 41 bits of milliseconds since 2025-01-01, then 22 random bits. Ids of one kind sort by creation time.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// 2025-01-01T00:00:00Z in milliseconds since the Unix epoch: where id time starts. 41 bits last until 2094.
pub const EPOCH_MS: i64 = 1_735_689_600_000;
const RANDOM_BITS: u32 = 22;
/// How many ids one millisecond has room for.
pub const RANDOM_SPAN: u64 = 1 << RANDOM_BITS;

/// The smallest id that can be made at `at`; ids made before that time are smaller.
#[must_use]
pub fn first_at(at: Timestamp) -> i64 {
    (at.0 - EPOCH_MS).clamp(0, (1 << 41) - 1) << RANDOM_BITS
}

/// When an id was made, to the millisecond.
#[must_use]
pub fn time_of(id: i64) -> Timestamp {
    Timestamp((id >> RANDOM_BITS) + EPOCH_MS)
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl $name {
            /// The bare number, as messages and rows hold it.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }

            /// When it was made.
            #[must_use]
            pub fn time(self) -> Timestamp {
                time_of(self.0)
            }
        }

        impl From<i64> for $name {
            fn from(id: i64) -> Self {
                Self(id)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id_type!(
    /// Names an account.
    AccountId
);
id_type!(
    /// Names a post; newer posts have larger ids.
    PostId
);
id_type!(
    /// Names a session.
    SessionId
);
