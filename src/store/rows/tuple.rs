//! Tuples as rows: the key is their text, the value their condition.

use super::{StoreId, TUPLE, key};
use crate::model::{Tuple, TupleCondition, TupleKey};
use crate::store::codec::{Damaged, Reader, TooDeep, Writer};
use smol_str::SmolStr;
use std::sync::Arc;

pub(in crate::store) fn tuple_key(store: StoreId, tuple: &TupleKey) -> Vec<u8> {
    key(TUPLE, &[&store.to_bytes(), tuple.to_string().as_bytes()])
}

/// The value of a tuple's row: nothing, or its condition. Equal conditions have equal bytes.
pub(in crate::store) fn encode_condition(tuple: &Tuple) -> Result<Vec<u8>, TooDeep> {
    let mut out = Writer::default();
    if let Some(condition) = &tuple.condition {
        out.bytes(condition.name.as_bytes());
        out.record(&condition.context)?;
    }
    Ok(out.0)
}

pub(in crate::store) fn decode_tuple(row_key: &[u8], value: &[u8]) -> Result<Tuple, Damaged> {
    let text = row_key.get(1 + size_of::<StoreId>()..).ok_or(Damaged)?;
    read_tuple(std::str::from_utf8(text).map_err(|_| Damaged)?, value)
}

pub(super) fn write_key(out: &mut Writer, tuple: &TupleKey) {
    out.bytes(tuple.to_string().as_bytes());
}

pub(super) fn read_key(from: &mut Reader<'_>) -> Result<TupleKey, Damaged> {
    from.text()?.parse().map_err(|_| Damaged)
}

pub(super) fn read_tuple(text: &str, value: &[u8]) -> Result<Tuple, Damaged> {
    let key: TupleKey = text.parse().map_err(|_| Damaged)?;
    if value.is_empty() {
        return Ok(key.into());
    }
    let mut from = Reader(value);
    let name = SmolStr::new(from.text()?);
    let context = from.record()?;
    from.end()?;
    Ok(Tuple { key, condition: Some(Arc::new(TupleCondition { name, context })) })
}
