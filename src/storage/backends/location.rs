//! Where a store lies, as the setting `data` and the flag `--data` say it: a directory, a backend's
//! name with a directory behind it (`redb:/var/lib/behest`), or a backend's name alone (`memory`).
//!
//! A name ends at a colon before the first slash. What stands there and is no backend may be the
//! address of some other database: it is refused, rather than made as a directory.
//!
//! INVARIANT: no message repeats what stands behind the colon of a text that is refused. It may
//! hold a password.

use super::{Backend, MEMORY, OpenDirectory, Opened, OpenedRows, Origin, REDB, store_over};
use crate::model::Problem;
use crate::storage::StoreError;
use crate::storage::disk::DataDir;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// LIMIT: bytes of a name that is no backend's in a message. The schemes of addresses are shorter.
const SHOWN_BYTES: usize = 32;

/// A backend that this program has, and the data directory that it opens.
#[derive(Clone)]
pub struct StoreLocation {
    backend: &'static Backend,
    opening: Opening,
}

/// How a backend is opened.
#[derive(Clone)]
enum Opening {
    FromNothing(fn() -> OpenedRows),
    FromDirectory {
        dir: PathBuf,
        cache_bytes: usize,
        open: OpenDirectory,
    },
}

impl StoreLocation {
    /// Creates the location of a backend's store in a data directory, which counts only where the
    /// backend keeps anything. Refused where this program lacks the backend.
    pub fn new(backend: &'static Backend, dir: impl Into<PathBuf>) -> Result<Self, Problem> {
        let opening = match backend.origin {
            Origin::Nothing(open) => Opening::FromNothing(open),
            Origin::Directory {
                open, cache_bytes, ..
            } => Opening::FromDirectory {
                dir: dir.into(),
                cache_bytes,
                open: open.ok_or_else(|| without_feature(backend))?,
            },
        };
        Ok(Self { backend, opening })
    }

    /// Returns its backend.
    #[must_use]
    pub fn backend(&self) -> &'static Backend {
        self.backend
    }

    /// Returns its data directory; none where nothing is kept.
    #[must_use]
    pub fn dir(&self) -> Option<&Path> {
        match &self.opening {
            Opening::FromNothing(_) => None,
            Opening::FromDirectory { dir, .. } => Some(dir),
        }
    }

    /// Returns the backend whose data the directory holds already: this one, or another.
    #[must_use]
    pub fn found(&self) -> Option<&'static Backend> {
        self.dir().and_then(Backend::held_in)
    }

    /// Opens the store, and makes what is missing.
    pub fn open(&self) -> Opened {
        store_over(self.open_rows(self.dir(), None))
    }

    /// Opens the store with this much memory for pages, and makes what is missing.
    pub fn open_with_cache(&self, cache_bytes: usize) -> Opened {
        store_over(self.open_rows(self.dir(), Some(cache_bytes)))
    }

    /// Opens the store of the same backend in another directory.
    pub(in crate::storage) fn open_in(&self, dir: &Path) -> Opened {
        store_over(self.open_rows_in(dir))
    }

    /// Opens the rows of the same backend in another directory.
    pub(in crate::storage) fn open_rows_in(&self, dir: &Path) -> OpenedRows {
        self.open_rows(Some(dir), None)
    }

    fn open_rows(&self, dir: Option<&Path>, bytes: Option<usize>) -> OpenedRows {
        match (&self.opening, dir) {
            (
                Opening::FromDirectory {
                    cache_bytes, open, ..
                },
                Some(dir),
            ) => open_directory(self.backend, *open, dir, bytes.unwrap_or(*cache_bytes)),
            (Opening::FromNothing(open), _) => {
                self.check_no_directory()?;
                open()
            }
            (Opening::FromDirectory { dir, .. }, None) => Err(StoreError::Locked((*dir).clone())),
        }
    }

    /// Refuses a backend that keeps nothing where a directory of its name holds a store: somebody
    /// means that one, and its suspensions would be forgotten.
    fn check_no_directory(&self) -> Result<(), StoreError> {
        let name = self.backend.name;
        match Backend::held_in(Path::new(name)).and_then(Backend::entry) {
            None => Ok(()),
            Some(entry) => Err(StoreError::DirectoryOfThisName { name, entry }),
        }
    }
}

/// Takes the data directory, and opens a backend's entry in it.
pub(super) fn open_directory(
    backend: &Backend,
    open: OpenDirectory,
    dir: &Path,
    cache_bytes: usize,
) -> OpenedRows {
    let entry = backend.entry().unwrap_or_default();
    let dir = DataDir::take(dir, backend)?;
    let path = dir.join(entry);
    open(dir, path, cache_bytes)
}

impl FromStr for StoreLocation {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let Some((name, dir)) = split_name(text) else {
            if is_address(text) {
                let told = "what stands there begins as an address does, and is no directory";
                return Err(Problem::new(told).help(choices()));
            }
            let backend = if text == MEMORY.name { &MEMORY } else { &REDB };
            return Self::new(backend, text);
        };
        let backend = Backend::all()
            .find(|backend| backend.name == name)
            .ok_or_else(|| unknown(name))?;
        if !backend.is_durable() {
            let told = format!("`{name}` keeps nothing, and takes no directory behind its name");
            return Err(Problem::new(told).help(format!("write `{name}`")));
        }
        let location = Self::new(backend, dir)?;
        if dir.is_empty() || is_address(dir) {
            let told = format!("`{name}:` stands before something else than a directory");
            return Err(
                Problem::new(told).help(format!("write for example `{name}:/var/lib/behest`"))
            );
        }
        Ok(location)
    }
}

/// Returns `true` if a text begins with two slashes, as an address without a scheme does. It may
/// hold a password, and is no path that somebody would write.
fn is_address(text: &str) -> bool {
    text.starts_with("//")
}

/// Splits off what stands before a colon that comes before every slash.
fn split_name(text: &str) -> Option<(&str, &str)> {
    text.split_once(':').filter(|(name, _)| !name.contains('/'))
}

fn unknown(name: &str) -> Problem {
    let is_scheme = name.len() <= SHOWN_BYTES
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b));
    let told = if is_scheme {
        format!("`{name}` is no store backend")
    } else {
        "what stands before the first colon is no store backend".to_owned()
    };
    Problem::new(told).help(format!(
        "{}; a directory whose name has a colon is written `./NAME`",
        choices()
    ))
}

fn without_feature(backend: &Backend) -> Problem {
    let told = format!("this program lacks the store backend `{}`", backend.name);
    let build = backend
        .feature
        .map(|feature| format!("build it with the Cargo feature `{feature}`; "));
    Problem::new(told).help(format!("{}{}", build.unwrap_or_default(), choices()))
}

/// What this program takes.
fn choices() -> String {
    let forms: Vec<String> = Backend::all()
        .filter(|backend| backend.is_built())
        .map(|backend| format!("`{}`", backend.form()))
        .collect();
    format!("it takes `DIR` or one of {}", forms.join(", "))
}

/// Writes it as the setting takes it.
impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.backend.name;
        let Some(dir) = self.dir() else {
            return f.write_str(name);
        };
        let text = dir.to_string_lossy();
        let needs_name = name != REDB.name || text == MEMORY.name || split_name(&text).is_some();
        if needs_name {
            write!(f, "{name}:")?;
        }
        f.write_str(&text)
    }
}

impl fmt::Debug for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreLocation({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::super::SLED;
    use super::*;

    fn read(text: &str) -> (String, Option<String>) {
        let location: StoreLocation = text.parse().unwrap();
        let dir = location.dir().map(|dir| dir.display().to_string());
        let again: StoreLocation = location.to_string().parse().unwrap();
        assert_eq!(format!("{location:?}"), format!("{again:?}"), "{text}");
        (location.backend().name().to_owned(), dir)
    }

    fn refused(text: &str) -> (String, String) {
        let problem = text.parse::<StoreLocation>().unwrap_err();
        (problem.message, problem.help.unwrap())
    }

    #[test]
    fn a_directory_without_a_name_is_redbs() {
        for dir in [
            "data",
            "/var/lib/behest",
            "2026",
            "redb",
            "sled",
            "./a:b",
            "a/b:c",
            "",
        ] {
            assert_eq!(read(dir), ("redb".to_owned(), Some(dir.to_owned())));
        }
    }

    #[test]
    fn a_name_chooses() {
        for (text, name, dir) in [
            ("redb:data", "redb", Some("data")),
            ("redb:/var/lib/behest", "redb", Some("/var/lib/behest")),
            ("redb:a:b", "redb", Some("a:b")),
            ("redb:memory", "redb", Some("memory")),
            ("redb:postgres://x", "redb", Some("postgres://x")),
            ("memory", "memory", None),
        ] {
            assert_eq!(read(text), (name.to_owned(), dir.map(str::to_owned)));
        }
    }

    #[test]
    fn a_backend_behind_a_feature_says_which() {
        for text in ["sled:data", "sled://u:PW@h/db"] {
            if SLED.is_built() {
                continue;
            }
            let (told, help) = refused(text);
            assert_eq!(told, "this program lacks the store backend `sled`");
            assert_eq!(
                help,
                "build it with the Cargo feature `store-sled`; it takes `DIR` or one of `memory`, \
                 `redb:DIR`"
            );
        }
        if SLED.is_built() {
            assert_eq!(
                read("sled:data"),
                ("sled".to_owned(), Some("data".to_owned()))
            );
        }
    }

    #[test]
    fn an_unknown_name_is_refused_without_what_it_may_hold() {
        for (text, told) in [
            ("postgres://u:PW@h/db", "`postgres` is no store backend"),
            ("foo:bar", "`foo` is no store backend"),
            ("REDB:data", "`REDB` is no store backend"),
            (
                "PW@h:5432/db",
                "what stands before the first colon is no store backend",
            ),
            (
                " postgres://u:PW@h",
                "what stands before the first colon is no store backend",
            ),
            (
                "://u:PW@h",
                "what stands before the first colon is no store backend",
            ),
            (
                "2026:PW",
                "what stands before the first colon is no store backend",
            ),
        ] {
            let (found, help) = refused(text);
            assert_eq!(found, told);
            assert!(
                help.starts_with("it takes `DIR` or one of `memory`, `redb:DIR`"),
                "{help}"
            );
            assert!(help.ends_with("; a directory whose name has a colon is written `./NAME`"));
            assert!(!help.contains("PW"));
        }
        for text in ["//u:PW@h/db", "//PW@h"] {
            let (found, help) = refused(text);
            assert_eq!(
                found,
                "what stands there begins as an address does, and is no directory"
            );
            assert!(help.starts_with("it takes `DIR` or one of"), "{help}");
        }
        for text in ["redb:", "redb://u:PW@h/db", "redb:///data"] {
            let (found, help) = refused(text);
            assert_eq!(
                found,
                "`redb:` stands before something else than a directory"
            );
            assert_eq!(help, "write for example `redb:/var/lib/behest`");
        }
        for text in ["memory:", "memory://u:PW@h", "memory:data"] {
            let (found, help) = refused(text);
            assert_eq!(
                found,
                "`memory` keeps nothing, and takes no directory behind its name"
            );
            assert_eq!(help, "write `memory`");
        }
    }
}
