//! Reloading: a bad bundle never replaces a good one, half a checkout is waited for, and no answer
//! sees two bundles.

use behest::bundle::{BundleKeeper, BundleSource, KEPT_BUNDLE_FILE};
use behest::clock::SystemClock;
use behest::engine::{Engine, ItemAnswer, Semantic};
use behest::model::{AnswerDepth, Decision, Digest, Timestamp, TupleKey};
use behest::storage::{StoreId, TupleBatch, open_redb};
use behest::stores::Stores;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::engines;
use support::values;

const SCHEMA: &str =
    "entity user, doc;\naction read appliesTo { principal: user, resource: doc };\n";

/// A bundle that permits one document and has a case that says so.
fn bundle(doc: &str) -> [(String, String); 3] {
    let case = format!(
        "cases:\n  - {{ name: reads, who: \"user:alice\", does: read, to: \"doc:{doc}\", expect: permit }}\n"
    );
    [
        ("schemas/s.cedarschema".to_owned(), SCHEMA.to_owned()),
        (
            "policies/p.cedar".to_owned(),
            format!("@id(\"only\") permit (principal, action, resource == doc::\"{doc}\");\n"),
        ),
        ("policies/cases.yaml".to_owned(), case),
    ]
}

fn write(root: &Path, files: &[(String, String)]) {
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    engines::write(root, &files);
}

fn ask_for(doc: &str) -> serde_json::Value {
    json!({"subject": {"type": "user", "id": "alice"}, "action": {"name": "read"}, "resource": {"type": "doc", "id": doc}})
}

/// What each bundle decides about the two documents, by digest, and what was seen.
type Seen = Mutex<BTreeSet<(Digest, Vec<Decision>)>>;

#[test]
fn two_hundred_reloads_under_load_lose_nothing_and_mix_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (name, files) in [("a", bundle("a")), ("b", bundle("b"))] {
        write(&folder.path().join(name), &files);
    }
    let mut broken = bundle("a");
    broken[1]
        .1
        .push_str("@id(\"only\") forbid (principal, action, resource);\n");
    write(&folder.path().join("broken"), &broken);
    let mut failing = bundle("a");
    failing[2].1 = failing[2].1.replace("doc:a", "doc:b");
    write(&folder.path().join("failing"), &failing);

    let engine = Arc::new(engines::empty());
    let dir = |name: &str| BundleSource::Dir(folder.path().join(name));
    engine.load(&dir("a")).expect("it loads");
    let (stop, asked, seen) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(Seen::default()),
    );
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let (engine, stop, asked, seen) =
                (engine.clone(), stop.clone(), asked.clone(), seen.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    seen.lock().unwrap().insert(batch(&engine));
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut refused = 0;
    for round in 0..200 {
        let name = ["b", "broken", "a", "failing"][round % 4];
        refused += usize::from(engine.load(&dir(name)).is_err());
    }
    stop.store(true, Ordering::Relaxed);
    workers
        .into_iter()
        .for_each(|worker| worker.join().expect("no worker panics"));
    assert_eq!(refused, 100);
    assert!(
        asked.load(Ordering::Relaxed) > 200,
        "the load was no load: {asked:?}"
    );
    let seen = seen.lock().unwrap();
    let digests: BTreeSet<Digest> = seen.iter().map(|(digest, _)| *digest).collect();
    assert_eq!(
        seen.len(),
        2,
        "each bundle decides in its own way only: {seen:?}"
    );
    assert_eq!(digests.len(), 2);
    assert!(
        seen.iter()
            .all(|(_, decisions)| decisions[0] != decisions[1]),
        "{seen:?}"
    );
}

/// One batch about both documents, explained: every item and its tree must be of one bundle.
fn batch(engine: &Engine) -> (Digest, Vec<Decision>) {
    let items = [ask_for("a"), ask_for("b")].map(|body| Ok(values::request(&body)));
    let ask = engines::ask(AnswerDepth::Explain);
    let answers = engine
        .decide_batch(&ask, items, Semantic::ExecuteAll, Duration::MAX)
        .expect("a bundle");
    let mut digests = BTreeSet::new();
    let mut decisions = Vec::new();
    for answer in answers {
        let ItemAnswer::Decided(answer) = answer.expect("an answer") else {
            panic!("every item is well-formed")
        };
        digests.insert(answer.bundle);
        digests.insert(answer.explanation.expect("it was asked for").bundle);
        decisions.push(answer.decision);
    }
    assert_eq!(digests.len(), 1, "an answer mixes two bundles");
    (digests.into_iter().next().expect("one"), decisions)
}

#[test]
fn a_bad_bundle_leaves_the_good_one_and_the_status_says_so() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &bundle("a"));
    let engine = engines::empty();
    let source = BundleSource::Dir(folder.path().to_owned());
    let first = engine.load(&source).expect("it loads");
    assert!(first.changed);
    std::fs::write(
        folder.path().join("policies/forbid.ceder"),
        "forbid (principal, action, resource);",
    )
    .unwrap();
    let refused = engine.load(&source).expect_err("a stray ending is refused");
    assert!(
        refused.problems.to_string().contains("forbid.ceder"),
        "{}",
        refused.problems
    );
    let status = engine.status();
    assert_eq!(status.live.map(|(digest, _)| digest), Some(first.digest));
    assert!(status.last_failure.is_some());
    assert_eq!(
        engines::decide(&engine, &ask_for("a"), AnswerDepth::Lean).decision,
        Decision::Permit
    );
    std::fs::remove_file(folder.path().join("policies/forbid.ceder")).unwrap();
    let again = engine.load(&source).expect("it loads again");
    assert!(!again.changed);
    assert!(engine.status().last_failure.is_none());
}

#[test]
fn half_a_checkout_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    write(&root, &bundle("a"));
    let forbids: Vec<String> = (0..12)
        .map(|at| {
            format!("@id(\"no-{at}\") forbid (principal, action, resource == doc::\"{at}\");\n")
        })
        .collect();
    let writer = std::thread::spawn({
        let root = root.clone();
        move || {
            for (at, text) in forbids.iter().enumerate() {
                std::fs::write(root.join(format!("policies/forbid-{at}.cedar")), text).unwrap();
                std::thread::sleep(Duration::from_millis(30));
            }
        }
    });
    let engine = engines::empty().with_quiet(Duration::from_millis(150));
    let loaded = engine
        .load(&BundleSource::Dir(root))
        .expect("it loads once it is complete");
    writer.join().unwrap();
    assert!(
        loaded.summary.starts_with("13 policies"),
        "half of a checkout was taken: {}",
        loaded.summary
    );
}

#[test]
fn a_symbolic_link_is_resolved_once_and_may_be_moved() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("v1"), &bundle("a"));
    write(&folder.path().join("v2"), &bundle("b"));
    let current = folder.path().join("current");
    std::os::unix::fs::symlink("v1", &current).unwrap();
    let engine = engines::empty();
    let source = BundleSource::Dir(current.clone());
    engine.load(&source).expect("it loads");
    assert_eq!(
        engines::decide(&engine, &ask_for("b"), AnswerDepth::Lean).decision,
        Decision::Deny
    );
    std::os::unix::fs::symlink("v2", folder.path().join("next")).unwrap();
    std::fs::rename(folder.path().join("next"), &current).unwrap();
    assert!(engine.load(&source).expect("it loads").changed);
    assert_eq!(
        engines::decide(&engine, &ask_for("b"), AnswerDepth::Lean).decision,
        Decision::Permit
    );
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engines::empty();
    let report = |path: &Path| {
        engine
            .load(&BundleSource::Dir(path.to_owned()))
            .expect_err("refused")
            .problems
            .to_string()
    };
    assert!(report(&folder.path().join("absent")).contains("cannot read the bundle"));
    assert!(report(folder.path()).contains("holds neither"));
    write(folder.path(), &bundle("a"));
    std::os::unix::fs::symlink("/etc/hostname", folder.path().join("policies/out.cedar")).unwrap();
    assert!(report(folder.path()).contains("leads out of the bundle"));
    std::fs::remove_file(folder.path().join("policies/out.cedar")).unwrap();
    std::fs::write(folder.path().join("policies/latin.cedar"), b"// caf\xe9\n").unwrap();
    assert!(report(folder.path()).contains("is not UTF-8 text"));
}

/// An engine over a data directory that keeps its bundles, as a process that starts.
fn started(data: &Path) -> Engine {
    let store = open_redb(data, 4 << 20).unwrap();
    let stores = Stores::open(store, Arc::new(SystemClock)).unwrap();
    engines::empty()
        .with_stores(Arc::new(stores))
        .with_keeper(BundleKeeper::new(data))
}

fn permits(engine: &Engine, doc: &str) -> bool {
    let answer = engines::decide(engine, &ask_for(doc), AnswerDepth::Lean);
    answer.decision == Decision::Permit
}

#[test]
fn after_a_restart_the_last_good_bundle_decides_until_another_comes() {
    let folder = tempfile::tempdir().unwrap();
    let (data, root) = (folder.path().join("data"), folder.path().join("bundle"));
    let source = BundleSource::Dir(root.clone());
    write(&root, &bundle("a"));
    let engine = started(&data);
    assert!(engine.load_kept().unwrap().is_none(), "nothing is kept yet");
    engine.load(&source).unwrap();
    write(&root, &bundle("b"));
    let last = engine.load(&source).unwrap().digest;
    drop(engine);

    std::fs::write(root.join("policies/p.cedar"), "forbid (principal").unwrap();
    for missing in [false, true] {
        if missing {
            std::fs::remove_dir_all(&root).unwrap();
        }
        let engine = started(&data);
        let refused = engine.load(&source).unwrap_err().problems;
        let kept = engine.load_kept().unwrap().unwrap();
        assert_eq!((kept.digest, kept.changed), (last, true));
        assert!(permits(&engine, "b") && !permits(&engine, "a"));
        let status = engine.status();
        assert_eq!(
            status.last_failure.map(|failed| failed.problems),
            Some(refused)
        );
        assert!(status.kept.is_some());
        assert!(engine.load(&source).is_err());
        assert!(engine.status().kept.is_some());
        if missing {
            write(&root, &bundle("a"));
            let own = engine.load(&source).unwrap();
            assert!(own.changed && permits(&engine, "a"));
            let status = engine.status();
            assert!(status.kept.is_none() && status.last_failure.is_none());
        }
    }
    // The same bundle again takes the place of the kept one, although nothing changes.
    std::fs::rename(&root, folder.path().join("away")).unwrap();
    let engine = started(&data);
    engine.load(&source).unwrap_err();
    engine.load_kept().unwrap().unwrap();
    std::fs::rename(folder.path().join("away"), &root).unwrap();
    assert!(!engine.load(&source).unwrap().changed);
    assert!(engine.status().kept.is_none());
}

#[test]
fn a_kept_bundle_that_is_not_the_last_one_decides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (data, root) = (folder.path().join("data"), folder.path().join("bundle"));
    let source = BundleSource::Dir(root.clone());
    let kept = data.join(KEPT_BUNDLE_FILE);
    write(&root, &bundle("a"));
    let engine = started(&data);
    engine.load(&source).unwrap();
    let first = std::fs::read(&kept).unwrap();
    write(&root, &bundle("b"));
    engine.load(&source).unwrap();
    drop(engine);

    // As a process leaves it that ends between a load and the file.
    std::fs::write(&kept, first).unwrap();
    let engine = started(&data);
    let refused = engine.load_kept().unwrap_err().problems.to_string();
    assert!(
        refused.contains("is not the last one that decided"),
        "{refused}"
    );
    assert!(engine.snapshot().is_none());
    // Neither does one from before the default bundle, which is in the program.
    engine.load(&source).unwrap();
    assert!(kept.exists());
    engine.load(&BundleSource::Embedded).unwrap();
    assert!(!kept.exists());
}

#[test]
fn a_kept_bundle_is_checked_against_the_tuples_as_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let (data, root) = (folder.path().join("data"), folder.path().join("bundle"));
    let source = BundleSource::Dir(root.clone());
    let model =
        "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define reader: [user]\n";
    write(&root, &bundle("a"));
    write(&root, &[("schemas/m.fga".to_owned(), model.to_owned())]);
    let engine = started(&data);
    engine.load(&source).unwrap();
    drop(engine);
    let store = open_redb(&data, 4 << 20).unwrap();
    let tuple = "doc:a#writer@user:alice".parse::<TupleKey>().unwrap();
    let written = TupleBatch::of_writes(vec![tuple.into()]);
    store.apply(StoreId::MAIN, written, Timestamp(0)).unwrap();
    drop(store);
    std::fs::remove_dir_all(&root).unwrap();
    let engine = started(&data);
    engine.load(&source).unwrap_err();
    let refused = engine.load_kept().unwrap_err().problems.to_string();
    let told = "does not allow the tuple `doc:a#writer@user:alice`";
    assert!(refused.contains(told), "{refused}");
    assert!(engine.snapshot().is_none() && engine.status().kept.is_none());
}
