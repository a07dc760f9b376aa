//! Measures searches among 10^4, 10^5 and 10^6 tuples: the first page of 50, and the cost of each
//! result of a whole list, for users who may see 10 documents, 1,000, and all of them.
//!
//! There is a document for each tuple, and all but ten are in one of the folders. `few` is a viewer
//! of ten documents, `some` of a folder with 1,000, and `all` is in the group that views every
//! folder.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark's helper may end it"
)]

use behest::bundle::BundleSource;
use behest::clock::{Clock, SystemClock};
use behest::engine::{Ask, Engine, Sealer, SearchLimits, SearchPage};
use behest::model::{
    AnswerDepth, Arguments, PageRequest, Record, SearchKind, SearchRequest, Tuple, TupleKey, Value,
};
use behest::record::Recorder;
use behest::storage::{StoreId, TupleBatch, open_memory};
use behest::stores::Stores;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// The program's allocator, so that the cost of memory that one thread allocates and another frees
/// is measured as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SCHEMA: &str =
    "entity user; entity doc; action read appliesTo { principal: user, resource: doc };";

const MODEL: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user]
type folder
  relations
    define viewer: [user, group#member]
type doc
  relations
    define parent: [folder]
    define viewer: [user] or viewer from parent
";

const POLICY: &str =
    "@id(\"viewer\") permit (principal, action, resource) when { principal in resource.viewer };";

/// The number of documents in a folder.
const FOLDER: usize = 1_000;

/// The number of results on a page.
const PAGE: u64 = 50;

fn key(text: &str) -> Tuple {
    Tuple::from(text.parse::<TupleKey>().expect("a tuple"))
}

fn world(documents: usize) -> Engine {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in [
        ("schemas/s.cedarschema", SCHEMA),
        ("schemas/m.fga", MODEL),
        ("policies/p.cedar", POLICY),
    ] {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let stores =
        Arc::new(Stores::open(open_memory().expect("memory"), clock.clone()).expect("a store"));
    let limits = SearchLimits {
        time: Duration::from_mins(1),
        ..SearchLimits::default()
    };
    let sealer = Sealer::random(Duration::from_hours(1)).expect("a key");
    let engine = Engine::new(clock, Arc::default(), Recorder::default())
        .with_quiet(Duration::from_millis(1))
        .with_stores(stores.clone())
        .with_search(limits, sealer);
    assert!(
        engine
            .load(&BundleSource::Dir(folder.path().to_owned()))
            .is_ok(),
        "the bundle does not load"
    );
    let in_folder = |at: usize| key(&format!("doc:d{at}#parent@folder:f{}", at / FOLDER));
    let mut tuples: Vec<Tuple> = (0..documents).map(in_folder).collect();
    tuples.extend(
        (0..=documents / FOLDER).map(|at| key(&format!("folder:f{at}#viewer@group:staff#member"))),
    );
    tuples.extend((0..10).map(|at| key(&format!("doc:own{at}#viewer@user:few"))));
    tuples.extend(["folder:f1#viewer@user:some", "group:staff#member@user:all"].map(key));
    for part in tuples.chunks(10_000) {
        let batch = TupleBatch {
            writes: part.to_vec(),
            ..TupleBatch::default()
        };
        assert!(
            stores.write(StoreId::MAIN, None, batch).is_ok(),
            "the tuples cannot be written"
        );
    }
    engine
}

fn record<const N: usize>(members: [(&str, Value); N]) -> Record {
    members
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect()
}

fn search(user: &str) -> SearchRequest {
    let body = record([
        (
            "subject",
            record([("type", "user".into()), ("id", user.into())]).into(),
        ),
        ("action", record([("name", "read".into())]).into()),
        ("resource", record([("type", "doc".into())]).into()),
    ]);
    SearchRequest::from_body(SearchKind::Resource, &body).expect("a search")
}

fn page(engine: &Engine, search: &SearchRequest, token: Option<&str>) -> SearchPage {
    let ask = Ask {
        caller: "bench",
        request_id: None,
        trace_id: None,
        require_actor: false,
        depth: AnswerDepth::Lean,
        arguments: Arguments::Known,
        evidence: None,
    };
    let request = PageRequest {
        token: token.map(Into::into),
        limit: Some(PAGE),
    };
    match engine.search(&ask, search, &request) {
        Ok(page) => page,
        Err(refusal) => panic!("{refusal:?}"),
    }
}

/// Reads the pages of a list, at most `pages` of them; returns the number of results.
fn walk(engine: &Engine, search: &SearchRequest, pages: usize) -> u64 {
    let mut token = None;
    let mut found = 0;
    for _ in 0..pages {
        let one = page(engine, search, token.as_deref());
        found += one.found.len() as u64;
        token = one.next;
        if token.is_none() {
            break;
        }
    }
    found
}

fn searches(criterion: &mut Criterion) {
    for documents in [10_000, 100_000, 1_000_000] {
        let engine = world(documents);
        for user in ["few", "some", "all"] {
            let search = search(user);
            let mut group = criterion.benchmark_group("search");
            group
                .sample_size(10)
                .measurement_time(Duration::from_secs(3));
            let name = format!("{user} of {documents}");
            group.bench_function(BenchmarkId::new("first page", &name), |bencher| {
                bencher.iter(|| black_box(page(&engine, &search, None)));
            });
            // The list of the user who may see everything is cut after 20 pages.
            let pages = if user == "all" { 20 } else { usize::MAX };
            group.throughput(Throughput::Elements(walk(&engine, &search, pages)));
            group.bench_function(BenchmarkId::new("each result", &name), |bencher| {
                bencher.iter(|| black_box(walk(&engine, &search, pages)));
            });
            group.finish();
        }
    }
}

criterion_group!(benches, searches);
criterion_main!(benches);
