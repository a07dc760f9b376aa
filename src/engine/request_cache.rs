//! The request cache: bodies of requests, each with the leg keys of its questions.
//!
//! The caller chooses the name of a body: its text, and whatever else the answer depends on that
//! the engine does not see. INVARIANT: names are compared whole.

use crate::cache::{MemorySize, Shards};
use crate::engine::leg_keys::LegKeys;
use crate::telemetry::Metrics;
use std::sync::Arc;

/// Overhead of an entry in bytes, beside what is counted.
const OVERHEAD_BYTES: usize = 256;

/// The questions of a body.
#[derive(Debug)]
pub enum CachedQuestions {
    /// One question.
    One(LegKeys),
    /// Several questions, and whether these are all questions of the body.
    Several(Vec<LegKeys>, bool),
}

/// A cached body; `O` holds its options for the answer.
#[derive(Debug)]
pub struct CachedRequest<O> {
    /// The options for the answer.
    pub options: O,
    /// The questions.
    pub questions: CachedQuestions,
    bytes: usize,
}

impl<O> MemorySize for Arc<CachedRequest<O>> {
    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Bodies by their names, in bounded memory, shared by all workers.
#[derive(Debug)]
pub struct RequestCache<O> {
    shards: Shards<Arc<CachedRequest<O>>>,
    metrics: Arc<Metrics>,
}

impl<O> RequestCache<O> {
    /// Creates a cache that holds at most `bytes` bytes.
    #[must_use]
    pub fn new(bytes: usize, metrics: Arc<Metrics>) -> Self {
        Self {
            shards: Shards::new(bytes),
            metrics,
        }
    }

    /// Returns the cached body of this name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<Arc<CachedRequest<O>>> {
        self.shards.find(name, Arc::clone)
    }

    /// Stores the questions of a body.
    pub fn keep(&self, name: &[u8], options: O, questions: CachedQuestions) {
        let known = match &questions {
            CachedQuestions::One(known) => known.bytes(),
            CachedQuestions::Several(known, _) => known.iter().map(LegKeys::bytes).sum(),
        };
        let bytes = name.len() + known + size_of::<CachedRequest<O>>() + OVERHEAD_BYTES;
        if let Some(put) = self.shards.keep(
            name,
            Arc::new(CachedRequest {
                options,
                questions,
                bytes,
            }),
            |_, _| false,
        ) {
            self.metrics.cache().resized(put.before, put.after);
        }
    }

    /// Counts a request that was answered without being read.
    pub fn count_hit(&self) {
        self.metrics.cache().known.inc();
    }
}
