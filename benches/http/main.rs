//! Measures the whole service, as its callers see it: `cargo bench --bench http`.
//!
//! Starts the program on a free loopback port, with relations in a data directory and agents that
//! act for users, and asks it over HTTP. **Closed loop**: each connection sends its next question
//! when the last is answered; this shows how much the service can do. **Open loop**: questions are
//! due at a fixed rate, and a latency counts from when its question was due, so that a stall counts
//! for every question that it delays; this shows how long callers wait. Permits and denials are
//! measured separately, at rest and beside 100 writes a second, for each size of the cache. Every
//! answer is checked.
//!
//! Prints a table, draws `target/bench/http.svg`, and ends by itself. The clients share the machine
//! with the service: on a busy machine, look at the processor time, which is the service's alone.
//!
//! | Variable | Default | |
//! |---|---|---|
//! | `BEHEST_TUPLES` | 100000 | tuples in the store |
//! | `BEHEST_RATES` | 1000,5000 | questions per second of the open loop |
//! | `BEHEST_CACHES` | off,64MiB | values of `--cache`, each a run of its own |
//! | `BEHEST_SECONDS` | 3 | for each row of the table |

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot go on has failed, and prints what it found"
)]

mod connection;
mod load;
mod plot;
mod service;

use behest::storage::{DEFAULT_CACHE_BYTES, open_redb};
use connection::Exchange;
use load::{Load, Measured};
use service::Service;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use support::bench::agents::{End, question};
use support::bench::figures::{float, shown, thousandths};
use support::bench::folders::Folders;

/// The number of different questions of each kind.
const QUESTIONS: u32 = 1_000;

/// The writes per second while questions are asked.
const WRITES: u32 = 100;

/// A row of the table.
struct Row {
    cache: String,
    load: Load,
    writes: u32,
    answers: &'static str,
    measured: Measured,
}

fn main() {
    let world = Folders::sizes("100000")[0];
    let dir = tempfile::tempdir().unwrap();
    support::bench::agents::write_bundle(&dir.path().join("bundle"));
    let stores = support::bench::filled::open(
        open_redb(&dir.path().join("data"), DEFAULT_CACHE_BYTES).unwrap(),
    );
    support::bench::filled::fill(&stores, world);
    drop(stores);

    let mut rows = Vec::new();
    for cache in setting("BEHEST_CACHES", "off,64MiB").split(',') {
        measure(world, dir.path(), cache, &mut rows);
    }
    print(world, &rows);
    let path = plot::draw(&rows);
    println!("\n{}", path.display());
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn measure(world: Folders, dir: &Path, cache: &str, rows: &mut Vec<Row>) {
    let time = Duration::from_secs(setting("BEHEST_SECONDS", "3").parse().unwrap());
    let rates = setting("BEHEST_RATES", "1000,5000");
    let open = rates.split(',').map(|rate| Load::Open {
        rate: rate.parse().unwrap(),
    });
    let loads: Vec<Load> = [1, 16]
        .map(|connections| Load::Closed { connections })
        .into_iter()
        .chain(open)
        .collect();
    let kinds = [("permit", End::Permit), ("deny", End::DenyLast)].map(|(name, end)| {
        let expected = if end == End::Permit {
            "{\"decision\":true}"
        } else {
            "{\"decision\":false}"
        };
        let bodies = (0..QUESTIONS).map(|number| question(world, number, 2, end).to_string());
        (
            name,
            bodies
                .map(|body| Exchange::question(&body, expected))
                .collect::<Vec<_>>(),
        )
    });
    let service = Service::start(dir, cache);
    println!(
        "cache {cache}: ready after {:.2} s, {} MiB resident",
        service.ready.as_secs_f64(),
        service.resident_mib()
    );
    for (_, exchanges) in &kinds {
        load::run(
            &service,
            exchanges,
            Load::Closed { connections: 4 },
            Duration::from_secs(1),
        );
    }
    for writes in [0, WRITES] {
        for load in &loads {
            for (answers, exchanges) in &kinds {
                let measured = beside_writes(world, &service, writes, || {
                    load::run(&service, exchanges, *load, time)
                });
                rows.push(Row {
                    cache: cache.to_owned(),
                    load: *load,
                    writes,
                    answers,
                    measured,
                });
            }
        }
    }
    println!(
        "cache {cache}: {} MiB resident at the end",
        service.resident_mib()
    );
}

/// Runs `work` while tuples that affect no question are written and deleted at a fixed rate.
fn beside_writes<T>(world: Folders, service: &Service, rate: u32, work: impl FnOnce() -> T) -> T {
    let (is_over, documents) = (AtomicBool::new(false), world.documents());
    std::thread::scope(|scope| {
        if rate > 0 {
            let is_over = &is_over;
            scope.spawn(move || {
                let mut connection = service.connect();
                let begun = Instant::now();
                let mut number = 0;
                while !is_over.load(Relaxed) || number % 2 == 1 {
                    let due = begun + Duration::from_secs(1) * number / rate;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let document = support::bench::folders::scattered(number / 2, documents);
                    connection.exchange(&Exchange::write(document, number % 2 == 0));
                    number += 1;
                }
            });
        }
        let done = work();
        is_over.store(true, Relaxed);
        done
    })
}

fn print(world: Folders, rows: &[Row]) {
    println!(
        "\n{} tuples, agent for user (two legs), {QUESTIONS} questions of each kind\n",
        world.size
    );
    println!(
        "| cache | load | writes/s | answers | requests/s | p50 µs | p99 µs | p99.9 µs | CPU ms per 1,000 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for Row {
        cache,
        load,
        writes,
        answers,
        measured,
    } in rows
    {
        let us = |part| shown(float(thousandths(&measured.latencies, part)) / 1e3);
        println!(
            "| {cache} | {load} | {writes} | {answers} | {} | {} | {} | {} | {} |",
            shown(measured.per_second()),
            us(500),
            us(990),
            us(999),
            shown(measured.cpu.as_secs_f64() * 1e6 / float(measured.latencies.len() as u64)),
        );
    }
}
