//! Assigns numbers to the objects that tuples name.
//!
//! INVARIANT: an object has a number in a version of the graph if, and only if, one of its tuples
//! names it; and a number means one object in one version. The number of an object that has lost
//! its last tuple may be given to another object in a later version. That is safe: versions share
//! nothing that changes, so a reader that has pinned an earlier version still finds the old meaning
//! there; and nothing that holds numbers outlives its version (caches and pages use names). The
//! object called `*` of a type stands for everyone of that type: no real object has that id.

use super::array::Array;
use super::hash::order_of;
use super::names::{GraphError, NameId, NameTable};
use foldhash::HashMap;
use smol_str::SmolStr;
use std::sync::Arc;

/// An object, or everyone of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::relations) struct ObjectId(pub(super) u32);

/// The user of a tuple: an object, everyone of a type, or a userset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::relations) struct UserId {
    /// The object, or everyone of a type.
    pub(in crate::relations) object: ObjectId,
    /// The relation of a userset, otherwise [`NameId::NONE`].
    pub(in crate::relations) relation: NameId,
}

impl UserId {
    /// Returns the user that is this object.
    pub(in crate::relations) fn plain(object: ObjectId) -> Self {
        Self {
            object,
            relation: NameId::NONE,
        }
    }

    /// Returns `true` if this is a userset.
    pub(in crate::relations) fn is_userset(self) -> bool {
        self.relation != NameId::NONE
    }
}

/// The id that stands for everyone of a type.
pub(in crate::relations) const EVERYONE: &str = "*";

/// Maximum number of objects and users in one store. Numbers from here on are for objects that only
/// one request names.
pub const MAX_OBJECTS: u32 = 1 << 31;

/// An object's type and id.
#[derive(Clone, Debug)]
pub(in crate::relations) struct ObjectName {
    /// The type.
    pub(in crate::relations) kind: NameId,
    /// The id, or [`EVERYONE`].
    pub(in crate::relations) id: SmolStr,
}

/// What a check needs to know about every user that it meets. It is stored apart from the ids, so
/// that the entries of a million objects fit into the processor's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::relations) struct ObjectKind {
    /// The type.
    pub(in crate::relations) name: NameId,
    /// Whether the object stands for everyone of the type.
    pub(in crate::relations) is_everyone: bool,
}

/// The objects of one store and their numbers. Clones are cheap and share everything.
#[derive(Clone, Debug, Default)]
pub(in crate::relations) struct Symbols {
    names: Arc<NameTable>,
    objects: Array<ObjectName>,
    kinds: Array<ObjectKind>,
    buckets: Array<Arc<[Slot]>>,
    /// The lowest number that was never assigned.
    end: u32,
    /// Numbers below `end` that no object has, in the order in which they became free.
    free: Array<ObjectId>,
    free_count: u32,
}

/// An entry for an object in the bucket of its id's hash.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The 16 bits of the hash after those that select the bucket.
    hash: u16,
    kind: NameId,
    object: ObjectId,
}

impl Symbols {
    /// Creates an empty set of objects whose name table is made for `used` names in use.
    pub(super) fn for_used_names(used: usize) -> Self {
        Self {
            names: Arc::new(NameTable::for_used(used)),
            ..Self::default()
        }
    }

    /// Returns the table of names of types and relations, which all versions of one graph share.
    pub(in crate::relations) fn names(&self) -> &Arc<NameTable> {
        &self.names
    }

    /// Returns how many objects have numbers.
    pub(super) fn count(&self) -> u32 {
        self.end - self.free_count
    }

    /// Returns the object with this number.
    pub(super) fn object(&self, id: ObjectId) -> Option<&ObjectName> {
        self.objects.get(id.0)
    }

    /// Returns the type of an object, and whether it stands for everyone.
    pub(super) fn kind(&self, id: ObjectId) -> Option<ObjectKind> {
        self.kinds.get(id.0).copied()
    }

    /// Returns the number of an object, or `None` if no tuple names it.
    pub(super) fn find(&self, kind: NameId, id: &str) -> Option<ObjectId> {
        let (bucket, hash) = place(id);
        self.in_bucket(bucket, hash, kind, id)
    }

    /// Returns the ids of the objects of one type in a bucket, in no particular order. The first
    /// bits of an id's hash select its bucket; every object is in one.
    pub(super) fn bucket(&self, bucket: u32, kind: NameId) -> impl Iterator<Item = &SmolStr> {
        let slots = self
            .buckets
            .get(bucket)
            .into_iter()
            .flat_map(|slots| slots.iter());
        slots
            .filter(move |slot| slot.kind == kind)
            .filter_map(|slot| Some(&self.object(slot.object)?.id))
    }

    /// Returns the number of an object, and assigns one if it has none.
    pub(super) fn intern(&mut self, kind: NameId, id: &SmolStr) -> Result<ObjectId, GraphError> {
        let (bucket, hash) = place(id);
        if let Some(object) = self.in_bucket(bucket, hash, kind, id) {
            return Ok(object);
        }
        let object = self.add(kind, id)?;
        self.put(bucket, &[Slot { hash, kind, object }]);
        Ok(object)
    }

    /// Begins to assign numbers to many objects.
    pub(super) fn bulk(&mut self) -> SymbolBulk<'_> {
        SymbolBulk {
            symbols: self,
            known: HashMap::default(),
            new: Vec::new(),
        }
    }

    /// Releases the number of an object that no tuple names any more.
    pub(super) fn release(&mut self, object: ObjectId) {
        let Some(found) = self.objects.get(object.0) else {
            return;
        };
        let (bucket, _) = place(&found.id);
        let slots = self.buckets.slot(bucket);
        let old = slots.as_deref().unwrap_or_default();
        let left: Arc<[Slot]> = old
            .iter()
            .filter(|slot| slot.object != object)
            .copied()
            .collect();
        *slots = (!left.is_empty()).then_some(left);
        *self.objects.slot(object.0) = None;
        *self.kinds.slot(object.0) = None;
        *self.free.slot(self.free_count) = Some(object);
        self.free_count += 1;
    }

    /// Assigns a number. Look-ups do not find the object before it is added to its bucket.
    fn add(&mut self, kind: NameId, id: &SmolStr) -> Result<ObjectId, GraphError> {
        let object = self.next()?;
        *self.objects.slot(object.0) = Some(ObjectName {
            kind,
            id: id.clone(),
        });
        *self.kinds.slot(object.0) = Some(ObjectKind {
            name: kind,
            is_everyone: id == EVERYONE,
        });
        Ok(object)
    }

    /// Returns an unused number: the one that became free last, or a new one.
    fn next(&mut self) -> Result<ObjectId, GraphError> {
        if let Some(last) = self.free_count.checked_sub(1)
            && let Some(object) = self.free.slot(last).take()
        {
            self.free_count = last;
            return Ok(object);
        }
        if self.end >= MAX_OBJECTS {
            return Err(GraphError::TooManyObjects);
        }
        self.end += 1;
        Ok(ObjectId(self.end - 1))
    }

    fn put(&mut self, bucket: u32, new: &[Slot]) {
        let slots = self.buckets.slot(bucket);
        let old = slots.as_deref().unwrap_or_default();
        *slots = Some(old.iter().chain(new).copied().collect());
    }

    fn in_bucket(&self, bucket: u32, hash: u16, kind: NameId, id: &str) -> Option<ObjectId> {
        let slots = self.buckets.get(bucket)?;
        slots
            .iter()
            .filter(|slot| slot.hash == hash && slot.kind == kind)
            .map(|slot| slot.object)
            .find(|object| self.object(*object).is_some_and(|found| found.id == id))
    }
}

/// Assigns numbers to many objects, and makes them findable at the end.
///
/// To number a million objects one by one takes more than a second: each look into a bucket waits
/// for memory several times, and each new object copies its bucket. A temporary map avoids both.
///
/// INVARIANT: the numbers are not valid before [`Self::finish`]; without it the graph is discarded.
pub(super) struct SymbolBulk<'s> {
    symbols: &'s mut Symbols,
    known: HashMap<(NameId, SmolStr), ObjectId>,
    /// The new objects, each with its bucket.
    new: Vec<(u32, Slot)>,
}

impl SymbolBulk<'_> {
    /// Returns the number of an object, and assigns one if it has none.
    pub(super) fn intern(&mut self, kind: NameId, id: &SmolStr) -> Result<ObjectId, GraphError> {
        let key = (kind, id.clone());
        if let Some(object) = self.known.get(&key) {
            return Ok(*object);
        }
        let (bucket, hash) = place(id);
        let object = match self.symbols.in_bucket(bucket, hash, kind, id) {
            Some(object) => object,
            None => {
                let object = self.symbols.add(kind, id)?;
                self.new.push((bucket, Slot { hash, kind, object }));
                object
            }
        };
        self.known.insert(key, object);
        Ok(object)
    }

    /// Makes the new objects findable.
    pub(super) fn finish(mut self) {
        // The sort is stable, so objects within a bucket stay in the order of their numbers.
        self.new.sort_by_key(|(bucket, _)| *bucket);
        for of_one in self.new.chunk_by(|(one, _), (other, _)| one == other) {
            let slots: Vec<Slot> = of_one.iter().map(|(_, slot)| *slot).collect();
            if let Some((bucket, _)) = of_one.first() {
                self.symbols.put(*bucket, &slots);
            }
        }
    }
}

/// The number of buckets. With a million objects a bucket holds 15, which are two cache lines to
/// search, and to copy on a write.
pub(super) const BUCKETS: u32 = 1 << 16;

/// Returns the bucket of an id with this hash.
pub(super) fn bucket_of(hash: u64) -> u32 {
    u32::try_from(hash >> 48).unwrap_or_default()
}

/// Returns the bucket of an object, and the bits of its hash that distinguish it within the bucket.
/// The type is not part of the hash, so that the order of buckets is an order of ids
/// ([`crate::relations::graph::objects`]); the slot holds the type.
fn place(id: &str) -> (u32, u16) {
    let hash = order_of(id);
    (
        bucket_of(hash),
        u16::try_from((hash >> 32) & 0xFFFF).unwrap_or_default(),
    )
}
