//! Waits for an author to change a bundle.
//!
//! **Problem.** Editors save in several steps: they truncate and write, or write a second file and
//! rename it over the first, or move the first away before. The file is another one then, and for a
//! moment there is none.
//! **Decision.** The directory is listed every [`POLL`], by the same listing that a running service
//! compares, until it differs and then stays the same for [`SETTLE`]. Notifications of the system
//! would save a few tens of milliseconds, which nobody sees, and miss what a listing sees: a link
//! that is switched to another checkout, a file system over the network or of a virtual machine, a
//! watch that the system has no room for.
//! **Trade-off.** A listing takes some ten microseconds a file. A large bundle is listed less often
//! ([`REST`]), so that at most a tenth of one processor goes into it.

use super::watch::DirectoryListing;
use crate::clock::{Clock as _, SystemClock};
use crate::telemetry::printable;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a directory is listed.
const POLL: Duration = Duration::from_millis(100);

/// How long a directory must stay unchanged after a change: longer than the steps of one save are
/// apart.
const SETTLE: Duration = Duration::from_millis(50);

/// LIMIT: how many times [`SETTLE`] a directory that keeps changing is waited for.
const PATIENCE: u32 = 200;

/// How many times as long as a listing takes the pause before the next one lasts at least.
const REST: u32 = 10;

/// LIMIT: names of changed files that are returned.
const MAX_NAMES: usize = 3;

/// A directory that is waited for.
pub(in crate::cli) struct EditWatch {
    dir: PathBuf,
    seen: DirectoryListing,
    pause: Duration,
}

/// The files of an edit.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct EditedFiles {
    /// The first of them, as they are called within the bundle.
    pub(in crate::cli) names: Vec<String>,
    /// The number of those that are not named.
    pub(in crate::cli) more: usize,
}

impl EditWatch {
    /// Makes the first listing. What changes after it is an edit.
    pub(in crate::cli) fn new(dir: &Path) -> Self {
        let (seen, pause) = list(dir);
        Self {
            dir: dir.to_owned(),
            seen,
            pause,
        }
    }

    /// Waits for the next edit to be complete.
    pub(in crate::cli) fn wait(&mut self) -> EditedFiles {
        let mut now = loop {
            std::thread::sleep(self.pause);
            let (now, pause) = list(&self.dir);
            self.pause = pause;
            if now != self.seen {
                break now;
            }
        };
        for _ in 0..PATIENCE {
            std::thread::sleep(SETTLE);
            let (again, _) = list(&self.dir);
            let is_settled = again == now;
            now = again;
            if is_settled {
                break;
            }
        }
        let changed = now.changes_since(&self.seen);
        // INVARIANT: the remembered listing was made before the load that it leads to, so that a
        // change during the load leads to another one.
        self.seen = now;
        EditedFiles {
            names: changed
                .iter()
                .take(MAX_NAMES)
                .map(|path| name(path))
                .collect(),
            more: changed.len().saturating_sub(MAX_NAMES),
        }
    }
}

/// Names the files: `policies/a.cedar, policies/b.cedar and 3 more`.
impl fmt::Display for EditedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.names.join(", ")))?;
        match self.more {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Lists a directory, and returns the pause until the next listing.
fn list(dir: &Path) -> (DirectoryListing, Duration) {
    let before = SystemClock.monotonic_ms();
    let listing = DirectoryListing::of(dir);
    let took = u64::try_from(SystemClock.monotonic_ms().saturating_sub(before)).unwrap_or(0);
    (listing, POLL.max(Duration::from_millis(took) * REST))
}

/// Returns what a file is called within its bundle: from `schemas` or `policies` on.
fn name(path: &Path) -> String {
    let folder = path
        .ancestors()
        .filter(|above| above.ends_with("schemas") || above.ends_with("policies"))
        .last();
    let root = folder.and_then(Path::parent);
    let within = root.and_then(|root| path.strip_prefix(root).ok());
    within.unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn an_edit_names_its_files_as_the_bundle_does() {
        let dir = tempfile::tempdir().unwrap();
        let policies = dir.path().join("policies/policies");
        fs::create_dir_all(&policies).unwrap();
        fs::write(policies.join("old.cedar"), "").unwrap();
        let mut watch = EditWatch::new(dir.path());
        fs::write(policies.join("new.cedar"), "").unwrap();
        fs::remove_file(policies.join("old.cedar")).unwrap();
        let edited = watch.wait();
        assert_eq!(
            edited.to_string(),
            "policies/policies/new.cedar, policies/policies/old.cedar"
        );
        for number in 0..5 {
            fs::write(policies.join(format!("{number}\u{1b}.cedar")), "").unwrap();
        }
        let shown = watch.wait().to_string();
        assert!(
            shown.starts_with("policies/policies/0\\u{1b}.cedar, ")
                && shown.ends_with(" and 2 more"),
            "{shown}"
        );
    }
}
