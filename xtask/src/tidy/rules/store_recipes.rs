//! The servers of the stores are the same in every list: the recipes, `deploy/stores`, `deploy/compose.yaml`.

use std::collections::BTreeMap;

use crate::stores::recipes::ALL;
use crate::tidy::Violation;
use crate::tidy::tree::Tree;

const FOLDER: &str = "deploy/stores";
const COMPOSE: &str = "deploy/compose.yaml";

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let recipes: BTreeMap<&str, Option<&str>> = ALL.iter().map(|recipe| (recipe.name(), recipe.pinned)).collect();
    let recipes = |named: &str| recipes.get(named).copied();
    let mut found = Vec::new();
    if !tree.exists(FOLDER) {
        return found;
    }
    for folder in tree.folders(FOLDER).into_iter().filter(|folder| recipes(folder).is_none()) {
        let remedy = "add a recipe in xtask/src/stores/recipes, or delete the folder";
        found.push(Violation::new(&format!("{FOLDER}/{folder}"), 1, "a store without a recipe", remedy));
    }
    let compose = tree.get(COMPOSE).map(|file| file.text.as_str()).unwrap_or_default();
    let images = images(compose);
    for (service, line, _) in images.iter().filter(|(service, _, _)| recipes(service).is_none()) {
        let remedy = "add a recipe in xtask/src/stores/recipes, or delete the service";
        found.push(Violation::new(COMPOSE, *line, format!("{service} has no recipe"), remedy));
    }
    for recipe in ALL {
        let name = recipe.name();
        if !tree.exists(&format!("{FOLDER}/{name}/serve")) {
            let remedy = format!("write {FOLDER}/{name}/serve DATA_DIR PORT");
            found.push(Violation::new(FOLDER, 1, format!("nothing starts {name}"), remedy));
        }
        match images.iter().find(|(service, _, _)| *service == name) {
            None => {
                let remedy = "add a service with a pinned image and a health check";
                found.push(Violation::new(COMPOSE, 1, format!("no container for {name}"), remedy));
            }
            Some((_, line, image)) if !is_pinned(image, recipe.pinned) => {
                let version = recipe.pinned.unwrap_or("one version, with a digit");
                let remedy = format!("name {version} in its tag");
                found.push(Violation::new(COMPOSE, *line, format!("image `{image}` of {name}"), remedy));
            }
            Some(_) => {}
        }
    }
    found
}

/// The tag names the recipe's version, or at least some version.
fn is_pinned(image: &str, version: Option<&str>) -> bool {
    let tag = image.split_once(':').map(|(_, tag)| tag).unwrap_or_default();
    match version {
        Some(version) => tag == version || tag.strip_prefix(version).is_some_and(|rest| rest.starts_with('-')),
        None => tag.starts_with(|c: char| c.is_ascii_digit()) && tag.contains('.'),
    }
}

/// Each service of a compose file with the line of its image, and the image.
fn images(compose: &str) -> Vec<(&str, usize, &str)> {
    let mut images = Vec::new();
    let mut service = None;
    let lines = compose.lines().enumerate().skip_while(|(_, line)| *line != "services:").skip(1);
    for (at, line) in lines.take_while(|(_, line)| line.is_empty() || line.starts_with([' ', '#'])) {
        let inner = line.strip_prefix("  ").unwrap_or_default();
        if inner.starts_with(|c: char| c.is_ascii_lowercase()) {
            service = inner.strip_suffix(':');
        } else if let (Some(service), Some(image)) = (service, inner.trim().strip_prefix("image: ")) {
            images.push((service, at + 1, image));
        }
    }
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(compose: &str, more: &[(&str, &str)]) -> Vec<Violation> {
        let serve: Vec<String> = ALL.iter().map(|recipe| format!("{FOLDER}/{}/serve", recipe.name())).collect();
        let mut files: Vec<(&str, &str)> = serve.iter().map(|path| (path.as_str(), "#!/bin/sh\n")).collect();
        files.push((COMPOSE, compose));
        files.extend(more);
        check(&Tree::of(&files))
    }

    fn compose() -> String {
        let service = |name: &str, tag: &str| format!("  {name}:\n    image: {name}:{tag}\n    ports: [\"1\"]\n");
        let services: String = ALL.iter().map(|r| service(r.name(), r.pinned.unwrap_or("7.4.5"))).collect();
        format!("name: x\nservices:\n  # a comment\n{services}\nvolumes:\n  other:\n    name: other\n")
    }

    #[test]
    fn equal_lists_are_fine() {
        assert_eq!(tree(&compose(), &[]), []);
    }

    #[test]
    fn what_one_list_has_more_or_less_is_found() {
        let stray = [("deploy/stores/mysql/serve", "")];
        assert_eq!(tree(&compose(), &stray).len(), 1);
        let more = compose().replace("\nvolumes:", "  mysql:\n    image: mysql:9.1\nvolumes:");
        assert_eq!(tree(&more, &[]).len(), 1);
        let less = compose().replace("  neo4j:\n    image", "  other-graph:\n    image");
        assert_eq!(tree(&less, &[]).len(), 2);
    }

    #[test]
    fn an_image_of_another_or_of_any_version_is_found() {
        for (good, bad) in [("nats:2.15.1", "nats:2.15.10"), ("redis:7.4.5", "redis:latest"), ("redis:7.4.5", "redis")]
        {
            assert!(!tree(&compose().replace(&format!("image: {good}\n"), &format!("image: {bad}\n")), &[]).is_empty());
        }
        assert!(is_pinned("neo4j:5.26.30-community", Some("5.26.30")));
    }
}
