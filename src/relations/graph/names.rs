//! Assigns numbers to the names of types and relations.
//!
//! Each store has one table, shared by the versions of its graph and by the rules compiled for it.
//! It only grows, by models and by tuples, and never by what a request asks about. When most of its
//! names belong to models that nobody uses any more, the graph is renewed with a table of its own
//! ([`Graph::renewed`](super::Graph::renewed)); readers that have pinned an older version keep the
//! old table.
//!
//! INVARIANT: a number of one table is assigned once and never means another name, even if the
//! version of the graph for which it was assigned is discarded.

use super::symbols::MAX_OBJECTS;
use arc_swap::ArcSwap;
use foldhash::{HashMap, HashSet};
use smol_str::SmolStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Maximum number of names of types and relations in one store, over all of its models. Two of them
/// fit into a word of a key.
pub const MAX_NAMES: usize = 65_535;

/// A type or a relation. [`NameId::NONE`] is the relation of a user that is no userset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::relations) struct NameId(u16);

impl NameId {
    /// No relation.
    pub(in crate::relations) const NONE: Self = Self(0);

    /// The lowest number of a name.
    pub(super) const FIRST: Self = Self(1);

    /// The highest number of a name.
    pub(super) const LAST: Self = Self(u16::MAX);

    pub(super) fn word(self) -> u32 {
        u32::from(self.0)
    }

    /// Converts back a word that [`Self::word`] returned.
    pub(super) fn of_word(word: u32) -> Self {
        Self(u16::try_from(word).unwrap_or(0))
    }
}

/// Why a graph cannot hold more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// There are more than [`MAX_NAMES`] names of types and relations.
    #[error(
        "a store takes at most {MAX_NAMES} different names of types and \
         relations: start a new store"
    )]
    TooManyNames,
    /// There are more than [`MAX_OBJECTS`] objects and users.
    #[error("a store takes at most {MAX_OBJECTS} different objects and users: start a new store")]
    TooManyObjects,
}

/// The names of types and relations at one moment. A later state has all of these and maybe more.
#[derive(Clone, Debug, Default)]
pub(in crate::relations) struct Names {
    texts: Vec<SmolStr>,
    ids: HashMap<SmolStr, NameId>,
}

impl Names {
    /// Returns the number of a name, or `None` if the table does not have it.
    pub(in crate::relations) fn find(&self, text: &str) -> Option<NameId> {
        self.ids.get(text).copied()
    }

    /// Returns the name with this number, or an empty text.
    pub(in crate::relations) fn text(&self, id: NameId) -> &str {
        usize::from(id.0)
            .checked_sub(1)
            .and_then(|at| self.texts.get(at))
            .map_or("", SmolStr::as_str)
    }
}

/// How many names a table may hold before it is worth replacing: those of a few of the largest
/// models, so that clients that keep using older models do not cause a renewal each time.
const ROOM: usize = 16_384;

/// The table, which only grows. Readers never wait for writers.
#[derive(Debug)]
pub(in crate::relations) struct NameTable {
    now: ArcSwap<Names>,
    /// The lock of those who add names, one at a time.
    adding: Mutex<()>,
    /// The number of names above which a table of the names in use should replace this one.
    room: usize,
}

impl Default for NameTable {
    fn default() -> Self {
        Self {
            now: ArcSwap::default(),
            adding: Mutex::default(),
            room: ROOM,
        }
    }
}

impl NameTable {
    /// Creates the successor of a table of which `used` names are in use, with room for as many
    /// again.
    pub(super) fn for_used(used: usize) -> Self {
        Self {
            room: ROOM.max(used.saturating_mul(2)).min(MAX_NAMES),
            ..Self::default()
        }
    }

    /// Returns the names so far.
    pub(in crate::relations) fn now(&self) -> Arc<Names> {
        self.now.load_full()
    }

    /// Returns the number of a name, and assigns one if it has none.
    pub(in crate::relations) fn id(&self, text: &str) -> Result<NameId, GraphError> {
        if let Some(id) = self.now.load().find(text) {
            return Ok(id);
        }
        let mut growth = self.grow();
        let id = growth.id(text)?;
        growth.finish();
        Ok(id)
    }

    /// Assigns numbers to all of these names. On an error the table stays as it is.
    pub(in crate::relations) fn add<'t>(
        &self,
        texts: impl Iterator<Item = &'t str>,
    ) -> Result<(), GraphError> {
        let mut growth = self.grow();
        for text in texts {
            growth.id(text)?;
        }
        growth.finish();
        Ok(())
    }

    /// Returns `true` if these names should be added to this table; otherwise the graph should be
    /// renewed with a table of the names in use.
    pub(super) fn has_room_for<'t>(&self, texts: impl Iterator<Item = &'t str>) -> bool {
        let now = self.now.load();
        let new: HashSet<&str> = texts.filter(|text| now.find(text).is_none()).collect();
        new.is_empty() || now.texts.len() + new.len() <= self.room
    }

    /// Begins to add names. Other writers of the table wait until it ends.
    pub(super) fn grow(&self) -> NameGrowth<'_> {
        // A poisoned lock guards no data: the table is swapped in one step.
        let adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        NameGrowth {
            names: self.now.load_full(),
            table: self,
            _adding: adding,
        }
    }
}

/// Names that are being added: the table is copied once, however many there are.
///
/// INVARIANT: the numbers are not valid before [`Self::finish`]; without it, whatever was made with
/// them is discarded.
pub(super) struct NameGrowth<'t> {
    names: Arc<Names>,
    table: &'t NameTable,
    _adding: MutexGuard<'t, ()>,
}

impl NameGrowth<'_> {
    /// Returns the number of a name, and assigns one if it has none.
    pub(super) fn id(&mut self, text: &str) -> Result<NameId, GraphError> {
        if let Some(id) = self.names.find(text) {
            return Ok(id);
        }
        let id = u16::try_from(self.names.texts.len() + 1)
            .map(NameId)
            .map_err(|_| GraphError::TooManyNames)?;
        let names = Arc::make_mut(&mut self.names);
        names.texts.push(text.into());
        names.ids.insert(text.into(), id);
        Ok(id)
    }

    /// Publishes the names.
    pub(super) fn finish(self) {
        self.table.now.store(self.names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_all_at_once_or_not_at_all() {
        let table = NameTable::default();
        let texts: Vec<String> = (0..MAX_NAMES).map(|at| format!("n{at}")).collect();
        table
            .add(texts.iter().map(String::as_str).take(60_000))
            .unwrap();
        let one_more = std::iter::once("one-more");
        let refused = table.add(texts.iter().map(String::as_str).chain(one_more));
        assert_eq!(refused, Err(GraphError::TooManyNames));
        assert_eq!(
            (
                table.now().find("n59999").is_some(),
                table.now().find("n60000")
            ),
            (true, None)
        );
        table.add(texts.iter().map(String::as_str)).unwrap();
        assert_eq!(
            (table.id("one-more"), table.id("n0")),
            (Err(GraphError::TooManyNames), Ok(NameId(1)))
        );
        let now = table.now();
        assert!(
            (1..=MAX_NAMES).all(|at| now.text(NameId(u16::try_from(at).unwrap())) == texts[at - 1])
        );
    }

    #[test]
    fn a_table_has_room_for_as_many_names_again_as_are_used() {
        let texts: Vec<String> = (0..MAX_NAMES).map(|at| format!("n{at}")).collect();
        for (table, room) in [
            (NameTable::default(), ROOM),
            (NameTable::for_used(3), ROOM),
            (NameTable::for_used(ROOM), 2 * ROOM),
            (NameTable::for_used(MAX_NAMES), MAX_NAMES),
        ] {
            let some = |count: usize| texts.iter().map(String::as_str).take(count);
            assert_eq!(
                (
                    table.has_room_for(some(room)),
                    table.has_room_for(some(room + 1))
                ),
                (true, room == MAX_NAMES)
            );
            table.add(some(room)).unwrap();
            assert!(table.has_room_for(some(room)) && !table.has_room_for(["new"].into_iter()));
        }
    }
}
