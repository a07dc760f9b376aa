//! Keeps each bundle that goes live, and loads the kept one where the bundle's own files are
//! refused at start.
//!
//! **Decision.** The kept bundle is loaded as any other is: compiled, its cases run, and checked
//! against the stored tuples. Whoever starts the service sees that it is not their own that
//! decides: the status says so, a metric does, and each refusal of theirs is logged.
//!
//! INVARIANT: no bundle is taken from what is kept but the last one that decided. A file that could
//! not be replaced is removed, and the log of the stores, which has the digest of the last bundle,
//! is asked.

use super::Engine;
use super::load::{BundleRefusal, LoadReport};
use crate::bundle::{BundleFiles, BundleKeeper, BundleSource, KEPT_BUNDLE_FILE, KeptBundle};
use crate::model::{Digest, Problem, Timestamp};
use crate::stores::{BackupError, BackupFile, BackupHeader, BackupSummary, StoreSnapshot};
use std::fmt;
use std::io::Write;
use std::sync::PoisonError;

impl Engine {
    /// Loads the bundle that was kept when it last went live; `None` if none is kept. The failure
    /// of the bundle's own files stays in the status.
    pub fn load_kept(&self) -> Result<Option<LoadReport>, BundleRefusal> {
        let _turn = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let refuse = |problem: Problem| BundleRefusal {
            problems: problem.into(),
            files: BundleFiles::default(),
            stage: self.uncompiled(),
        };
        let Some(kept) = self.read_kept().map_err(refuse)? else {
            return Ok(None);
        };
        let failure = self.with_status(|status| status.last_failure.clone());
        let (loaded, _) = self.take(kept.files, Some(kept.digest), |_| ())?;
        self.metrics.set_bundle_kept(true);
        self.with_status(|status| {
            status.last_failure = failure;
            status.kept = Some(kept.accepted_at);
        });
        Ok(Some(loaded))
    }

    /// Prepares a backup of the stores and of the kept bundle, which belong together: no bundle
    /// goes live meanwhile. Returns `None` if there are no stores.
    pub fn backup(&self) -> Result<Option<PreparedBackup>, BackupError> {
        let _turn = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stores) = &self.stores else {
            return Ok(None);
        };
        let kept = self.keeper.as_ref().map(BundleKeeper::bytes);
        let kept = kept.transpose().unwrap_or_else(|problem| {
            tracing::warn!("a backup goes without it: {}", with_help(&problem));
            None
        });
        Ok(Some(PreparedBackup {
            snapshot: stores.snapshot()?,
            files: kept.flatten().map(kept_file).into_iter().collect(),
        }))
    }

    /// Reads the kept bundle. Refuses one that is not the last that decided.
    fn read_kept(&self) -> Result<Option<KeptBundle>, Problem> {
        let Some(keeper) = &self.keeper else {
            return Ok(None);
        };
        let Some(kept) = keeper.read()? else {
            return Ok(None);
        };
        let noted = match &self.stores {
            Some(stores) => stores
                .noted_bundle()
                .map_err(|error| Problem::new(error.to_string()))?,
            None => Some(kept.digest),
        };
        if noted == Some(kept.digest) {
            return Ok(Some(kept));
        }
        let last = noted.map_or_else(|| "none".to_owned(), |digest| digest.short());
        let told = format!(
            "the kept bundle `{}` is not the last one that decided: it is {}, and {last} was",
            keeper.path().display(),
            kept.digest.short()
        );
        Err(Problem::new(told).help("mend the bundle: the file is replaced when it goes live"))
    }

    /// Keeps a bundle that went live. The default bundle needs no copy: it is in the program. One
    /// that decided before is not written again: a disk that is full would cost the copy.
    pub(super) fn keep(&self, source: &BundleSource, files: &BundleFiles, loaded: &LoadReport) {
        match source {
            BundleSource::Dir(_) if loaded.changed || !self.keeps_something() => {
                self.write_kept(files, loaded.digest, Timestamp(self.clock.now_ms()));
            }
            BundleSource::Dir(_) => {}
            BundleSource::Embedded => self.forget_kept(),
        }
    }

    fn keeps_something(&self) -> bool {
        let keeper = self.keeper.as_ref();
        keeper.is_some_and(|keeper| keeper.path().exists())
    }

    /// Records that the bundle's own files decide.
    pub(super) fn decide_by_own(&self) {
        self.metrics.set_bundle_kept(false);
        self.with_status(|status| status.kept = None);
    }

    fn write_kept(&self, files: &BundleFiles, digest: Digest, accepted_at: Timestamp) {
        let Some(keeper) = &self.keeper else { return };
        if let Err(problem) = keeper.keep(files, digest, accepted_at) {
            tracing::error!(
                bundle = digest.short(),
                "the bundle decides and is not kept: a restart in front of a broken bundle would \
                 fail: {}",
                with_help(&problem)
            );
            self.forget_kept();
        }
    }

    fn forget_kept(&self) {
        let forgotten = self.keeper.as_ref().map(BundleKeeper::forget);
        if let Some(Err(problem)) = forgotten {
            tracing::error!("{}", with_help(&problem));
        }
    }
}

/// Everything that a service keeps, at one revision.
pub struct PreparedBackup {
    snapshot: Box<dyn StoreSnapshot>,
    files: Vec<BackupFile>,
}

impl fmt::Debug for PreparedBackup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedBackup")
            .field("header", self.header())
            .finish_non_exhaustive()
    }
}

impl PreparedBackup {
    /// Returns what the backup says at its beginning.
    #[must_use]
    pub fn header(&self) -> &BackupHeader {
        self.snapshot.header()
    }

    /// Writes the whole backup.
    pub fn write(&self, out: &mut dyn Write) -> Result<BackupSummary, BackupError> {
        self.snapshot.write(&self.files, out)
    }
}

fn kept_file(bytes: Vec<u8>) -> BackupFile {
    BackupFile {
        name: KEPT_BUNDLE_FILE,
        bytes,
    }
}

fn with_help(problem: &Problem) -> String {
    match &problem.help {
        Some(help) => format!("{problem}; {help}"),
        None => problem.to_string(),
    }
}
