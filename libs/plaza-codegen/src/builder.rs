//! The whole run: compile, check, generate.

use std::fs;
use std::path::{Path, PathBuf};

use prost_build::ServiceGenerator;
use prost_reflect::DescriptorPool;
use prost_types::FileDescriptorSet;

use crate::model::Model;
use crate::problem::Problems;
use crate::{check, emit};

/// Compiles a tree of `.proto` files.
#[derive(Debug, Default)]
pub struct Builder {
    includes: Vec<PathBuf>,
    roots: Vec<PathBuf>,
    out: PathBuf,
}

impl Builder {
    /// A builder that writes into `out`: `mod.rs` with a module for each package, `services.rs` with the method tables
    /// of all services, and `descriptors.bin`, the encoded descriptor set.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self { out: out.into(), ..Self::default() }
    }

    /// Resolves imports in `dir` too.
    #[must_use]
    pub fn include(mut self, dir: impl Into<PathBuf>) -> Self {
        self.includes.push(dir.into());
        self
    }

    /// Compiles every `.proto` file under `dir`, which must lie under an include directory.
    #[must_use]
    pub fn tree(mut self, dir: impl Into<PathBuf>) -> Self {
        self.roots.push(dir.into());
        self
    }

    /// Tells cargo what the build depends on. For build scripts only.
    #[must_use]
    pub fn rerun_if_changed(self) -> Self {
        for dir in self.includes.iter().chain(&self.roots) {
            println!("cargo::rerun-if-changed={}", dir.display());
        }
        self
    }

    /// Generates everything.
    ///
    /// # Errors
    /// What is wrong with the `.proto` files, or with reading and writing.
    pub fn compile(&self) -> Result<(), Problems> {
        fs::create_dir_all(&self.out).map_err(Problems::one)?;
        let files = self.files()?;
        let mut compiler = protox::Compiler::new(&self.includes).map_err(Problems::one)?;
        compiler.include_imports(true).include_source_info(true);
        compiler.open_files(&files).map_err(Problems::one)?;

        let model = Model::read(&compiler.descriptor_pool())?;
        let bytes = compiler.encode_file_descriptor_set();
        fs::write(self.out.join("descriptors.bin"), bytes).map_err(Problems::one)?;
        fs::write(self.out.join("services.rs"), emit::services(&model)).map_err(Problems::one)?;
        self.generate(compiler.file_descriptor_set(), model)
    }

    fn generate(&self, mut set: FileDescriptorSet, model: Model) -> Result<(), Problems> {
        // Options are read here, at build time; no Rust type of them is needed.
        set.file.retain(|f| !is_option_package(f.package()));
        prost_build::Config::new()
            .out_dir(&self.out)
            .include_file("mod.rs")
            .enable_type_names()
            .btree_map(["."])
            .service_generator(Box::new(Generator { model }))
            .compile_fds(set)
            .map_err(Problems::one)
    }

    fn files(&self) -> Result<Vec<PathBuf>, Problems> {
        let mut files = Vec::new();
        for root in &self.roots {
            collect(root, &mut files).map_err(|e| Problems::one(format!("{}: {e}", root.display())))?;
        }
        files.sort();
        if files.is_empty() {
            return Err(Problems::one("there is no .proto file to compile"));
        }
        Ok(files)
    }
}

/// Whether a package holds nothing but options for `.proto` files.
pub(crate) fn is_option_package(package: &str) -> bool {
    package == "plaza.options.v1" || package == "buf.validate" || package.starts_with("google.api")
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "proto") {
            files.push(path);
        }
    }
    Ok(())
}

/// What prost-build calls for each service and each package.
struct Generator {
    model: Model,
}

impl ServiceGenerator for Generator {
    fn generate(&mut self, service: prost_build::Service, buf: &mut String) {
        let full_name = format!("{}.{}", service.package, service.proto_name);
        if let Some(model) = self.model.services.iter().find(|s| s.full_name == full_name) {
            crate::service::emit(model, &service, buf);
        }
    }

    fn finalize_package(&mut self, package: &str, buf: &mut String) {
        check::emit_package(&self.model, package, buf);
    }
}

impl Model {
    fn read(pool: &DescriptorPool) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let model = Self::new(pool, &mut problems);
        problems.into_result()?;
        Ok(model)
    }
}
