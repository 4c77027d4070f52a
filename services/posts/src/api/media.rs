//! Pictures and the like, from requests and as they travel.

use plaza_core::Violations;
use plaza_core::text::{self, Lines};
use plaza_proto::posts::v1 as pb;

use crate::config::Limits;
use crate::domain::Media;

/// The media of a post that is to be published, checked; `at` stands before the names of fields.
pub(super) fn read(media: Vec<pb::Media>, limits: &Limits, at: &str, faults: &mut Violations) -> Vec<Media> {
    if media.len() > limits.media {
        faults.push(format!("{at}media"), format!("must be at most {}", limits.media));
    }
    for (n, media) in media.iter().enumerate() {
        text::check(&format!("{at}media[{n}].alt"), &media.alt, Lines::Many, faults);
    }
    media.into_iter().map(|media| Media { source: media.source, alt: media.alt }).collect()
}

/// The media of a post.
pub(super) fn messages(media: &[Media]) -> Vec<pb::Media> {
    media.iter().map(|media| pb::Media { source: media.source.clone(), alt: media.alt.clone() }).collect()
}
