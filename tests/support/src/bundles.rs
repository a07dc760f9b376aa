//! Bundles as text: many stand in one file, each below a line `##### ` with its name, and each of
//! its files below a line `=== ` with its path.

use behest::bundle::BundleFiles;
use std::path::{Path, PathBuf};

/// A bundle that stands in a file beside others.
#[derive(Debug, Clone)]
pub struct BundleText {
    /// The line above it.
    pub name: String,
    /// Each of its files, with the path within the bundle.
    pub parts: Vec<(String, String)>,
}

impl BundleText {
    /// Writes the files into a directory that ends with what is returned.
    pub fn write(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let files: Vec<(&str, &str)> = self
            .parts
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        crate::engines::write(folder.path(), &files);
        folder
    }

    /// Returns the files as those of a bundle that no directory holds.
    pub fn files(&self) -> BundleFiles {
        BundleFiles::from_texts(self.parts.iter().cloned())
    }

    /// Takes away the last part, which is none of the bundle's files but what is expected of it.
    pub fn take_expected(&mut self) -> String {
        let (last, expected) = self.parts.pop().expect("a part");
        assert_eq!(last, "expected", "what is expected comes last");
        expected
    }
}

/// Returns the bundles of a file in `tests/bundles`, in its order.
pub fn read(file: &str) -> Vec<BundleText> {
    read_file(&folder().join(file))
}

/// Returns the bundle with this name in a file in `tests/bundles`.
pub fn named(file: &str, name: &str) -> BundleText {
    read(file)
        .into_iter()
        .find(|bundle| bundle.name == name)
        .unwrap_or_else(|| panic!("tests/bundles/{file} has no bundle `{name}`"))
}

/// Returns the bundles of every file in a folder in `tests/bundles`, with the file's name before
/// each bundle's.
pub fn read_folder(name: &str) -> Vec<BundleText> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder().join(name)).expect("a folder") {
        let path = entry.expect("an entry").path();
        let theme = path.file_stem().expect("a name").to_string_lossy();
        for mut bundle in read_file(&path) {
            bundle.name = format!("{theme}: {}", bundle.name);
            found.push(bundle);
        }
    }
    found
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../bundles")
}

fn read_file(path: &Path) -> Vec<BundleText> {
    let text = std::fs::read_to_string(path).expect("a text");
    let text = format!("\n{text}");
    text.split("\n##### ").skip(1).map(parse).collect()
}

fn parse(text: &str) -> BundleText {
    let (name, parts) = text.split_once('\n').expect("a name");
    let parts = parts.strip_prefix("=== ").expect("a path comes first");
    let parts = parts.split("\n=== ").map(|part| {
        let (path, text) = part.split_once('\n').unwrap_or((part, ""));
        (path.to_owned(), format!("{text}\n"))
    });
    BundleText {
        name: name.to_owned(),
        parts: parts.collect(),
    }
}
