//! Bodies of requests, each with what is known of its questions.
//!
//! What a body is called is its keeper's affair: its text, and whatever else the answer depends on
//! that the engine does not see. INVARIANT: names are compared whole.

use crate::cache::{Shards, Weighed};
use crate::engine::leg_keys::Known;
use crate::telemetry::Metrics;
use std::sync::Arc;

/// What a place takes beside what is counted.
const OVERHEAD_BYTES: usize = 256;

/// What a body asked.
#[derive(Debug)]
pub enum Asked {
    /// One question.
    One(Known),
    /// Several, and whether these are all of them.
    Several(Vec<Known>, bool),
}

/// A body that was asked before; `O` is what it says of its answer.
#[derive(Debug)]
pub struct Seen<O> {
    /// How it wants to be answered.
    pub options: O,
    /// What it asked.
    pub asked: Asked,
    bytes: usize,
}

impl<O> Weighed for Arc<Seen<O>> {
    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Bodies by their names, in memory that is bounded. Shared by all workers.
#[derive(Debug)]
pub struct Bodies<O> {
    shards: Shards<Arc<Seen<O>>>,
    metrics: Arc<Metrics>,
}

impl<O> Bodies<O> {
    /// Takes at most so many bytes.
    #[must_use]
    pub fn new(bytes: usize, metrics: Arc<Metrics>) -> Self {
        Self {
            shards: Shards::new(bytes),
            metrics,
        }
    }

    /// What is known of a body.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<Arc<Seen<O>>> {
        self.shards.find(name, Arc::clone)
    }

    /// Keeps what a body asked.
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
