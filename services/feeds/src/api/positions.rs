//! Read positions as callers see them.

use plaza_core::{Error, Result};
use plaza_proto::feeds::v1;

use crate::domain::{FeedKind, ReadPosition};

/// The feed that a request names.
pub(super) fn kind(feed: v1::FeedKind) -> Result<FeedKind> {
    match feed {
        v1::FeedKind::Home => Ok(FeedKind::Home),
        v1::FeedKind::Mutuals => Ok(FeedKind::Mutuals),
        v1::FeedKind::Unspecified => Err(Error::invalid_field("feed", "must name a feed")),
    }
}

fn told(feed: FeedKind) -> v1::FeedKind {
    match feed {
        FeedKind::Home => v1::FeedKind::Home,
        FeedKind::Mutuals => v1::FeedKind::Mutuals,
    }
}

pub(super) fn present(feed: FeedKind, position: ReadPosition) -> v1::ReadPosition {
    let (seconds, nanos) = position.at.seconds_nanos();
    let update_time = Some(prost_types::Timestamp { seconds, nanos });
    v1::ReadPosition { feed: told(feed).into(), place: position.place.get(), update_time }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feed_is_named_as_it_is_told() {
        assert_eq!(FeedKind::ALL.map(|feed| kind(told(feed)).unwrap()), FeedKind::ALL);
    }
}
