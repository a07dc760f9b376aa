//! Measures relations and their disk, at 10^4, 10^5, 10^6 tuples: `cargo bench --bench stores`.
//!
//! Measures import, reopening and durable writes, and how much a writer at full speed slows
//! readers: by at most half at the 99th percentile. `BEHEST_TUPLES=10000,10000000` chooses other
//! sizes. Each prints a table and uses no criterion, since most of this waits for a disk, or
//! involves several threads.
//!
//! A reader beside a writer shares the machine with it, and with redb the machine's disk. So the
//! reader also runs beside a thread that only counts, and beside one that only writes to a file and
//! waits for the disk: the rest of the difference is due to the store. Systems send a disk's
//! interrupts to one processor, perhaps the reader's. So the reader is bound to one processor and
//! the other thread to the others, and everything is measured with the reader on the first and on
//! the second processor, if the system lets threads be bound. What the reader shares with the
//! writer inside the process affects both measurements.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on has failed, and prints what it found"
)]

use behest::model::{Record, Tuple, TupleKey};
use behest::storage::{DEFAULT_CACHE_BYTES, open_redb};
use behest::stores::{ReaderTerms, RelationReader, StoreId, Stores, TupleBatch, open_memory};
use std::fs::File;
use std::hint::black_box;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use support::bench::cpu::thread_time;
use support::bench::figures::{float, median, shown, thousandths};
use support::bench::filled::{fill, open};
use support::bench::folders::{Folders, key};

/// The program's allocator, so that the cost of memory that one thread allocates and another frees
/// is measured as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MAIN: StoreId = StoreId::MAIN;

/// How often each short operation is measured.
const ROUNDS: usize = 5;

/// The checks of a reader in one round; 300 of them are above the 99.9th percentile.
const CHECKS: u32 = 300_000;

/// What the thread that only waits for the disk writes at once, about as much as redb writes for
/// one tuple; and how many such parts its file has.
const PART: [u8; 16 << 10] = [7; 16 << 10];
const FILE_PARTS: u64 = 64;

fn main() {
    for world in Folders::sizes("10000,100000,1000000") {
        println!("\n{} tuples\n", world.size);
        let dir = tempfile::tempdir().unwrap();
        let stores = import(world, dir.path());
        durable_writes(&stores);
        println!(
            "\n| readers | on processor | beside | p50 ns | p99 ns | p99.9 ns | p99 : alone | writes/s |\n\
             |---|---|---|---|---|---|---|---|"
        );
        let memory = open(open_memory().unwrap());
        fill(&memory, world);
        for bound in Bound::all() {
            let [nobody, counter, writer] =
                [Beside::Nobody, Beside::Counter, Beside::Writer(&memory)];
            readers(
                world,
                &memory,
                ("memory", &bound),
                &[nobody, counter, writer],
            );
        }
        drop(memory);
        for bound in Bound::all() {
            let [nobody, disk, writer] = [
                Beside::Nobody,
                Beside::Disk(dir.path()),
                Beside::Writer(&stores),
            ];
            readers(world, &stores, ("redb", &bound), &[nobody, disk, writer]);
        }
        drop(stores);
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
    let of = |part: fn(&(Duration, Duration)) -> Duration| {
        median(times.iter().map(|time| part(time).as_secs_f64()))
    };
    println!(
        "\nreopen: {:.2} s, of which {:.2} s of processor time",
        of(|time| time.0),
        of(|time| time.1)
    );
}

fn durable_writes(stores: &Stores) {
    for size in [1, 10, 100] {
        let mut times: Vec<u64> = Vec::new();
        for round in 0..60 {
            let keys =
                (0..size).map(|at| key(&format!("document:round{round}-{at}#owner@user:u{at}")));
            let keys: Vec<TupleKey> = keys.collect();
            for batch in [
                TupleBatch::of_writes(keys.iter().cloned().map(Tuple::from).collect()),
                TupleBatch::of_deletes(keys),
            ] {
                let begun = Instant::now();
                stores.write(MAIN, None, batch).unwrap();
                times.push(begun.elapsed().as_nanos().try_into().unwrap());
            }
        }
        times.sort_unstable();
        let ms = |part| float(thousandths(&times, part)) / 1e6;
        println!(
            "durable batch of {size}: p50 {:.2} ms, p99 {:.2} ms",
            ms(500),
            ms(990)
        );
    }
}

/// The processors of the reader, and of the thread beside it.
struct Bound {
    name: String,
    reader: Vec<usize>,
    beside: Vec<usize>,
}

impl Bound {
    /// Returns the reader bound to the first processor, and to the second; or unbound, if there is
    /// only one.
    fn all() -> Vec<Self> {
        let processors = processors::allowed();
        let of = |reader: &usize| Self {
            name: reader.to_string(),
            reader: vec![*reader],
            beside: processors
                .iter()
                .copied()
                .filter(|it| it != reader)
                .collect(),
        };
        match processors.len() {
            0 | 1 => vec![Self {
                name: "any".to_owned(),
                reader: processors.clone(),
                beside: processors,
            }],
            _ => processors.iter().take(2).map(of).collect(),
        }
    }
}

#[cfg(target_os = "linux")]
mod processors {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(crate) fn allowed() -> Vec<usize> {
        let set = sched_getaffinity(None).unwrap();
        (0..CpuSet::MAX_CPU).filter(|at| set.is_set(*at)).collect()
    }

    /// Binds this thread, and those that it starts later.
    pub(crate) fn bind(to: &[usize]) {
        let mut set = CpuSet::new();
        to.iter().for_each(|at| set.set(*at));
        sched_setaffinity(None, &set).unwrap();
    }
}

#[cfg(not(target_os = "linux"))]
mod processors {
    pub(crate) fn allowed() -> Vec<usize> {
        Vec::new()
    }

    pub(crate) fn bind(_to: &[usize]) {}
}

/// What runs beside the reader until it is done.
#[derive(Clone, Copy)]
enum Beside<'a> {
    Nobody,
    /// A thread that counts.
    Counter,
    /// A thread that writes to a file in this directory what redb writes for one tuple, and waits
    /// for the disk.
    Disk(&'a Path),
    /// A thread that writes and deletes tuples.
    Writer(&'a Stores),
}

impl Beside<'_> {
    fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Counter => "a thread that counts",
            Self::Disk(_) => "a thread that waits for the disk",
            Self::Writer(_) => "a writer",
        }
    }

    /// Works until `is_over` is set; returns the number of writes.
    fn work(self, world: Folders, is_over: &AtomicBool) -> u64 {
        let is_on = || !is_over.load(Relaxed);
        let documents = world.documents();
        let mut count = 0;
        match self {
            Self::Nobody => {}
            Self::Counter => {
                let mut turns = 0_u64;
                while is_on() {
                    turns = black_box(turns + 1);
                }
            }
            Self::Disk(dir) => {
                let mut file = File::create(dir.join("plain")).unwrap();
                while is_on() {
                    file.seek(SeekFrom::Start(count % FILE_PARTS * PART.len() as u64))
                        .unwrap();
                    file.write_all(&PART).unwrap();
                    file.sync_data().unwrap();
                    count += 1;
                }
            }
            Self::Writer(stores) => {
                while is_on() {
                    write_and_delete(documents, stores, count / 2);
                    count += 2;
                }
            }
        }
        count
    }
}

/// Measures a reader with each kind of work beside it in turn.
fn readers(world: Folders, stores: &Stores, (name, bound): (&str, &Bound), kinds: &[Beside<'_>]) {
    let rounds: Vec<Vec<Round>> = (0..ROUNDS)
        .map(|_| {
            kinds
                .iter()
                .map(|beside| round(world, stores, bound, *beside))
                .collect()
        })
        .collect();
    for (at, beside) in kinds.iter().enumerate() {
        let of = |part: fn(&Round) -> f64| {
            median(rounds.iter().map(|round| part(round.get(at).unwrap())))
        };
        let ratio = median(
            rounds
                .iter()
                .map(|round| round.get(at).unwrap().p99 / round.first().unwrap().p99),
        );
        println!(
            "| {name} | {} | {} | {} | {} | {} | {ratio:.2} | {} |",
            bound.name,
            beside.name(),
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

fn round(world: Folders, stores: &Stores, bound: &Bound, beside: Beside<'_>) -> Round {
    let is_over = AtomicBool::new(false);
    let (times, seconds, writes) = std::thread::scope(|scope| {
        let beside = scope.spawn(|| {
            processors::bind(&bound.beside);
            beside.work(world, &is_over)
        });
        let reader = scope.spawn(|| {
            processors::bind(&bound.reader);
            let begun = Instant::now();
            (read(world, stores), begun.elapsed().as_secs_f64())
        });
        let done = reader.join();
        is_over.store(true, Relaxed);
        let (times, seconds) = done.unwrap();
        (times, seconds, beside.join().unwrap())
    });
    let of = |part| float(thousandths(&times, part));
    Round {
        p50: of(500),
        p99: of(990),
        p999: of(999),
        writes_per_second: float(writes) / seconds,
    }
}

/// Writes a tuple and deletes it, so that the graph does not grow.
fn write_and_delete(documents: u32, stores: &Stores, number: u64) {
    let number = u32::try_from(number % 1_000_000).unwrap();
    let key = key(&format!(
        "document:d{}#blocked@user:u{number}",
        support::bench::folders::scattered(number, documents)
    ));
    for batch in [
        TupleBatch::of_writes(vec![key.clone().into()]),
        TupleBatch::of_deletes(vec![key]),
    ] {
        stores.write(MAIN, None, batch).unwrap();
    }
}

/// Returns how long each check took, in ascending order; half of the relations hold.
fn read(world: Folders, stores: &Stores) -> Vec<u64> {
    let (context, documents) = (Record::new(), world.documents());
    let questions: Vec<(TupleKey, bool)> = (0..1_000)
        .map(|at| {
            let document = support::bench::folders::scattered(at, documents);
            let user = if at % 2 == 0 {
                format!("u{}", world.owner_of(document))
            } else {
                format!("nobody{at}")
            };
            (
                key(&format!("document:d{document}#viewer@user:{user}")),
                at % 2 == 0,
            )
        })
        .collect();
    let mut times = Vec::with_capacity(usize::try_from(CHECKS).unwrap());
    for (key, holds) in questions
        .iter()
        .cycle()
        .take(usize::try_from(CHECKS).unwrap())
    {
        let begun = Instant::now();
        let version = stores.main();
        let reader = RelationReader::new(
            version.graph(),
            version.rules().unwrap(),
            ReaderTerms::new(&context),
        );
        let answer = reader.unwrap().check(black_box(key)).unwrap().holds();
        drop(version);
        times.push(begun.elapsed().as_nanos().try_into().unwrap());
        assert_eq!(answer, *holds, "{key}");
    }
    times.sort_unstable();
    times
}
