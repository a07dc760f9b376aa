//! Writes batches of tuples, and deletes all tuples about an object or a user.

use crate::model::{ObjectRef, Revision, Tuple, TupleKey, TupleUser, is_canonical_id};
use crate::relations::graph::TupleOrigin;
use crate::relations::model::AuthorizationModel;
use crate::stores::unknown_names::unknown_names;
use crate::stores::version::Version;
use crate::stores::write_guard::WriteGuard;
use crate::stores::{BatchOutcome, ModelId, OpenStore, StoreId, Stores, StoresError, TupleBatch};

/// Maximum number of tuples that one call of [`Stores::clear`] deletes: the size of an import's
/// batch, which takes half a second of a disk's time, during which other writes wait.
pub const MAX_CLEARED: usize = TupleBatch::IMPORT_TUPLES;

/// Maximum number of tuples in a small change ([`OpenStore::publish_small`]): as many as OpenFGA
/// accepts in one write.
const SMALL: usize = 100;

/// The effect of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteOutcome {
    /// The model that allowed it.
    pub model: ModelId,
    /// The revision after the write: a new one, unless nothing changed.
    pub revision: Revision,
    /// The deleted tuples, without skipped ones and with replaced ones.
    pub deleted: Vec<TupleKey>,
    /// The written tuples, without skipped ones.
    pub written: Vec<Tuple>,
    /// In `main`: the names in the tuples to be written that nobody knew before.
    pub unknown: Vec<ObjectRef>,
}

/// The object or user whose tuples are deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClearTarget {
    /// Every tuple on this object, whatever the relation and the user.
    Object(ObjectRef),
    /// Every tuple whose user is this object, or a userset of it.
    User(ObjectRef),
}

/// The effect of such a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClearOutcome {
    /// How many tuples were deleted, all at once.
    pub deleted: usize,
    /// How many stored tuples are left to delete, because the call reached its limit.
    pub left: usize,
    /// How many are in the bundle, where no call deletes them.
    pub in_bundle: usize,
    /// The revision without the deleted tuples.
    pub revision: Revision,
}

impl Stores {
    /// Deletes and writes tuples, the whole batch or nothing; they are durable and visible when
    /// this returns. The model must allow the writes: the named one, or else the newest.
    ///
    /// In `main`, a tuple of the bundle is refused, even if the batch ignores duplicates or missing
    /// tuples, and so is an id that is not in canonical encoding.
    ///
    /// INVARIANT: if no model is named, the newest at the moment of the write counts, which is
    /// looked up within the turn: if another model is written meanwhile, that one decides.
    pub fn write(
        &self,
        store: StoreId,
        model: Option<ModelId>,
        batch: TupleBatch,
    ) -> Result<WriteOutcome, StoresError> {
        // The model is compiled outside the turn. If none is named, the turn may find a newer one,
        // which was compiled when it was written.
        match self.with_model(store, model) {
            Err(StoresError::NoModel(_)) if model.is_none() => {}
            found => drop(found?),
        }
        let mut guard = self.lock_writes()?;
        let open = self.find(store)?;
        let version = open.version.load_full();
        let model = self.model_of(&open, &version, model)?;
        if store == StoreId::MAIN {
            for key in batch.keys() {
                check_in_main(
                    key,
                    version.graph().origin_of(key) == Some(TupleOrigin::Bundle),
                )?;
            }
        }
        for tuple in &batch.writes {
            check(model.rules.model(), tuple)?;
        }
        let unknown = unknown_names(&version, &batch.writes);
        let BatchOutcome {
            revision,
            deleted,
            written,
        } = self.apply(&mut guard, &open, &version, batch)?;
        Ok(WriteOutcome {
            model: model.id,
            revision,
            deleted,
            written,
            unknown,
        })
    }

    /// Deletes every tuple about an object or a user, at most [`MAX_CLEARED`] at once.
    pub fn clear(&self, store: StoreId, about: &ClearTarget) -> Result<ClearOutcome, StoresError> {
        let mut guard = self.lock_writes()?;
        let open = self.find(store)?;
        let version = open.version.load_full();
        let of = |origin, most| match about {
            ClearTarget::Object(object) => version.graph().tuples_on(origin, object, most),
            ClearTarget::User(user) => version.graph().tuples_of(origin, user, most),
        };
        let (found, left) = of(TupleOrigin::Store, MAX_CLEARED);
        let keys: Vec<TupleKey> = found.into_iter().map(|tuple| tuple.key).collect();
        let (_, in_bundle) = of(TupleOrigin::Bundle, 0);
        let applied = self.apply(&mut guard, &open, &version, TupleBatch::of_deletes(keys))?;
        Ok(ClearOutcome {
            deleted: applied.deleted.len(),
            left,
            in_bundle,
            revision: applied.revision,
        })
    }

    /// Makes a batch durable, then publishes it.
    fn apply(
        &self,
        guard: &mut WriteGuard<'_>,
        open: &OpenStore,
        version: &Version,
        batch: TupleBatch,
    ) -> Result<BatchOutcome, StoresError> {
        // The graph can refuse, so it comes first: a store that has no room for more names must
        // find out before the batch is durable. Tuples that the batch skips change nothing here
        // either.
        let graph = version
            .graph()
            .apply(&batch.deletes, &batch.writes, guard.next())?;
        let touched = version.touched(&batch.deletes, &batch.writes);
        let is_small = batch.deletes.len() + batch.writes.len() <= SMALL;
        let said = self.store.apply(open.record.id, batch, self.now());
        let applied = guard.durable_as(said, |applied| applied.revision)?;
        if applied.is_change() {
            let next = version.with_graph(graph, touched);
            if is_small {
                open.publish_small(next);
            } else {
                open.publish(next);
            }
        }
        Ok(applied)
    }
}

/// Refuses a tuple that the model does not allow.
pub(super) fn check(model: &AuthorizationModel, tuple: &Tuple) -> Result<(), StoresError> {
    let refuse = |refusal| StoresError::Tuple {
        key: Box::new(tuple.key.clone()),
        refusal,
    };
    model.check_tuple(tuple).map_err(refuse)
}

/// Refuses a key that must not be written to `main` or deleted there.
pub(super) fn check_in_main(key: &TupleKey, is_in_bundle: bool) -> Result<(), StoresError> {
    if is_in_bundle {
        return Err(StoresError::InBundle(Box::new(key.clone())));
    }
    if !is_canonical(key) {
        return Err(StoresError::NotCanonical(Box::new(key.clone())));
    }
    Ok(())
}

fn is_canonical(key: &TupleKey) -> bool {
    let user = match &key.user {
        TupleUser::Object(user) | TupleUser::Userset { object: user, .. } => Some(user),
        TupleUser::Wildcard(_) => None,
    };
    [Some(&key.object), user]
        .into_iter()
        .flatten()
        .all(|object| is_canonical_id(object.id()))
}
