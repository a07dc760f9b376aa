//! Numbers for the names of types and relations.
//!
//! One table per store, shared by the versions of its graph and by the rules compiled for it. It
//! only grows: by models, and never by what a request asks about. Where most of its names are of
//! models that nobody asks for any more, the graph is made anew with a table of its own
//! ([`Graph::renewed`](super::Graph::renewed)); whoever has pinned a version before that goes on
//! with the table that belongs to it.
//!
//! INVARIANT: a number of one table is given once and never means another name, even where the
//! version of the graph for which it was given is thrown away.

use super::symbols::MAX_OBJECTS;
use arc_swap::ArcSwap;
use foldhash::{HashMap, HashSet};
use smol_str::SmolStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most names of types and relations in one store, over all of its models: two of them fit into a
/// word of a key.
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
    #[error(
        "a store takes at most {MAX_NAMES} different names of types and relations: start a new store"
    )]
    TooManyNames,
    /// More objects than numbers.
    #[error("a store takes at most {MAX_OBJECTS} different objects and users: start a new store")]
    TooManyObjects,
}

/// The names of types and relations, as of one moment. A later moment has all of them and maybe
/// more.
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
        usize::from(id.0)
            .checked_sub(1)
            .and_then(|at| self.texts.get(at))
            .map_or("", SmolStr::as_str)
    }
}

/// How many names a table takes before those that nothing uses are worth throwing away: those of a
/// few of the largest models, so that clients who go on asking for older ones do not have it made
/// anew each time.
const ROOM: usize = 16_384;

/// The growing table. Readers never wait for writers.
#[derive(Debug)]
pub(in crate::relations) struct NameTable {
    now: ArcSwap<Names>,
    /// Held while names are added: additions take turns.
    adding: Mutex<()>,
    /// Above how many names a table of those in use should take its place.
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
    /// Creates the successor of a table, in which `used` names are in use: it has room for as many
    /// again.
    pub(super) fn for_used(used: usize) -> Self {
        Self {
            room: ROOM.max(used.saturating_mul(2)).min(MAX_NAMES),
            ..Self::default()
        }
    }

    /// The names so far.
    pub(in crate::relations) fn now(&self) -> Arc<Names> {
        self.now.load_full()
    }

    /// The number of a name, given now if need be.
    pub(in crate::relations) fn id(&self, text: &str) -> Result<NameId, GraphError> {
        if let Some(id) = self.now.load().find(text) {
            return Ok(id);
        }
        let mut growth = self.grow();
        let id = growth.id(text)?;
        growth.finish();
        Ok(id)
    }

    /// Gives numbers to all of these, or to none of those that have none.
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

    /// Returns `true` if the table should take these names too, rather than one of the names in
    /// use.
    pub(super) fn has_room_for<'t>(&self, texts: impl Iterator<Item = &'t str>) -> bool {
        let now = self.now.load();
        let new: HashSet<&str> = texts.filter(|text| now.find(text).is_none()).collect();
        new.is_empty() || now.texts.len() + new.len() <= self.room
    }

    /// Begins to add names. Others who add wait until it ends.
    pub(super) fn grow(&self) -> Growth<'_> {
        // A poisoned lock guards no data: the table is swapped in one step.
        let adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        Growth {
            names: self.now.load_full(),
            table: self,
            _adding: adding,
        }
    }
}

/// Names on their way into the table: the table is copied once, however many there are.
///
/// INVARIANT: the numbers are worth nothing before [`Self::finish`]: without it, what was made with
/// them is thrown away.
pub(super) struct Growth<'t> {
    names: Arc<Names>,
    table: &'t NameTable,
    _adding: MutexGuard<'t, ()>,
}

impl Growth<'_> {
    /// The number of a name, given now if need be.
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

    /// Makes the names known.
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
