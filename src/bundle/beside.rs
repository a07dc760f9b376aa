//! Finds what lies beside the two folders of a bundle as if it were read there.
//!
//! **Problem.** Only `schemas/` and `policies/` are read. A forbid in `rules/`, in
//! `policies-prod/` or in `f.CEDAR` at the top is written, reviewed, and read by nobody.
//! **Decision.** What has the name of a bundle's file is refused, in any case of letters, at the
//! top and two folders deep, whatever the folders are called. So is a folder that is nearly called
//! like one of the two.
//! **Trade-off.** What lies deeper is not looked at, since a repository around a bundle has
//! fixtures of its own. A folder with other bundles must begin with a dot, or lie elsewhere.

use super::files::MAX_ENTRIES;
use super::sorted::folder_of;
use std::path::Path;

/// LIMIT: edits that a folder's name may be away from the one that was meant.
const MISSPELT_EDITS: usize = 2;

/// The folders that are looked through below one that lies beside those of a bundle.
const DEPTH: usize = 2;

/// The names of a bundle's folders.
const FOLDERS: [&str; 2] = ["schemas", "policies"];

/// What lies in a bundle's directory and is read by nobody.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unread {
    /// The path below the bundle's directory.
    pub(super) path: String,
    /// What is wrong with it, as the rest of a sentence.
    pub(super) problem: String,
}

/// Finds the files and folders beside those of a bundle that seem to belong to it, in the order of
/// their names.
pub(super) fn unread(root: &Path) -> Vec<Unread> {
    let mut search = Search {
        entries: 0,
        found: Vec::new(),
    };
    search.folder(root, "", 0);
    search.found.sort_by(|a, b| a.path.cmp(&b.path));
    search.found
}

struct Search {
    /// The number of entries so far.
    entries: usize,
    found: Vec<Unread>,
}

impl Search {
    /// Looks through a folder, `depth` folders below the bundle's directory. One that cannot be
    /// listed has nothing that anybody could read.
    fn folder(&mut self, folder: &Path, path: &str, depth: usize) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let is_own = depth == 0 && FOLDERS.contains(&name.as_ref());
            if is_own || name.starts_with('.') {
                continue;
            }
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return self.add(
                    path,
                    "lies in a directory with too much beside `schemas/` and `policies/`: \
                     give the bundle a directory of its own"
                        .to_owned(),
                );
            }
            let below = if path.is_empty() {
                name.to_string()
            } else {
                format!("{path}/{name}")
            };
            if entry.path().is_dir() {
                self.below(&entry.path(), &name, &below, depth);
            } else if let Some(folder) = folder_of(&name) {
                self.add(
                    &below,
                    format!("lies beside `{folder}/`, where nothing is read: move it there"),
                );
            }
        }
    }

    fn below(&mut self, folder: &Path, name: &str, path: &str, depth: usize) {
        if depth == 0
            && let Some(meant) = folder_meant(name)
        {
            self.add(
                path,
                format!("is no folder of a bundle: is it meant to be `{meant}`?"),
            );
        } else if depth < DEPTH {
            self.folder(folder, path, depth + 1);
        }
    }

    fn add(&mut self, path: &str, problem: String) {
        // Of a directory with too much, one problem tells enough.
        if self.entries <= MAX_ENTRIES || self.found.iter().all(|one| one.problem != problem) {
            self.found.push(Unread {
                path: path.to_owned(),
                problem,
            });
        }
    }
}

/// Returns the folder of a bundle for which a name beside it is probably meant: what lies in it
/// would be read by nobody.
fn folder_meant(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let name = name.trim_end_matches(|c: char| !c.is_alphabetic());
    FOLDERS
        .into_iter()
        .find(|folder| strsim::osa_distance(name, folder) <= MISSPELT_EDITS)
        .or((name == "policy").then_some("policies"))
}
