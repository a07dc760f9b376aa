//! The table `record`: the destination of decision records, and the bounds of their queue.

use super::table::{self, SettingsTable, TableKey, ValuePlace, names};
use crate::record::{QueueSettings, Sink};
use serde::de::{Deserialize, Deserializer, Error};

/// The decision record's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSettings {
    /// The destination of records.
    pub sink: Sink,
    /// The bounds of the queue of records that wait to be written.
    pub queue: QueueSettings,
}

/// The table as it is written; only a whole one has a sink.
#[derive(Clone, Debug, Default)]
struct RecordTable {
    sink: Option<Sink>,
    queue: QueueSettings,
}

/// The keys of `record`.
static RECORD: [TableKey<RecordTable>; 4] = [
    TableKey {
        name: "sink",
        place: ValuePlace::Sink(|record| &mut record.sink),
    },
    // `check` refuses bounds of 0.
    TableKey {
        name: "queue",
        place: ValuePlace::Count(|record| &mut record.queue.records, 0..=usize::MAX),
    },
    TableKey {
        name: "queue_bytes",
        place: ValuePlace::Bytes(|record| &mut record.queue.bytes, 0..=usize::MAX),
    },
    TableKey {
        name: "when_full",
        place: ValuePlace::WhenFull(|record| &mut record.queue.when_full),
    },
];

static RECORD_NAMES: [&str; RECORD.len()] = names(&RECORD);

impl SettingsTable for RecordTable {
    const NAME: &'static str = "record";

    fn keys() -> &'static [TableKey<Self>] {
        &RECORD
    }

    fn names() -> &'static [&'static str] {
        &RECORD_NAMES
    }
}

impl<'de> Deserialize<'de> for RecordSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let RecordTable { sink, queue } = table::read(deserializer)?;
        let sink = sink.ok_or_else(|| D::Error::missing_field("sink"))?;
        Ok(Self { sink, queue })
    }
}
