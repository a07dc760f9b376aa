//! The metrics of the process, by the names that Prometheus' clients give them.
//!
//! They are read from `/proc` when the metrics are asked for; where there is none, there are no
//! such metrics.

use super::names;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::fs;

/// Ticks of a second in `/proc`: Linux shows programs this many on every platform.
const TICKS: f64 = 100.0;

/// The unit of memory in `/proc/self/status`.
const KIB: u64 = 1_024;

/// Reads the process's figures for each scrape.
#[derive(Debug)]
pub(super) struct ProcessCollector;

/// What `/proc` says of this process.
#[derive(Debug, Default, PartialEq)]
struct ProcessFigures {
    cpu_seconds: Option<f64>,
    start_seconds: Option<f64>,
    threads: Option<u64>,
    resident_bytes: Option<u64>,
    virtual_bytes: Option<u64>,
    open_fds: Option<u64>,
    max_fds: Option<u64>,
}

impl ProcessFigures {
    fn read() -> Self {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        let open = fs::read_dir("/proc/self/fd").map(Iterator::count).ok();
        Self {
            // The directory is open itself while it is read.
            open_fds: open.and_then(|open| u64::try_from(open.saturating_sub(1)).ok()),
            ..Self::parse(
                &text("/proc/self/stat"),
                &text("/proc/self/status"),
                &text("/proc/self/limits"),
                &text("/proc/stat"),
            )
        }
    }

    fn parse(stat: &str, status: &str, limits: &str, system: &str) -> Self {
        // The name of the program is in brackets, and may hold spaces and brackets.
        let fields: Vec<f64> = stat
            .rsplit_once(')')
            .map(|(_, rest)| rest.split_ascii_whitespace().skip(1))
            .into_iter()
            .flatten()
            .map(|field| field.parse().unwrap_or(0.0))
            .collect();
        // proc(5) counts from 1, and the fields here begin with the fourth.
        let field = |number: usize| fields.get(number - 4).copied();
        let since_boot = field(22).map(|ticks| ticks / TICKS);
        let booted: Option<f64> = value_of(system, "btime").and_then(|text| text.parse().ok());
        let kibibytes = |name| {
            let text = value_of(status, name)?;
            let number: u64 = text.split_ascii_whitespace().next()?.parse().ok()?;
            Some(number.saturating_mul(KIB))
        };
        Self {
            cpu_seconds: field(14)
                .zip(field(15))
                .map(|(user, system)| (user + system) / TICKS),
            start_seconds: booted.zip(since_boot).map(|(boot, since)| boot + since),
            threads: value_of(status, "Threads:").and_then(|text| text.parse().ok()),
            resident_bytes: kibibytes("VmRSS:"),
            virtual_bytes: kibibytes("VmSize:"),
            open_fds: None,
            max_fds: value_of(limits, "Max open files")
                .and_then(|text| text.split_ascii_whitespace().next()?.parse().ok()),
        }
    }
}

/// Returns what stands behind a name at the beginning of a line.
fn value_of<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let found = ProcessFigures::read();
        if let Some(seconds) = found.cpu_seconds {
            let counter = ConstCounter::new(seconds);
            let help = "User and system time that the process has spent";
            let unit = encoder.encode_descriptor(
                names::PROCESS_CPU_SECONDS,
                help,
                None,
                counter.metric_type(),
            )?;
            counter.encode(unit)?;
        }
        if let Some(seconds) = found.start_seconds {
            let gauge = ConstGauge::new(seconds);
            let help = "When the process started, in seconds since 1970";
            let unit = encoder.encode_descriptor(
                names::PROCESS_START_SECONDS,
                help,
                None,
                gauge.metric_type(),
            )?;
            gauge.encode(unit)?;
        }
        for (name, help, value) in [
            (
                names::PROCESS_THREADS,
                "Threads of the process",
                found.threads,
            ),
            (
                names::PROCESS_RESIDENT_BYTES,
                "Memory of the process that is resident",
                found.resident_bytes,
            ),
            (
                names::PROCESS_VIRTUAL_BYTES,
                "Addresses that the process has mapped",
                found.virtual_bytes,
            ),
            (
                names::PROCESS_OPEN_FDS,
                "Open file descriptors",
                found.open_fds,
            ),
            (
                names::PROCESS_MAX_FDS,
                "How many file descriptors may be open",
                found.max_fds,
            ),
        ] {
            let Some(value) = value else { continue };
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            let unit = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(unit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_proc_are_read_whatever_the_program_is_called() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 9 0 12345 1 2 3";
        let status = "Name:\ta\nVmSize:\t    2048 kB\nVmRSS:\t  1024 kB\nThreads:\t9\n";
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  4096  files\n";
        assert_eq!(
            ProcessFigures::parse(stat, status, limits, "cpu 1\nbtime 1700000000\n"),
            ProcessFigures {
                cpu_seconds: Some(3.0),
                start_seconds: Some(1_700_000_123.45),
                threads: Some(9),
                resident_bytes: Some(1 << 20),
                virtual_bytes: Some(2 << 20),
                open_fds: None,
                max_fds: Some(1024),
            }
        );
        let none = ProcessFigures::parse("", "", "", "");
        assert_eq!(none, ProcessFigures::default());
        let unlimited = ProcessFigures::parse("", "", "Max open files  unlimited", "");
        assert_eq!(unlimited.max_fds, None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_all_figures() {
        let found = ProcessFigures::read();
        assert!(
            found.resident_bytes > Some(KIB) && found.open_fds > Some(0),
            "{found:?}"
        );
        assert!(
            found.cpu_seconds.is_some() && found.start_seconds > Some(1e9),
            "{found:?}"
        );
        assert!(found.max_fds >= found.open_fds, "{found:?}");
    }
}
