//! Encodes the rows of a store: their keys and their values.
//!
//! | Key | Value |
//! |---|---|
//! | `F` | the number of this format |
//! | `H` | the head: last revision and its time |
//! | `B` | the digest of the bundle that was noted last |
//! | `S` store | the store's record |
//! | `T` store key | a tuple: when it was written, its condition |
//! | `M` store model | the revision that wrote the model |
//! | `N` store revision | the model that the revision wrote: models from the newest on |
//! | `A` store model | assertions |
//! | `L` revision | one entry of the log, models included |
//! | `I` store revision | nothing: the entries of a store |
//!
//! Ids take 16 bytes and revisions eight, big-endian, so that rows are in their order. The key of a
//! tuple is its text, `object#relation@user`, so that an object's tuples are together.
//!
//! INVARIANT: any change of these encodings changes [`FORMAT`].

mod event;
mod tuple;

use crate::model::{Digest, Timestamp};
use crate::storage::codec::{ByteReader, ByteWriter, Damage};
use crate::storage::{ModelId, StoreId, StoreRecord};
use std::ops::Range;

pub(super) use event::{decode_change, encode_change, read_time};
pub(super) use tuple::{
    decode_tuple, encode_condition, split_value, tuple_key, tuple_prefix, tuple_value,
};

/// The number of the format that is written here.
pub(super) const FORMAT: u32 = 2;

pub(super) const FORMAT_KEY: &[u8] = b"F";
pub(super) const HEAD_KEY: &[u8] = b"H";
pub(super) const BUNDLE_KEY: &[u8] = b"B";

const STORE: u8 = b'S';
const TUPLE: u8 = b'T';
const MODEL: u8 = b'M';
const MODEL_ORDER: u8 = b'N';
const ASSERTIONS: u8 = b'A';
const LOG: u8 = b'L';
const LOG_OF_STORE: u8 = b'I';

/// The last revision and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) revision: u64,
    pub(super) at: Timestamp,
}

impl Head {
    pub(super) fn encode(self) -> Vec<u8> {
        let mut out = ByteWriter::default();
        out.fixed(self.revision.to_be_bytes());
        out.fixed(self.at.0.to_be_bytes());
        out.0
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut from = ByteReader(bytes);
        let revision = u64::from_be_bytes(from.fixed()?);
        let at = Timestamp(i64::from_be_bytes(from.fixed()?));
        from.end()?;
        Ok(Self { revision, at })
    }
}

pub(super) fn store_key(store: StoreId) -> Vec<u8> {
    key(STORE, &[&store.to_bytes()])
}

pub(super) fn model_key(store: StoreId, model: ModelId) -> Vec<u8> {
    key(MODEL, &[&store.to_bytes(), &model.to_bytes()])
}

pub(super) fn model_order_key(store: StoreId, revision: u64) -> Vec<u8> {
    key(MODEL_ORDER, &[&store.to_bytes(), &revision.to_be_bytes()])
}

pub(super) fn assertions_key(store: StoreId, model: ModelId) -> Vec<u8> {
    key(ASSERTIONS, &[&store.to_bytes(), &model.to_bytes()])
}

pub(super) fn log_key(revision: u64) -> Vec<u8> {
    key(LOG, &[&revision.to_be_bytes()])
}

pub(super) fn log_of_store_key(store: StoreId, revision: u64) -> Vec<u8> {
    key(LOG_OF_STORE, &[&store.to_bytes(), &revision.to_be_bytes()])
}

/// Returns the range of the records of all stores.
pub(super) fn stores_range() -> Range<Vec<u8>> {
    prefix_range(vec![STORE])
}

/// The tags of all rows of a store, except its record: these include the numbers of its entries in
/// the log.
const OF_STORES: [u8; 5] = [TUPLE, MODEL, MODEL_ORDER, ASSERTIONS, LOG_OF_STORE];

/// Returns the ranges of all rows of a store, except its record and its entries in the log. The
/// range with the numbers of these entries is the last.
pub(super) fn ranges_of_store(store: StoreId) -> [Range<Vec<u8>>; 5] {
    OF_STORES.map(|tag| prefix_range(key(tag, &[&store.to_bytes()])))
}

/// Returns the same ranges over all stores.
pub(super) fn ranges_of_stores() -> [Range<Vec<u8>>; 5] {
    OF_STORES.map(|tag| prefix_range(vec![tag]))
}

/// Returns ranges that hold all rows together, in the order of the keys, each with how many of its
/// rows may be read at once: an entry of the log and the assertions of a model may have megabytes.
pub(super) fn ranges_of_all() -> [(Range<Vec<u8>>, usize); 4] {
    const FEW: usize = 16;
    const MANY: usize = 1_024;
    [
        (vec![0]..vec![ASSERTIONS + 1], FEW),
        (vec![ASSERTIONS + 1]..vec![LOG], MANY),
        (vec![LOG]..vec![LOG + 1], FEW),
        (vec![LOG + 1]..vec![u8::MAX], MANY),
    ]
}

/// Returns `true` if a key is that of a tuple.
pub(super) fn is_tuple(key: &[u8]) -> bool {
    key.first() == Some(&TUPLE)
}

/// Returns the store of a row in one of these ranges, and the end of that store's rows there.
pub(super) fn store_of(key_of_row: &[u8]) -> Result<(StoreId, Vec<u8>), Damage> {
    let (tag, rest) = key_of_row.split_first().ok_or(Damage)?;
    let store = StoreId::from_bytes(*rest.first_chunk().ok_or(Damage)?);
    Ok((store, prefix_range(key(*tag, &[&store.to_bytes()])).end))
}

pub(super) fn tuples_range(store: StoreId) -> Range<Vec<u8>> {
    tuples_with(store, "")
}

/// Returns the range of a store's tuples whose text begins with `prefix`.
pub(super) fn tuples_with(store: StoreId, prefix: &str) -> Range<Vec<u8>> {
    prefix_range(tuple_prefix(store, prefix))
}

/// Returns the range of the order rows of a store's models that were written before `revision`.
pub(super) fn models_before(store: StoreId, revision: u64) -> Range<Vec<u8>> {
    model_order_key(store, 0)..model_order_key(store, revision)
}

pub(super) fn log_after(revision: u64) -> Range<Vec<u8>> {
    after(&log_key(revision))..prefix_range(vec![LOG]).end
}

pub(super) fn log_of_store_after(store: StoreId, revision: u64) -> Range<Vec<u8>> {
    let end = prefix_range(key(LOG_OF_STORE, &[&store.to_bytes()])).end;
    after(&log_of_store_key(store, revision))..end
}

/// Returns the least key after this one.
pub(super) fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// Returns the revision at the end of a key.
pub(super) fn revision_of(key: &[u8]) -> Result<u64, Damage> {
    key.last_chunk()
        .map(|bytes| u64::from_be_bytes(*bytes))
        .ok_or(Damage)
}

pub(super) fn decode_revision(value: &[u8]) -> Result<u64, Damage> {
    value.try_into().map(u64::from_be_bytes).map_err(|_| Damage)
}

/// Decodes a digest. It is stored as hexadecimal digits, the only form in which a digest shows
/// itself.
pub(super) fn decode_digest(value: &[u8]) -> Result<Digest, Damage> {
    let text = std::str::from_utf8(value).map_err(|_| Damage)?;
    text.parse().map_err(|_| Damage)
}

pub(super) fn decode_model_id(value: &[u8]) -> Result<ModelId, Damage> {
    value
        .try_into()
        .map(ModelId::from_bytes)
        .map_err(|_| Damage)
}

pub(super) fn encode_store(record: &StoreRecord) -> Vec<u8> {
    let mut out = ByteWriter::default();
    write_store(&mut out, record);
    out.0
}

pub(super) fn decode_store(bytes: &[u8]) -> Result<StoreRecord, Damage> {
    let mut from = ByteReader(bytes);
    let record = read_store(&mut from)?;
    from.end()?;
    Ok(record)
}

fn write_store(out: &mut ByteWriter, record: &StoreRecord) {
    out.fixed(record.id.to_bytes());
    out.bytes(record.name.as_bytes());
    out.fixed(record.created_at.0.to_be_bytes());
    out.fixed(record.updated_at.0.to_be_bytes());
}

fn read_store(from: &mut ByteReader<'_>) -> Result<StoreRecord, Damage> {
    Ok(StoreRecord {
        id: StoreId::from_bytes(from.fixed()?),
        name: from.text()?.to_owned(),
        created_at: Timestamp(i64::from_be_bytes(from.fixed()?)),
        updated_at: Timestamp(i64::from_be_bytes(from.fixed()?)),
    })
}

fn key(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![tag];
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

/// Returns the range of all keys with this prefix. A prefix begins with a tag, which is never the
/// greatest byte, so the range always has an end.
fn prefix_range(prefix: Vec<u8>) -> Range<Vec<u8>> {
    let mut end = prefix.clone();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            break;
        }
    }
    prefix..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_store_and_no_other() {
        for bits in [0, 7, 0xff, u128::MAX - 1] {
            let store = StoreId::from_bits(bits);
            let next = StoreId::from_bits(bits + 1);
            for range in ranges_of_store(store) {
                let of = |store: StoreId, rest: &[u8]| {
                    let tag = range.start.first().copied().unwrap();
                    key(tag, &[&store.to_bytes(), rest])
                };
                assert!(range.contains(&of(store, &[])) && range.contains(&of(store, &[0xff; 20])));
                assert!(!range.contains(&of(next, &[])) && !range.contains(&of(next, &[0xff; 20])));
            }
        }
        let last = StoreId::from_bits(u128::MAX);
        assert!(tuples_range(last).contains(&key(TUPLE, &[&last.to_bytes(), &[0xff; 600]])));
        assert!(!tuples_range(last).contains(&vec![TUPLE + 1]));
    }

    #[test]
    fn the_log_goes_on_after_a_revision() {
        let range = log_after(41);
        assert!(!range.contains(&log_key(41)));
        assert!(range.contains(&log_key(42)) && range.contains(&log_key(u64::MAX)));
    }
}
