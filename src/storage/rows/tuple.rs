//! Encodes tuples as rows: the key is a tuple's text, the value the time of its write and its
//! condition.

use crate::model::{Timestamp, Tuple, TupleCondition, TupleKey};
use crate::storage::codec::{ByteReader, ByteWriter, Damage, TooDeep};
use crate::storage::rows::{StoreId, TUPLE, key};
use smol_str::SmolStr;
use std::sync::Arc;

pub(in crate::storage) fn tuple_key(store: StoreId, tuple: &TupleKey) -> Vec<u8> {
    key(TUPLE, &[&store.to_bytes(), tuple.to_string().as_bytes()])
}

/// Returns the common prefix of the keys of a store's tuples whose text begins with `text`.
pub(in crate::storage) fn tuple_prefix(store: StoreId, text: &str) -> Vec<u8> {
    key(TUPLE, &[&store.to_bytes(), text.as_bytes()])
}

/// Returns the value of a tuple's row: when it was written, and its condition.
pub(in crate::storage) fn tuple_value(at: Timestamp, condition: &[u8]) -> Vec<u8> {
    let mut out = ByteWriter::default();
    out.fixed(at.0.to_be_bytes());
    out.0.extend_from_slice(condition);
    out.0
}

/// Splits the value of a tuple's row into the time and the condition.
pub(in crate::storage) fn split_value(value: &[u8]) -> Result<(Timestamp, &[u8]), Damage> {
    let (at, condition) = value.split_first_chunk().ok_or(Damage)?;
    Ok((Timestamp(i64::from_be_bytes(*at)), condition))
}

/// Encodes a tuple's condition; no condition gives no bytes. Equal conditions have equal bytes.
pub(in crate::storage) fn encode_condition(tuple: &Tuple) -> Result<Vec<u8>, TooDeep> {
    let mut out = ByteWriter::default();
    if let Some(condition) = &tuple.condition {
        out.bytes(condition.name.as_bytes());
        out.record(&condition.context)?;
    }
    Ok(out.0)
}

/// Decodes a tuple from its row, and when it was written.
pub(in crate::storage) fn decode_tuple(
    row_key: &[u8],
    value: &[u8],
) -> Result<(Tuple, Timestamp), Damage> {
    let text = row_key.get(1 + size_of::<StoreId>()..).ok_or(Damage)?;
    let (at, condition) = split_value(value)?;
    Ok((
        read_tuple(std::str::from_utf8(text).map_err(|_| Damage)?, condition)?,
        at,
    ))
}

pub(super) fn write_key(out: &mut ByteWriter, tuple: &TupleKey) {
    out.bytes(tuple.to_string().as_bytes());
}

pub(super) fn read_key(from: &mut ByteReader<'_>) -> Result<TupleKey, Damage> {
    from.text()?.parse().map_err(|_| Damage)
}

pub(super) fn read_tuple(text: &str, value: &[u8]) -> Result<Tuple, Damage> {
    let key: TupleKey = text.parse().map_err(|_| Damage)?;
    if value.is_empty() {
        return Ok(key.into());
    }
    let mut from = ByteReader(value);
    let name = SmolStr::new(from.text()?);
    let context = from.record()?;
    from.end()?;
    Ok(Tuple {
        key,
        condition: Some(Arc::new(TupleCondition { name, context })),
    })
}
