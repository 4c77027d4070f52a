//! Opens a session for who has proved who they are.

use plaza_core::{AccountId, Cx, Result, SessionId, Timestamp, reason};
use plaza_rpc::limit::network;

use super::{Handler, present};
use crate::domain::{NewSession, Proof, SignedIn};

/// How many ids are tried: two clashes in a row do not happen by chance.
const TRIES: usize = 3;

/// Who signs in, and by what.
pub(crate) struct Opening {
    pub(crate) account: AccountId,
    pub(crate) device_name: String,
    /// When checking the password began.
    pub(crate) proved_at: Timestamp,
    /// A code of the second factor.
    pub(crate) proof: Option<Proof>,
}

pub(crate) async fn open(h: &Handler, cx: &Cx, opening: Opening) -> Result<SignedIn> {
    let Opening { account, device_name, proved_at, proof } = opening;
    let kid = h.keys.kid(h.env.now())?;
    let device = h.devices.of(account, &device_name, cx.remote().map(network));
    let mut tries = 1;
    loop {
        let (id, device_name, address) = (SessionId(h.env.next_id()), device_name.clone(), present::address(cx));
        let new = NewSession { id, account, device_name, address, proved_at, device, proof };
        match h.store.open(cx, new, &kid).await {
            Err(error) if error.is(reason::ID_CLASH) && tries < TRIES => tries += 1,
            outcome => return outcome,
        }
    }
}
