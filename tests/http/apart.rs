//! Decisions that take long are made apart from the worker, and answered as any other.

use crate::{EVALUATION, EVALUATIONS};
use behest::bundle::BundleSource;
use behest::clock::FixedClock;
use behest::engine::Engine;
use behest::evidence::Signer;
use behest::http::Server;
use behest::model::{Record, Tuple, TupleCondition};
use behest::record::Recorder;
use behest::storage::StoreId;
use behest::stores::{Stores, TupleBatch, open_memory};
use behest::telemetry::Metrics;
use serde_json::{Value, json};
use std::sync::Arc;
use support::service::{NOW_MS, local, post, send};
use support::two::send_two;

const SCHEMA: &str = "entity user, team, doc;
action read appliesTo { principal: user, resource: doc, context: { items?: Set<String>, more?: Set<String> } };";

const MODEL: &str = "model
  schema 1.1
type user
type team
  relations
    define member: [user, team#member]
type doc
  relations
    define viewer: [user, team#member with listed]
condition listed(items: list<string>) {
  items.size() > 3
}
";

const POLICY: &str =
    "@id(\"viewer\") permit (principal, action, resource) when { principal in resource.viewer };";

/// A document that 8,000 teams may view on a condition, and one that a user may.
struct Fixture {
    server: Server,
    metrics: Arc<Metrics>,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("schemas/s.cedarschema", SCHEMA),
            ("schemas/m.fga", MODEL),
            ("policies/p.cedar", POLICY),
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let clock = Arc::new(FixedClock::at(NOW_MS));
        let metrics = Arc::new(Metrics::default());
        let stores = Arc::new(Stores::open(open_memory().unwrap(), clock.clone()).unwrap());
        let engine = Engine::new(clock.clone(), metrics.clone(), Recorder::default())
            .with_stores(stores.clone());
        assert!(
            engine
                .load(&BundleSource::Dir(folder.path().to_owned()))
                .is_ok()
        );
        let tuple = |team: usize| {
            let condition = TupleCondition {
                name: "listed".into(),
                context: Record::new(),
            };
            let key = format!("doc:wide#viewer@team:{team}#member")
                .parse()
                .unwrap();
            Tuple {
                key,
                condition: Some(Arc::new(condition)),
            }
        };
        let mut tuples: Vec<Tuple> = (0..8_000).map(tuple).collect();
        for key in ["doc:plain#viewer@user:alice", "team:7999#member@user:bob"] {
            tuples.push(Tuple::from(key.parse::<behest::model::TupleKey>().unwrap()));
        }
        stores
            .write(StoreId::MAIN, None, TupleBatch::of_writes(tuples))
            .unwrap();
        let signer = Signer::in_memory().unwrap();
        let server =
            Server::new(local(), Arc::new(engine), metrics.clone(), clock, &signer).unwrap();
        Self {
            server,
            metrics,
            _folder: folder,
        }
    }

    async fn ask(&self, path: &str, body: &Value) -> (u16, Value) {
        let reply = send(&self.server, post(path, body.to_string())).await;
        (reply.status.as_u16(), reply.json())
    }

    fn decisions(&self) -> u64 {
        let text = self.metrics.encode(0);
        let lines = text
            .lines()
            .filter(|line| line.starts_with("behest_decisions_total{"));
        lines
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    }
}

fn question(who: &str, what: &str, items: usize) -> Value {
    let items: Vec<String> = (0..items).map(|at| format!("item-{at}")).collect();
    json!({"subject": {"type": "user", "id": who}, "action": {"name": "read"}, "resource": {"type": "doc", "id": what},
           "context": {"items": items}})
}

#[actix_web::test]
async fn a_decision_that_takes_long_delays_no_other() {
    let fixture = Fixture::new();
    let mut counted = 0;
    // Many tuples, and a body that is long by itself.
    for (who, what, items, expected) in [
        ("carol", "wide", 4, false),
        ("bob", "wide", 4, true),
        ("carol", "plain", 20_000, false),
    ] {
        let long = || post(EVALUATION, question(who, what, items).to_string());
        let short = || post(EVALUATION, question("alice", "plain", 0).to_string());
        let (long, short, attempts) = send_two(&fixture.server, long, short).await;
        assert_eq!(
            (long.status.as_u16(), long.json()),
            (200, json!({ "decision": expected })),
            "{who} {what}"
        );
        assert_eq!(
            (short.status.as_u16(), short.json()),
            (200, json!({ "decision": true }))
        );
        assert!(attempts.is_some(), "{who} {what}");
        counted += 2 * u64::try_from(attempts.unwrap_or_default()).unwrap();
    }
    assert_eq!(fixture.decisions(), counted, "each is counted once");
}

#[actix_web::test]
async fn one_large_item_among_small_ones_delays_no_other() {
    let fixture = Fixture::new();
    let mut items = vec![question("alice", "plain", 0); 40];
    items.insert(1, question("carol", "plain", 20_000));
    let long = || post(EVALUATIONS, json!({ "evaluations": items }).to_string());
    let short = || post(EVALUATION, question("alice", "plain", 0).to_string());
    let (long, short, attempts) = send_two(&fixture.server, long, short).await;
    assert_eq!(long.status.as_u16(), 200);
    assert_eq!(long.json()["evaluations"][1], json!({ "decision": false }));
    assert_eq!(
        (short.status.as_u16(), short.json()),
        (200, json!({ "decision": true }))
    );
    assert!(attempts.is_some());
}

#[actix_web::test]
async fn a_batch_goes_on_apart_where_it_begins_to_take_long() {
    let fixture = Fixture::new();
    let ask = |who, what| question(who, what, 4);
    let items = [
        ask("alice", "plain"),
        ask("carol", "wide"),
        ask("bob", "wide"),
        ask("carol", "plain"),
    ];
    let (status, body) = fixture
        .ask(EVALUATIONS, &json!({ "evaluations": items }))
        .await;
    assert_eq!(status, 200);
    let expected = [true, false, true, false].map(|decision| json!({ "decision": decision }));
    assert_eq!(body, json!({ "evaluations": expected }));
    assert_eq!(fixture.decisions(), 4);
    let (_, body) = fixture
        .ask(EVALUATIONS, &json!({ "evaluations": items, "options": {"evaluations_semantic": "deny_on_first_deny"} }))
        .await;
    assert_eq!(body, json!({ "evaluations": &expected[..2] }));
    assert_eq!(fixture.decisions(), 6);
}
