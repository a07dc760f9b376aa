//! Recognises a directory that holds a bundle, for commands that are given none.
//!
//! **Problem.** Whoever stands in the directory of a bundle and names none means that one. But many
//! a project has a folder `schemas/` or `policies/` that has nothing to do with this program.
//! **Decision.** A bundle is told by its manifest, or by a file whose ending only a bundle's files
//! have. The sources of this program are none: their files lie as they are embedded.

use super::compile::MANIFEST;
use std::path::Path;

/// LIMIT: entries of a folder that are looked at: a bundle of people's has fewer files.
const MAX_LOOKED_AT: usize = 10_000;

/// Returns `true` if a directory holds a bundle.
#[must_use]
pub fn holds_bundle(dir: &Path) -> bool {
    if has_file(&dir.join("policies/packs"), &["pack.toml"], true) {
        return false;
    }
    dir.join(MANIFEST).is_file()
        || has_file(&dir.join("schemas"), &[".cedarschema", ".fga"], true)
        || has_file(&dir.join("policies"), &[".cedar"], true)
}

/// Returns `true` if a folder, or one in it, has a file with one of these endings.
fn has_file(folder: &Path, endings: &[&str], goes_deeper: bool) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.take(MAX_LOOKED_AT).any(|entry| {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if path.is_dir() {
            return goes_deeper && has_file(&path, endings, false);
        }
        endings.iter().any(|ending| name.ends_with(ending))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_told_by_its_manifest_or_by_a_file_of_its_own_kind() {
        for (file, is_bundle) in [
            ("policies/bundle.toml", true),
            ("policies/a.cedar", true),
            ("policies/team/a.cedar", true),
            ("schemas/a.cedarschema", true),
            ("schemas/a.fga", true),
            ("schemas/user.json", false),
            ("policies/allow.rego", false),
            ("a.cedar", false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            assert_eq!(holds_bundle(dir.path()), is_bundle, "{file}");
        }
        assert!(!holds_bundle(Path::new("/no/such/directory")));
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(sources.join(MANIFEST).is_file() && !holds_bundle(sources));
    }
}
