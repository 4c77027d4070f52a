//! Mutes a word or phrase, for a while or until it is lifted.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{MuteWordRequest, MuteWordResponse, MutedWord};

use super::{Handler, edges, shelf};
use crate::domain::Own;

pub(crate) async fn mute_word(h: &Handler, cx: &Cx, req: MuteWordRequest) -> Result<MuteWordResponse> {
    let word = shelf::word(&req.word)?;
    let until = (req.duration_seconds > 0).then(|| h.env.now().plus_ms(req.duration_seconds.saturating_mul(1_000)));
    let written = shelf::write(h, cx, Own::MuteWord(word.clone(), until)).await?;
    let until = written.until;
    Ok(MuteWordResponse { muted_word: Some(MutedWord { word, expire_time: until.map(edges::time) }) })
}
