//! What a session of an app password may do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One kind of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Reading what the account may see.
    Read,
    /// Posting, liking, and the like.
    Write,
    /// Whom the account follows, blocks or mutes.
    Follow,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Follow];

    fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Write => 2,
            Self::Follow => 4,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Follow => "follow",
        }
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes(u8);

impl Scopes {
    /// The set as a number.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The set of a number; `None` if it is none of a set that has any.
    #[must_use]
    pub fn from_bits(bits: u8) -> Option<Self> {
        (1..8).contains(&bits).then_some(Self(bits))
    }

    /// Whether a scope is in it.
    #[must_use]
    pub fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Those in it, always in the same order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }

    /// Reads what its `Display` writes; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let scopes = text.split(' ').map(|name| Scope::ALL.into_iter().find(|scope| scope.name() == name));
        scopes.collect::<Option<Self>>().filter(|scopes| scopes.0 != 0)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

/// As OAuth writes them (RFC 6749, section 3.3): `read write`.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, scope) in self.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { " " })?;
            f.write_str(scope.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_survive_as_text_and_as_numbers() {
        for bits in 1..8 {
            let scopes = Scopes::from_bits(bits).unwrap();
            assert_eq!((Scopes::parse(&scopes.to_string()), scopes.bits()), (Some(scopes), bits));
            assert_eq!(scopes.iter().collect::<Scopes>(), scopes);
        }
        assert_eq!(Scopes::parse("follow read").unwrap().to_string(), "read follow");
        for bad in ["", "read,write", "read  write", "all", "READ"] {
            assert_eq!(Scopes::parse(bad), None, "{bad}");
        }
        assert_eq!((Scopes::from_bits(0), Scopes::from_bits(8)), (None, None));
    }
}
