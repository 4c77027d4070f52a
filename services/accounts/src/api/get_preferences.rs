//! Reads the caller's preferences.

use plaza_core::{AccountId, Cx, Error, Result, reason};
use plaza_proto::accounts::v1::{GetPreferencesRequest, GetPreferencesResponse};

use super::{Handler, present};

pub(crate) async fn get_preferences(
    h: &Handler,
    cx: &Cx,
    req: GetPreferencesRequest,
) -> Result<GetPreferencesResponse> {
    let account = h.store.get(cx, AccountId(req.account_id)).await?;
    let account = account.ok_or_else(|| Error::new(reason::ACCOUNT_NOT_FOUND))?;
    Ok(GetPreferencesResponse { preferences: Some(present::preferences(&account.preferences)) })
}
