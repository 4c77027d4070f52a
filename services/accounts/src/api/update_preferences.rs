//! Changes those of the caller's preferences that the mask names.

use plaza_core::{AccountId, Cx, Result};
use plaza_proto::accounts::v1::{UpdatePreferencesRequest, UpdatePreferencesResponse};

use super::{Handler, present};
use crate::SOURCE;
use crate::domain::{Change, Edit, Preferences, PreferencesEdit};

pub(crate) async fn update_preferences(
    h: &Handler,
    cx: &Cx,
    req: UpdatePreferencesRequest,
) -> Result<UpdatePreferencesResponse> {
    let new = req.preferences.unwrap_or_default();
    let new = Preferences {
        protected: new.protected,
        discoverable: new.discoverable,
        default_visibility: new.default_visibility,
        language: new.language,
        reading_languages: new.reading_languages,
    };
    let edit = PreferencesEdit::pick(&req.update_mask.unwrap_or_default().paths, &new)?;
    let change = Change::new(AccountId(req.account_id), Edit::Preferences(edit), h.env.now());
    let written = h.store.change(cx, change).await?;
    cx.wrote(SOURCE, written.position);
    Ok(UpdatePreferencesResponse { preferences: Some(present::preferences(&written.value.preferences)) })
}
