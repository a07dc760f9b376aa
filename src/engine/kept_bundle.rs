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
use crate::bundle::{BundleFiles, BundleKeeper, BundleSource, KeptBundle};
use crate::model::{Digest, Problem, Timestamp};
use std::sync::PoisonError;

impl Engine {
    /// Loads the bundle that was kept when it last went live; `None` if none is kept. The failure
    /// of the bundle's own files stays in the status.
    pub fn load_kept(&self) -> Result<Option<LoadReport>, BundleRefusal> {
        let _turn = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let refuse = |problem: Problem| BundleRefusal {
            problems: problem.into(),
            files: BundleFiles::default(),
        };
        let Some(kept) = self.read_kept().map_err(refuse)? else {
            return Ok(None);
        };
        let failure = self.with_status(|status| status.last_failure.clone());
        let (loaded, files) = self.take(kept.files, |_| ())?;
        self.write_kept(&files, loaded.digest, kept.accepted_at);
        self.metrics.set_bundle_kept(true);
        self.with_status(|status| {
            status.last_failure = failure;
            status.kept = Some(kept.accepted_at);
        });
        Ok(Some(loaded))
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

    /// Keeps a bundle that went live. The default bundle needs no copy: it is in the program.
    pub(super) fn keep(&self, source: &BundleSource, files: &BundleFiles, digest: Digest) {
        match source {
            BundleSource::Dir(_) => {
                self.write_kept(files, digest, Timestamp(self.clock.now_ms()));
            }
            BundleSource::Embedded => self.forget_kept(),
        }
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

fn with_help(problem: &Problem) -> String {
    match &problem.help {
        Some(help) => format!("{problem}; {help}"),
        None => problem.to_string(),
    }
}
