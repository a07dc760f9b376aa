//! Reads tuples and changes in pages.
//!
//! Tuples are read from the durable store, in the order of their text: that order survives a
//! restart, and each tuple has the time of its write there. Only the tuples of a user are looked up
//! in memory, where the graph also finds tuples by user.

use crate::model::{ObjectRef, Revision, Timestamp, Tuple, TupleKey, TupleUser};
use crate::relations::graph::TupleOrigin;
use crate::storage::{Event, LogEntry};
use crate::stores::version::Version;
use crate::stores::{StoreId, Stores, StoresError};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Minimum number of tuples that are read from disk at once if most of them may not be wanted.
const READ_AT_ONCE: usize = 1_000;

/// Maximum number of changes of other types that one page of changes skips: some ten milliseconds
/// of reading the log.
const MAX_PASSED: usize = 20_000;

/// A selection of tuples. An absent member selects any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TupleSelection {
    /// The object's type.
    pub kind: Option<SmolStr>,
    /// The object.
    pub object: Option<ObjectRef>,
    /// The relation.
    pub relation: Option<SmolStr>,
    /// The user, exactly.
    pub user: Option<TupleUser>,
}

/// A tuple, and when it was written; for a tuple of the bundle, since when the bundle decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedTuple {
    /// The tuple.
    pub tuple: Tuple,
    /// The time.
    pub at: Timestamp,
}

/// The position at which a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TuplePlace {
    /// After a tuple of the bundle; these come first.
    Bundle(TupleKey),
    /// After a stored tuple.
    Store(TupleKey),
}

/// A page of tuples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TuplePage {
    /// The tuples.
    pub tuples: Vec<TimedTuple>,
    /// Where the next page begins; `None` if this is the last.
    pub next: Option<TuplePlace>,
}

/// One change of one tuple.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimedChange {
    /// The tuple was written.
    Written(TimedTuple),
    /// The tuple was deleted. The log does not have its condition.
    Deleted(TimedTuple),
}

/// A position in the changes of a store: after a revision, and after some tuples of the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangePlace {
    /// The last revision that was read completely.
    pub after: Revision,
    /// How many tuples of the next revision were read.
    pub offset: usize,
}

/// A page of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage {
    /// The changes.
    pub changes: Vec<TimedChange>,
    /// Where the next page begins.
    pub next: ChangePlace,
    /// Whether the end of the log was reached; an empty page need not be the last.
    pub is_end: bool,
}

impl TupleSelection {
    /// Returns `true` if a tuple with this key is selected.
    #[must_use]
    pub fn holds(&self, key: &TupleKey) -> bool {
        self.kind
            .as_ref()
            .is_none_or(|kind| kind == key.object.kind())
            && self
                .object
                .as_ref()
                .is_none_or(|object| *object == key.object)
            && self
                .relation
                .as_ref()
                .is_none_or(|relation| *relation == key.relation)
            && self.user.as_ref().is_none_or(|user| *user == key.user)
    }

    /// Returns the common prefix of the texts of all selected tuples.
    pub(super) fn prefix(&self) -> String {
        match (&self.object, &self.relation, &self.kind) {
            (Some(object), Some(relation), _) => format!("{object}#{relation}@"),
            (Some(object), None, _) => format!("{object}#"),
            (None, _, Some(kind)) => format!("{kind}:"),
            (None, _, None) => String::new(),
        }
    }
}

impl Stores {
    /// Returns the selected tuples after `from`, at most `limit`.
    pub fn read(
        &self,
        store: StoreId,
        wanted: &TupleSelection,
        from: Option<&TuplePlace>,
        limit: usize,
    ) -> Result<TuplePage, StoresError> {
        let version = self.pin(store)?;
        let (mut own, after) = match from {
            Some(TuplePlace::Store(after)) => (Vec::new(), Some(after)),
            Some(TuplePlace::Bundle(after)) => {
                (bundled(&version, wanted, Some(after), limit + 1), None)
            }
            None => (bundled(&version, wanted, None, limit + 1), None),
        };
        let left = (limit + 1).saturating_sub(own.len());
        let mut more = if left > 0 {
            self.stored(store, &version, wanted, after, left)?
        } else {
            Vec::new()
        };
        let has_more = own.len() + more.len() > limit;
        own.truncate(limit);
        more.truncate(limit - own.len());
        let last = |timed: &TimedTuple| timed.tuple.key.clone();
        let next = match more.last() {
            _ if !has_more => None,
            Some(timed) => Some(TuplePlace::Store(last(timed))),
            None => own.last().map(|timed| TuplePlace::Bundle(last(timed))),
        };
        own.append(&mut more);
        Ok(TuplePage { tuples: own, next })
    }

    fn stored(
        &self,
        store: StoreId,
        version: &Version,
        wanted: &TupleSelection,
        after: Option<&TupleKey>,
        limit: usize,
    ) -> Result<Vec<TimedTuple>, StoresError> {
        let (None, Some(user)) = (&wanted.object, &wanted.user) else {
            return self.scan(store, wanted, after, limit);
        };
        let mut after = after.cloned();
        let mut read = Vec::new();
        while read.len() < limit {
            let found = of_user(
                version,
                TupleOrigin::Store,
                user,
                wanted,
                after.as_ref(),
                limit - read.len(),
            );
            let Some(last) = found.last() else { break };
            after = Some(last.key.clone());
            let keys: Vec<TupleKey> = found.iter().map(|tuple| tuple.key.clone()).collect();
            let times = self.store.written_at(store, &keys)?;
            // A tuple without a time was deleted meanwhile; the tuples after it may still exist.
            read.extend(
                found
                    .into_iter()
                    .zip(times)
                    .filter_map(|(tuple, at)| Some(TimedTuple { tuple, at: at? })),
            );
        }
        Ok(read)
    }

    fn scan(
        &self,
        store: StoreId,
        wanted: &TupleSelection,
        after: Option<&TupleKey>,
        limit: usize,
    ) -> Result<Vec<TimedTuple>, StoresError> {
        let prefix = wanted.prefix();
        let is_exact =
            wanted.user.is_none() && (wanted.relation.is_none() || wanted.object.is_some());
        let at_once = if is_exact {
            limit
        } else {
            limit.max(READ_AT_ONCE)
        };
        let mut after = after.cloned();
        let mut found = Vec::new();
        while found.len() < limit {
            let page = self
                .store
                .page_tuples(store, &prefix, after.as_ref(), at_once)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.key.clone());
            let is_last = page.len() < at_once;
            let page = page
                .into_iter()
                .filter(|(tuple, _)| wanted.holds(&tuple.key));
            found.extend(page.map(|(tuple, at)| TimedTuple { tuple, at }));
            if is_last {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Returns the changes of a store's tuples, oldest first, after `from`: at most `limit`, and
    /// only those on objects of the type `kind`, if it is given. The page also ends after
    /// [`MAX_PASSED`] skipped changes of other types.
    pub fn changes(
        &self,
        store: StoreId,
        kind: Option<&str>,
        from: ChangePlace,
        limit: usize,
    ) -> Result<ChangePage, StoresError> {
        self.find(store)?;
        let mut page = ChangePage {
            changes: Vec::new(),
            next: from,
            is_end: false,
        };
        let at_once = if kind.is_some() {
            limit.max(READ_AT_ONCE)
        } else {
            limit
        };
        let mut passed = 0;
        while page.changes.len() < limit && passed < MAX_PASSED {
            let entries = self.store.changes(Some(store), page.next.after, at_once)?;
            if entries.is_empty() {
                page.is_end = true;
                break;
            }
            for entry in entries {
                let revision = entry.revision;
                for change in tuple_changes(entry).into_iter().skip(page.next.offset) {
                    if page.changes.len() == limit || passed == MAX_PASSED {
                        return Ok(page);
                    }
                    page.next.offset += 1;
                    if kind.is_none_or(|kind| change.key().object.kind() == kind) {
                        page.changes.push(change);
                    } else {
                        passed += 1;
                    }
                }
                page.next = ChangePlace {
                    after: revision,
                    offset: 0,
                };
            }
        }
        Ok(page)
    }

    /// Returns the position of the first change that is not before this time.
    pub fn changes_since(&self, at: Timestamp) -> Result<ChangePlace, StoresError> {
        Ok(ChangePlace {
            after: self.store.revision_before(at)?,
            offset: 0,
        })
    }
}

impl TimedChange {
    /// Returns the tuple's key.
    #[must_use]
    pub fn key(&self) -> &TupleKey {
        match self {
            Self::Written(timed) | Self::Deleted(timed) => &timed.tuple.key,
        }
    }
}

fn bundled(
    version: &Version,
    wanted: &TupleSelection,
    after: Option<&TupleKey>,
    limit: usize,
) -> Vec<TimedTuple> {
    let at = version.layered_at();
    let found = match (&wanted.object, &wanted.user) {
        (None, Some(user)) => of_user(version, TupleOrigin::Bundle, user, wanted, after, limit),
        _ => {
            let prefix = wanted.prefix();
            let all = version.graph().bundle_from(&prefix, after);
            all.filter(|tuple| wanted.holds(&tuple.key))
                .take(limit)
                .collect()
        }
    };
    found
        .into_iter()
        .map(|tuple| TimedTuple { tuple, at })
        .collect()
}

/// Returns a user's tuples in the order of their text, as on disk: at most `limit` of those after
/// `after`.
fn of_user(
    version: &Version,
    origin: TupleOrigin,
    user: &TupleUser,
    wanted: &TupleSelection,
    after: Option<&TupleKey>,
    limit: usize,
) -> Vec<Tuple> {
    let after = after.map(ToString::to_string).unwrap_or_default();
    // No more tuples are held than are wanted, however many the user has.
    let mut least: BTreeMap<String, Tuple> = BTreeMap::new();
    for tuple in version.graph().tuples_with(
        origin,
        user,
        wanted.kind.as_deref(),
        wanted.relation.as_deref(),
    ) {
        let text = tuple.key.to_string();
        let is_beyond =
            || least.len() >= limit && least.last_key_value().is_some_and(|(last, _)| *last < text);
        if text > after && !is_beyond() {
            least.insert(text, tuple);
            if least.len() > limit {
                least.pop_last();
            }
        }
    }
    least.into_values().collect()
}

fn tuple_changes(entry: LogEntry) -> Vec<TimedChange> {
    let at = entry.at;
    match entry.event {
        Event::TuplesChanged {
            deleted, written, ..
        } => {
            let deleted = deleted.into_iter().map(|key| {
                TimedChange::Deleted(TimedTuple {
                    tuple: key.into(),
                    at,
                })
            });
            deleted
                .chain(
                    written
                        .into_iter()
                        .map(|tuple| TimedChange::Written(TimedTuple { tuple, at })),
                )
                .collect()
        }
        Event::StoreCreated(_)
        | Event::StoreDeleted(_)
        | Event::ModelWritten { .. }
        | Event::BundleLoaded(_)
        | Event::Erased(_) => Vec::new(),
    }
}
