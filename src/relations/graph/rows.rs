//! The tuples of each object, found by the object's number.
//!
//! **Problem.** A check reads the rows of a dozen objects among a million. In a tree of all tuples
//! each row is a descent through nodes that are in no processor cache; and a group of two hundred
//! members, which fills several leaves, costs as much as three.
//! **Decision.** An object's tuples lie in one slice, sorted by relation and user, in a persistent
//! array by the object's number. If one relation has many users of one kind, these lie in a tree,
//! and the slice has a mark in their place ([`RowEntry::many`]). So the usersets of a group stay in
//! the slice, however many members it has.
//! **Trade-off.** A write copies the object's slice, which has at most a few times [`MANY`]
//! entries.
//!
//! INVARIANT: a clone never changes. A tuple is in the slice or in the tree, never in both; all
//! tuples of an object with the same pair of names are in the same one.

use super::array::Array;
use super::layer::EdgeCondition;
use super::ordered::{Range, Tree, TreeKey};
use std::sync::Arc;

/// If one object has more tuples than this with one relation and one kind of user, they move to the
/// tree; they move back when half as many are left.
const MANY: usize = 32;

/// The tuples of all objects, by the keys of [`super::layer::Edge::by_object`]. Clones are cheap
/// and share everything.
#[derive(Clone, Debug, Default)]
pub(in crate::relations) struct TupleRows {
    objects: Array<Arc<[RowEntry]>>,
    many: Tree<EdgeCondition>,
    len: usize,
}

/// A tuple of an object, or the mark for tuples that are in the tree.
#[derive(Clone, Debug)]
pub(in crate::relations) struct RowEntry {
    /// The second word of a key: the relation, and the relation of a userset.
    names: u32,
    /// The third word of a key, or [`Self::MARK`].
    user: u32,
    when: EdgeCondition,
}

/// The tuples of one object, or a part of them.
#[derive(Clone, Copy, Debug)]
pub(in crate::relations) struct TupleRow<'a> {
    entries: &'a [RowEntry],
    /// The tree with the tuples for which a mark stands.
    many: Option<&'a Tree<EdgeCondition>>,
}

impl RowEntry {
    /// A number that no object has: it is almost twice [`super::MAX_OBJECTS`], and no request names
    /// that many objects of its own.
    const MARK: u32 = u32::MAX;

    /// Creates the entry of the tuple with this key; the object is not part of it.
    pub(super) fn new([_, names, user]: TreeKey, when: EdgeCondition) -> Self {
        Self { names, user, when }
    }

    fn many(names: u32) -> Self {
        Self {
            names,
            user: Self::MARK,
            when: None,
        }
    }

    fn is_many(&self) -> bool {
        self.user == Self::MARK
    }

    fn place(&self) -> (u32, u32) {
        (self.names, self.user)
    }
}

impl TupleRows {
    /// Builds all rows at once; of several tuples with one key the last one counts.
    pub(super) fn from_entries(mut tuples: Vec<(TreeKey, EdgeCondition)>) -> Self {
        super::ordered::sort_and_keep_last(&mut tuples);
        let len = tuples.len();
        let mut objects = Array::default();
        let mut many = Vec::new();
        for of_object in tuples.chunk_by(|([one, ..], _), ([other, ..], _)| one == other) {
            let mut entries = Vec::with_capacity(of_object.len().min(2 * MANY));
            for alike in of_object.chunk_by(|([_, one, _], _), ([_, other, _], _)| one == other) {
                match alike.first() {
                    Some(([_, names, _], _)) if alike.len() > MANY => {
                        many.extend(alike.iter().cloned());
                        entries.push(RowEntry::many(*names));
                    }
                    _ => entries.extend(
                        alike
                            .iter()
                            .map(|(key, when)| RowEntry::new(*key, when.clone())),
                    ),
                }
            }
            if let Some(([object, ..], _)) = of_object.first() {
                *objects.slot(*object) = Some(entries.into());
            }
        }
        Self {
            objects,
            many: Tree::from_entries(many),
            len,
        }
    }

    /// Returns the number of tuples.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns the tuples of an object.
    pub(super) fn of(&self, object: u32) -> TupleRow<'_> {
        TupleRow {
            entries: self.objects.get(object).map_or(&[], |entries| entries),
            many: Some(&self.many),
        }
    }

    /// Returns the condition of the tuple with this key.
    pub(super) fn get(&self, key: &TreeKey) -> Option<&EdgeCondition> {
        let [object, ..] = *key;
        self.of(object).get(*key)
    }

    /// Returns every tuple, in order of the keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (TreeKey, &EdgeCondition)> {
        let rows = self.objects.iter().map(|(object, entries)| {
            (
                object,
                TupleRow {
                    entries,
                    many: Some(&self.many),
                },
            )
        });
        rows.flat_map(|(object, row)| Tuples::of(object, [row]))
    }

    /// Adds a tuple, or replaces the one with its key.
    pub(super) fn insert(&mut self, key: TreeKey, when: EdgeCondition) {
        let [object, names, user] = key;
        let slot = self.objects.slot(object);
        let entries = slot.as_deref().unwrap_or_default();
        let (before, alike, after) = TupleRow {
            entries,
            many: None,
        }
        .split_around(names, names);
        if alike.first().is_some_and(RowEntry::is_many) {
            let old = self.many.insert(key, when);
            self.len += usize::from(old.is_none());
            return;
        }
        let (lower, upper) = match alike.binary_search_by_key(&user, |entry| entry.user) {
            Ok(at) => (alike.get(..at), alike.get(at + 1..)),
            Err(at) => (alike.get(..at), alike.get(at..)),
        };
        let lower = lower.unwrap_or_default();
        let upper = upper.unwrap_or_default();
        self.len += usize::from(lower.len() + upper.len() == alike.len());
        let new = RowEntry::new(key, when);
        *slot = Some(if lower.len() + upper.len() < MANY {
            [before, lower, &[new], upper, after]
                .into_iter()
                .flatten()
                .cloned()
                .collect()
        } else {
            for entry in [lower, &[new], upper].into_iter().flatten() {
                self.many
                    .insert([object, names, entry.user], entry.when.clone());
            }
            [before, &[RowEntry::many(names)], after]
                .into_iter()
                .flatten()
                .cloned()
                .collect()
        });
    }

    /// Removes a tuple, if it exists.
    pub(super) fn remove(&mut self, key: &TreeKey) {
        let [object, names, user] = *key;
        // This is checked first, so that a missing key copies nothing.
        if self.get(key).is_none() {
            return;
        }
        self.len -= 1;
        let slot = self.objects.slot(object);
        let entries = slot.as_deref().unwrap_or_default();
        let (before, alike, after) = TupleRow {
            entries,
            many: None,
        }
        .split_around(names, names);
        let left: Vec<RowEntry> = if alike.first().is_some_and(RowEntry::is_many) {
            self.many.remove(key);
            let from = [object, names, 0];
            let to = [object, names, u32::MAX];
            // They move back at half of [`MANY`] only, so that a tuple that comes and goes does not
            // move them each time.
            if self.many.range(&from, &to).nth(MANY / 2).is_some() {
                return;
            }
            let left: Vec<_> = self
                .many
                .range(&from, &to)
                .map(|(key, when)| (key, when.clone()))
                .collect();
            for (key, _) in &left {
                self.many.remove(key);
            }
            left.into_iter()
                .map(|(key, when)| RowEntry::new(key, when))
                .collect()
        } else {
            alike
                .iter()
                .filter(|entry| entry.user != user)
                .cloned()
                .collect()
        };
        let all: Arc<[RowEntry]> = [before, &left, after]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        *slot = (!all.is_empty()).then_some(all);
    }
}

impl<'a> TupleRow<'a> {
    /// Creates a row from a slice of contextual tuples.
    pub(super) fn own(entries: &'a [RowEntry]) -> Self {
        Self {
            entries,
            many: None,
        }
    }

    /// Returns the part whose pairs of names lie between two, both included.
    pub(super) fn between(&self, first: u32, last: u32) -> Self {
        let (_, entries, _) = self.split_around(first, last);
        Self {
            entries,
            many: self.many,
        }
    }

    /// Returns the condition of a tuple. The row may be any part that holds all tuples with these
    /// names.
    pub(super) fn get(&self, [object, names, user]: TreeKey) -> Option<&'a EdgeCondition> {
        let entry = self.from((names, user)).first()?;
        // The mark sorts after every user, and is the only entry with its names.
        match self.many {
            Some(many) if entry.names == names && entry.is_many() => {
                many.get(&[object, names, user])
            }
            _ => (entry.place() == (names, user)).then_some(&entry.when),
        }
    }

    fn from(&self, place: (u32, u32)) -> &'a [RowEntry] {
        let start = self.entries.partition_point(|entry| entry.place() < place);
        self.entries.get(start..).unwrap_or_default()
    }

    fn split_around(
        &self,
        first: u32,
        last: u32,
    ) -> (&'a [RowEntry], &'a [RowEntry], &'a [RowEntry]) {
        let start = self.entries.partition_point(|entry| entry.names < first);
        let (before, rest) = self.entries.split_at_checked(start).unwrap_or_default();
        let end = rest.partition_point(|entry| entry.names <= last);
        let (part, after) = rest.split_at_checked(end).unwrap_or_default();
        (before, part, after)
    }
}

/// An iterator over the tuples of one object in several rows, one row after another, each sorted by
/// key.
#[derive(Debug)]
pub(in crate::relations) struct Tuples<'a, const ROWS: usize> {
    object: u32,
    rows: std::array::IntoIter<TupleRow<'a>, ROWS>,
    entries: std::slice::Iter<'a, RowEntry>,
    tree: Option<&'a Tree<EdgeCondition>>,
    /// The iterator in the tree. It is boxed, as few rows need it and `Tuples` is moved about.
    many: Option<Box<Range<'a, EdgeCondition>>>,
}

impl<'a, const ROWS: usize> Tuples<'a, ROWS> {
    pub(super) fn of(object: u32, rows: [TupleRow<'a>; ROWS]) -> Self {
        Self {
            object,
            rows: rows.into_iter(),
            entries: [].iter(),
            tree: None,
            many: None,
        }
    }
}

impl<'a, const ROWS: usize> Iterator for Tuples<'a, ROWS> {
    type Item = (TreeKey, &'a EdgeCondition);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(many) = &mut self.many {
                if let Some(tuple) = many.next() {
                    return Some(tuple);
                }
                self.many = None;
            }
            let Some(entry) = self.entries.next() else {
                let row = self.rows.next()?;
                (self.entries, self.tree) = (row.entries.iter(), row.many);
                continue;
            };
            if !entry.is_many() {
                return Some(([self.object, entry.names, entry.user], &entry.when));
            }
            let (from, to) = (
                [self.object, entry.names, 0],
                [self.object, entry.names, u32::MAX],
            );
            self.many = self.tree.map(|tree| Box::new(tree.range(&from, &to)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Record, TupleCondition};
    use std::collections::BTreeMap;

    /// Returns a condition called `name`, or none for every fifth.
    fn condition(name: u32) -> EdgeCondition {
        let named = || {
            Arc::new(TupleCondition {
                name: name.to_string().into(),
                context: Record::new(),
            })
        };
        (!name.is_multiple_of(5)).then(named)
    }

    fn all<'a>(
        tuples: impl Iterator<Item = (TreeKey, &'a EdgeCondition)>,
    ) -> Vec<(TreeKey, EdgeCondition)> {
        tuples.map(|(key, when)| (key, when.clone())).collect()
    }

    #[test]
    fn they_agree_with_the_standard_map_under_any_history() {
        let (mut rows, mut map) = (
            TupleRows::default(),
            BTreeMap::<TreeKey, EdgeCondition>::new(),
        );
        let mut most = 0;
        let mut versions = Vec::new();
        for step in 0..20_000_u32 {
            let dice = u64::from(step).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16;
            let die = |at: u32, n: u64| u32::try_from((dice >> at) % n).unwrap();
            // The rows grow, shrink, and grow again: they move to the tree, move back, and become
            // empty.
            let shrinks = (step / 4_000) % 2 == 1;
            let key = [
                die(0, 3) * 100_000,
                die(8, 3),
                die(16, 2 * u64::try_from(MANY).unwrap()),
            ];
            if die(32, 10) < if shrinks { 9 } else { 2 } {
                rows.remove(&key);
                map.remove(&key);
            } else {
                rows.insert(key, condition(step));
                map.insert(key, condition(step));
            }
            assert_eq!(rows.len(), map.len());
            assert_eq!(rows.get(&key), map.get(&key));
            let [object, names, user] = [die(4, 3) * 100_000, die(12, 3), die(20, 70)];
            let row = rows.of(object).between(names, names);
            assert_eq!(
                row.get([object, names, user]),
                map.get(&[object, names, user])
            );
            most = most.max(rows.of(object).entries.len());
            if step % 250 == 0 {
                let last = [object, u32::MAX, u32::MAX];
                let to = [object, names, u32::MAX];
                assert_eq!(
                    all(rows.iter()),
                    all(map.iter().map(|(key, when)| (*key, when)))
                );
                let of_object = Tuples::of(object, [rows.of(object)]);
                assert_eq!(
                    all(of_object),
                    all(map
                        .range([object, 0, 0]..=last)
                        .map(|(key, when)| (*key, when)))
                );
                let alike = Tuples::of(object, [row]);
                assert_eq!(
                    all(alike),
                    all(map
                        .range([object, names, 0]..=to)
                        .map(|(key, when)| (*key, when)))
                );
                versions.push((rows.clone(), map.clone()));
            }
        }
        assert!(most <= 3 * MANY, "a slice of {most}");
        for (rows, map) in versions {
            assert_eq!(
                all(rows.iter()),
                all(map.iter().map(|(key, when)| (*key, when)))
            );
            let at_once = TupleRows::from_entries(map.into_iter().collect());
            assert_eq!(
                (all(rows.iter()), rows.len()),
                (all(at_once.iter()), at_once.len())
            );
        }
    }

    #[test]
    fn of_several_tuples_with_one_key_the_last_stays() {
        let many = (0..100).map(|user| ([1, 1, user], None));
        let rows = TupleRows::from_entries(
            many.chain([([1, 1, 7], condition(1)), ([0, 1, 7], None)])
                .collect(),
        );
        assert_eq!(
            (rows.len(), rows.get(&[1, 1, 7])),
            (101, Some(&condition(1)))
        );
        assert_eq!(
            (
                rows.of(1).entries.len(),
                rows.get(&[1, 1, 100]),
                rows.get(&[2, 1, 7])
            ),
            (1, None, None)
        );
    }

    #[test]
    fn rows_that_have_gone_leave_nothing_behind() {
        let mut rows =
            TupleRows::from_entries((0..1_000).map(|user| ([user % 3, 1, user], None)).collect());
        for user in 0..1_000 {
            rows.remove(&[user % 3, 1, user]);
        }
        assert_eq!(
            (
                rows.len(),
                rows.objects.iter().count(),
                rows.many.range(&[0; 3], &[u32::MAX; 3]).count()
            ),
            (0, 0, 0)
        );
    }
}
