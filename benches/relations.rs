//! The relation engine at 10^4, 10^5, 10^6 tuples.
//!
//! `BEHEST_TUPLES=10000,1000000 cargo bench --bench relations` chooses the sizes; the default is 10^4 and 10^5. The world
//! is seeded: folders five deep, groups three deep, documents with an owner and a folder, as in the harness's W3; beside
//! it stand groups in circles, a chain of groups, and a document shared with every group. What a tuple costs in memory is
//! printed once per size.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on has failed, and prints what it found"
)]

use behest::model::{Record, Revision, Tuple, TupleKey};
use behest::relations::model::{AuthorizationModel, ModelFile, read_dsl};
use behest::relations::{Graph, MAX_RESULTS, Reader, Rules, Terms};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const MODEL: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type team
  relations
    define member: [user]
type folder
  relations
    define parent: [folder]
    define viewer: [user, group#member] or viewer from parent
type document
  relations
    define parent: [folder]
    define owner: [user]
    define blocked: [user]
    define shared: [team#member]
    define viewer: [user, group#member] or owner or viewer from parent
    define reader: viewer but not blocked
";

/// Leaf groups, teams, and groups of each special shape.
const GROUPS: u32 = 1_000;

/// Groups that contain one another in circles.
const CIRCLE: u32 = 30;

/// Groups in a chain: as deep as a check goes.
const CHAIN: u32 = 25;

fn sizes() -> Vec<u32> {
    let wanted = std::env::var("BEHEST_TUPLES").unwrap_or_else(|_| "10000,100000".to_owned());
    wanted.split(',').map(|size| size.trim().parse().unwrap()).collect()
}

/// Spreads numbers evenly and always alike.
fn scattered(n: u32, below: u32) -> u32 {
    let mixed = u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    u32::try_from(mixed % u64::from(below)).unwrap()
}

fn texts(size: u32) -> Vec<String> {
    let users = (size / 10).max(100);
    let folders = (size / 100).clamp(100, 11_000);
    let mut texts = Vec::with_capacity(usize::try_from(size).unwrap());
    for group in 0..GROUPS {
        texts.push(format!("group:mid{}#member@group:leaf{group}#member", group / 10));
        texts.push(format!("document:wide#shared@team:{group}#member"));
    }
    texts.extend((0..GROUPS / 10).map(|mid| format!("group:top{}#member@group:mid{mid}#member", mid / 10)));
    for from in 0..CIRCLE {
        let others = (0..CIRCLE).filter(|to| *to != from);
        texts.extend(others.map(|to| format!("group:round{from}#member@group:round{to}#member")));
    }
    texts.extend((0..CHAIN).map(|at| format!("group:chain{at}#member@group:chain{}#member", at + 1)));
    texts.push(format!("group:chain{CHAIN}#member@user:u1"));
    for user in 0..users {
        texts.push(format!("group:leaf{}#member@user:u{user}", scattered(user, GROUPS)));
        texts.push(format!("team:{}#member@user:u{user}", scattered(user, GROUPS)));
    }
    for folder in 1..folders {
        texts.push(format!("folder:f{folder}#parent@folder:f{}", folder / 10));
        texts.push(format!("folder:f{folder}#viewer@group:leaf{}#member", scattered(folder, GROUPS)));
    }
    texts.push("folder:f1#viewer@group:top1#member".to_owned());
    let mut document = 0;
    while texts.len() < usize::try_from(size).unwrap() {
        texts.push(format!("document:d{document}#parent@folder:f{}", scattered(document, folders)));
        texts.push(format!("document:d{document}#owner@user:u{}", scattered(document, users)));
        document += 1;
    }
    texts
}

fn tuples(texts: &[String]) -> Vec<Tuple> {
    texts.iter().map(|text| text.parse::<TupleKey>().unwrap().into()).collect()
}

/// Resident memory of this process in bytes; 0 where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4_096
}

fn relations(c: &mut Criterion) {
    let source = read_dsl(ModelFile { name: "model.fga", text: MODEL }).unwrap();
    let model = AuthorizationModel::of_source(source).unwrap();
    for size in sizes() {
        let texts = texts(size);
        let before = resident();
        let graph =
            Graph::load(texts.iter().map(|text| text.parse::<TupleKey>().unwrap().into()), Revision(1)).unwrap();
        let bytes = resident().saturating_sub(before);
        println!("{size} tuples: {} objects, {} bytes per tuple", graph.objects_len(), bytes / u64::from(size));
        let rules = Rules::compile(&model, &graph).unwrap();
        checks(c, size, &graph, &rules);
        lists(c, size, &graph, &rules);
        writes(c, size, &graph, &texts);
    }
}

fn checks(c: &mut Criterion, size: u32, graph: &Graph, rules: &Rules) {
    let mut group = c.benchmark_group(format!("check/{size}"));
    for (name, key) in [
        ("direct", "document:d7#owner@user:u".to_owned() + &scattered(7, (size / 10).max(100)).to_string()),
        ("direct denied", "document:d7#owner@user:nobody".to_owned()),
        ("deep", "group:chain0#member@user:u1".to_owned()),
        ("folders denied", "document:d7#viewer@user:nobody".to_owned()),
        ("top group", "folder:f1#viewer@user:u3".to_owned()),
        ("top group denied", "folder:f1#viewer@user:nobody".to_owned()),
        ("wide", "document:wide#shared@user:u3".to_owned()),
        ("wide denied", "document:wide#shared@user:nobody".to_owned()),
        ("circles denied", "group:round0#member@user:nobody".to_owned()),
        ("difference", "document:d7#reader@user:u".to_owned() + &scattered(7, (size / 10).max(100)).to_string()),
        ("nothing in the model", "document:d7#owner@group:g".to_owned()),
    ] {
        let key: TupleKey = key.parse().unwrap();
        let context = Record::new();
        group.bench_function(name, |b| {
            b.iter(|| Reader::new(graph, rules, Terms::new(&context)).unwrap().check(black_box(&key)).unwrap());
        });
    }
    group.finish();
}

fn lists(c: &mut Criterion, size: u32, graph: &Graph, rules: &Rules) {
    let mut group = c.benchmark_group(format!("list/{size}"));
    let (user, context) = ("user:u3".parse().unwrap(), Record::new());
    for (name, relation) in [("owned", "owner"), ("viewed", "viewer"), ("confirmed", "reader")] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut reader = Reader::new(graph, rules, Terms::new(&context)).unwrap();
                reader.list_objects(black_box(&user), relation, "document", MAX_RESULTS).unwrap()
            });
        });
    }
    group.finish();
}

fn writes(c: &mut Criterion, size: u32, graph: &Graph, texts: &[String]) {
    let mut group = c.benchmark_group(format!("write/{size}"));
    group.sample_size(10);
    let new: Vec<Tuple> = tuples(&(0..100).map(|at| format!("document:new{at}#owner@user:u{at}")).collect::<Vec<_>>());
    group.bench_function("one tuple", |b| {
        b.iter(|| graph.apply(&[], black_box(new.get(..1).unwrap()), Revision(2)).unwrap());
    });
    group.bench_function("a batch of 100", |b| b.iter(|| graph.apply(&[], black_box(&new), Revision(2)).unwrap()));
    let all = tuples(texts);
    group.bench_function("all at once", |b| {
        b.iter_batched(|| all.clone(), |all| Graph::load(all, Revision(1)).unwrap(), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, relations);
criterion_main!(benches);
