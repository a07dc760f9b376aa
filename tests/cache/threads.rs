//! Writers and readers at once: every answer is the one of the revision that it names, and none is
//! older than a write that was acknowledged before its request began.

use crate::pair::Service;
use crate::world::NOON;
use behest::clock::FixedClock;
use behest::model::{Decision, Tuple, TupleKey};
use behest::storage::TupleBatch;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const SCHEMA: &str =
    "entity user, agent, doc;\naction read appliesTo { principal: [user, agent], resource: doc };";

const MODEL: &str =
    "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n";

const POLICIES: &str =
    "@id(\"viewer\") permit (principal, action, resource) when { principal in resource.viewer };";

/// Writes, each to the one row that the question is about, and many more beside: a cache that is
/// told of a write too late is wrong for as long as it takes to tell it.
const ROUNDS: u64 = 150;
const BESIDE: usize = 400;

const READERS: usize = 2;

fn service() -> Service {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("policies/p.cedar", POLICIES),
        ("schemas/s.cedarschema", SCHEMA),
        ("schemas/m.fga", MODEL),
    ];
    support::engines::write(folder.path(), &files);
    let service = Service::new(&Arc::new(FixedClock::at(NOON)), true, None);
    service.load(folder.path());
    service
}

fn question() -> Json {
    json!({"subject": {"type": "user", "id": "u"}, "action": {"name": "read"}, "resource": {"type": "doc", "id": "d"}})
}

/// The one tuple of interest comes last.
fn batch(round: u64) -> TupleBatch {
    let keys = (0..BESIDE)
        .map(|at| format!("doc:beside{at}#viewer@user:u{at}"))
        .chain(["doc:d#viewer@user:u".to_owned()]);
    let keys: Vec<TupleKey> = keys.map(|key| key.parse().unwrap()).collect();
    if round.is_multiple_of(2) {
        TupleBatch {
            writes: keys.into_iter().map(Tuple::from).collect(),
            ..TupleBatch::default()
        }
    } else {
        TupleBatch {
            deletes: keys,
            ..TupleBatch::default()
        }
    }
}

#[test]
fn every_answer_is_the_one_of_its_revision_and_none_is_older_than_an_acknowledged_write() {
    let service = service();
    let first = service.ask(&question()).revision.0;
    let (acknowledged, done) = (AtomicU64::new(first), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    let least = acknowledged.load(Ordering::Acquire);
                    let answer = service.ask(&question());
                    let revision = answer.revision.0;
                    assert!(revision >= least, "{revision} after {least}");
                    // One round is one revision, and every second one leaves the tuple there.
                    let expected = if (revision - first) % 2 == 1 {
                        Decision::Permit
                    } else {
                        Decision::Deny
                    };
                    assert_eq!(answer.decision, expected, "at revision {revision}");
                }
            });
        }
        for round in 0..ROUNDS {
            let revision = service.write(batch(round)).unwrap().0;
            assert_eq!(revision, first + round + 1);
            acknowledged.store(revision, Ordering::Release);
        }
        done.store(true, Ordering::Release);
    });
    assert!(service.count("behest_cache_hits_total") > 0 && service.recalled() > 0);
    assert!(service.count("behest_cache_misses_total{cause=\"stale\"}") > 0);
}
