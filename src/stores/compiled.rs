//! Keeps compiled models, over all stores.
//!
//! **Problem.** A compiled model takes about ten times as much memory as its text. There may be
//! thousands of stores, each with a newest model and with older ones that clients name, and most of
//! them are not used for days.
//! **Decision.** The most recently used models stay compiled, up to a total size of their texts.
//! Any other model is read from the store and compiled when it is needed. The bundle's model is not
//! among these.
//! **Trade-off.** A client that cycles through more models than there is room for has each compiled
//! again: some milliseconds for a large one.

use crate::relations::Graph;
use crate::stores::version::CompiledModel;
use crate::stores::{ModelId, StoreId};
use lru::LruCache;
use std::sync::Arc;

/// The compiled models, each with the size of its JSON, the most recently used first.
#[derive(Debug)]
pub(super) struct CompiledModels {
    models: LruCache<(StoreId, ModelId), (Arc<CompiledModel>, usize)>,
    bytes: usize,
    most: usize,
}

impl CompiledModels {
    /// Creates an empty collection for models whose JSON has at most `most` bytes together.
    pub(super) fn with_room(most: usize) -> Self {
        Self {
            models: LruCache::unbounded(),
            bytes: 0,
            most,
        }
    }

    /// Returns the model if it is compiled for this graph; one that was compiled for another graph
    /// refers to other names.
    pub(super) fn find(
        &mut self,
        store: StoreId,
        id: ModelId,
        graph: &Graph,
    ) -> Option<Arc<CompiledModel>> {
        let (model, _) = self.models.get(&(store, id))?;
        model.rules.fit(graph).then(|| Arc::clone(model))
    }

    /// Adds a model, and returns those that it evicts, for the caller to free. A model that is
    /// larger than all the room stays until the next one comes.
    #[must_use]
    pub(super) fn add(
        &mut self,
        store: StoreId,
        model: Arc<CompiledModel>,
        bytes: usize,
    ) -> Vec<Arc<CompiledModel>> {
        self.bytes += bytes;
        let mut gone = Vec::new();
        if let Some((before, bytes)) = self.models.put((store, model.id), (model, bytes)) {
            self.bytes -= bytes;
            gone.push(before);
        }
        while self.bytes > self.most && self.models.len() > 1 {
            let Some((_, (oldest, bytes))) = self.models.pop_lru() else {
                break;
            };
            self.bytes -= bytes;
            gone.push(oldest);
        }
        gone
    }

    /// Removes the models that were compiled for a deleted store, and returns them.
    #[must_use]
    pub(super) fn take_out(&mut self, store: StoreId) -> Vec<Arc<CompiledModel>> {
        let of_store: Vec<_> = self
            .models
            .iter()
            .map(|(key, _)| *key)
            .filter(|(of, _)| *of == store)
            .collect();
        let taken: Vec<_> = of_store
            .iter()
            .filter_map(|key| self.models.pop(key))
            .collect();
        self.bytes -= taken.iter().map(|(_, bytes)| bytes).sum::<usize>();
        taken.into_iter().map(|(model, _)| model).collect()
    }
}

#[cfg(test)]
impl CompiledModels {
    /// Returns the number of models, and the size of their JSON in bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.models.len(), self.bytes)
    }
}
