//! Numbers for the names of types and relations.
//!
//! One table per store, shared by all versions of its graph and by the rules compiled for it. It only grows: by models,
//! which are few, and never by what a request asks about.
//!
//! INVARIANT: a number is given once and never means another name, even where the version of the graph for which it was
//! given is thrown away.

use super::symbols::MAX_OBJECTS;
use arc_swap::ArcSwap;
use foldhash::HashMap;
use smol_str::SmolStr;
use std::sync::{Arc, Mutex, PoisonError};

/// Most names of types and relations in one store, over all of its models: two of them fit into a word of a key.
pub const MAX_NAMES: usize = 65_535;

/// A type or a relation. [`NameId::NONE`] is the relation of a user that is no userset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::relations) struct NameId(u16);

impl NameId {
    /// No relation.
    pub(in crate::relations) const NONE: Self = Self(0);

    /// The least number of a name.
    pub(super) const FIRST: Self = Self(1);

    /// The greatest.
    pub(super) const LAST: Self = Self(u16::MAX);

    pub(super) fn word(self) -> u32 {
        u32::from(self.0)
    }

    /// The inverse of [`Self::word`], for words that it made.
    pub(super) fn of_word(word: u32) -> Self {
        Self(u16::try_from(word).unwrap_or(0))
    }
}

/// Why a graph cannot take more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// More than [`MAX_NAMES`] names of types and relations.
    #[error("a store takes at most {MAX_NAMES} different names of types and relations: start a new store")]
    TooManyNames,
    /// More objects than numbers.
    #[error("a store takes at most {MAX_OBJECTS} different objects and users: start a new store")]
    TooManyObjects,
}

/// The names of types and relations, as of one moment. A later moment has all of them and maybe more.
#[derive(Clone, Debug, Default)]
pub(in crate::relations) struct Names {
    texts: Vec<SmolStr>,
    ids: HashMap<SmolStr, NameId>,
}

impl Names {
    /// The number of a name; none where no model and no tuple has it.
    pub(in crate::relations) fn find(&self, text: &str) -> Option<NameId> {
        self.ids.get(text).copied()
    }

    /// The name behind a number.
    pub(in crate::relations) fn text(&self, id: NameId) -> &str {
        usize::from(id.0).checked_sub(1).and_then(|at| self.texts.get(at)).map_or("", SmolStr::as_str)
    }
}

/// The growing table. Readers never wait for writers.
#[derive(Debug, Default)]
pub(in crate::relations) struct NameTable {
    now: ArcSwap<Names>,
    /// Held while a name is added: additions take turns.
    adding: Mutex<()>,
}

impl NameTable {
    /// The names so far.
    pub(in crate::relations) fn now(&self) -> Arc<Names> {
        self.now.load_full()
    }

    /// The number of a name, given now if need be.
    pub(in crate::relations) fn id(&self, text: &str) -> Result<NameId, GraphError> {
        if let Some(id) = self.now.load().find(text) {
            return Ok(id);
        }
        // A poisoned lock guards no data: the table is swapped in one step.
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = Names::clone(&self.now.load());
        if let Some(id) = names.find(text) {
            return Ok(id);
        }
        let id = u16::try_from(names.texts.len() + 1).map(NameId).map_err(|_| GraphError::TooManyNames)?;
        names.texts.push(text.into());
        names.ids.insert(text.into(), id);
        self.now.store(Arc::new(names));
        Ok(id)
    }
}
