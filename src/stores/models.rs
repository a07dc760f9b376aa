//! Writes the models of stores, finds them by id, and compiles them when they are needed.

use crate::relations::model::{AuthorizationModel, from_json, to_json};
use crate::relations::{Graph, Rules};
use crate::storage::ModelRecord;
use crate::stores::version::{CompiledModel, Version};
use crate::stores::{ModelId, OpenStore, StoreError, StoreId, Stores, StoresError};
use serde_json::Value;
use std::sync::{Arc, PoisonError};

/// A model as it was written.
#[derive(Clone, Debug)]
pub struct StoredModel {
    /// Its id.
    pub id: ModelId,
    /// The model, in OpenFGA's JSON; without its id.
    pub json: Value,
}

/// A model that was found.
enum AvailableModel {
    /// Compiled for the version that was asked about.
    Compiled(Arc<CompiledModel>),
    /// Stored, and not compiled for this version.
    Stored(ModelRecord),
}

impl Stores {
    /// Pins a store together with one of its models: the named one, or else the newest.
    ///
    /// INVARIANT: if no model is named, the model is the newest of the pinned version.
    pub fn with_model(
        &self,
        store: StoreId,
        model: Option<ModelId>,
    ) -> Result<(Arc<Version>, Arc<CompiledModel>), StoresError> {
        let open = self.find(store)?;
        loop {
            let version = open.version.load_full();
            let record = match self.find_model(&open, &version, model)? {
                AvailableModel::Compiled(model) => return Ok((version, model)),
                AvailableModel::Stored(record) => record,
            };
            let read = read(&record)?;
            self.make_room(&open, &read)?;
            let version = open.version.load_full();
            let compiled = self.compile(store, &record, &read, version.graph())?;
            if model.is_some() || version.newest() == Some(compiled.id) {
                return Ok((version, compiled));
            }
        }
    }

    /// Returns a model of a store whose version is pinned. Within a turn, the newest model is the
    /// one at the moment of the write.
    pub(super) fn model_of(
        &self,
        open: &OpenStore,
        version: &Version,
        model: Option<ModelId>,
    ) -> Result<Arc<CompiledModel>, StoresError> {
        match self.find_model(open, version, model)? {
            AvailableModel::Compiled(model) => Ok(model),
            AvailableModel::Stored(record) => {
                self.compile(open.record.id, &record, &read(&record)?, version.graph())
            }
        }
    }

    fn find_model(
        &self,
        open: &OpenStore,
        version: &Version,
        model: Option<ModelId>,
    ) -> Result<AvailableModel, StoresError> {
        let store = open.record.id;
        // `main` has no model but the bundle's.
        let own = version.model();
        let id = match (model, own) {
            (Some(id), _) => id,
            (None, Some(own)) => own.id,
            (None, None) => version.newest().ok_or(StoresError::NoModel(store))?,
        };
        if let Some(own) = own.filter(|own| own.id == id) {
            return Ok(AvailableModel::Compiled(Arc::clone(own)));
        }
        let unknown = StoreError::UnknownModel { store, model: id };
        if store == StoreId::MAIN {
            return Err(unknown.into());
        }
        let compiled = self.compiled().find(store, id, version.graph());
        Ok(match compiled {
            Some(compiled) => AvailableModel::Compiled(compiled),
            None => AvailableModel::Stored(self.store.model(store, id)?.ok_or(unknown)?),
        })
    }

    /// Compiles a stored model, which was read already, for its store.
    fn compile(
        &self,
        store: StoreId,
        record: &ModelRecord,
        read: &AuthorizationModel,
        graph: &Graph,
    ) -> Result<Arc<CompiledModel>, StoresError> {
        let model = Arc::new(CompiledModel {
            id: record.id,
            rules: Rules::compile(read, graph)?,
        });
        self.keep_compiled(store, &model, record.json.len());
        Ok(model)
    }

    fn keep_compiled(&self, store: StoreId, model: &Arc<CompiledModel>, bytes: usize) {
        let gone = self.compiled().add(store, Arc::clone(model), bytes);
        // The evicted models are freed here, after the lock is released.
        drop(gone);
    }

    /// Adds a model, given in OpenFGA's JSON; it is the newest from then on. Refused in `main`.
    ///
    /// It is read, checked and compiled outside the turn.
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
        let mut guard = self.lock_writes()?;
        let open = self.find(store)?;
        let version = open.version.load();
        // Another call may have rebuilt the graph in between.
        let rules = if rules.fit(version.graph()) {
            rules
        } else {
            Rules::compile(&model, version.graph())?
        };
        let id = self.ids.next_model()?;
        let bytes = record.len();
        guard.durable(self.store.write_model(
            store,
            ModelRecord { id, json: record },
            self.now(),
        ))?;
        open.publish(version.with_newest(id));
        drop(guard);
        self.keep_compiled(store, &Arc::new(CompiledModel { id, rules }), bytes);
        Ok(id)
    }

    /// Makes sure that a model can be compiled for the store. If its names find no room among those
    /// of all earlier models, the graph is rebuilt with only the names that are in use.
    fn make_room(&self, open: &OpenStore, model: &AuthorizationModel) -> Result<(), StoresError> {
        if open.version.load().graph().has_room_for(model) {
            return Ok(());
        }
        // Calls that come meanwhile wait for the same result.
        let _renewing = open.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = open.version.load_full();
        if before.graph().has_room_for(model) {
            return Ok(());
        }
        let mut graph = before.graph().renewed(model)?;
        let mut written = Vec::new();
        self.catch_up_beside_writers(open, &mut graph, &mut written)?;
        let _guard = self.lock_writes()?;
        self.find(open.record.id)?;
        self.catch_up(open, &mut graph, &mut written)?;
        let now = open.version.load_full();
        open.publish(now.renewed(graph.at(now.revision())));
        Ok(())
    }

    /// Returns models from the newest to the oldest: at most `limit` of those older than `before`.
    pub fn models(
        &self,
        store: StoreId,
        before: Option<ModelId>,
        limit: usize,
    ) -> Result<Vec<StoredModel>, StoresError> {
        if store == StoreId::MAIN {
            let version = self.main();
            let own = version.model().filter(|_| before.is_none()).into_iter();
            return Ok(own
                .take(limit)
                .map(|model| StoredModel::from(model.as_ref()))
                .collect());
        }
        self.store
            .models(store, before, limit)?
            .iter()
            .map(StoredModel::read)
            .collect()
    }

    /// Returns a model by its id.
    pub fn model(&self, store: StoreId, model: ModelId) -> Result<StoredModel, StoresError> {
        if store == StoreId::MAIN {
            return Ok(StoredModel::from(
                self.with_model(store, Some(model))?.1.as_ref(),
            ));
        }
        let found = self.store.model(store, model)?;
        StoredModel::read(&found.ok_or(StoreError::UnknownModel { store, model })?)
    }

    /// Returns the assertions of a model, as they were written; `None` if there are none.
    pub fn assertions(
        &self,
        store: StoreId,
        model: ModelId,
    ) -> Result<Option<Vec<u8>>, StoresError> {
        self.find(store)?;
        Ok(self.store.assertions(store, model)?)
    }

    /// Replaces the assertions of a model, whose content is opaque here. Refused in `main`, whose
    /// model is tested by the bundle's cases.
    pub fn write_assertions(
        &self,
        store: StoreId,
        model: ModelId,
        assertions: &[u8],
    ) -> Result<(), StoresError> {
        if store == StoreId::MAIN {
            return Err(StoresError::MainAssertions);
        }
        self.find(store)?;
        Ok(self.store.write_assertions(store, model, assertions)?)
    }
}

impl StoredModel {
    fn read(record: &ModelRecord) -> Result<Self, StoresError> {
        Ok(Self {
            id: record.id,
            json: json_of(record)?,
        })
    }
}

impl From<&CompiledModel> for StoredModel {
    fn from(model: &CompiledModel) -> Self {
        Self {
            id: model.id,
            json: to_json(model.rules.model().definition()),
        }
    }
}

/// Reads a stored model.
pub(super) fn read(record: &ModelRecord) -> Result<AuthorizationModel, StoresError> {
    let refuse = |error: &dyn std::fmt::Display| StoresError::StoredModel {
        model: record.id,
        reason: error.to_string(),
    };
    let definition = from_json(&json_of(record)?).map_err(|error| refuse(&error))?;
    AuthorizationModel::new(definition).map_err(|error| refuse(&error))
}

fn json_of(record: &ModelRecord) -> Result<Value, StoresError> {
    serde_json::from_slice(&record.json).map_err(|error| StoresError::StoredModel {
        model: record.id,
        reason: error.to_string(),
    })
}
