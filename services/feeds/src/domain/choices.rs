//! What readers chose to be spared.

use plaza_core::{AccountId, Cx, Result};

use super::Peers;

/// What one reader chose, as far as feeds care.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    /// Who shows in the feed of an exclusive list alone, by rising id.
    exclusive: Vec<AccountId>,
}

impl Choices {
    /// What the reader, who must be the caller, chose.
    pub(crate) async fn of(peers: &Peers, cx: &Cx, reader: AccountId) -> Result<Self> {
        Ok(Self { exclusive: peers.exclusive(cx, reader).await? })
    }

    /// Whether what the account brings is kept from the home feed.
    pub(crate) fn keep_from_home(&self, account: AccountId) -> bool {
        self.exclusive.binary_search(&account).is_ok()
    }

    /// How much memory it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.exclusive.len() * size_of::<AccountId>()
    }
}
