//! Measures what a write costs cached legs that do not depend on it: `cargo bench --bench kept`.
//!
//! Legs that depend on few rows and on many are decided repeatedly: evaluated; from the cache at
//! rest; and from the cache while, every ten milliseconds, a tuple is written on which none of them
//! depends. Such a write may end a cached leg only if one of its rows shares a stripe with one of
//! the leg's. Each leg lost in this way is counted as a collision; the table shows beside it how
//! many collisions chance predicts. A lost leg that is not counted fails the benchmark, and so does
//! an answer that differs from the evaluated one.
//!
//! `BEHEST_TUPLES` chooses other sizes. Times are processor time of the thread that asks; the
//! writer has its own thread.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on has failed, and prints what it found"
)]

use behest::bundle::BundleSource;
use behest::cache::MAX_ROWS;
use behest::clock::SystemClock;
use behest::engine::Engine;
use behest::model::{AnswerDepth, Decision, Record, Request, TupleKey};
use behest::record::Recorder;
use behest::stores::{ReaderTerms, RelationReader, StoreId, Stores, TupleBatch, open_memory};
use behest::telemetry::Metrics;
use serde_json::json;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};
use support::bench::cpu::thread_time;
use support::bench::figures::{float, shown};
use support::bench::folders::{Folders, MODEL, Question, key};

/// The program's allocator, so that the cost of memory that one thread allocates and another frees
/// is measured as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The number of different questions of each kind.
const QUESTIONS: u32 = 500;

/// The time for which each kind of question is asked.
const TIME: Duration = Duration::from_secs(2);

/// The pause between two writes.
const PAUSE: Duration = Duration::from_millis(10);

/// The service's default cache size.
const CACHE_BYTES: usize = 64 << 20;

/// The rows that a tuple is in, one of its object and one of its user; and the number of stripes
/// over which rows are spread.
const ROWS_PER_WRITE: u64 = 2;
const STRIPES: f64 = 65_536.0;

const SCHEMA: &str = "entity team;
entity user;
entity folder;
entity group;
entity document;
entity agent;
action owner, viewer, shared, reader appliesTo { principal: user, resource: document };
action folders appliesTo { principal: user, resource: folder };
action member appliesTo { principal: user, resource: group };
";

const POLICIES: &str = r#"
@id("owner") permit (principal, action == Action::"owner", resource) when { principal in resource.owner };
@id("viewer") permit (principal, action == Action::"viewer", resource) when { principal in resource.viewer };
@id("shared") permit (principal, action == Action::"shared", resource) when { principal in resource.shared };
@id("reader") permit (principal, action == Action::"reader", resource) when { principal in resource.reader };
@id("folders") permit (principal, action == Action::"folders", resource) when { principal in resource.viewer };
@id("member") permit (principal, action == Action::"member", resource) when { principal in resource.member };
"#;

fn main() {
    for world in Folders::sizes("100000") {
        let stores = Arc::new(support::bench::filled::open(open_memory().unwrap()));
        support::bench::filled::fill(&stores, world);
        let folder = tempfile::tempdir().unwrap();
        write_bundle(folder.path());
        // The bundle's change is noted once: loading it in the second engine changes nothing.
        let [evaluated, kept] =
            [None, Some(CACHE_BYTES)].map(|cache| Asked::new(&stores, folder.path(), cache));

        println!(
            "\n{} tuples, {QUESTIONS} questions of each kind\n",
            world.size
        );
        println!(
            "| legs | rows of each, mean and most | evaluated | kept, at rest | kept, beside writes | lost per write, all by collision | by chance |"
        );
        println!("|---|---|---|---|---|---|---|");
        let many = [("in 100 folders", 100), ("in 2,000 folders", 2_000)]
            .map(|(name, count)| in_folders(&stores, name, count));
        for question in world.questions().into_iter().chain(many) {
            measure(&question, &stores, &evaluated, &kept);
        }
    }
}

fn write_bundle(dir: &Path) {
    support::engines::write(
        dir,
        &[
            ("schemas/kept.fga", MODEL),
            ("schemas/kept.cedarschema", SCHEMA),
            ("policies/kept.cedar", POLICIES),
        ],
    );
}

/// Returns a question about a document that is directly in `count` folders.
fn in_folders(stores: &Stores, name: &'static str, count: u32) -> Question {
    let parents =
        (0..count).map(|at| key(&format!("document:in{count}#parent@folder:some{at}")).into());
    stores
        .write(
            StoreId::MAIN,
            None,
            TupleBatch::of_writes(parents.collect()),
        )
        .unwrap();
    let asked = key(&format!("document:in{count}#viewer@user:nobody"));
    Question {
        name,
        first: asked.clone(),
        last: asked.clone(),
        lacks: asked,
    }
}

fn measure(question: &Question, stores: &Stores, evaluated: &Asked, kept: &Asked) {
    let keys: Vec<TupleKey> = (0..QUESTIONS)
        .map(|user| with_user(&question.lacks, user))
        .collect();
    let requests: Vec<Request> = keys.iter().map(request).collect();
    let expected: Vec<Decision> = requests
        .iter()
        .map(|request| evaluated.decide(request))
        .collect();
    let rows: Vec<u64> = keys.iter().map(|key| rows_read(stores, key)).collect();
    let most = *rows.iter().max().unwrap();
    assert!(
        most <= MAX_ROWS as u64,
        "{}: any write ends what rests on {most} rows",
        question.name
    );

    let uncached = evaluated.laps(&requests, &expected);
    // The first lap fills the cache.
    requests
        .iter()
        .zip(&expected)
        .for_each(|(request, expected)| assert_eq!(kept.decide(request), *expected));
    let before = kept.misses();
    let at_rest = kept.laps(&requests, &expected);
    assert_eq!(
        kept.misses().lost - before.lost,
        0,
        "{}: a leg is lost although nothing is written",
        question.name
    );

    let (beside, writes) = beside_writes(stores, || kept.laps(&requests, &expected));
    let after = kept.misses();
    let (lost, collisions) = (
        after.lost - before.lost,
        after.collisions - before.collisions,
    );
    assert_eq!(
        lost, collisions,
        "{}: a write ended a leg that it does not touch",
        question.name
    );
    println!(
        "| {} | {}, {} | {} µs | {} µs | {} µs | {} | {} |",
        question.name,
        shown(float(rows.iter().sum::<u64>()) / f64::from(QUESTIONS)),
        shown(float(most)),
        shown(uncached),
        shown(at_rest),
        shown(beside),
        shown(float(lost) / f64::from(writes)),
        shown(float(rows.iter().sum::<u64>() * ROWS_PER_WRITE) / STRIPES),
    );
}

/// An engine and its metrics.
struct Asked {
    engine: Engine,
    metrics: Arc<Metrics>,
}

/// The number of cached legs that had to be evaluated again.
struct Misses {
    lost: u64,
    collisions: u64,
}

impl Asked {
    fn new(stores: &Arc<Stores>, bundle: &Path, cache: Option<usize>) -> Self {
        let metrics = Arc::<Metrics>::default();
        let engine = Engine::new(
            Arc::new(SystemClock),
            Arc::clone(&metrics),
            Recorder::default(),
        );
        let engine = engine.with_stores(Arc::clone(stores));
        let engine = match cache {
            Some(bytes) => engine.with_cache(bytes),
            None => engine,
        };
        engine
            .load(&BundleSource::Dir(bundle.to_owned()))
            .expect("the bundle loads");
        Self { engine, metrics }
    }

    fn decide(&self, request: &Request) -> Decision {
        self.engine
            .decide(&support::engines::ask(AnswerDepth::Lean), request)
            .expect("an answer")
            .decision
    }

    /// Asks the questions repeatedly; returns the processor time of one decision, in microseconds.
    fn laps(&self, requests: &[Request], expected: &[Decision]) -> f64 {
        let (begun, cpu, mut decisions) = (Instant::now(), thread_time(), 0_u32);
        while begun.elapsed() < TIME {
            for (request, expected) in requests.iter().zip(expected) {
                assert_eq!(self.decide(request), *expected, "{request:?}");
                decisions += 1;
            }
        }
        thread_time().saturating_sub(cpu).as_secs_f64() * 1e6 / f64::from(decisions)
    }

    fn misses(&self) -> Misses {
        let text = self.metrics.encode(0);
        let count = |name: &str| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("no {name} in {text}"))
                .parse()
                .unwrap()
        };
        assert_eq!(
            count("behest_cache_evictions_total"),
            0,
            "the cache is too small for the questions"
        );
        Misses {
            lost: count("behest_cache_misses_total{cause=\"stale\"}"),
            collisions: count("behest_cache_stripe_collisions_total"),
        }
    }
}

/// Returns the same question about another user.
fn with_user(question: &TupleKey, user: u32) -> TupleKey {
    key(&format!(
        "{}#{}@user:u{user}",
        question.object, question.relation
    ))
}

fn request(key: &TupleKey) -> Request {
    let action = if key.object.kind() == "folder" {
        "folders"
    } else {
        key.relation.as_str()
    };
    let user = key.user.to_string();
    support::values::request(&json!({
        "subject": {"type": "user", "id": user.strip_prefix("user:").unwrap()},
        "action": {"name": action},
        "resource": {"type": key.object.kind(), "id": key.object.id()},
    }))
}

fn rows_read(stores: &Stores, key: &TupleKey) -> u64 {
    let (context, version) = (Record::new(), stores.main());
    let terms = ReaderTerms {
        trace: true,
        ..ReaderTerms::new(&context)
    };
    let mut reader = RelationReader::new(version.graph(), version.rules().unwrap(), terms).unwrap();
    reader.check(key).unwrap();
    reader.rows_read().iter().collect::<HashSet<_>>().len() as u64
}

/// Runs `work` while tuples on which no question depends are written and deleted. Returns the
/// result and the number of writes.
fn beside_writes<T>(stores: &Stores, work: impl FnOnce() -> T) -> (T, u32) {
    let (is_over, writes) = (AtomicBool::new(false), AtomicU32::new(0));
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Relaxed) {
                let number = writes.fetch_add(2, Relaxed);
                let key = key(&format!("document:new{number}#blocked@user:new{number}"));
                for batch in [
                    TupleBatch::of_writes(vec![key.clone().into()]),
                    TupleBatch::of_deletes(vec![key]),
                ] {
                    std::thread::sleep(PAUSE);
                    stores.write(StoreId::MAIN, None, batch).unwrap();
                }
            }
        });
        let done = work();
        is_over.store(true, Relaxed);
        done
    });
    (done, writes.into_inner())
}
