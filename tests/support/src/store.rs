//! Opens each kind of store for tests, and reads its contents in two ways.

use behest::model::{Record, Revision, Timestamp, Tuple, TupleCondition, TupleKey, Value};
use behest::storage::{
    Backend, Event, ModelId, ModelRecord, StoreError, StoreId, StoreLocation, StoreRecord,
    TupleStore,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// An implementation of the trait, from the table of backends.
#[derive(Clone, Copy)]
pub struct Kind(&'static Backend);

impl Kind {
    /// Iterates over the kinds that are built into this program.
    pub fn all() -> impl Iterator<Item = Self> {
        Backend::all()
            .filter(|backend| backend.is_built())
            .map(Self)
    }

    /// Iterates over the kinds that keep data on disk.
    pub fn durable() -> impl Iterator<Item = Self> {
        Self::all().filter(|kind| kind.is_durable())
    }

    pub fn named(name: &str) -> Self {
        Self::all()
            .find(|kind| kind.0.name() == name)
            .unwrap_or_else(|| panic!("no backend `{name}`"))
    }

    pub fn name(self) -> &'static str {
        self.0.name()
    }

    pub fn backend(self) -> &'static Backend {
        self.0
    }

    pub fn is_durable(self) -> bool {
        self.0.is_durable()
    }

    /// Opens a store in a directory, with a cache that tests can fill.
    pub fn open(self, dir: &Path) -> Result<Arc<dyn TupleStore>, StoreError> {
        const CACHE_BYTES: usize = 4 << 20;
        StoreLocation::new(self.0, dir)
            .expect("a backend of this program")
            .open_with_cache(CACHE_BYTES)
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The contents of one store of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub record: StoreRecord,
    /// Newest first.
    pub models: Vec<ModelRecord>,
    pub tuples: BTreeMap<TupleKey, Tuple>,
}

impl Tenant {
    pub fn new(record: StoreRecord) -> Self {
        Self {
            record,
            models: Vec::new(),
            tuples: BTreeMap::new(),
        }
    }
}

/// All contents that can affect an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub tenants: BTreeMap<StoreId, Tenant>,
    pub revision: Revision,
}

impl State {
    /// Reads the contents from the rows of the state.
    pub fn read(store: &dyn TupleStore) -> Result<Self, StoreError> {
        let mut tenants = BTreeMap::new();
        for record in store.stores()? {
            let id = record.id;
            let mut tenant = Tenant::new(record);
            tenant.models = store.models(id, None, usize::MAX)?;
            store.read_tuples(id, &mut |tuple| {
                assert_eq!(
                    tenant.tuples.insert(tuple.key.clone(), tuple),
                    None,
                    "a tuple was read twice"
                );
            })?;
            tenants.insert(id, tenant);
        }
        Ok(Self {
            tenants,
            revision: store.revision()?,
        })
    }

    /// Reads the contents from the log, in pages of `limit`; panics on a gap.
    pub fn replay(store: &dyn TupleStore, limit: usize) -> Result<Self, StoreError> {
        let mut state = Self::default();
        let mut last = Timestamp(i64::MIN);
        loop {
            let page = store.changes(None, state.revision, limit)?;
            if page.is_empty() {
                return Ok(state);
            }
            for change in page {
                assert_eq!(change.revision.0, state.revision.0 + 1, "a gap in the log");
                assert!(
                    change.at >= last,
                    "time fell at revision {}",
                    change.revision
                );
                (state.revision, last) = (change.revision, change.at);
                state.step(change.event);
            }
        }
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::StoreCreated(record) => {
                assert_eq!(self.tenants.insert(record.id, Tenant::new(record)), None);
            }
            Event::StoreDeleted(id) => {
                self.tenants.remove(&id);
            }
            Event::ModelWritten { store, model } => {
                self.tenants
                    .get_mut(&store)
                    .expect("a model of a store")
                    .models
                    .insert(0, model);
            }
            Event::TuplesChanged {
                store,
                deleted,
                written,
            } => {
                let tuples = &mut self
                    .tenants
                    .get_mut(&store)
                    .expect("tuples of a store")
                    .tuples;
                for key in deleted {
                    assert!(
                        tuples.remove(&key).is_some(),
                        "`{key}` was deleted and did not exist"
                    );
                }
                for tuple in written {
                    assert_eq!(
                        tuples.insert(tuple.key.clone(), tuple),
                        None,
                        "a tuple was written twice"
                    );
                }
            }
            Event::BundleLoaded(_) | Event::Erased(_) => {}
        }
    }
}

pub fn key(text: &str) -> TupleKey {
    text.parse().expect("a tuple")
}

pub fn tuple(text: &str) -> Tuple {
    key(text).into()
}

/// Creates a tuple with this condition and the context `{limit: <limit>}`.
pub fn conditional(text: &str, condition: &str, limit: i64) -> Tuple {
    let context: Record = [("limit".into(), Value::from(limit))].into_iter().collect();
    Tuple {
        key: key(text),
        condition: Some(Arc::new(TupleCondition {
            name: condition.into(),
            context,
        })),
    }
}

pub fn record(id: StoreId, name: &str) -> StoreRecord {
    StoreRecord {
        id,
        name: name.to_owned(),
        created_at: at(1),
        updated_at: at(1),
    }
}

pub fn model(bits: u128, json: &str) -> ModelRecord {
    ModelRecord {
        id: ModelId::from_bits(bits),
        json: json.as_bytes().to_vec(),
    }
}

/// Returns the time of a second of the tests' day.
pub fn at(second: i64) -> Timestamp {
    Timestamp(1_790_000_000_000 + second * 1000)
}
