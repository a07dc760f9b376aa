//! Relations and their disk, at 10^4, 10^5, 10^6 tuples: `cargo bench --bench stores`.
//!
//! Import, reopening, durable writes; and what a writer at full speed costs those who read: at most half more at the 99th
//! percentile. `BEHEST_TUPLES=10000,10000000` chooses other sizes. One table each, no criterion: most of this waits for a
//! disk, or is about more than one thread.
//!
//! A reader beside a writer shares its processor's caches and its turns with it. A reader beside a thread that only counts
//! does so too: what is left of the difference is the writer's doing, and with redb the disk's, whose interrupts may all go
//! to the reader's processor. The rows in memory are without it.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on has failed, and prints what it found"
)]

#[path = "world/cpu.rs"]
mod cpu;
#[path = "world/figures.rs"]
mod figures;
#[path = "world/filled.rs"]
mod filled;
#[path = "world/folders.rs"]
#[expect(dead_code, reason = "shared with benchmarks that use all of it")]
mod folders;

use behest::engine::stores::{Batch, Reader, StoreId, Stores, Terms, open_memory};
use behest::model::{Record, Tuple, TupleKey};
use behest::store::{DEFAULT_CACHE_BYTES, open_redb};
use cpu::thread_time;
use figures::{float, median, shown, thousandths};
use filled::{fill, open};
use folders::{Folders, key};
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The program's: what one thread frees that another has allocated is measured as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MAIN: StoreId = StoreId::MAIN;

/// How often everything that is over in a moment is measured.
const ROUNDS: usize = 5;

/// Checks of a reader in one round: enough for a thousand above the 99.9th percentile.
const CHECKS: u32 = 300_000;

fn main() {
    for world in Folders::sizes("10000,100000,1000000") {
        println!("\n{} tuples\n", world.size);
        let dir = tempfile::tempdir().unwrap();
        let stores = import(world, dir.path());
        durable_writes(&stores);
        println!(
            "\n| readers | beside | p50 ns | p99 ns | p99.9 ns | p99 : alone | writes/s |\n|---|---|---|---|---|---|---|"
        );
        readers(world, &stores, "redb");
        drop(stores);
        let memory = open(open_memory().unwrap());
        fill(&memory, world);
        readers(world, &memory, "memory");
        drop(memory);
        reopen(dir.path());
    }
}

fn import(world: Folders, dir: &Path) -> Stores {
    let stores = open(open_redb(dir, DEFAULT_CACHE_BYTES).unwrap());
    let (wall, cpu) = (Instant::now(), thread_time());
    fill(&stores, world);
    let (wall, cpu) = (wall.elapsed(), thread_time().saturating_sub(cpu));
    let bytes = std::fs::metadata(dir.join("behest.redb")).unwrap().len();
    println!(
        "import: {:.2} s, of which {:.2} s of processor time; {:.0} tuples/s; file of {} MiB",
        wall.as_secs_f64(),
        cpu.as_secs_f64(),
        f64::from(world.size) / wall.as_secs_f64(),
        bytes >> 20,
    );
    stores
}

fn reopen(dir: &Path) {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let (wall, cpu) = (Instant::now(), thread_time());
        let stores = open(open_redb(dir, DEFAULT_CACHE_BYTES).unwrap());
        times.push((wall.elapsed(), thread_time().saturating_sub(cpu)));
        drop(black_box(stores));
    }
    let of = |part: fn(&(Duration, Duration)) -> Duration| median(times.iter().map(|time| part(time).as_secs_f64()));
    println!("\nreopen: {:.2} s, of which {:.2} s of processor time", of(|time| time.0), of(|time| time.1));
}

fn durable_writes(stores: &Stores) {
    for size in [1, 10, 100] {
        let mut times: Vec<u64> = Vec::new();
        for round in 0..60 {
            let keys = (0..size).map(|at| key(&format!("document:round{round}-{at}#owner@user:u{at}")));
            let keys: Vec<TupleKey> = keys.collect();
            for batch in [Batch::of_writes(keys.iter().cloned().map(Tuple::from).collect()), Batch::of_deletes(keys)] {
                let begun = Instant::now();
                stores.write(MAIN, None, batch).unwrap();
                times.push(begun.elapsed().as_nanos().try_into().unwrap());
            }
        }
        times.sort_unstable();
        let ms = |part| float(thousandths(&times, part)) / 1e6;
        println!("durable batch of {size}: p50 {:.2} ms, p99 {:.2} ms", ms(500), ms(990));
    }
}

/// Who works beside the reader.
#[derive(Clone, Copy, PartialEq)]
enum Beside {
    Nobody,
    Counter,
    Writer,
}

/// One reader, and in turns nobody, a thread that counts, and a writer beside it.
fn readers(world: Folders, stores: &Stores, name: &str) {
    let kinds = [(Beside::Nobody, "nobody"), (Beside::Counter, "a counting thread"), (Beside::Writer, "a writer")];
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(kinds.map(|(beside, _)| beside_of(world, stores, beside)));
    }
    for (at, (_, beside)) in kinds.iter().enumerate() {
        let of = |part: fn(&Round) -> f64| median(rounds.iter().map(|round| part(round.get(at).unwrap())));
        let ratio = median(rounds.iter().map(|round| round.get(at).unwrap().p99 / round.first().unwrap().p99));
        println!(
            "| {name} | {beside} | {} | {} | {} | {ratio:.2} | {} |",
            shown(of(|round| round.p50)),
            shown(of(|round| round.p99)),
            shown(of(|round| round.p999)),
            shown(of(|round| round.writes_per_second)),
        );
    }
}

struct Round {
    p50: f64,
    p99: f64,
    p999: f64,
    writes_per_second: f64,
}

fn beside_of(world: Folders, stores: &Stores, beside: Beside) -> Round {
    let documents = world.documents();
    let (is_over, writes) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let worker = || match beside {
            Beside::Nobody => {}
            Beside::Counter => {
                let mut count = 0_u64;
                while !is_over.load(Relaxed) {
                    count = black_box(count + 1);
                }
            }
            Beside::Writer => {
                while !is_over.load(Relaxed) {
                    let pair = writes.fetch_add(2, Relaxed) / 2;
                    write_and_delete(documents, stores, pair);
                }
            }
        };
        scope.spawn(worker);
        let begun = Instant::now();
        let times = read(world, stores);
        let seconds = begun.elapsed().as_secs_f64();
        is_over.store(true, Relaxed);
        let of = |part| float(thousandths(&times, part));
        let writes_per_second = float(writes.load(Relaxed)) / seconds;
        Round { p50: of(500), p99: of(990), p999: of(999), writes_per_second }
    })
}

/// A write, and the delete of what it wrote: the graph stays as large as it is.
fn write_and_delete(documents: u32, stores: &Stores, number: u64) {
    let number = u32::try_from(number % 1_000_000).unwrap();
    let key = key(&format!("document:d{}#blocked@user:u{number}", folders::scattered(number, documents)));
    for batch in [Batch::of_writes(vec![key.clone().into()]), Batch::of_deletes(vec![key])] {
        stores.write(MAIN, None, batch).unwrap();
    }
}

/// How long each check took, in ascending order; half of them hold.
fn read(world: Folders, stores: &Stores) -> Vec<u64> {
    let (context, documents) = (Record::new(), world.documents());
    let questions: Vec<(TupleKey, bool)> = (0..1_000)
        .map(|at| {
            let document = folders::scattered(at, documents);
            let user = if at % 2 == 0 { format!("u{}", world.owner_of(document)) } else { format!("nobody{at}") };
            (key(&format!("document:d{document}#viewer@user:{user}")), at % 2 == 0)
        })
        .collect();
    let mut times = Vec::with_capacity(usize::try_from(CHECKS).unwrap());
    for (key, holds) in questions.iter().cycle().take(usize::try_from(CHECKS).unwrap()) {
        let begun = Instant::now();
        let version = stores.main();
        let reader = Reader::new(version.graph(), version.rules().unwrap(), Terms::new(&context));
        let answer = reader.unwrap().check(black_box(key)).unwrap().holds();
        drop(version);
        times.push(begun.elapsed().as_nanos().try_into().unwrap());
        assert_eq!(answer, *holds, "{key}");
    }
    times.sort_unstable();
    times
}
