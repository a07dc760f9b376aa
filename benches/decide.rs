//! Measures decisions without the service around them: `cargo bench --bench decide`.
//!
//! The decisions are chains of one, two and four legs over relations, permitted and denied by the
//! first or the last leg, evaluated and cached; and one leg over 10 to 100,000 policies, one of
//! which applies. Times are processor time of the measuring thread.
//!
//! `BEHEST_TUPLES` and `BEHEST_POLICIES` choose other sizes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on has failed, and prints what it found"
)]

use behest::bundle::BundleSource;
use behest::engine::Engine;
use behest::model::{AnswerDepth, Decision, Request};
use behest::stores::open_memory;
use support::bench::agents::{End, question};

use criterion::Criterion;
use std::hint::black_box;
use std::sync::Arc;
use support::bench::folders::Folders;
use support::bench::measure::ThreadTime;
use support::bench::tenants::{Named, QUESTIONS, Tenants};

/// The program's allocator, so that the cost of memory that one thread allocates and another frees
/// is measured as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The service's default cache size.
const CACHE_BYTES: usize = 64 << 20;

fn main() {
    let mut criterion = Criterion::default()
        .with_measurement(ThreadTime)
        .configure_from_args();
    for world in Folders::sizes("100000") {
        chains(&mut criterion, world);
    }
    policies(&mut criterion);
    criterion.final_summary();
}

fn chains(criterion: &mut Criterion<ThreadTime>, world: Folders) {
    let dir = tempfile::tempdir().unwrap();
    support::bench::agents::write_bundle(dir.path());
    let stores = Arc::new(support::bench::filled::open(open_memory().unwrap()));
    support::bench::filled::fill(&stores, world);
    // The bundle's change is noted once: loading it in the second engine changes nothing.
    let engines = [("evaluated", None), ("kept", Some(CACHE_BYTES))].map(|(name, cache)| {
        let engine = support::engines::empty().with_stores(Arc::clone(&stores));
        let engine = match cache {
            Some(bytes) => engine.with_cache(bytes),
            None => engine,
        };
        engine
            .load(&BundleSource::Dir(dir.path().to_owned()))
            .expect("the bundle loads");
        (name, engine)
    });
    let mut group = criterion.benchmark_group(format!("chains/{}", world.size));
    for legs in [1, 2, 4] {
        for (name, end) in [
            ("permit", End::Permit),
            ("denied first", End::DenyFirst),
            ("denied last", End::DenyLast),
        ] {
            if legs == 1 && end == End::DenyLast {
                continue;
            }
            let expected = if end == End::Permit {
                Decision::Permit
            } else {
                Decision::Deny
            };
            let requests: Vec<Request> = (0..1_000)
                .map(|number| support::values::request(&question(world, number, legs, end)))
                .collect();
            for (how, engine) in &engines {
                requests.iter().for_each(|request| {
                    assert_eq!(decide(engine, request), expected, "{request:?}");
                });
                let mut at = 0;
                group.bench_function(format!("{legs} legs, {name}, {how}"), |b| {
                    b.iter(|| {
                        at = (at + 1) % requests.len();
                        decide(engine, requests.get(at).unwrap())
                    });
                });
            }
        }
    }
    group.finish();
}

fn policies(criterion: &mut Criterion<ThreadTime>) {
    let sizes =
        std::env::var("BEHEST_POLICIES").unwrap_or_else(|_| "10,100,1000,10000,100000".to_owned());
    let sizes: Vec<u32> = sizes
        .split(',')
        .map(|size| size.trim().parse().unwrap())
        .collect();
    for named in [Named::InScope, Named::InCondition] {
        let mut group = criterion.benchmark_group(format!("policies/{named:?}"));
        for policies in sizes.iter().copied() {
            let tenants = Tenants { policies, named };
            let files = tenants.files();
            let files: Vec<(&str, &str)> = files
                .iter()
                .map(|(path, text)| (*path, text.as_str()))
                .collect();
            let begun = std::time::Instant::now();
            let engine = support::engines::engine(&files);
            println!(
                "policies/{named:?}/{policies}: loaded in {:.2} s",
                begun.elapsed().as_secs_f64()
            );
            for (name, is_cleared, expected) in [
                ("permit", true, Decision::Permit),
                ("denied", false, Decision::Deny),
            ] {
                let questions = (0..QUESTIONS).map(|number| tenants.question(number, is_cleared));
                let requests: Vec<Request> = questions
                    .map(|body| support::values::request(&body))
                    .collect();
                requests.iter().for_each(|request| {
                    assert_eq!(decide(&engine, request), expected, "{request:?}");
                });
                let mut at = 0;
                group.bench_function(format!("{policies}, {name}"), |b| {
                    b.iter(|| {
                        at = (at + 1) % requests.len();
                        decide(&engine, requests.get(at).unwrap())
                    });
                });
            }
        }
        group.finish();
    }
}

fn decide(engine: &Engine, request: &Request) -> Decision {
    engine
        .decide(
            &support::engines::ask(AnswerDepth::Lean),
            black_box(request),
        )
        .expect("an answer")
        .decision
}
