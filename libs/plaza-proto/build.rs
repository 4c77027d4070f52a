//! Generates the Rust side of `proto/`, and of the sample service that the tests run.

use std::env;
use std::path::PathBuf;

use plaza_codegen::{Builder, Problems};

fn main() -> Result<(), Problems> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let proto = root.join("../../proto");
    let sample = root.join("tests/proto");
    Builder::new(out.join("plaza")).include(&proto).tree(proto.join("plaza")).rerun_if_changed().compile()?;
    Builder::new(out.join("sample")).include(&proto).include(&sample).tree(&sample).rerun_if_changed().compile()
}
