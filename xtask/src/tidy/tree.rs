//! The files of the repository, in memory, so that a rule's test can make a tree of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::source;
use crate::{Outcome, process};

/// A text file.
pub(crate) struct File {
    /// From the root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// For Rust, the text with comments and literals blanked out, line for line; else empty.
    pub(crate) code: String,
}

impl File {
    fn new(path: &str, text: String) -> Self {
        let code = if path.ends_with(".rs") { source::mask(&text) } else { String::new() };
        Self { path: path.to_owned(), text, code }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Written by a program: its size is nobody's choice.
    pub(crate) fn is_generated(&self) -> bool {
        self.text.lines().take(5).any(|line| line.contains("@generated"))
    }

    /// The file's name without its folder.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// Every file that git tracks or would track.
#[derive(Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, File>,
    /// Paths of all files, text or not, and of the folders above them.
    paths: BTreeSet<String>,
}

impl Tree {
    pub(crate) fn load(root: &Path) -> Outcome<Self> {
        let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let listing = process::output(&mut process::command("git", &args))?;
        let mut tree = Self::default();
        for path in listing.split('\0').filter(|path| !path.is_empty()) {
            // A file that git lists may be gone from the work tree.
            if let Ok(bytes) = fs::read(root.join(path)) {
                tree.insert(path, String::from_utf8(bytes).ok());
            }
        }
        Ok(tree)
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.insert(path, Some((*text).to_owned()));
        }
        tree
    }

    fn insert(&mut self, path: &str, text: Option<String>) {
        let folders = path.match_indices('/').map(|(at, _)| path[..at].to_owned());
        self.paths.extend(folders);
        self.paths.insert(path.to_owned());
        if let Some(text) = text {
            self.files.insert(path.to_owned(), File::new(path, text));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.values()
    }

    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files().filter(|file| file.is_rust())
    }

    pub(crate) fn get(&self, path: &str) -> Option<&File> {
        self.files.get(path)
    }

    /// Whether a file or folder of this path is there.
    pub(crate) fn exists(&self, path: &str) -> bool {
        path.is_empty() || self.paths.contains(path)
    }

    /// The files below a folder, at any depth.
    pub(crate) fn under<'a>(&'a self, folder: &str) -> impl Iterator<Item = &'a File> + use<'a> {
        let prefix = format!("{folder}/");
        self.files().filter(move |file| file.path.starts_with(&prefix))
    }

    /// The names of the folders directly in a folder.
    pub(crate) fn folders(&self, folder: &str) -> BTreeSet<&str> {
        let prefix = format!("{folder}/");
        let inside = self.files.keys().filter_map(|path| path.strip_prefix(&prefix));
        inside.filter_map(|rest| rest.split_once('/')).map(|(name, _)| name).collect()
    }

    /// The folders that are crates.
    pub(crate) fn crates(&self) -> impl Iterator<Item = &str> {
        let manifests = self.files().filter(|file| file.text.lines().any(|line| line.trim() == "[package]"));
        manifests.filter_map(|file| file.path.strip_suffix("/Cargo.toml"))
    }

    /// The services: every crate of `services/` but the binary that assembles them.
    pub(crate) fn services(&self) -> BTreeSet<&str> {
        let mut services = self.folders("services");
        services.remove("plaza");
        services
    }
}
