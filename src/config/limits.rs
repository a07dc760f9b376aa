//! The tables `limits` and `reload`: their keys, and the ranges of their numbers.

use super::table::{self, SettingsTable, TableKey, ValuePlace, names};
use crate::bundle::QUIET;
use crate::http::HttpLimits;
use crate::json;
use crate::stores::StoreLimits;
use serde::{Deserialize, Deserializer};
use std::time::Duration;

/// Sizes, numbers and times that protect the service. A request that exceeds one is refused as a
/// whole, never read in part. The defaults, with their reasons, are the parts' own.
#[derive(Clone, Debug, Default)]
pub struct LimitSettings {
    /// The limits on what one client can cost.
    pub http: HttpLimits,
    /// The limits of all stores together.
    pub stores: StoreLimits,
    /// How many threads decide; by default, one for each processor.
    pub workers: Option<usize>,
}

/// How a change of the bundle's directory is noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReloadSettings {
    /// How often the directory is checked; with 0 never, so that only SIGHUP reloads.
    pub poll: Duration,
    /// How long the directory must stay unchanged before it is read.
    pub quiet: Duration,
}

impl Default for ReloadSettings {
    /// Returns one second between checks: it is soon enough for a person who saves a file, and a
    /// listing costs well under a millisecond.
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            quiet: QUIET,
        }
    }
}

/// The longest time that any setting allows, in milliseconds: a day. Nothing longer makes sense.
pub(super) const LONGEST_MS: u64 = 24 * 60 * 60 * 1_000;

/// The keys of `limits` that count without a restart: they are looked at with each request. The
/// others are given to what is made at start.
pub(super) const LIVE_LIMITS: [&str; 9] = [
    "body",
    "depth",
    "evaluations",
    "at_least_time_ms",
    "waiting",
    "body_time_ms",
    "queue_time_ms",
    "answer",
    "drain_ms",
];

/// The keys of `limits`.
static LIMITS: [TableKey<LimitSettings>; 20] = [
    // A larger body is held in memory once per connection while it arrives.
    TableKey {
        name: "body",
        place: ValuePlace::Bytes(|limits| &mut limits.http.body_bytes, 1_024..=64 << 20),
    },
    // A value is read without recursion but written recursively: this many levels fit the stack of
    // every thread.
    TableKey {
        name: "depth",
        place: ValuePlace::Count(|limits| &mut limits.http.json_depth, 1..=json::MAX_DEPTH),
    },
    TableKey {
        name: "evaluations",
        place: ValuePlace::Count(|limits| &mut limits.http.evaluations, 1..=100_000),
    },
    TableKey {
        name: "at_least_time_ms",
        place: ValuePlace::Milliseconds(|limits| &mut limits.http.at_least_time, 0..=LONGEST_MS),
    },
    TableKey {
        name: "waiting",
        place: ValuePlace::Count(|limits| &mut limits.http.waiting, 0..=1_000_000),
    },
    TableKey {
        name: "connections",
        place: ValuePlace::Count(|limits| &mut limits.http.connections, 1..=1_000_000),
    },
    TableKey {
        name: "workers",
        place: ValuePlace::OptionalCount(|limits| &mut limits.workers, 1..=512),
    },
    TableKey {
        name: "head_time_ms",
        place: ValuePlace::Milliseconds(|limits| &mut limits.http.head_time, 1..=LONGEST_MS),
    },
    TableKey {
        name: "body_time_ms",
        place: ValuePlace::Milliseconds(|limits| &mut limits.http.body_time, 1..=LONGEST_MS),
    },
    TableKey {
        name: "answer_time_ms",
        place: ValuePlace::Milliseconds(|limits| &mut limits.http.answer_time, 1..=LONGEST_MS),
    },
    TableKey {
        name: "connection_time_ms",
        place: ValuePlace::Milliseconds(
            |limits| &mut limits.http.connection_time,
            1..=7 * LONGEST_MS,
        ),
    },
    TableKey {
        name: "queue_time_ms",
        place: ValuePlace::Milliseconds(|limits| &mut limits.http.queue_time, 1..=60_000),
    },
    // A smaller limit would refuse the service's own error messages.
    TableKey {
        name: "answer",
        place: ValuePlace::Bytes(|limits| &mut limits.http.answer_bytes, 16 << 10..=1 << 30),
    },
    TableKey {
        name: "bodies",
        place: ValuePlace::Bytes(|limits| &mut limits.http.bodies_bytes, 1 << 20..=1 << 40),
    },
    TableKey {
        name: "answers",
        place: ValuePlace::Bytes(|limits| &mut limits.http.answers_bytes, 1 << 20..=1 << 40),
    },
    // The store `main` is one of them.
    TableKey {
        name: "stores",
        place: ValuePlace::Count(|limits| &mut limits.stores.stores, 1..=1_000_000),
    },
    TableKey {
        name: "models",
        place: ValuePlace::Bytes(
            |limits| &mut limits.stores.compiled_bytes,
            1 << 20..=1 << 40,
        ),
    },
    TableKey {
        name: "keep_alive_ms",
        place: ValuePlace::Milliseconds(|limits| &mut limits.http.keep_alive, 0..=LONGEST_MS),
    },
    TableKey {
        name: "drain_ms",
        place: ValuePlace::OptionalMilliseconds(|limits| &mut limits.http.drain, 0..=LONGEST_MS),
    },
    TableKey {
        name: "shutdown_ms",
        place: ValuePlace::Milliseconds(|limits| &mut limits.http.shutdown, 0..=LONGEST_MS),
    },
];

static LIMIT_NAMES: [&str; LIMITS.len()] = names(&LIMITS);

impl SettingsTable for LimitSettings {
    const NAME: &'static str = "limits";

    fn keys() -> &'static [TableKey<Self>] {
        &LIMITS
    }

    fn names() -> &'static [&'static str] {
        &LIMIT_NAMES
    }
}

impl<'de> Deserialize<'de> for LimitSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        table::read(deserializer)
    }
}

/// The keys of `reload`.
static RELOAD: [TableKey<ReloadSettings>; 2] = [
    TableKey {
        name: "poll_ms",
        place: ValuePlace::Milliseconds(|reload| &mut reload.poll, 0..=LONGEST_MS),
    },
    TableKey {
        name: "quiet_ms",
        place: ValuePlace::Milliseconds(|reload| &mut reload.quiet, 1..=60_000),
    },
];

static RELOAD_NAMES: [&str; RELOAD.len()] = names(&RELOAD);

impl SettingsTable for ReloadSettings {
    const NAME: &'static str = "reload";

    fn keys() -> &'static [TableKey<Self>] {
        &RELOAD
    }

    fn names() -> &'static [&'static str] {
        &RELOAD_NAMES
    }
}

impl<'de> Deserialize<'de> for ReloadSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        table::read(deserializer)
    }
}
