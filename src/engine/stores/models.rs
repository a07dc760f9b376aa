//! Models of stores: written, found by id, compiled.

use super::version::{Model, Version};
use super::{ModelId, OpenStore, StoreError, StoreId, Stores, StoresError};
use crate::relations::model::{AuthorizationModel, from_json, to_json};
use crate::relations::{Graph, Rules};
use crate::store::ModelRecord;
use serde_json::Value;
use std::sync::{Arc, PoisonError};

/// How many older models of one store stay compiled. Clients pin one or two; a client that walks through all of them
/// compiles each when it comes to it.
const MAX_COMPILED: usize = 16;

/// How many bytes the JSON of these may have together, the last of them aside: compiled, a model takes some ten times as
/// much.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// A model as it was written.
#[derive(Clone, Debug)]
pub struct StoredModel {
    /// Its id.
    pub id: ModelId,
    /// The model, in OpenFGA's JSON; without its id.
    pub json: Value,
}

/// A model that is there.
enum Found {
    /// Ready for the version that was asked about.
    Compiled(Arc<Model>),
    /// As it was written.
    Stored(ModelRecord),
}

/// Older models that somebody asked for, the last one last, each with the bytes of its JSON.
#[derive(Debug, Default)]
pub(super) struct CompiledModels(Vec<(Arc<Model>, usize)>);

impl CompiledModels {
    /// The model, where it is compiled for this graph.
    fn take(&mut self, id: ModelId, graph: &Graph) -> Option<Arc<Model>> {
        // What was compiled before the graph was made anew holds the old names.
        self.0.retain(|(model, _)| model.rules.fit(graph));
        let at = self.0.iter().position(|(model, _)| model.id == id)?;
        let (model, bytes) = self.0.remove(at);
        self.0.push((Arc::clone(&model), bytes));
        Some(model)
    }

    fn keep(&mut self, model: Arc<Model>, bytes: usize) {
        let mut total = bytes;
        let fitting = self.0.iter().rev().take(MAX_COMPILED - 1).take_while(|(_, bytes)| {
            total += bytes;
            total <= MAX_COMPILED_BYTES
        });
        let count = fitting.count();
        self.0.drain(..self.0.len() - count);
        self.0.push((model, bytes));
    }
}

impl Stores {
    /// Pins a store, with one of its models: the newest, where none is named.
    pub fn with_model(
        &self,
        store: StoreId,
        model: Option<ModelId>,
    ) -> Result<(Arc<Version>, Arc<Model>), StoresError> {
        let open = self.find(store)?;
        let version = open.version.load_full();
        match self.compiled_model(&open, &version, model)? {
            Found::Compiled(model) => Ok((version, model)),
            Found::Stored(record) => {
                let model = read(&record)?;
                self.make_room(&open, &model)?;
                let version = open.version.load_full();
                let compiled = Arc::new(Model { id: record.id, rules: Rules::compile(&model, version.graph())? });
                open.compiled().keep(Arc::clone(&compiled), record.json.len());
                Ok((version, compiled))
            }
        }
    }

    /// A model of a store whose version is pinned. In a turn this is the model of the moment at which is written.
    pub(super) fn model_of(
        &self,
        open: &OpenStore,
        version: &Version,
        model: Option<ModelId>,
    ) -> Result<Arc<Model>, StoresError> {
        match self.compiled_model(open, version, model)? {
            Found::Compiled(model) => Ok(model),
            Found::Stored(record) => compile(&record, version.graph()),
        }
    }

    fn compiled_model(
        &self,
        open: &OpenStore,
        version: &Version,
        model: Option<ModelId>,
    ) -> Result<Found, StoresError> {
        let store = open.record.id;
        let newest = version.model();
        let Some(id) = model else {
            return newest.cloned().map(Found::Compiled).ok_or(StoresError::NoModel(store));
        };
        if let Some(newest) = newest.filter(|newest| newest.id == id) {
            return Ok(Found::Compiled(Arc::clone(newest)));
        }
        // The bundle's model is the only one of `main`.
        let unknown = StoreError::UnknownModel { store, model: id };
        if store == StoreId::MAIN {
            return Err(unknown.into());
        }
        let kept = open.compiled().take(id, version.graph());
        Ok(match kept {
            Some(kept) => Found::Compiled(kept),
            None => Found::Stored(self.store.model(store, id)?.ok_or(unknown)?),
        })
    }

    /// Adds a model, given in OpenFGA's JSON; it is the newest from then on. Refused in `main`.
    ///
    /// It is read, checked and compiled beside the writers.
    pub fn write_model(&self, store: StoreId, json: &Value) -> Result<ModelId, StoresError> {
        if store == StoreId::MAIN {
            return Err(StoresError::MainModel);
        }
        let definition = from_json(json)?;
        let record = to_json(&definition).to_string().into_bytes();
        let model = AuthorizationModel::new(definition)?;
        let open = self.find(store)?;
        self.make_room(&open, &model)?;
        let rules = Rules::compile(&model, open.version.load().graph())?;
        let mut turn = self.turn()?;
        let open = self.find(store)?;
        let version = open.version.load();
        // Somebody else may have made room in between.
        let rules = if rules.fit(version.graph()) { rules } else { Rules::compile(&model, version.graph())? };
        let id = self.ids.next_model()?;
        turn.durable(self.store.write_model(store, ModelRecord { id, json: record }, self.now()))?;
        open.publish(version.with_model(Arc::new(Model { id, rules })));
        Ok(id)
    }

    /// Sees to it that a model can be compiled for the store: where its names would not find room among those of all the
    /// models before it, the graph is made anew with the names that are in use.
    fn make_room(&self, open: &OpenStore, model: &AuthorizationModel) -> Result<(), StoresError> {
        if open.version.load().graph().has_room_for(model) {
            return Ok(());
        }
        // Whoever comes meanwhile waits for the same.
        let _renewing = open.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = open.version.load_full();
        if before.graph().has_room_for(model) {
            return Ok(());
        }
        let mut graph = before.graph().renewed(model)?;
        let mut written = Vec::new();
        self.catch_up_beside_writers(open, &mut graph, &mut written)?;
        let _turn = self.turn()?;
        self.find(open.record.id)?;
        self.catch_up(open, &mut graph, &mut written)?;
        let now = open.version.load_full();
        let newest = now.model().map(|newest| {
            let rules = Rules::compile(newest.rules.model(), &graph)?;
            Ok::<_, StoresError>(Arc::new(Model { id: newest.id, rules }))
        });
        open.publish(now.renewed(graph.at(now.revision()), newest.transpose()?));
        Ok(())
    }

    /// Models from the newest to the oldest: at most `limit` of those older than `before`.
    pub fn models(
        &self,
        store: StoreId,
        before: Option<ModelId>,
        limit: usize,
    ) -> Result<Vec<StoredModel>, StoresError> {
        if store == StoreId::MAIN {
            let version = self.main();
            let own = version.model().filter(|_| before.is_none()).into_iter();
            return Ok(own.take(limit).map(|model| StoredModel::from(model.as_ref())).collect());
        }
        self.store.models(store, before, limit)?.iter().map(StoredModel::read).collect()
    }

    /// One model.
    pub fn model(&self, store: StoreId, model: ModelId) -> Result<StoredModel, StoresError> {
        if store == StoreId::MAIN {
            return Ok(StoredModel::from(self.with_model(store, Some(model))?.1.as_ref()));
        }
        let found = self.store.model(store, model)?;
        StoredModel::read(&found.ok_or(StoreError::UnknownModel { store, model })?)
    }

    /// The assertions of a model, as they were written; `None` where there are none.
    pub fn assertions(&self, store: StoreId, model: ModelId) -> Result<Option<Vec<u8>>, StoresError> {
        self.find(store)?;
        Ok(self.store.assertions(store, model)?)
    }

    /// Replaces the assertions of a model, opaque here. Refused in `main`, whose model is tested by the bundle's cases.
    pub fn write_assertions(&self, store: StoreId, model: ModelId, assertions: &[u8]) -> Result<(), StoresError> {
        if store == StoreId::MAIN {
            return Err(StoresError::MainAssertions);
        }
        self.find(store)?;
        Ok(self.store.write_assertions(store, model, assertions)?)
    }
}

impl StoredModel {
    fn read(record: &ModelRecord) -> Result<Self, StoresError> {
        Ok(Self { id: record.id, json: json_of(record)? })
    }
}

impl From<&Model> for StoredModel {
    fn from(model: &Model) -> Self {
        Self { id: model.id, json: to_json(model.rules.model().definition()) }
    }
}

/// Compiles a stored model for its store.
pub(super) fn compile(record: &ModelRecord, graph: &Graph) -> Result<Arc<Model>, StoresError> {
    Ok(Arc::new(Model { id: record.id, rules: Rules::compile(&read(record)?, graph)? }))
}

/// Reads a stored model.
pub(super) fn read(record: &ModelRecord) -> Result<AuthorizationModel, StoresError> {
    let refuse =
        |error: &dyn std::fmt::Display| StoresError::StoredModel { model: record.id, reason: error.to_string() };
    let definition = from_json(&json_of(record)?).map_err(|error| refuse(&error))?;
    AuthorizationModel::new(definition).map_err(|error| refuse(&error))
}

fn json_of(record: &ModelRecord) -> Result<Value, StoresError> {
    serde_json::from_slice(&record.json)
        .map_err(|error| StoresError::StoredModel { model: record.id, reason: error.to_string() })
}
