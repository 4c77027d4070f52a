//! What the owner of an account may want to hear, as it goes into the outbox.

use plaza_core::{AccountId, Env, Timestamp, TraceContext};
use plaza_events::NewEvent;
use plaza_proto::sessions::v1::{
    AppPasswordCreated, NewDeviceSignedIn, RecoveryCodeUsed, RefreshTokenReused, SecondFactorChanged, SignInsLimited,
};
use prost::{Message, Name};
use uuid::Uuid;

/// What kind of thing events are of.
const AGGREGATE: &str = "account";

/// What happened to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A session was opened by a device that the account does not know.
    NewDevice { session: i64 },
    /// A used refresh token came back, and its session was ended.
    TokenReused { session: i64 },
    /// Guesses at its password or its codes have to wait.
    Limited,
    /// It got a second factor, or has none any more.
    FactorChanged { enabled: bool },
    /// A recovery code was used.
    RecoveryUsed { left: i32 },
    /// It got an app password.
    AppCreated { id: i64 },
}

/// What events have that is not in their messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) id: Uuid,
    pub(crate) at: Timestamp,
    pub(crate) trace: Option<TraceContext>,
}

impl Stamp {
    /// The stamp of an event of now.
    pub(crate) fn new(env: &Env, trace: Option<TraceContext>) -> Self {
        Self { id: env.event_id(), at: env.now(), trace }
    }

    /// The event.
    pub(crate) fn event(self, account: AccountId, notice: Notice) -> NewEvent {
        let account_id = account.get();
        match notice {
            Notice::NewDevice { session: session_id } => {
                self.of(account_id, &NewDeviceSignedIn { account_id, session_id })
            }
            Notice::TokenReused { session: session_id } => {
                self.of(account_id, &RefreshTokenReused { account_id, session_id })
            }
            Notice::Limited => self.of(account_id, &SignInsLimited { account_id }),
            Notice::AppCreated { id: app_password_id } => {
                self.of(account_id, &AppPasswordCreated { account_id, app_password_id })
            }
            Notice::FactorChanged { enabled } => self.of(account_id, &SecondFactorChanged { account_id, enabled }),
            Notice::RecoveryUsed { left: codes_left } => {
                self.of(account_id, &RecoveryCodeUsed { account_id, codes_left })
            }
        }
    }

    fn of<M: Message + Name>(self, aggregate_id: i64, message: &M) -> NewEvent {
        NewEvent {
            id: self.id,
            aggregate_type: AGGREGATE,
            aggregate_id,
            type_: M::full_name(),
            payload: message.encode_to_vec().into(),
            trace: self.trace,
            at: self.at,
        }
    }
}
