//! Changes the fields of the caller's profile that the mask names.

use plaza_core::{AccountId, Cx, Result, Violations};
use plaza_proto::accounts::v1::{UpdateProfileRequest, UpdateProfileResponse};

use super::{Handler, present};
use crate::SOURCE;
use crate::domain::profile::ProfileValues;
use crate::domain::{Change, Edit, ProfileEdit};

pub(crate) async fn update_profile(h: &Handler, cx: &Cx, req: UpdateProfileRequest) -> Result<UpdateProfileResponse> {
    let new = req.account.unwrap_or_default();
    let values =
        ProfileValues { display_name: &new.display_name, bio: &new.bio, avatar: &new.avatar, header: &new.header };
    let mask = req.update_mask.unwrap_or_default().paths;
    let edit = ProfileEdit::pick(&mask, values)?;
    let mut violations = Violations::default();
    edit.check("account.", &mut violations);
    violations.into_result()?;
    let etag = (!req.etag.is_empty()).then_some(req.etag);
    let change = Change { etag, ..Change::new(AccountId(req.account_id), Edit::Profile(edit), h.env.now()) };
    let written = h.store.change(cx, change).await?;
    cx.wrote(SOURCE, written.position);
    Ok(UpdateProfileResponse { account: Some(present::account(&written.value, cx.viewer())) })
}
