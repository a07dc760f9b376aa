//! Reads and writes one store of a data directory that no service has open.
//!
//! An import writes more tuples than fit into memory, so this way of writing has no graph. Whether
//! a key is the bundle's, which a graph would tell, is looked up in the bundle itself.
//!
//! INVARIANT: this writes what [`Stores::write`](crate::stores::Stores::write) would have written:
//! both use the same checks of `write`.

use crate::bundle::Bundle;
use crate::clock::Clock;
use crate::model::{Revision, Timestamp, Tuple, TupleKey};
use crate::relations::model::{AuthorizationModel, from_json};
use crate::stores::write::{check, check_in_main};
use crate::stores::{
    BatchOutcome, StoreError, StoreId, StoresError, TupleBatch, TupleSelection, TupleStore, models,
    with_main,
};
use std::collections::HashSet;
use std::sync::Arc;

/// Number of tuples that are read at once: some hundred KiB.
const PAGE_TUPLES: usize = 4_096;

/// The rules for what may be written to a store or deleted there, whatever it holds.
#[derive(Debug)]
pub struct Admission {
    id: StoreId,
    /// The store's model; if there is none, nothing can be written.
    model: Option<AuthorizationModel>,
    /// The keys of the bundle's tuples, if this is `main`.
    bundled: HashSet<TupleKey>,
}

impl Admission {
    /// Creates the rules for `main` under a bundle.
    #[must_use]
    pub fn of_bundle(bundle: &Bundle) -> Self {
        let bundled = bundle
            .tuples()
            .iter()
            .map(|tuple| tuple.key.clone())
            .collect();
        Self {
            id: StoreId::MAIN,
            model: bundle.model().cloned(),
            bundled,
        }
    }

    /// Creates the rules for a store under a model, given in OpenFGA's JSON. They do not know the
    /// tuples of any bundle.
    pub fn of_model(id: StoreId, json: &serde_json::Value) -> Result<Self, StoresError> {
        let model = AuthorizationModel::new(from_json(json)?)?;
        Ok(Self {
            id,
            model: Some(model),
            bundled: HashSet::new(),
        })
    }

    /// Returns `true` if there is a model. Without one, nothing can be written.
    #[must_use]
    pub fn has_model(&self) -> bool {
        self.model.is_some()
    }

    /// Refuses a tuple that must not be written.
    pub fn check_write(&self, tuple: &Tuple) -> Result<(), StoresError> {
        self.check_delete(&tuple.key)?;
        check(
            self.model.as_ref().ok_or(StoresError::NoModel(self.id))?,
            tuple,
        )
    }

    /// Refuses a key that must not be deleted.
    pub fn check_delete(&self, key: &TupleKey) -> Result<(), StoresError> {
        if self.id == StoreId::MAIN {
            check_in_main(key, self.bundled.contains(key))
        } else {
            Ok(())
        }
    }
}

/// A store that is read and written without being held in memory.
pub struct DirectStore {
    store: Arc<dyn TupleStore>,
    clock: Arc<dyn Clock>,
    admission: Admission,
}

impl DirectStore {
    /// Opens `main`, which is created if it is missing, under the bundle that will decide with it.
    pub fn main(
        store: Arc<dyn TupleStore>,
        clock: Arc<dyn Clock>,
        bundle: &Bundle,
    ) -> Result<Self, StoresError> {
        with_main(store.as_ref(), Timestamp(clock.now_ms()))?;
        Ok(Self {
            store,
            clock,
            admission: Admission::of_bundle(bundle),
        })
    }

    /// Opens a store, which must exist, under the newest model that was written to it. `main` has
    /// no such model.
    pub fn open(
        store: Arc<dyn TupleStore>,
        clock: Arc<dyn Clock>,
        id: StoreId,
    ) -> Result<Self, StoresError> {
        let newest = store.models(id, None, 1)?.into_iter().next();
        let model = newest.map(|record| models::read(&record)).transpose()?;
        Ok(Self {
            store,
            clock,
            admission: Admission {
                id,
                model,
                bundled: HashSet::new(),
            },
        })
    }

    /// Returns the rules for what may be written here.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Deletes and writes tuples, the whole batch or nothing; they are durable when this returns.
    /// Each is checked first.
    pub fn apply(&self, batch: TupleBatch) -> Result<BatchOutcome, StoresError> {
        batch
            .deletes
            .iter()
            .try_for_each(|key| self.admission.check_delete(key))?;
        batch
            .writes
            .iter()
            .try_for_each(|tuple| self.admission.check_write(tuple))?;
        Ok(self
            .store
            .apply(self.admission.id, batch, Timestamp(self.clock.now_ms()))?)
    }

    /// Returns the revision of the data directory.
    pub fn revision(&self) -> Result<Revision, StoresError> {
        Ok(self.store.revision()?)
    }

    /// Passes the selected tuples to `visit`, in the order of their text, until it fails. Nobody
    /// else writes to this directory, so all of them are of one revision.
    pub fn each<E: From<StoresError>>(
        &self,
        wanted: &TupleSelection,
        mut visit: impl FnMut(&Tuple) -> Result<(), E>,
    ) -> Result<(), E> {
        let prefix = wanted.prefix();
        let mut after: Option<TupleKey> = None;
        loop {
            let read = |error: StoreError| E::from(StoresError::from(error));
            let page = self
                .store
                .page_tuples(self.admission.id, &prefix, after.as_ref(), PAGE_TUPLES)
                .map_err(read)?;
            let is_last = page.len() < PAGE_TUPLES;
            page.iter()
                .map(|(tuple, _)| tuple)
                .filter(|tuple| wanted.holds(&tuple.key))
                .try_for_each(&mut visit)?;
            if is_last {
                return Ok(());
            }
            after = page.into_iter().last().map(|(tuple, _)| tuple.key);
        }
    }
}

impl std::fmt::Debug for DirectStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DirectStore")
            .field("store", &self.store)
            .field("id", &self.admission.id)
            .finish_non_exhaustive()
    }
}
