//! Mutes a word no more.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{UnmuteWordRequest, UnmuteWordResponse};

use super::{Handler, shelf};
use crate::domain::Own;

pub(crate) async fn unmute_word(h: &Handler, cx: &Cx, req: UnmuteWordRequest) -> Result<UnmuteWordResponse> {
    shelf::write(h, cx, Own::UnmuteWord(shelf::word(&req.word)?)).await?;
    Ok(UnmuteWordResponse {})
}
