//! Writes what spans all packages.

use std::fmt::Write as _;

use crate::model::Model;
use crate::names;

/// The table of all services' methods, for the module that includes `mod.rs`.
pub(crate) fn services(model: &Model) -> String {
    let mut rows = String::new();
    for service in &model.services {
        let module: Vec<String> = service.package.split('.').map(names::snake).collect();
        let _ = writeln!(rows, "    {}::{}Server::METHODS,", module.join("::"), names::camel(&service.name));
    }
    format!("/// The methods of every service.\npub static METHODS: &[&[::plaza_rpc::Method]] = &[\n{rows}];\n")
}
