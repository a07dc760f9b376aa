//! `options.at_least`: a decision that has seen what its caller knows to be written.

use crate::{EVALUATION, EVALUATIONS, error};
use behest::bundle::BundleSource;
use behest::clock::FixedClock;
use behest::engine::Engine;
use behest::evidence::Signer;
use behest::http::{HttpLimits, Server, Settings};
use behest::model::{Revision, TupleKey};
use behest::record::Recorder;
use behest::storage::{DEFAULT_CACHE_BYTES, StoreId, open_redb};
use behest::stores::{Stores, TupleBatch, TupleStore, open_memory};
use behest::telemetry::Metrics;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use support::service::{NOW_MS, Reply, local, post, send};

/// As long as a test waits for something to stay as it is.
const A_MOMENT: Duration = Duration::from_millis(50);

/// A service with relations, and the bundle in which a viewer may read.
struct Fixture {
    server: Server,
    stores: Arc<Stores>,
}

impl Fixture {
    fn new(limits: HttpLimits) -> Self {
        Self::on(open_memory().unwrap(), limits)
    }

    fn on(store: Arc<dyn TupleStore>, limits: HttpLimits) -> Self {
        let clock = Arc::new(FixedClock::at(NOW_MS));
        let metrics = Arc::new(Metrics::default());
        let stores = Arc::new(Stores::open(store, clock.clone()).unwrap());
        let engine = Engine::new(clock.clone(), metrics.clone(), Recorder::default())
            .with_stores(stores.clone());
        let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bundles/relations");
        assert!(engine.load(&BundleSource::Dir(bundle.into())).is_ok());
        let signer = Signer::in_memory().unwrap();
        let settings = Settings { limits, ..local() };
        Self {
            server: Server::new(settings, Arc::new(engine), metrics, clock, &signer).unwrap(),
            stores,
        }
    }

    fn newest(&self) -> Revision {
        *self.stores.published().borrow()
    }

    /// Lets dave view the document, in the next revision.
    fn grant(&self) -> Revision {
        let tuple: TupleKey = "doc:d7#viewer@user:dave".parse().unwrap();
        self.stores
            .write(
                StoreId::MAIN,
                None,
                TupleBatch::of_writes(vec![tuple.into()]),
            )
            .unwrap()
            .revision
    }

    async fn ask(&self, at_least: impl Into<Value>) -> Reply {
        send(
            &self.server,
            post(EVALUATION, question(at_least).to_string()),
        )
        .await
    }
}

/// May dave view the document?
fn question(at_least: impl Into<Value>) -> Value {
    json!({
        "subject": {"type": "user", "id": "dave"}, "action": {"name": "read"},
        "resource": {"type": "doc", "id": "d7"}, "options": {"at_least": at_least.into()},
    })
}

fn next(revision: Revision) -> u64 {
    revision.0 + 1
}

#[actix_web::test]
async fn what_was_acknowledged_is_there() {
    let fixture = Fixture::new(HttpLimits::default());
    let newest = fixture.newest();
    for at_least in [
        json!(0),
        json!(newest.0),
        json!(null),
        serde_json::from_str(&format!("{}.0", newest.0)).unwrap(),
    ] {
        assert_eq!(
            fixture.ask(at_least.clone()).await.body,
            r#"{"decision":false}"#,
            "{at_least}"
        );
    }
    let written = fixture.grant();
    let reply = fixture.ask(written.0).await;
    assert_eq!(reply.body, r#"{"decision":true}"#);
    assert_eq!(
        reply.header("behest-revision"),
        Some(written.to_string().as_str())
    );
    // Another store's change has a revision too, and takes nothing away from what `main` shows.
    fixture.stores.create("documents").unwrap();
    assert_eq!(
        fixture.ask(next(written)).await.body,
        r#"{"decision":true}"#
    );
}

#[actix_web::test]
async fn a_decision_waits_for_what_is_written_meanwhile() {
    let fixture = Fixture::new(HttpLimits::default());
    let ahead = next(fixture.newest());
    let mut one = std::pin::pin!(fixture.ask(ahead));
    let batch = json!({"evaluations": [question(0), {}], "options": {"at_least": ahead}});
    let body = json!({"subject": question(0)["subject"], "action": {"name": "read"}, "resource": question(0)["resource"],
        "evaluations": batch["evaluations"], "options": batch["options"]});
    let mut many = std::pin::pin!(send(&fixture.server, post(EVALUATIONS, body.to_string())));
    tokio::select! {
        early = &mut one => panic!("{early:?}"),
        early = &mut many => panic!("{early:?}"),
        // Nobody else waits with them: they hold no thread, and this is the only one.
        reply = async {
            actix_web::rt::time::sleep(A_MOMENT).await;
            fixture.ask(0).await
        } => assert_eq!(reply.body, r#"{"decision":false}"#),
    }
    assert_eq!(fixture.grant().0, ahead);
    assert_eq!(one.await.body, r#"{"decision":true}"#);
    assert_eq!(
        many.await.body,
        r#"{"evaluations":[{"decision":true},{"decision":true}]}"#
    );
}

#[actix_web::test]
async fn a_search_waits_too() {
    let fixture = Fixture::new(HttpLimits::default());
    let ahead = next(fixture.newest());
    let mut body = question(ahead);
    body["resource"] = json!({"type": "doc"});
    let mut search = std::pin::pin!(send(
        &fixture.server,
        post("/access/v1/search/resource", body.to_string())
    ));
    tokio::select! {
        early = &mut search => panic!("{early:?}"),
        () = actix_web::rt::time::sleep(A_MOMENT) => {}
    }
    assert_eq!(fixture.grant().0, ahead);
    assert_eq!(
        search.await.json()["results"],
        json!([{"type": "doc", "id": "d7"}])
    );
}

#[actix_web::test]
async fn a_revision_that_never_comes_is_an_error_after_the_time_for_it() {
    let fixture = Fixture::new(HttpLimits {
        at_least_time: Duration::from_millis(10),
        ..HttpLimits::default()
    });
    let newest = fixture.newest();
    for at_least in [next(newest), i64::MAX as u64] {
        let reply = fixture.ask(at_least).await;
        assert_eq!(
            error(&reply),
            format!(
                "503 revision_not_reached: revision {at_least} has not come within 0.01 seconds, the newest is {newest}: \
                 ask again later, or without `options.at_least`"
            )
        );
        assert_eq!(reply.header("retry-after"), Some("1"));
        assert_eq!(reply.json()["error"]["member"], "options.at_least");
    }
    for (at_least, problem) in [
        (
            json!(-1),
            "must be a revision, which is a whole number from 0, not `-1`",
        ),
        (
            json!(1.5),
            "must be a revision, which is a whole number from 0, not `1.5`",
        ),
        (
            json!(u64::MAX),
            "must be a revision, which is a whole number from 0, not `18446744073709551615`",
        ),
        (json!("1"), "must be a number, not a string"),
        (json!([]), "must be a number, not an array"),
    ] {
        assert_eq!(
            error(&fixture.ask(at_least).await),
            format!("400 malformed: `options.at_least` {problem}")
        );
    }
}

#[actix_web::test]
async fn few_wait_at_once() {
    let fixture = Fixture::new(HttpLimits {
        waiting: 1,
        ..HttpLimits::default()
    });
    let ahead = next(fixture.newest());
    let told = "503 revision_not_reached: too many requests wait for a revision that has not come: ask again later, or \
                without `options.at_least`";
    {
        let mut first = std::pin::pin!(fixture.ask(ahead));
        tokio::select! {
            early = &mut first => panic!("{early:?}"),
            () = actix_web::rt::time::sleep(A_MOMENT) => {}
        }
        let second = fixture.ask(ahead).await;
        assert_eq!(
            (error(&second).as_str(), second.header("retry-after")),
            (told, Some("1"))
        );
        // What is there needs no place among those who wait.
        assert_eq!(fixture.ask(ahead - 1).await.status, 200);
    }
    // A client that went away makes room.
    let third = fixture.ask(ahead);
    let (third, _) = tokio::join!(third, async {
        actix_web::rt::time::sleep(A_MOMENT).await;
        fixture.grant()
    });
    assert_eq!(third.body, r#"{"decision":true}"#);
}

#[actix_web::test]
async fn a_revision_stays_reached_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        Fixture::on(
            open_redb(dir.path(), DEFAULT_CACHE_BYTES).unwrap(),
            HttpLimits::default(),
        )
    };
    let written = open().grant();
    let again = open();
    assert_eq!(again.newest(), written);
    assert_eq!(again.ask(written.0).await.body, r#"{"decision":true}"#);
}

#[actix_web::test]
async fn without_relations_no_revision_comes() {
    let server = crate::deciding(local());
    let ask =
        async |at_least: u64| send(&server, post(EVALUATION, question(at_least).to_string())).await;
    assert_eq!(ask(0).await.status, 200);
    assert!(error(&ask(1).await).starts_with("503 revision_not_reached: revision 1 has not come"));
}
