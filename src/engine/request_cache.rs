//! The request cache: bodies of requests, each with the leg keys of its questions.
//!
//! The caller chooses the name of a body: its text, and whatever else the answer depends on that
//! the engine does not see. INVARIANT: names are compared whole.

use crate::cache::{Shards, Weighed};
use crate::engine::leg_keys::Known;
use crate::telemetry::Metrics;
use std::sync::Arc;

/// Overhead of an entry in bytes, beside what is counted.
const OVERHEAD_BYTES: usize = 256;

/// The questions of a body.
#[derive(Debug)]
pub enum Asked {
    /// One question.
    One(Known),
    /// Several questions, and whether these are all questions of the body.
    Several(Vec<Known>, bool),
}

/// A cached body; `O` holds its options for the answer.
#[derive(Debug)]
pub struct Seen<O> {
    /// The options for the answer.
    pub options: O,
    /// The questions.
    pub asked: Asked,
    bytes: usize,
}

impl<O> Weighed for Arc<Seen<O>> {
    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Bodies by their names, in bounded memory, shared by all workers.
#[derive(Debug)]
pub struct Bodies<O> {
    shards: Shards<Arc<Seen<O>>>,
    metrics: Arc<Metrics>,
}

impl<O> Bodies<O> {
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
    pub fn find(&self, name: &[u8]) -> Option<Arc<Seen<O>>> {
        self.shards.find(name, Arc::clone)
    }

    /// Stores the questions of a body.
    pub fn keep(&self, name: &[u8], options: O, asked: Asked) {
        let known = match &asked {
            Asked::One(known) => known.bytes(),
            Asked::Several(known, _) => known.iter().map(Known::bytes).sum(),
        };
        let bytes = name.len() + known + size_of::<Seen<O>>() + OVERHEAD_BYTES;
        if let Some(put) = self.shards.keep(
            name,
            Arc::new(Seen {
                options,
                asked,
                bytes,
            }),
            |_, _| false,
        ) {
            self.metrics.cache().resized(put.before, put.after);
        }
    }

    /// Counts a request that was answered without being read.
    pub fn recalled(&self) {
        self.metrics.cache().known.inc();
    }
}
