//! Imports into a data directory that no service has open.

use super::{BatchRefusal, BatchResult, ImportMode, ImportTarget};
use crate::cli::args::ImportArguments;
use crate::cli::output::fail;
use crate::cli::validate;
use crate::clock::SystemClock;
use crate::model::{Problem, Tuple};
use crate::storage::{StoreError, StoreId, StoreLocation, TupleBatch, open_memory};
use crate::stores::{DirectStore, StoresError};
use std::process::ExitCode;
use std::sync::Arc;

/// Memory for cached pages of the file.
const CACHE_BYTES: usize = 256 << 20;

/// Opens the directory and, for `main`, the bundle that decides with it. If it returns `Err`, the
/// problems are already printed.
pub(super) fn open(
    location: &StoreLocation,
    arguments: &ImportArguments,
    doing: ImportMode,
) -> Result<Box<dyn ImportTarget>, ExitCode> {
    // A dry run creates no directory.
    let is_dry = arguments.dry_run;
    let opened = if is_dry && location.found().is_none() {
        open_memory()
    } else {
        location.open_with_cache(CACHE_BYTES)
    };
    let store = opened.map_err(|error| fail(locked(&error)))?;
    let clock = Arc::new(SystemClock);
    let id = arguments.place.store;
    let store = if id == StoreId::MAIN {
        DirectStore::main(
            store,
            clock,
            &validate::compile(&arguments.bundle.named_source())?,
        )
    } else {
        DirectStore::open(store, clock, id)
    };
    let store = store.map_err(|error| fail(Problem::new(error.to_string())))?;
    if matches!(doing, ImportMode::Write(_)) && !store.admission().has_model() {
        return Err(fail(without_model(id)));
    }
    Ok(Box::new(DirectoryTarget {
        store,
        doing,
        is_dry,
    }))
}

fn without_model(id: StoreId) -> Problem {
    if id == StoreId::MAIN {
        Problem::new("the bundle has no relation model, so `main` takes no tuples")
            .help("name the bundle that decides with it: `--bundle DIR`")
    } else {
        Problem::new(StoresError::NoModel(id).to_string())
    }
}

/// Returns why a directory cannot be opened, with a remedy.
pub(in crate::cli) fn locked(error: &StoreError) -> Problem {
    let problem = Problem::new(error.to_string());
    match error {
        StoreError::Locked(_) => problem
            .help("where a service runs on it, name that with `--url`, and a key in `BEHEST_KEY`"),
        _ => problem,
    }
}

struct DirectoryTarget {
    store: DirectStore,
    doing: ImportMode,
    is_dry: bool,
}

impl ImportTarget for DirectoryTarget {
    fn check(&self, tuple: &Tuple) -> Result<(), StoresError> {
        let admission = self.store.admission();
        match self.doing {
            ImportMode::Write(_) => admission.check_write(tuple),
            ImportMode::Delete(_) => admission.check_delete(&tuple.key),
        }
    }

    fn write(&mut self, tuples: &[&Tuple]) -> Result<BatchResult, BatchRefusal> {
        if self.is_dry {
            return Ok(BatchResult {
                changed: u64::try_from(tuples.len()).unwrap_or(u64::MAX),
                revision: None,
            });
        }
        let batch = match self.doing {
            ImportMode::Write(on_duplicate) => TupleBatch {
                on_duplicate,
                ..TupleBatch::of_writes(tuples.iter().copied().cloned().collect())
            },
            ImportMode::Delete(on_missing) => TupleBatch {
                on_missing,
                ..TupleBatch::of_deletes(tuples.iter().map(|tuple| tuple.key.clone()).collect())
            },
        };
        let applied = self.store.apply(batch).map_err(refusal)?;
        let count = |tuples: usize| u64::try_from(tuples).unwrap_or(u64::MAX);
        let changed = self
            .doing
            .changed(count(applied.written.len()), count(applied.deleted.len()));
        Ok(BatchResult {
            changed,
            revision: Some(applied.revision.0),
        })
    }
}

fn refusal(error: StoresError) -> BatchRefusal {
    if error.is_fault() {
        BatchRefusal::Stop(Problem::new(error.to_string()).into())
    } else {
        BatchRefusal::Tuples(error.to_string())
    }
}
