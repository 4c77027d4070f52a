//! Mutes an account, for a while or until it is lifted.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{MuteRequest, MuteResponse, MuteScopes};

use super::{Handler, relationship};
use crate::domain::{Action, Mute, Scopes};

pub(crate) async fn mute(h: &Handler, cx: &Cx, req: MuteRequest) -> Result<MuteResponse> {
    let write = h.write_to(cx, req.account_id).await?;
    let until = (req.duration_seconds > 0).then(|| write.at.plus_ms(req.duration_seconds.saturating_mul(1_000)));
    let mute = Mute { scopes: scopes(req.scopes.unwrap_or_default()), until };
    let written = h.store.change(cx, Action::Mute(mute), write).await?;
    Ok(MuteResponse { relationship: Some(relationship::after(cx, write, written)) })
}

fn scopes(asked: MuteScopes) -> Scopes {
    let all =
        [(asked.posts, Scopes::POSTS), (asked.reposts, Scopes::REPOSTS), (asked.notifications, Scopes::NOTIFICATIONS)];
    let named: Vec<Scopes> = all.iter().filter(|(is_named, _)| *is_named).map(|(_, scope)| *scope).collect();
    Scopes::of(&named)
}
