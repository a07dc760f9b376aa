//! Decides what a batch does to the tuples that exist, by OpenFGA's preconditions (Write,
//! `on_duplicate` and `on_missing`) and by `replace`, which OpenFGA does not have.
//!
//! Deletes come first, and no key occurs twice, so no tuple of a batch is affected by another.

use crate::model::{Timestamp, Tuple, TupleKey};
use crate::storage::codec::{Damage, TooDeep};
use crate::storage::disk::corrupt;
use crate::storage::kv::{Kv, RowWrite};
use crate::storage::rows::{encode_condition, split_value, tuple_key, tuple_value};
use crate::storage::{OnDuplicate, OnMissing, StoreError, StoreId, TupleBatch};

/// The changes of a batch, without the tuples that it skips.
pub(super) struct BatchEffect {
    pub(super) deleted: Vec<TupleKey>,
    pub(super) written: Vec<Tuple>,
    pub(super) rows: Vec<RowWrite>,
}

/// Compares a batch, which is written at `now`, with the tuples that exist.
pub(super) fn resolve(
    kv: &dyn Kv,
    store: StoreId,
    batch: TupleBatch,
    now: Timestamp,
) -> Result<BatchEffect, StoreError> {
    let mut existing = look_up(kv, store, &batch)?.into_iter();
    let mut effect = BatchEffect {
        deleted: Vec::new(),
        written: Vec::new(),
        rows: Vec::new(),
    };
    for (key, (row_key, found)) in batch.deletes.into_iter().zip(existing.by_ref()) {
        match (found, batch.on_missing) {
            (Some(_), _) => {
                effect.rows.push(RowWrite::remove(row_key));
                effect.deleted.push(key);
            }
            (None, OnMissing::Ignore) => {}
            (None, OnMissing::Error) => return Err(StoreError::Missing(Box::new(key))),
        }
    }
    for (tuple, (row_key, found)) in batch.writes.into_iter().zip(existing) {
        let condition = encode_condition(&tuple)
            .map_err(|TooDeep| StoreError::TooDeep(Box::new(tuple.key.clone())))?;
        let found = found.as_deref().map(split_value).transpose();
        let found = found
            .map_err(|Damage| corrupt(kv.path(), "a tuple"))?
            .map(|(_, condition)| condition);
        match (found, batch.on_duplicate) {
            (None, _) => {
                effect
                    .rows
                    .push(RowWrite::put(row_key, tuple_value(now, &condition)));
                effect.written.push(tuple);
            }
            (Some(found), OnDuplicate::Error) if found != condition => {
                return Err(StoreError::ExistsOtherwise(Box::new(tuple.key)));
            }
            (Some(_), OnDuplicate::Error) => return Err(StoreError::Exists(Box::new(tuple.key))),
            (Some(found), OnDuplicate::Ignore | OnDuplicate::Replace) if found == condition => {}
            (Some(_), OnDuplicate::Ignore) => {
                return Err(StoreError::ConditionDiffers(Box::new(tuple.key)));
            }
            (Some(_), OnDuplicate::Replace) => {
                effect
                    .rows
                    .push(RowWrite::put(row_key, tuple_value(now, &condition)));
                effect.deleted.push(tuple.key.clone());
                effect.written.push(tuple);
            }
        }
    }
    Ok(effect)
}

/// Returns the row of each key of a batch, in the order of the batch. Refuses a key that occurs
/// twice.
///
/// The rows are looked up in their own order, so that each look-up finds in the processor's cache
/// what the previous one needed.
fn look_up(kv: &dyn Kv, store: StoreId, batch: &TupleBatch) -> Result<Vec<RowState>, StoreError> {
    let mut keys: Vec<(Vec<u8>, usize)> = batch
        .keys()
        .map(|key| tuple_key(store, key))
        .zip(0..)
        .collect();
    keys.sort_unstable();
    let repeated = keys.windows(2).filter_map(|pair| match pair {
        [(first, _), (second, place)] if first == second => Some(*place),
        _ => None,
    });
    if let Some(key) = repeated.min().and_then(|place| batch.keys().nth(place)) {
        return Err(StoreError::Repeated(Box::new(key.clone())));
    }
    let (keys, places): (Vec<Vec<u8>>, Vec<usize>) = keys.into_iter().unzip();
    let values = kv.values(&keys)?;
    let mut found: Vec<(usize, RowState)> = places
        .into_iter()
        .zip(keys.into_iter().zip(values))
        .collect();
    found.sort_unstable_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, found)| found).collect())
}

/// The key of a row, and its value if it exists.
type RowState = (Vec<u8>, Option<Vec<u8>>);
