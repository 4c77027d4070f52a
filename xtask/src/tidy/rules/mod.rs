//! The rules, one file each.

mod allow_attributes;
mod clock_and_chance;
mod crate_docs;
mod domain_imports;
mod driver_place;
mod file_length;
mod function_length;
mod guarantees;
mod links;
mod machine_paths;
mod rpc_files;
mod service_dependencies;
mod service_list;
mod service_shape;
mod store_recipes;
mod unfinished;

use super::Violation;
use super::tree::Tree;

/// A rule reports all its violations.
type Check = fn(&Tree) -> Vec<Violation>;

/// Every rule, with the name that `--rule` takes.
pub(crate) const ALL: &[(&str, Check)] = &[
    ("allow-attributes", allow_attributes::check),
    ("clock-and-chance", clock_and_chance::check),
    ("crate-docs", crate_docs::check),
    ("domain-imports", domain_imports::check),
    ("driver-place", driver_place::check),
    ("file-length", file_length::check),
    ("function-length", function_length::check),
    ("guarantees", guarantees::check),
    ("links", links::check),
    ("machine-paths", machine_paths::check),
    ("rpc-files", rpc_files::check),
    ("service-dependencies", service_dependencies::check),
    ("service-list", service_list::check),
    ("service-shape", service_shape::check),
    ("store-recipes", store_recipes::check),
    ("unfinished", unfinished::check),
];
