//! One recipe for each server: where its programs come from, in which version, on which port.

mod nats;
mod neo4j;
mod postgres;
mod redis;

use plaza_servers::Kind;

use super::install::Installed;
use super::progress::Steps;
use super::sources::Source;
use crate::Outcome;

/// How to get and start one server without Docker. What it is started with stands in `deploy/stores/<name>/serve`.
pub(crate) struct Recipe {
    pub(crate) kind: Kind,
    /// Unless another is asked for; none of the ports that servers of this kind usually have.
    pub(crate) port: u16,
    /// Where its programs come from: the first that works.
    pub(crate) sources: &'static [Source],
    /// The only version there is, natively and as a container; without one, the machine's will do.
    pub(crate) pinned: Option<&'static str>,
    /// Once, when its programs are there.
    pub(crate) prepare: Option<fn(&Installed, &Steps) -> Outcome>,
}

/// In the order in which they are started, the slowest last.
pub(crate) const ALL: &[&Recipe] = &[&postgres::RECIPE, &redis::RECIPE, &redis::CACHE, &nats::RECIPE, &neo4j::RECIPE];

impl Recipe {
    pub(crate) fn of(kind: Kind) -> &'static Self {
        ALL.iter().find(|recipe| recipe.kind == kind).copied().unwrap_or(&postgres::RECIPE)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.kind.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_recipe_and_every_recipe_a_port_of_its_own() {
        for kind in Kind::ALL {
            assert_eq!(Recipe::of(kind).kind, kind);
        }
        let mut ports: Vec<u16> = ALL.iter().map(|recipe| recipe.port).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), Kind::ALL.len());
    }

    #[test]
    fn the_page_has_a_row_for_each_with_its_port_and_variable() {
        let page = std::fs::read_to_string(crate::process::root().join("deploy/stores/README.md")).unwrap();
        for recipe in ALL {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", recipe.name()))).unwrap();
            assert!(row.contains(&format!("| {} | `{}` |", recipe.port, recipe.kind.variable())), "{row}");
        }
    }
}
