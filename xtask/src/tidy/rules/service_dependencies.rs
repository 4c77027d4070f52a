//! No service knows another's crate, and no library knows a service: they meet in the binary and over gRPC.

use std::collections::BTreeSet;

use crate::tidy::Violation;
use crate::tidy::tree::{File, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let manifests = || tree.services().into_iter().filter_map(|name| tree.get(&format!("services/{name}/Cargo.toml")));
    let services: BTreeSet<&str> = manifests().filter_map(package_name).collect();
    let libs = tree.under("libs").filter(|file| file.name() == "Cargo.toml");
    let mut found = Vec::new();
    for manifest in manifests().chain(libs) {
        let own = package_name(manifest).unwrap_or_default();
        for (line, dependency) in dependencies(&manifest.text) {
            if dependency != own && services.contains(dependency) {
                let remedy = "call it through its client in plaza-proto, which the binary hands over";
                found.push(Violation::new(
                    &manifest.path,
                    line,
                    format!("depends on the service {dependency}"),
                    remedy,
                ));
            }
        }
    }
    found
}

fn package_name(manifest: &File) -> Option<&str> {
    let package = manifest.text.split("[package]").nth(1)?;
    let line = package.lines().find(|line| line.trim_start().starts_with("name"))?;
    line.split('"').nth(1)
}

/// The names in all sections of dependencies, of tests and builds too.
fn dependencies(manifest: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (at, line) in manifest.lines().map(str::trim).enumerate() {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = section.ends_with("dependencies");
            // A table of its own: [dependencies.name]
            if let Some((_, name)) = section.split_once("dependencies.") {
                found.push((at + 1, name));
            }
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            let end = line.find(['.', '=', ' ']).unwrap_or(line.len());
            found.push((at + 1, &line[..end]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTS: (&str, &str) = (
        "services/posts/Cargo.toml",
        "[package]\nname = \"plaza-posts\"\n[dependencies]\nplaza-core.workspace = true\n",
    );

    #[test]
    fn libraries_and_the_binary_are_fine() {
        let binary = (
            "services/plaza/Cargo.toml",
            "[package]\nname = \"plaza\"\n[dependencies]\nplaza-posts.workspace = true\n",
        );
        assert_eq!(check(&Tree::of(&[POSTS, binary])), []);
    }

    #[test]
    fn a_service_is_found_in_every_kind_of_section() {
        let feeds = "[package]\nname = \"plaza-feeds\"\n[dependencies]\nplaza-posts = { workspace = true }\n\
            [dev-dependencies]\nplaza-posts.workspace = true\n[build-dependencies.plaza-posts]\nworkspace = true\n";
        assert_eq!(check(&Tree::of(&[POSTS, ("services/feeds/Cargo.toml", feeds)])).len(), 3);
        let lib = "[package]\nname = \"plaza-testkit\"\n[dependencies]\nplaza-posts.workspace = true\n";
        assert_eq!(check(&Tree::of(&[POSTS, ("libs/plaza-testkit/Cargo.toml", lib)])).len(), 1);
    }
}
