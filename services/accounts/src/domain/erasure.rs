//! What was erased of an account, for its receipt.

use plaza_core::{AccountId, Timestamp};

/// Who must have reported before a receipt is complete.
const REPORTERS: [&str; 4] = ["sessions", "graph", "posts", "feeds"];
/// What the deletion itself erases.
const OWN: [&str; 7] =
    ["handle", "e-mail address", "password", "profile", "preferences", "tokens by mail", "remembered requests"];

/// What one service has erased of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) account: AccountId,
    pub(crate) service: String,
    pub(crate) kinds: Vec<String>,
    pub(crate) at: Timestamp,
}

/// What is known of an account's erasure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) account: AccountId,
    /// Nothing while the account is there.
    pub(crate) deleted_at: Option<i64>,
    pub(crate) reports: Vec<Report>,
}

impl Receipt {
    /// All that was erased, in the order of time, with what the deletion itself did.
    pub(crate) fn erasures(self) -> Vec<Report> {
        let service = "accounts".to_owned();
        let own = self.deleted_at.map(|at| Report {
            account: self.account,
            service,
            kinds: OWN.map(str::to_owned).to_vec(),
            at: Timestamp(at),
        });
        let mut all: Vec<Report> = own.into_iter().chain(self.reports).collect();
        all.sort_by_key(|report| report.at.0);
        all
    }

    /// Whether all have reported.
    pub(crate) fn is_complete(&self) -> bool {
        REPORTERS.iter().all(|reporter| self.reports.iter().any(|report| report.service == *reporter))
    }
}
