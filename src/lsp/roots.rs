//! Finds the bundle that a file belongs to.
//!
//! A workspace may have several bundles, and a bundle may lie anywhere in it: a file's bundle is
//! found from its path alone. It is the folder that holds the `schemas` or `policies` that the file
//! is in. Where folders of that name lie within one another, the one that looks most like a bundle
//! is taken: with a manifest, else with both folders, else the innermost.

use std::path::{Path, PathBuf};

/// A file's place in its bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BundlePath {
    /// The bundle's directory.
    pub(super) root: PathBuf,
    /// The file's path in it, with `/` between folders.
    pub(super) name: String,
}

/// Returns the place of a file, if it lies in a bundle and would be read there.
pub(super) fn locate(path: &Path) -> Option<BundlePath> {
    let folders = path.ancestors().skip(1);
    let in_bundle = folders.filter(|folder| {
        folder
            .file_name()
            .is_some_and(|name| name == "schemas" || name == "policies")
    });
    let roots = in_bundle.filter_map(Path::parent);
    // Of several that are alike, `max_by_key` takes the last: the innermost must come last.
    let mut roots: Vec<&Path> = roots.collect();
    roots.reverse();
    let root = roots.into_iter().max_by_key(|root| likeness(root))?;
    let parts = path.strip_prefix(root).ok()?.components();
    let names: Option<Vec<&str>> = parts.map(|part| part.as_os_str().to_str()).collect();
    let names = names?;
    if names.iter().any(|name| name.starts_with('.')) {
        return None;
    }
    Some(BundlePath {
        root: root.to_path_buf(),
        name: names.join("/"),
    })
}

/// Returns how much a directory looks like a bundle.
fn likeness(root: &Path) -> u8 {
    if root.join("policies/bundle.toml").is_file() {
        2
    } else {
        u8::from(root.join("policies").is_dir() && root.join("schemas").is_dir())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_the_folder_that_looks_most_like_a_bundle() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        let located = |path: &str| {
            let found = locate(&root.join(path))?;
            let within = found.root.strip_prefix(root).unwrap().to_path_buf();
            Some((within.to_str().unwrap().to_owned(), found.name))
        };
        let is = |root: &str, name: &str| Some((root.to_owned(), name.to_owned()));
        assert_eq!(located("a/policies/x.cedar"), is("a", "policies/x.cedar"));
        assert_eq!(located("a/schemas/b/x.fga"), is("a", "schemas/b/x.fga"));
        assert_eq!(located("a/other/x.cedar"), None);
        assert_eq!(located("a/policies/.git/x.cedar"), None);
        assert_eq!(located("policies"), None);
        let nested = "a/policies/schemas/x.fga";
        assert_eq!(located(nested), is("a/policies", "schemas/x.fga"));
        std::fs::create_dir_all(root.join("a/policies/schemas")).unwrap();
        std::fs::create_dir_all(root.join("a/schemas")).unwrap();
        assert_eq!(located(nested), is("a", "policies/schemas/x.fga"));
        std::fs::create_dir_all(root.join("a/policies/policies")).unwrap();
        std::fs::write(root.join("a/policies/policies/bundle.toml"), "").unwrap();
        assert_eq!(located(nested), is("a/policies", "schemas/x.fga"));
    }
}
