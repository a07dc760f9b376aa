//! Measures the relation engine in memory, at 10^4, 10^5, 10^6 tuples:
//! `cargo bench --bench relations`.
//!
//! `BEHEST_TUPLES=10000,10000000` chooses other sizes. Times are processor time of the measuring
//! thread, so that they repeat on a busy machine. Each kind of check is measured with a user who is
//! found first, with one who is found last, and with one who is not found: the last two read the
//! same tuples, and should cost about the same. The memory per tuple is measured in a separate
//! process for each size.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on has failed, and prints what it found"
)]

use behest::model::{Record, Revision, Tuple};
use behest::relations::{Graph, MAX_RESULTS, ReaderTerms, RelationReader, Rules, UserFilter};
use criterion::{BatchSize, Criterion};
use std::hint::black_box;
use std::process::Command;
use support::bench::folders::{Folders, Question, key, model};
use support::bench::measure::ThreadTime;

/// The program's allocator, so that the cost of memory that one thread allocates and another frees
/// is measured as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The variable that is set for the process that only loads a graph and prints its size.
const MEMORY: &str = "BEHEST_BENCH_MEMORY";

/// The most memory that loading a graph may add to an empty process, in bytes per tuple, with both
/// directions and names.
const MAX_BYTES_PER_TUPLE: u64 = 200;

fn main() {
    if let Ok(size) = std::env::var(MEMORY) {
        return tell_memory(Folders {
            size: size.parse().unwrap(),
        });
    }
    let mut criterion = Criterion::default()
        .with_measurement(ThreadTime)
        .configure_from_args();
    for world in Folders::sizes("10000,100000,1000000") {
        memory(world);
        let graph = Graph::load(world.tuples(), Revision(1)).unwrap();
        let rules = Rules::compile(&model(), &graph).unwrap();
        checks(&mut criterion, world, &graph, &rules);
        lists(&mut criterion, world, &graph, &rules);
        writes(&mut criterion, world, &graph);
    }
    criterion.final_summary();
}

fn memory(world: Folders) {
    let told = Command::new(std::env::current_exe().unwrap())
        .env(MEMORY, world.size.to_string())
        .output()
        .unwrap();
    print!("{}", String::from_utf8(told.stdout).unwrap());
    assert!(
        told.status.success(),
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
}

fn tell_memory(world: Folders) {
    let before = resident();
    let graph = Graph::load(world.tuples(), Revision(1)).unwrap();
    let bytes = resident().saturating_sub(before) / u64::from(world.size);
    println!(
        "memory/{}: {bytes} bytes per tuple, {} objects and users",
        world.size,
        graph.objects_len()
    );
    assert!(
        bytes <= MAX_BYTES_PER_TUPLE || world.size < 100_000,
        "more than {MAX_BYTES_PER_TUPLE} bytes per tuple"
    );
}

/// Returns the resident memory of this process in bytes; 0 if the system does not report it.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    status
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or(0)
        * 4_096
}

fn checks(criterion: &mut Criterion<ThreadTime>, world: Folders, graph: &Graph, rules: &Rules) {
    let mut group = criterion.benchmark_group(format!("check/{}", world.size));
    let context = Record::new();
    for Question {
        name,
        first,
        last,
        lacks,
    } in world.questions()
    {
        let asked = [
            ("holds, found first", first, true),
            ("holds, found last", last, true),
            ("lacks", lacks, false),
        ];
        for (outcome, key, expected) in asked {
            let check = || {
                RelationReader::new(graph, rules, ReaderTerms::new(&context))
                    .unwrap()
                    .check(black_box(&key))
                    .unwrap()
                    .holds()
            };
            assert_eq!(check(), expected, "{key}");
            group.bench_function(format!("{name}: {outcome}"), |b| b.iter(check));
        }
    }
    group.finish();
}

fn lists(criterion: &mut Criterion<ThreadTime>, world: Folders, graph: &Graph, rules: &Rules) {
    let mut group = criterion.benchmark_group(format!("list/{}", world.size));
    let context = Record::new();
    let reader = || RelationReader::new(graph, rules, ReaderTerms::new(&context)).unwrap();
    let user = format!("user:u{}", world.owner_of(7)).parse().unwrap();
    for (name, relation) in [
        ("objects owned", "owner"),
        ("objects viewed", "viewer"),
        ("objects read", "reader"),
    ] {
        let list = || {
            reader()
                .list_objects(black_box(&user), relation, "document", MAX_RESULTS)
                .unwrap()
        };
        println!("list/{}/{name}: {} found", world.size, list().found.len());
        group.bench_function(name, |b| b.iter(list));
    }
    let filter = UserFilter {
        kind: "user".into(),
        relation: None,
    };
    let object = "document:d7".parse().unwrap();
    for (name, relation) in [("users who own", "owner"), ("users who view", "viewer")] {
        let list = || {
            reader()
                .list_users(black_box(&object), relation, &filter, MAX_RESULTS)
                .unwrap()
        };
        println!("list/{}/{name}: {} found", world.size, list().found.len());
        group.bench_function(name, |b| b.iter(list));
    }
    group.finish();
}

/// Measures what a write costs apart from the disk: creating the next version of the graph, and
/// dropping the previous one.
fn writes(criterion: &mut Criterion<ThreadTime>, world: Folders, graph: &Graph) {
    let mut group = criterion.benchmark_group(format!("write/{}", world.size));
    group.sample_size(10);
    let new: Vec<Tuple> = (0..100)
        .map(|at| key(&format!("document:new{at}#owner@user:u{at}")).into())
        .collect();
    let old: Vec<_> = world
        .tuples()
        .step_by(97)
        .map(|tuple| tuple.key)
        .take(100)
        .collect();
    group.bench_function("one tuple", |b| {
        b.iter(|| {
            graph
                .apply(&[], black_box(new.get(..1).unwrap()), Revision(2))
                .unwrap()
        });
    });
    group.bench_function("one delete", |b| {
        b.iter(|| {
            graph
                .apply(black_box(old.get(..1).unwrap()), &[], Revision(2))
                .unwrap()
        });
    });
    group.bench_function("a batch of 100", |b| {
        b.iter(|| graph.apply(&[], black_box(&new), Revision(2)).unwrap());
    });
    group.bench_function("100 deletes", |b| {
        b.iter(|| graph.apply(black_box(&old), &[], Revision(2)).unwrap());
    });
    let all: Vec<Tuple> = world.tuples().collect();
    group.bench_function("all at once", |b| {
        b.iter_batched(
            || all.clone(),
            |all| Graph::load(all, Revision(1)).unwrap(),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}
