//! Consistency tokens: what a write hands out, so that a later read can wait until it shows that write.

use crate::{Error, Result};

/// How far one service's outbox has got: the place of its last row, above 0.
pub type Position = i64;

/// For each source of events the position that a read must have applied. Text form: `posts=17,graph=4`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token(Vec<(String, Position)>);

impl Token {
    /// Metadata key of the token, in requests and responses.
    pub const METADATA_KEY: &'static str = "plaza-token";
    const MAX_LEN: usize = 512;
    const MAX_SOURCES: usize = 16;

    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each source with its position.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Position)> {
        self.0.iter().map(|(source, position)| (source.as_str(), *position))
    }

    /// Asks for `position` of `source` as well; the higher of two stays.
    pub fn require(&mut self, source: &str, position: Position) {
        if let Some((_, p)) = self.0.iter_mut().find(|(s, _)| s == source) {
            *p = position.max(*p);
        } else if self.0.len() < Self::MAX_SOURCES {
            self.0.push((source.to_owned(), position));
        }
    }

    /// Asks for all that `other` asks for as well.
    pub fn merge(&mut self, other: &Self) {
        for (source, position) in other.iter() {
            self.require(source, position);
        }
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` on field `plaza-token` (metadata) if it is not one.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = || Error::invalid_field(Self::METADATA_KEY, "pass back a token as a response's metadata gave it");
        let mut token = Self::default();
        if text.len() > Self::MAX_LEN || text.split(',').count() > Self::MAX_SOURCES {
            return Err(invalid());
        }
        for part in text.split(',').filter(|p| !p.is_empty()) {
            let (source, position) = part.split_once('=').ok_or_else(invalid)?;
            let known = !source.is_empty() && source.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            let position = position.parse::<Position>().ok().filter(|p| known && *p >= 0).ok_or_else(invalid)?;
            token.require(source, position);
        }
        Ok(token)
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, (source, position)) in self.iter().enumerate() {
            write!(f, "{}{source}={position}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_their_text_form_and_keep_the_higher_position() {
        let mut token = Token::default();
        token.require("posts", 17);
        token.require("graph", 4);
        token.require("posts", 9);
        assert_eq!(token.to_string(), "posts=17,graph=4");
        assert_eq!(Token::parse("posts=17,graph=4").unwrap(), token);
        assert!(Token::parse("").unwrap().is_empty());
    }

    #[test]
    fn what_is_not_a_token_is_refused() {
        for bad in ["posts", "posts=", "=1", "posts=-1", "posts=x", "POSTS=1", "posts=99999999999999999999"] {
            assert_eq!(Token::parse(bad).unwrap_err().violations()[0].field, "plaza-token", "{bad}");
        }
        assert!(Token::parse(&"a=1,".repeat(1_000)).is_err());
    }
}
