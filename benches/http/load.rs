//! Runs closed and open loops.

use super::connection::Exchange;
use super::service::Service;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};
use support::bench::figures::{float, shown};

/// The connections of an open loop: so many questions can wait for their answers at once.
const OPEN_CONNECTIONS: usize = 16;

/// How long before a question is due its thread stops sleeping: systems wake threads some ten
/// microseconds late.
const SLEEP_MARGIN: Duration = Duration::from_micros(80);

/// The factor by which an open loop that falls behind may exceed its time.
const MOST_TIMES: u32 = 3;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Load {
    /// `connections` connections, each of which asks as fast as it is answered.
    Closed { connections: usize },
    /// `rate` questions per second, whatever the service does.
    Open { rate: u32 },
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { connections: 1 } => f.write_str("closed, 1 connection"),
            Self::Closed { connections } => write!(f, "closed, {connections} connections"),
            Self::Open { rate } => write!(f, "open, {}/s", shown(f64::from(*rate))),
        }
    }
}

pub(crate) struct Measured {
    /// The latencies in nanoseconds, in ascending order.
    pub(crate) latencies: Vec<u64>,
    pub(crate) time: Duration,
    /// The processor time of the service.
    pub(crate) cpu: Duration,
}

impl Measured {
    pub(crate) fn per_second(&self) -> f64 {
        float(self.latencies.len() as u64) / self.time.as_secs_f64()
    }
}

/// Asks questions for `time`.
pub(crate) fn run(
    service: &Service,
    exchanges: &[Exchange],
    load: Load,
    time: Duration,
) -> Measured {
    let (cpu, begun) = (service.cpu(), Instant::now());
    let mut latencies = match load {
        Load::Closed { connections } => in_threads(connections, |thread| {
            closed(service, exchanges, thread, begun + time)
        }),
        Load::Open { rate } => {
            let next = AtomicU32::new(0);
            in_threads(OPEN_CONNECTIONS, |_| {
                open(service, exchanges, &next, rate, begun, time)
            })
        }
    };
    let (time, cpu) = (begun.elapsed(), service.cpu().saturating_sub(cpu));
    latencies.sort_unstable();
    Measured {
        latencies,
        time,
        cpu,
    }
}

fn in_threads(count: usize, work: impl Fn(usize) -> Vec<u64> + Sync) -> Vec<u64> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn closed(service: &Service, exchanges: &[Exchange], thread: usize, end: Instant) -> Vec<u64> {
    let mut connection = service.connect();
    let mut latencies = Vec::new();
    for exchange in exchanges.iter().cycle().skip(thread * 61) {
        let begun = Instant::now();
        if begun >= end {
            break;
        }
        connection.exchange(exchange);
        latencies.push(nanoseconds(begun));
    }
    latencies
}

/// Takes the next question, waits until it is due, and measures its latency from then.
fn open(
    service: &Service,
    exchanges: &[Exchange],
    next: &AtomicU32,
    rate: u32,
    begun: Instant,
    time: Duration,
) -> Vec<u64> {
    let mut connection = service.connect();
    let mut latencies = Vec::new();
    loop {
        let number = next.fetch_add(1, Relaxed);
        let due = Duration::from_secs(1) * number / rate;
        if due >= time || begun.elapsed() > time * MOST_TIMES {
            return latencies;
        }
        let due = begun + due;
        std::thread::sleep(
            due.saturating_duration_since(Instant::now())
                .saturating_sub(SLEEP_MARGIN),
        );
        while Instant::now() < due {
            std::hint::spin_loop();
        }
        connection.exchange(&exchanges[usize::try_from(number).unwrap() % exchanges.len()]);
        latencies.push(nanoseconds(due));
    }
}

fn nanoseconds(since: Instant) -> u64 {
    since.elapsed().as_nanos().try_into().unwrap()
}
