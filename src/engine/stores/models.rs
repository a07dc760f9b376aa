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
const KEPT_COMPILED: usize = 16;

/// A model as it was written.
#[derive(Clone, Debug)]
pub struct StoredModel {
    /// Its id.
    pub id: ModelId,
    /// The model, in OpenFGA's JSON; without its id.
    pub json: Value,
}

/// Older models that somebody asked for, the last one last.
#[derive(Debug, Default)]
pub(super) struct CompiledModels(Vec<Arc<Model>>);

impl CompiledModels {
    fn take(&mut self, id: ModelId) -> Option<Arc<Model>> {
        let at = self.0.iter().position(|model| model.id == id)?;
        let model = self.0.remove(at);
        self.0.push(Arc::clone(&model));
        Some(model)
    }

    fn keep(&mut self, model: Arc<Model>) {
        if self.0.len() >= KEPT_COMPILED {
            self.0.remove(0);
        }
        self.0.push(model);
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
        let model = self.model_of(&open, &version, model)?;
        Ok((version, model))
    }

    pub(super) fn model_of(
        &self,
        open: &OpenStore,
        version: &Version,
        model: Option<ModelId>,
    ) -> Result<Arc<Model>, StoresError> {
        let store = open.record.id;
        let newest = version.model();
        let Some(id) = model else { return newest.cloned().ok_or(StoresError::NoModel(store)) };
        if let Some(newest) = newest.filter(|newest| newest.id == id) {
            return Ok(Arc::clone(newest));
        }
        // The bundle's model is the only one of `main`.
        let unknown = StoreError::UnknownModel { store, model: id };
        if store == StoreId::MAIN {
            return Err(unknown.into());
        }
        let kept = open.compiled.lock().unwrap_or_else(PoisonError::into_inner).take(id);
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let compiled = compile(&self.store.model(store, id)?.ok_or(unknown)?, version.graph())?;
        open.compiled.lock().unwrap_or_else(PoisonError::into_inner).keep(Arc::clone(&compiled));
        Ok(compiled)
    }

    /// Adds a model, given in OpenFGA's JSON; it is the newest from then on. Refused in `main`.
    pub fn write_model(&self, store: StoreId, json: &Value) -> Result<ModelId, StoresError> {
        if store == StoreId::MAIN {
            return Err(StoresError::MainModel);
        }
        let definition = from_json(json)?;
        let record = to_json(&definition).to_string().into_bytes();
        let model = AuthorizationModel::new(definition)?;
        let mut turn = self.turn()?;
        let open = self.find(store)?;
        let version = open.version.load();
        let id = self.ids.next_model()?;
        let model = Arc::new(Model { id, rules: Rules::compile(&model, version.graph())? });
        turn.durable(self.store.write_model(store, ModelRecord { id, json: record }, self.now()))?;
        open.publish(version.with_model(model));
        Ok(id)
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
