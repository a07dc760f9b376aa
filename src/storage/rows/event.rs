//! Encodes the entries of the log. The time comes first, so that it can be read without the rest.

use crate::model::{Revision, Timestamp, Tuple, TupleKey};
use crate::storage::codec::{ByteReader, ByteWriter, Damage, TooDeep};
use crate::storage::rows::tuple::{read_key, read_tuple, write_key};
use crate::storage::rows::{ModelId, StoreId, read_store, write_store};
use crate::storage::rows::{decode_digest, encode_condition};
use crate::storage::{Event, LogEntry, ModelRecord};

const STORE_CREATED: u8 = 1;
const STORE_DELETED: u8 = 2;
const MODEL_WRITTEN: u8 = 3;
const TUPLES_CHANGED: u8 = 4;
const BUNDLE_LOADED: u8 = 5;
const ERASED: u8 = 6;

/// Encodes an entry; `Err` holds the first tuple whose condition nests too deeply.
pub(in crate::storage) fn encode_change(
    at: Timestamp,
    event: &Event,
) -> Result<Vec<u8>, Box<TupleKey>> {
    let mut out = ByteWriter::default();
    out.fixed(at.0.to_be_bytes());
    match event {
        Event::StoreCreated(record) => {
            out.byte(STORE_CREATED);
            write_store(&mut out, record);
        }
        Event::StoreDeleted(store) => {
            out.byte(STORE_DELETED);
            out.fixed(store.to_bytes());
        }
        Event::ModelWritten { store, model } => {
            out.byte(MODEL_WRITTEN);
            out.fixed(store.to_bytes());
            out.fixed(model.id.to_bytes());
            out.bytes(&model.json);
        }
        Event::TuplesChanged {
            store,
            deleted,
            written,
        } => {
            out.byte(TUPLES_CHANGED);
            out.fixed(store.to_bytes());
            write_tuples(&mut out, deleted, written)?;
        }
        Event::BundleLoaded(digest) => {
            out.byte(BUNDLE_LOADED);
            out.bytes(digest.to_string().as_bytes());
        }
        Event::Erased(store) => {
            out.byte(ERASED);
            out.fixed(store.to_bytes());
        }
    }
    Ok(out.0)
}

pub(in crate::storage) fn decode_change(revision: u64, bytes: &[u8]) -> Result<LogEntry, Damage> {
    let mut from = ByteReader(bytes);
    let at = Timestamp(i64::from_be_bytes(from.fixed()?));
    let event = match from.byte()? {
        STORE_CREATED => Event::StoreCreated(read_store(&mut from)?),
        STORE_DELETED => Event::StoreDeleted(StoreId::from_bytes(from.fixed()?)),
        MODEL_WRITTEN => Event::ModelWritten {
            store: StoreId::from_bytes(from.fixed()?),
            model: ModelRecord {
                id: ModelId::from_bytes(from.fixed()?),
                json: from.bytes()?.to_vec(),
            },
        },
        TUPLES_CHANGED => {
            let store = StoreId::from_bytes(from.fixed()?);
            let (deleted, written) = read_tuples(&mut from)?;
            Event::TuplesChanged {
                store,
                deleted,
                written,
            }
        }
        BUNDLE_LOADED => Event::BundleLoaded(decode_digest(from.bytes()?)?),
        ERASED => Event::Erased(StoreId::from_bytes(from.fixed()?)),
        _ => return Err(Damage),
    };
    from.end()?;
    Ok(LogEntry {
        revision: Revision(revision),
        at,
        event,
    })
}

/// Reads the time of an entry, without the rest of it.
pub(in crate::storage) fn read_time(bytes: &[u8]) -> Result<Timestamp, Damage> {
    Ok(Timestamp(i64::from_be_bytes(ByteReader(bytes).fixed()?)))
}

fn write_tuples(
    out: &mut ByteWriter,
    deleted: &[TupleKey],
    written: &[Tuple],
) -> Result<(), Box<TupleKey>> {
    out.length(deleted.len());
    for key in deleted {
        write_key(out, key);
    }
    out.length(written.len());
    for tuple in written {
        write_key(out, &tuple.key);
        out.bytes(&encode_condition(tuple).map_err(|TooDeep| Box::new(tuple.key.clone()))?);
    }
    Ok(())
}

fn read_tuples(from: &mut ByteReader<'_>) -> Result<(Vec<TupleKey>, Vec<Tuple>), Damage> {
    let count = from.count()?;
    let deleted = (0..count)
        .map(|_| read_key(from))
        .collect::<Result<_, _>>()?;
    let count = from.count()?;
    let written = (0..count)
        .map(|_| read_tuple(from.text()?, from.bytes()?))
        .collect::<Result<_, _>>()?;
    Ok((deleted, written))
}
