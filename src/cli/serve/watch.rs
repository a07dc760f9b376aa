//! Notices changes in the bundle's directory, and loads the bundle again.
//!
//! Checking for changes is cheap: it lists sizes and times, and reads no contents. The engine then
//! waits until nothing changes any more, reads, checks, and swaps or refuses. This file only
//! decides when to load, and logs the result.
//!
//! INVARIANT: the remembered listing was made before the load that it led to, so a change during a
//! load leads to another load.
//!
//! INVARIANT: whatever happens during a load, the watcher keeps running. A load that panics counts
//! as a failed load. If the thread ended instead, nobody would notice until a new `forbid` did not
//! take effect.

use super::last_good;
use crate::bundle::{BundleSource, MAX_ENTRIES, MAX_FOLDERS};
use crate::clock::{Clock as _, SystemClock};
use crate::config::ReloadSettings;
use crate::engine::Engine;
use crate::model::Problem;
use crate::telemetry::Metrics;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// Maximum number of listed entries: all entries of a bundle, its two folders, and one more, so
/// that the listing of a directory with too many entries differs from every listing within the
/// limit.
const MAX_LISTED: usize = MAX_ENTRIES + 3;

/// Maximum depth of the listing. It includes the first folder that is too deep, so that its removal
/// is noticed.
const MAX_DEPTH: usize = MAX_FOLDERS + 1;

/// Watches a bundle's directory. The default bundle never changes, so it is not watched.
pub(super) struct Watcher {
    source: BundleSource,
    dir: PathBuf,
    poll: Option<Duration>,
    seen: DirectoryListing,
}

impl Watcher {
    /// Makes the first listing.
    pub(super) fn new(source: &BundleSource, reload: &ReloadSettings) -> Option<Self> {
        let BundleSource::Dir(dir) = source else {
            return None;
        };
        Some(Self {
            source: source.clone(),
            dir: dir.clone(),
            poll: (!reload.poll.is_zero()).then_some(reload.poll),
            seen: DirectoryListing::of(dir),
        })
    }

    /// Starts the thread that checks for changes and loads them into `engine`.
    pub(super) fn start(self, engine: Arc<Engine>, metrics: Arc<Metrics>) -> io::Result<Reloader> {
        // One waiting request is enough: it leads to a load of what is there then.
        let (sender, receiver) = sync_channel(1);
        let run = move || self.run(&receiver, &metrics, |source| load(&engine, source));
        std::thread::Builder::new()
            .name("bundle-watcher".to_owned())
            .spawn(run)?;
        Ok(Reloader { sender })
    }

    fn run(mut self, asked: &Receiver<()>, metrics: &Metrics, load: impl Fn(&BundleSource)) {
        while let Some(asked) = wait(asked, self.poll) {
            let now = DirectoryListing::of(&self.dir);
            if asked || now != self.seen {
                self.seen = now;
                contain(metrics, || load(&self.source));
            }
        }
    }
}

/// Catches a panic of a load. The engine's locks can be taken again after it, and what the load had
/// built is dropped: the swap is one step, which happened or did not.
pub(super) fn contain(metrics: &Metrics, load: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(load)) {
        metrics.reload_failed(SystemClock.now_ms());
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        let detail = text.unwrap_or("no text");
        tracing::error!(
            detail,
            "loading the changed bundle panicked, and the one before still decides"
        );
    }
}

/// A handle that requests a load.
pub(super) struct Reloader {
    sender: SyncSender<()>,
}

impl Reloader {
    /// Requests a load of the bundle as soon as possible, whether it changed or not.
    pub(super) fn now(&self) {
        let _one_waits_already = self.sender.try_send(());
    }
}

/// Waits for a request (`true`) or the next check (`false`); returns `None` if all senders are
/// gone.
fn wait(receiver: &Receiver<()>, poll: Option<Duration>) -> Option<bool> {
    let Some(poll) = poll else {
        return receiver.recv().ok().map(|()| true);
    };
    match receiver.recv_timeout(poll) {
        Ok(()) => Some(true),
        Err(RecvTimeoutError::Timeout) => Some(false),
        Err(RecvTimeoutError::Disconnected) => None,
    }
}

fn load(engine: &Engine, source: &BundleSource) {
    let was_kept = engine.status().kept.is_some();
    match engine.load(source) {
        Ok(loaded) if was_kept => {
            let bundle = loaded.digest.short();
            tracing::info!(
                %bundle,
                "the bundle is mended, and decides in place of the kept one: {}",
                loaded.summary
            );
            log_warnings(&loaded.warnings);
        }
        Ok(loaded) if loaded.changed => {
            let bundle = loaded.digest.short();
            tracing::info!(%bundle, "the bundle changed: {}", loaded.summary);
            log_warnings(&loaded.warnings);
        }
        Ok(loaded) => {
            let bundle = loaded.digest.short();
            tracing::info!(%bundle, "the bundle was read again and is the same");
        }
        Err(refused) => last_good::log_refusal(engine, source, &refused),
    }
}

/// Logs the warnings about a bundle that was loaded.
pub(super) fn log_warnings(warnings: &[Problem]) {
    for warning in warnings {
        tracing::warn!(
            "{warning}{}",
            warning
                .help
                .as_ref()
                .map(|help| format!(": {help}"))
                .unwrap_or_default()
        );
    }
}

/// The entries of a directory with their metadata.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DirectoryListing(BTreeMap<PathBuf, ListedFile>);

/// The size, times and inode of a file. A file that is replaced by one of equal size and time still
/// differs by its inode. A file that becomes readable by a change of mode or owner differs only by
/// the change time of its inode.
#[derive(Debug, PartialEq, Eq)]
enum ListedFile {
    Seen {
        size: u64,
        modified: (i64, i64),
        changed: (i64, i64),
        inode: u64,
    },
    Unreadable(io::ErrorKind),
}

impl ListedFile {
    fn of(metadata: io::Result<&Metadata>) -> Self {
        match metadata {
            Ok(metadata) => Self::Seen {
                size: metadata.len(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
                inode: metadata.ino(),
            },
            Err(error) => Self::Unreadable(error.kind()),
        }
    }
}

impl DirectoryListing {
    pub(super) fn of(dir: &Path) -> Self {
        let mut listing = Self::default();
        // The directory may be a symbolic link that is switched from one checkout to another.
        let root = dir.canonicalize().unwrap_or_else(|_| dir.to_path_buf());
        for folder in ["schemas", "policies"] {
            listing.add(&root.join(folder), 0);
        }
        listing
    }

    /// Returns the files that are not as they were, in order. A folder is named only where no file
    /// in it is.
    pub(super) fn changes_since(&self, before: &Self) -> Vec<PathBuf> {
        let paths: BTreeSet<&PathBuf> = self.0.keys().chain(before.0.keys()).collect();
        let mut changed: Vec<PathBuf> = Vec::new();
        for path in paths {
            if self.0.get(path) != before.0.get(path) {
                // A folder stands before what is in it.
                changed.retain(|folder| !path.starts_with(folder));
                changed.push(path.clone());
            }
        }
        changed
    }

    fn add(&mut self, path: &Path, depth: usize) {
        if self.0.len() >= MAX_LISTED || depth > MAX_DEPTH {
            return;
        }
        let metadata = fs::metadata(path);
        let folder = metadata.as_ref().is_ok_and(Metadata::is_dir);
        self.0.insert(
            path.to_owned(),
            ListedFile::of(metadata.as_ref().map_err(|error| error.kind().into())),
        );
        if !folder {
            return;
        }
        let Ok(entries) = fs::read_dir(path) else {
            return;
        };
        for entry in entries.flatten() {
            // Dotfiles are not part of a bundle; editors and version control write them all the
            // time.
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                self.add(&entry.path(), depth + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn bundle() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("policies/deep")).unwrap();
        fs::write(dir.path().join("policies/deep/a.cedar"), "one").unwrap();
        dir
    }

    #[test]
    fn a_listing_changes_with_content_names_and_links_and_with_nothing_else() {
        let dir = bundle();
        let file = dir.path().join("policies/deep/a.cedar");
        let before = DirectoryListing::of(dir.path());
        assert_eq!(before, DirectoryListing::of(dir.path()));

        fs::write(dir.path().join("policies/deep/.a.cedar.swp"), "x").unwrap();
        let touched = DirectoryListing::of(dir.path());
        fs::write(dir.path().join("policies/deep/.a.cedar.swp"), "xyz").unwrap();
        assert_eq!(
            touched,
            DirectoryListing::of(dir.path()),
            "dotfiles do not count"
        );

        fs::write(&file, "longer").unwrap();
        let longer = DirectoryListing::of(dir.path());
        assert_ne!(touched, longer);

        fs::write(dir.path().join("new"), "shorte").unwrap();
        let modified = fs::metadata(&file).unwrap().modified().unwrap();
        let replacement = fs::File::options()
            .write(true)
            .open(dir.path().join("new"))
            .unwrap();
        replacement.set_modified(modified).unwrap();
        fs::rename(dir.path().join("new"), &file).unwrap();
        assert_ne!(
            longer,
            DirectoryListing::of(dir.path()),
            "another file of equal size and time"
        );

        fs::create_dir(dir.path().join("schemas")).unwrap();
        assert_ne!(longer, DirectoryListing::of(dir.path()));
    }

    #[test]
    fn a_file_that_may_be_read_again_is_a_change() {
        let dir = bundle();
        let file = dir.path().join("policies/deep/a.cedar");
        for path in [file.as_path(), &dir.path().join("policies/deep")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o500)).unwrap();
            let before = DirectoryListing::of(dir.path());
            // The clock of a file system may advance only every few milliseconds.
            std::thread::sleep(Duration::from_millis(20));
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
            assert_ne!(
                before,
                DirectoryListing::of(dir.path()),
                "{}",
                path.display()
            );
        }
    }

    #[test]
    fn a_load_that_panics_is_counted_and_the_next_one_comes() {
        let dir = bundle();
        let reload = ReloadSettings {
            poll: Duration::ZERO,
            ..ReloadSettings::default()
        };
        let watcher = Watcher::new(&BundleSource::Dir(dir.path().to_owned()), &reload).unwrap();
        let (sender, receiver) = sync_channel(1);
        let (loads, loaded) = std::sync::mpsc::channel();
        let metrics = Arc::new(Metrics::default());
        let counted = Arc::clone(&metrics);
        let thread = std::thread::spawn(move || {
            watcher.run(&receiver, &counted, |_| {
                loads.send(()).unwrap();
                panic!("a bundle that nobody thought of");
            });
        });
        for _ in 0..3 {
            sender.send(()).unwrap();
            loaded.recv_timeout(Duration::from_secs(10)).unwrap();
        }
        drop(sender);
        thread.join().unwrap();
        let text = metrics.encode(0);
        assert!(
            text.contains("behest_bundle_reload_failures_total 3"),
            "{text}"
        );
    }

    #[test]
    fn a_link_that_is_switched_is_a_change() {
        let (one, other, place) = (bundle(), bundle(), tempfile::tempdir().unwrap());
        let link = place.path().join("current");
        std::os::unix::fs::symlink(one.path(), &link).unwrap();
        let before = DirectoryListing::of(&link);
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(other.path(), &link).unwrap();
        assert_ne!(before, DirectoryListing::of(&link));
    }

    #[test]
    fn what_a_bundle_can_hold_is_watched_and_so_is_what_lies_too_deep() {
        let dir = bundle();
        let mut deep = dir.path().join("policies");
        (0..MAX_FOLDERS).for_each(|_| deep.push("x"));
        fs::create_dir_all(&deep).unwrap();
        let before = DirectoryListing::of(dir.path());
        fs::write(deep.join("a.cedar"), "one").unwrap();
        let more = DirectoryListing::of(dir.path());
        assert_ne!(before, more, "a file in the deepest folder");
        fs::create_dir(deep.join("too-deep")).unwrap();
        let deeper = DirectoryListing::of(dir.path());
        assert_ne!(more, deeper, "a folder that keeps the bundle from loading");
        fs::remove_dir(deep.join("too-deep")).unwrap();
        assert_ne!(deeper, DirectoryListing::of(dir.path()));
    }

    #[test]
    fn a_circle_of_links_ends() {
        let dir = bundle();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("policies/deep/up")).unwrap();
        assert!(!DirectoryListing::of(dir.path()).0.is_empty());
    }

    #[test]
    fn nobody_watches_the_default_bundle() {
        assert!(Watcher::new(&BundleSource::Embedded, &ReloadSettings::default()).is_none());
    }
}
