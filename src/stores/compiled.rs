//! Models that are compiled, over all stores.
//!
//! **Problem.** A compiled model takes some ten times its text. There may be thousands of stores,
//! each with a newest model and with older ones that clients pin, and most of them are asked of
//! nothing for days.
//! **Decision.** Those that were asked for last stay compiled, as many as their texts have room for
//! together. Another is read from the store and compiled when somebody asks for it. The bundle's
//! model is none of these.
//! **Trade-off.** Whoever goes round more models than there is room for compiles each: some
//! milliseconds for a large one.

use crate::relations::Graph;
use crate::stores::version::Model;
use crate::stores::{ModelId, StoreId};
use lru::LruCache;
use std::sync::Arc;

/// Models with the bytes of their JSON, the one that was asked for last at the front.
#[derive(Debug)]
pub(super) struct CompiledModels {
    models: LruCache<(StoreId, ModelId), (Arc<Model>, usize)>,
    bytes: usize,
    most: usize,
}

impl CompiledModels {
    /// Room for models whose JSON has at most so many bytes together.
    pub(super) fn with_room(most: usize) -> Self {
        Self {
            models: LruCache::unbounded(),
            bytes: 0,
            most,
        }
    }

    /// Returns the model, where it is compiled for this graph: what was compiled for another holds
    /// other names.
    pub(super) fn find(
        &mut self,
        store: StoreId,
        id: ModelId,
        graph: &Graph,
    ) -> Option<Arc<Model>> {
        let (model, _) = self.models.get(&(store, id))?;
        model.rules.fit(graph).then(|| Arc::clone(model))
    }

    /// Adds a model, and returns those that had to make room, for the caller to free. One that is
    /// larger than all the room stays until the next comes.
    #[must_use]
    pub(super) fn add(
        &mut self,
        store: StoreId,
        model: Arc<Model>,
        bytes: usize,
    ) -> Vec<Arc<Model>> {
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

    /// Takes out what is compiled for a store that is gone.
    #[must_use]
    pub(super) fn take_out(&mut self, store: StoreId) -> Vec<Arc<Model>> {
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
    /// How many there are, and the bytes of their JSON.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.models.len(), self.bytes)
    }
}
