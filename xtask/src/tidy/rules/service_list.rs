//! `ls services` is the list of services in `proto/plaza`.

use crate::tidy::Violation;
use crate::tidy::tree::Tree;

/// Packages that every service shares: the options on RPCs, and the side of a projection that others ask.
const SHARED: &[&str] = &["options", "projections"];

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    let crates = tree.services();
    let holds_service = |name: &str| {
        let mut lines = tree.under(&format!("proto/plaza/{name}")).flat_map(|file| file.text.lines());
        lines.any(|line| line.starts_with("service "))
    };
    for name in tree.folders("proto/plaza").into_iter().filter(|name| !SHARED.contains(name) && holds_service(name)) {
        if !crates.contains(name) {
            let path = format!("proto/plaza/{name}");
            let remedy = format!("add services/{name} as docs/adding-a-service.md says");
            found.push(Violation::new(&path, 1, format!("the service {name} has no crate"), remedy));
        }
    }
    for name in crates.into_iter().filter(|name| !holds_service(name)) {
        let path = format!("services/{name}");
        let remedy = format!("define its service in proto/plaza/{name}/v1");
        found.push(Violation::new(&path, 1, format!("the service {name} has no .proto file"), remedy));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lists_are_fine() {
        let files = [
            ("proto/plaza/posts/v1/posts.proto", "service PostsService {\n}\n"),
            ("proto/plaza/options/v1/options.proto", "extend google.protobuf.MethodOptions {}\n"),
            ("proto/plaza/projections/v1/projections.proto", "service ProjectionsService {\n}\n"),
            ("services/posts/Cargo.toml", ""),
            ("services/plaza/Cargo.toml", ""),
        ];
        assert_eq!(check(&Tree::of(&files)), []);
    }

    #[test]
    fn a_difference_is_found_on_both_sides() {
        let files =
            [("proto/plaza/posts/v1/posts.proto", "service PostsService {\n}\n"), ("services/graph/Cargo.toml", "")];
        assert_eq!(check(&Tree::of(&files)).len(), 2);
    }
}
