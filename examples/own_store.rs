//! Keeps relations in a custom store: implements [`TupleStore`] over maps, and decides with an
//! engine over it.
//!
//!     cargo run --example own_store
//!
//! A store keeps the data from which the state for decisions is rebuilt at start; a decision itself
//! reads nothing from it. This store forgets everything when it is dropped. A durable store has the
//! same methods, writes each change in one transaction, and returns once the disk has it.
//! `tests/store` is the contract that such a store must keep.
//!
//! The layer below is not open to other crates: the ordered rows and atomic writes
//! (`src/storage/kv.rs`) on which behest's own stores are built. A custom store implements the
//! whole trait, as here.

#![expect(clippy::print_stdout, reason = "an example prints what it shows")]

use behest::bundle::{self, BundleSource};
use behest::clock::SystemClock;
use behest::engine::{Ask, Engine};
use behest::json::read_object;
use behest::model::{
    AnswerDepth, Arguments, Digest, Request, Revision, Timestamp, Tuple, TupleKey,
};
use behest::record::Recorder;
use behest::storage::{
    BatchOutcome, Event, LogEntry, ModelId, ModelRecord, OnDuplicate, OnMissing, StoreError,
    StoreId, StoreRecord, TupleBatch, TupleStore,
};
use behest::stores::Stores;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    for line in show()? {
        println!("{line}");
    }
    Ok(())
}

/// Decides one question before a tuple is written, after it is written, and with a second engine
/// over the same store.
pub(crate) fn show() -> Result<Vec<String>, Box<dyn Error>> {
    let store = Arc::new(MapStore::default());
    let mut lines = Vec::new();

    let (engine, stores) = open(Arc::clone(&store))?;
    lines.push(format!("before: {}", decide(&engine)?));
    let grant: TupleKey = "doc:d3#viewer@user:bob".parse()?;
    let written = stores.write(
        StoreId::MAIN,
        None,
        TupleBatch::of_writes(vec![grant.into()]),
    )?;
    lines.push(format!("after: {}", decide(&engine)?));
    drop((engine, stores));

    let (engine, _stores) = open(Arc::clone(&store))?;
    lines.push(format!("opened again: {}", decide(&engine)?));
    // Every write is an entry of the store's log.
    let before = Revision(written.revision.0 - 1);
    for change in store.changes(Some(StoreId::MAIN), before, 1)? {
        if let Event::TuplesChanged { written, .. } = change.event {
            lines.extend(
                written
                    .iter()
                    .map(|tuple| format!("revision {}: {}", change.revision.0, tuple.key)),
            );
        }
    }
    Ok(lines)
}

/// Opens an engine over a store.
fn open(store: Arc<MapStore>) -> Result<(Engine, Arc<Stores>), Box<dyn Error>> {
    let stores = Arc::new(Stores::open(store, Arc::new(SystemClock))?);
    let engine = Engine::new(Arc::new(SystemClock), Arc::default(), Recorder::default());
    let engine = engine.with_stores(Arc::clone(&stores));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bundles/relations");
    engine
        .load(&BundleSource::Dir(folder))
        .map_err(|refused| bundle::render(&refused.problems, &refused.files, false))?;
    Ok((engine, stores))
}

/// Returns whether bob may read d3.
fn decide(engine: &Engine) -> Result<String, Box<dyn Error>> {
    let body = br#"{"subject": {"type": "user", "id": "bob"}, "action": {"name": "read"}, "resource": {"type": "doc", "id": "d3"}}"#;
    let request =
        Request::from_body(&read_object(body, 4)?).map_err(|malformed| malformed.to_string())?;
    let ask = Ask {
        caller: "example",
        request_id: None,
        trace_id: None,
        require_actor: false,
        depth: AnswerDepth::Lean,
        evidence: None,
        arguments: Arguments::Known,
    };
    let answer = engine
        .decide(&ask, &request)
        .map_err(|refusal| format!("there is no answer: {refusal:?}"))?;
    Ok(answer.decision.to_string())
}

/// A store over maps.
#[derive(Debug, Default)]
pub(crate) struct MapStore(Mutex<State>);

/// The current state, and the log that led to it. INVARIANT: entry `n` of the log has revision
/// `n + 1`, and times never decrease.
#[derive(Debug, Default)]
struct State {
    tenants: BTreeMap<StoreId, Tenant>,
    log: Vec<LogEntry>,
    bundle: Option<Digest>,
}

/// The content of one store.
#[derive(Debug)]
struct Tenant {
    record: StoreRecord,
    /// The models, oldest first.
    models: Vec<ModelRecord>,
    assertions: BTreeMap<ModelId, Vec<u8>>,
    /// The tuples by their text, in whose order they are read.
    tuples: BTreeMap<String, (Tuple, Timestamp)>,
}

impl MapStore {
    fn state(&self) -> MutexGuard<'_, State> {
        // A writer that panicked had changed nothing yet, or had completed its change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn revision(&self) -> Revision {
        Revision(self.log.len() as u64)
    }

    fn tenant(&self, store: StoreId) -> Result<&Tenant, StoreError> {
        self.tenants
            .get(&store)
            .ok_or(StoreError::UnknownStore(store))
    }

    fn tenant_mut(&mut self, store: StoreId) -> Result<&mut Tenant, StoreError> {
        self.tenants
            .get_mut(&store)
            .ok_or(StoreError::UnknownStore(store))
    }

    /// Returns the time of the next entry: if the clock was set back, the time of the last entry.
    fn time(&self, at: Timestamp) -> Timestamp {
        self.log.last().map_or(at, |last| at.max(last.at))
    }

    fn log(&mut self, at: Timestamp, event: Event) -> Revision {
        let revision = Revision(self.revision().0 + 1);
        let at = self.time(at);
        self.log.push(LogEntry {
            revision,
            at,
            event,
        });
        revision
    }
}

impl Tenant {
    fn position(&self, model: ModelId) -> Option<usize> {
        self.models.iter().position(|record| record.id == model)
    }

    /// Returns the changes of a batch that have an effect: tuples to delete, tuples to write.
    fn effect(&self, batch: TupleBatch) -> Result<(Vec<TupleKey>, Vec<Tuple>), StoreError> {
        let mut seen = BTreeSet::new();
        if let Some(twice) = batch.keys().find(|key| !seen.insert(*key)) {
            return Err(StoreError::Repeated(Box::new(twice.clone())));
        }
        let mut deleted = Vec::new();
        let mut written = Vec::new();
        for key in batch.deletes {
            match (self.tuples.contains_key(&key.to_string()), batch.on_missing) {
                (true, _) => deleted.push(key),
                (false, OnMissing::Ignore) => {}
                (false, OnMissing::Error) => return Err(StoreError::Missing(Box::new(key))),
            }
        }
        for tuple in batch.writes {
            let found = self
                .tuples
                .get(&tuple.key.to_string())
                .map(|(found, _)| *found == tuple);
            match (found, batch.on_duplicate) {
                (None, _) => written.push(tuple),
                (Some(true), OnDuplicate::Ignore | OnDuplicate::Replace) => {}
                (Some(true), OnDuplicate::Error) => {
                    return Err(StoreError::Exists(Box::new(tuple.key)));
                }
                (Some(false), OnDuplicate::Error) => {
                    return Err(StoreError::ExistsOtherwise(Box::new(tuple.key)));
                }
                (Some(false), OnDuplicate::Ignore) => {
                    return Err(StoreError::ConditionDiffers(Box::new(tuple.key)));
                }
                (Some(false), OnDuplicate::Replace) => {
                    deleted.push(tuple.key.clone());
                    written.push(tuple);
                }
            }
        }
        Ok((deleted, written))
    }
}

impl TupleStore for MapStore {
    fn revision(&self) -> Result<Revision, StoreError> {
        Ok(self.state().revision())
    }

    fn create_store(&self, store: StoreRecord, at: Timestamp) -> Result<Revision, StoreError> {
        let mut state = self.state();
        if state.tenants.contains_key(&store.id) {
            return Err(StoreError::StoreExists(store.id));
        }
        let tenant = Tenant {
            record: store.clone(),
            models: Vec::new(),
            assertions: BTreeMap::new(),
            tuples: BTreeMap::new(),
        };
        state.tenants.insert(store.id, tenant);
        Ok(state.log(at, Event::StoreCreated(store)))
    }

    fn stores(&self) -> Result<Vec<StoreRecord>, StoreError> {
        Ok(self
            .state()
            .tenants
            .values()
            .map(|tenant| tenant.record.clone())
            .collect())
    }

    fn delete_store(&self, store: StoreId, at: Timestamp) -> Result<Revision, StoreError> {
        let mut state = self.state();
        state
            .tenants
            .remove(&store)
            .ok_or(StoreError::UnknownStore(store))?;
        // The names in its tuples are erased. A store with much to erase leaves this to `purge`.
        for change in state
            .log
            .iter_mut()
            .filter(|change| change.event.store() == Some(store))
        {
            if !matches!(change.event, Event::StoreDeleted(_)) {
                change.event = Event::Erased(store);
            }
        }
        Ok(state.log(at, Event::StoreDeleted(store)))
    }

    fn purge(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn write_model(
        &self,
        store: StoreId,
        model: ModelRecord,
        at: Timestamp,
    ) -> Result<Revision, StoreError> {
        let mut state = self.state();
        let tenant = state.tenant_mut(store)?;
        if tenant.position(model.id).is_some() {
            return Err(StoreError::ModelExists {
                store,
                model: model.id,
            });
        }
        tenant.models.push(model.clone());
        Ok(state.log(at, Event::ModelWritten { store, model }))
    }

    fn model(&self, store: StoreId, model: ModelId) -> Result<Option<ModelRecord>, StoreError> {
        Ok(self
            .state()
            .tenant(store)?
            .models
            .iter()
            .find(|record| record.id == model)
            .cloned())
    }

    fn models(
        &self,
        store: StoreId,
        before: Option<ModelId>,
        limit: usize,
    ) -> Result<Vec<ModelRecord>, StoreError> {
        let state = self.state();
        let tenant = state.tenant(store)?;
        let end = match before {
            None => tenant.models.len(),
            Some(model) => tenant
                .position(model)
                .ok_or(StoreError::UnknownModel { store, model })?,
        };
        Ok(tenant
            .models
            .iter()
            .take(end)
            .rev()
            .take(limit)
            .cloned()
            .collect())
    }

    fn write_assertions(
        &self,
        store: StoreId,
        model: ModelId,
        assertions: &[u8],
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        let tenant = state.tenant_mut(store)?;
        tenant
            .position(model)
            .ok_or(StoreError::UnknownModel { store, model })?;
        tenant.assertions.insert(model, assertions.to_vec());
        Ok(())
    }

    fn assertions(&self, store: StoreId, model: ModelId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state().tenant(store)?.assertions.get(&model).cloned())
    }

    fn apply(
        &self,
        store: StoreId,
        batch: TupleBatch,
        at: Timestamp,
    ) -> Result<BatchOutcome, StoreError> {
        let mut state = self.state();
        let at = state.time(at);
        let tenant = state.tenant_mut(store)?;
        let (deleted, written) = tenant.effect(batch)?;
        if deleted.is_empty() && written.is_empty() {
            return Ok(BatchOutcome {
                revision: state.revision(),
                deleted,
                written,
            });
        }
        for key in &deleted {
            tenant.tuples.remove(&key.to_string());
        }
        for tuple in &written {
            tenant
                .tuples
                .insert(tuple.key.to_string(), (tuple.clone(), at));
        }
        let event = Event::TuplesChanged {
            store,
            deleted: deleted.clone(),
            written: written.clone(),
        };
        Ok(BatchOutcome {
            revision: state.log(at, event),
            deleted,
            written,
        })
    }

    fn read_tuples(
        &self,
        store: StoreId,
        visit: &mut dyn FnMut(Tuple),
    ) -> Result<Revision, StoreError> {
        let state = self.state();
        for (tuple, _) in state.tenant(store)?.tuples.values() {
            visit(tuple.clone());
        }
        Ok(state.revision())
    }

    fn page_tuples(
        &self,
        store: StoreId,
        prefix: &str,
        after: Option<&TupleKey>,
        limit: usize,
    ) -> Result<Vec<(Tuple, Timestamp)>, StoreError> {
        let state = self.state();
        let after = after.map(ToString::to_string);
        let begins = state.tenant(store)?.tuples.range(prefix.to_owned()..);
        let page = begins.take_while(|(text, _)| text.starts_with(prefix));
        let page = page.filter(|(text, _)| after.as_ref().is_none_or(|after| *text > after));
        Ok(page.take(limit).map(|(_, found)| found.clone()).collect())
    }

    fn written_at(
        &self,
        store: StoreId,
        keys: &[TupleKey],
    ) -> Result<Vec<Option<Timestamp>>, StoreError> {
        let state = self.state();
        let tuples = &state.tenant(store)?.tuples;
        Ok(keys
            .iter()
            .map(|key| tuples.get(&key.to_string()).map(|(_, at)| *at))
            .collect())
    }

    fn note_bundle(&self, digest: Digest, at: Timestamp) -> Result<Revision, StoreError> {
        let mut state = self.state();
        if state.bundle == Some(digest) {
            return Ok(state.revision());
        }
        state.bundle = Some(digest);
        Ok(state.log(at, Event::BundleLoaded(digest)))
    }

    fn changes(
        &self,
        store: Option<StoreId>,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let state = self.state();
        if let Some(store) = store {
            state.tenant(store)?;
        }
        let mut size = 0;
        let mut page = Vec::new();
        for change in state.log.iter().filter(|change| change.revision > after) {
            if size >= limit {
                break;
            }
            if store.is_none() || change.event.store() == store {
                size += match &change.event {
                    Event::TuplesChanged {
                        deleted, written, ..
                    } => deleted.len() + written.len(),
                    _ => 1,
                };
                page.push(change.clone());
            }
        }
        Ok(page)
    }

    fn revision_before(&self, at: Timestamp) -> Result<Revision, StoreError> {
        let state = self.state();
        Ok(Revision(
            state.log.partition_point(|change| change.at < at) as u64
        ))
    }
}
