//! Limits with their defaults and their ranges, each with its reason.

use super::{ByteSize, SearchSettings};
use crate::model::Problem;
use serde::Deserialize;
use std::time::Duration;

/// Sizes, numbers and times that protect the service. A request that exceeds one is refused as a
/// whole, never read in part.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[serde(expecting = "struct Limits")]
pub struct LimitSettings {
    /// Maximum size of a body: enough for a tool call with its arguments, or a batch of a thousand
    /// small items.
    pub body: ByteSize,
    /// Maximum nesting of JSON.
    pub depth: usize,
    /// Maximum number of evaluations in one batch.
    pub evaluations: usize,
    /// How long a request may wait for the revision in its `options.at_least`, in milliseconds.
    pub at_least_time_ms: u64,
    /// Maximum number of requests that wait for a revision at the same time.
    pub waiting: usize,
    /// Maximum number of open connections.
    pub connections: usize,
    /// How many threads decide; by default, one for each processor.
    pub workers: Option<usize>,
    /// How long a request's head may take to arrive, in milliseconds.
    pub head_time_ms: u64,
    /// How long a request's body may take to arrive, in milliseconds.
    pub body_time_ms: u64,
    /// How long a client may read nothing of its answer, in milliseconds.
    pub answer_time_ms: u64,
    /// Maximum lifetime of a connection, in milliseconds.
    pub connection_time_ms: u64,
    /// How long long work, such as a batch, may wait for its turn, in milliseconds.
    pub queue_time_ms: u64,
    /// Maximum size of an answer.
    pub answer: ByteSize,
    /// How much memory the bodies of all requests may take together.
    pub bodies: ByteSize,
    /// How much memory all answers that clients have not yet read may take together.
    pub answers: ByteSize,
    /// Maximum number of stores of relations.
    pub stores: usize,
    /// How many bytes of JSON the models of stores may have together that stay compiled in memory.
    pub models: ByteSize,
    /// How long an idle connection is kept, in milliseconds.
    pub keep_alive_ms: u64,
    /// How long requests in progress may take at shutdown, in milliseconds.
    pub shutdown_ms: u64,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            body: ByteSize(1 << 20),
            depth: 64,
            evaluations: 1_000,
            // A caller that enforces decisions cannot wait longer.
            at_least_time_ms: 2_000,
            // This is a tenth of the connections.
            waiting: 1_000,
            // Each connection takes a file descriptor and some kilobytes; the number is below the
            // usual limit of 16,384 descriptors.
            connections: 10_000,
            workers: None,
            // Callers are servers nearby: a caller that needs longer is stuck or hostile.
            head_time_ms: 5_000,
            body_time_ms: 10_000,
            // A client that takes longer has given up already.
            answer_time_ms: 30_000,
            // Reconnecting balances the load again, and ends forgotten connections.
            connection_time_ms: 60 * 60 * 1_000,
            // A caller that enforces decisions waits for a second or two, and everything that waits
            // here delays all other answers.
            queue_time_ms: 100,
            // A full batch with its reasons takes a few hundred kilobytes.
            answer: ByteSize(4 << 20),
            // This allows six bodies of the largest size, which take forty times as much memory
            // once they are parsed, or hundreds of usual bodies.
            bodies: ByteSize(256 << 20),
            answers: ByteSize(256 << 20),
            // This allows a store for each customer of a large service.
            stores: 10_000,
            // Compiled models take some ten times as much.
            models: ByteSize(16 << 20),
            // This is longer than the 60 s after which common proxies close their side, so that the
            // proxies close first.
            keep_alive_ms: 75_000,
            // This is shorter than the 10 s after which container runtimes kill a process.
            shutdown_ms: 8_000,
        }
    }
}

/// How a change of the bundle's directory is noticed.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[serde(expecting = "struct Reload")]
pub struct ReloadSettings {
    /// How often the directory is checked, in milliseconds; with 0 never, so that only SIGHUP
    /// reloads.
    pub poll_ms: u64,
    /// How long the directory must stay unchanged before it is read, in milliseconds.
    pub quiet_ms: u64,
}

impl Default for ReloadSettings {
    /// Returns one second between checks: it is soon enough for a person who saves a file, and a
    /// listing costs well under a millisecond.
    fn default() -> Self {
        Self {
            poll_ms: 1_000,
            quiet_ms: 250,
        }
    }
}

impl ReloadSettings {
    /// Returns the pause between two checks; `None` if there are no checks.
    #[must_use]
    pub fn poll(&self) -> Option<Duration> {
        (self.poll_ms > 0).then(|| Duration::from_millis(self.poll_ms))
    }

    /// Returns how long the directory must stay unchanged.
    #[must_use]
    pub fn quiet(&self) -> Duration {
        Duration::from_millis(self.quiet_ms)
    }
}

/// Returns the default number of queued records: some seconds of a busy service.
pub(super) fn default_queue() -> usize {
    16_384
}

/// Returns the default bytes of queued records: one record can contain a request's whole context,
/// so their number alone bounds nothing.
pub(super) fn default_queue_bytes() -> ByteSize {
    ByteSize(64 << 20)
}

/// The longest time that any setting allows: a day. Nothing longer makes sense.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1_000;

/// Reports the numbers that are out of their range.
pub(super) fn out_of_range(
    limits: &LimitSettings,
    search: &SearchSettings,
    reload: &ReloadSettings,
) -> Vec<Problem> {
    bounds(limits, search, reload)
        .into_iter()
        .filter(|(_, value, least, most)| value < least || value > most)
        .map(|(key, value, least, most)| {
            Problem::new(format!("`{key}` is {value}"))
                .help(format!("it takes a number from {least} to {most}"))
        })
        .collect()
}

/// Returns the key and the value of each number, with its minimum and maximum.
fn bounds(
    limits: &LimitSettings,
    search: &SearchSettings,
    reload: &ReloadSettings,
) -> [(&'static str, u64, u64, u64); 25] {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    [
        // A value is read without recursion but written recursively: 256 levels fit the stack of
        // every thread.
        ("limits.depth", count(limits.depth), 1, 256),
        // A larger body is held in memory once per connection while it arrives.
        ("limits.body", limits.body.0, 1_024, 64 << 20),
        ("limits.evaluations", count(limits.evaluations), 1, 100_000),
        (
            "limits.at_least_time_ms",
            limits.at_least_time_ms,
            0,
            LONGEST_MS,
        ),
        ("limits.waiting", count(limits.waiting), 0, 1_000_000),
        (
            "limits.connections",
            count(limits.connections),
            1,
            1_000_000,
        ),
        ("limits.workers", limits.workers.map_or(1, count), 1, 512),
        ("limits.head_time_ms", limits.head_time_ms, 1, LONGEST_MS),
        ("limits.body_time_ms", limits.body_time_ms, 1, LONGEST_MS),
        (
            "limits.answer_time_ms",
            limits.answer_time_ms,
            1,
            LONGEST_MS,
        ),
        (
            "limits.connection_time_ms",
            limits.connection_time_ms,
            1,
            7 * LONGEST_MS,
        ),
        ("limits.queue_time_ms", limits.queue_time_ms, 1, 60_000),
        // A smaller limit would refuse the service's own error messages.
        ("limits.answer", limits.answer.0, 16 << 10, 1 << 30),
        ("limits.bodies", limits.bodies.0, 1 << 20, 1 << 40),
        ("limits.answers", limits.answers.0, 1 << 20, 1 << 40),
        // The store `main` is one of them.
        ("limits.stores", count(limits.stores), 1, 1_000_000),
        ("limits.models", limits.models.0, 1 << 20, 1 << 40),
        ("limits.keep_alive_ms", limits.keep_alive_ms, 0, LONGEST_MS),
        ("limits.shutdown_ms", limits.shutdown_ms, 0, LONGEST_MS),
        ("search.results", count(search.results), 1, 10_000),
        ("search.candidates", count(search.candidates), 1, 10_000_000),
        ("search.time_ms", search.time_ms, 1, 60_000),
        ("search.token_ms", search.token_ms, 1_000, LONGEST_MS),
        ("reload.poll_ms", reload.poll_ms, 0, LONGEST_MS),
        ("reload.quiet_ms", reload.quiet_ms, 1, 60_000),
    ]
}
