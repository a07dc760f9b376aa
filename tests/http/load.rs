//! Budgets: what one answer may take, what bodies may take together, and who may wait.

use crate::{EVALUATION, EVALUATIONS, deciding, error, question};
use behest::bundle::BundleSource;
use behest::clock::FixedClock;
use behest::engine::Engine;
use behest::evidence::{CallerScope, Signer};
use behest::http::{Caller, CallerCredential, HttpLimits, KeyHash, Permission, Server, Settings};
use behest::record::Recorder;
use behest::stores::{Stores, open_memory};
use behest::telemetry::Metrics;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use support::service::{NOW_MS, Reply, local, post, send};

/// As long as a test waits for something to stay as it is.
const A_MOMENT: Duration = Duration::from_millis(50);

#[actix_web::test]
async fn what_an_answer_has_no_room_for_is_left_out_and_named() {
    let limits = |answer_bytes| HttpLimits {
        answer_bytes,
        ..HttpLimits::default()
    };
    let ask = async |answer_bytes: usize, path, body: &Value| {
        let server = deciding(Settings {
            limits: limits(answer_bytes),
            ..local()
        });
        send(&server, post(path, body.to_string())).await
    };
    let mut one = question();
    one["subject"] = json!({"type": "user", "id": "nobody"});
    one["options"] = json!({"explain": true});
    let whole = ask(1 << 20, EVALUATION, &one).await.body.len();
    let cut = ask(whole - 1, EVALUATION, &one).await.json();
    assert_eq!(
        (&cut["decision"], &cut["context"]["omitted"]),
        (&json!(false), &json!(["explanation"]))
    );
    assert_eq!(cut["context"]["reason"]["principal"]["id"], "nobody");

    let mut many = one.clone();
    many["options"] = json!({"reason": true});
    many["evaluations"] = json!(vec![json!({}); 50]);
    let cut = ask(2_000, EVALUATIONS, &many).await;
    assert_eq!(cut.status, 200);
    let answers = cut.json()["evaluations"].as_array().unwrap().clone();
    assert_eq!(answers.len(), 50);
    assert!(
        answers
            .iter()
            .all(|answer| answer["decision"] == json!(false))
    );
    assert!(answers[0]["context"]["reason"].is_object());
    assert_eq!(answers[49]["context"], json!({"omitted": ["reason"]}));
}

#[actix_web::test]
async fn a_page_that_is_too_large_is_refused() {
    let limits = HttpLimits {
        answer_bytes: 100,
        ..HttpLimits::default()
    };
    let server = deciding(Settings { limits, ..local() });
    let search = json!({"subject": {"type": "user", "id": "alice"}, "action": {"name": "read"}, "resource": {"type": "document"}});
    let reply = send(
        &server,
        post("/access/v1/search/resource", search.to_string()),
    )
    .await;
    assert_eq!(
        error(&reply),
        "400 answer_too_large: the answer would take more than 100 bytes: ask for less, or without reasons"
    );
}

/// A service with relations and two callers.
struct Fixture(Server);

impl Fixture {
    fn new(limits: HttpLimits) -> Self {
        let clock = Arc::new(FixedClock::at(NOW_MS));
        let metrics = Arc::new(Metrics::default());
        let stores = Arc::new(Stores::open(open_memory().unwrap(), clock.clone()).unwrap());
        let engine =
            Engine::new(clock.clone(), metrics.clone(), Recorder::default()).with_stores(stores);
        let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bundles/relations");
        assert!(engine.load(&BundleSource::Dir(bundle.into())).is_ok());
        let caller = |name: &str| Caller {
            name: name.to_owned(),
            by: CallerCredential::key(KeyHash::of(name.as_bytes())),
            permissions: std::iter::once(Permission::Decide).collect(),
            require_actor: false,
            reasons: false,
            rate: None,
            credentials: CallerScope::default(),
        };
        let settings = Settings {
            limits,
            callers: vec![caller("one"), caller("other")],
            ..local()
        };
        Self(
            Server::new(
                settings,
                Arc::new(engine),
                metrics,
                clock,
                &Signer::in_memory().unwrap(),
            )
            .unwrap(),
        )
    }

    /// Asks for a revision that does not come, with so many numbers in the context.
    async fn ask(&self, caller: &str, numbers: usize) -> Reply {
        let body = json!({
            "subject": {"type": "user", "id": "dave"}, "action": {"name": "read"},
            "resource": {"type": "doc", "id": "d7"}, "context": {"n": vec![1; numbers]},
            "options": {"at_least": 1_000_000},
        });
        let request = post(EVALUATION, body.to_string())
            .insert_header(("Authorization", format!("Bearer {caller}")));
        send(&self.0, request).await
    }
}

/// The beginning of an error: its status and its code.
fn code(reply: &Reply) -> String {
    error(reply).split(':').next().unwrap().to_owned()
}

#[actix_web::test]
async fn no_caller_takes_all_places_of_those_who_wait() {
    let limits = HttpLimits {
        waiting: 4,
        at_least_time: Duration::from_millis(500),
        ..HttpLimits::default()
    };
    let fixture = Fixture::new(limits);
    let one = async || fixture.ask("one", 1).await;
    let rest = async {
        actix_web::rt::time::sleep(A_MOMENT).await;
        // Two of four are taken, and as many are left: the third is one too many for the same
        // caller.
        assert!(error(&one().await).contains("too many requests wait"));
        let waited = error(&fixture.ask("other", 1).await);
        assert!(
            waited.contains("has not come within 0.5 seconds"),
            "{waited}"
        );
    };
    let (first, second, ()) = tokio::join!(one(), one(), rest);
    assert_eq!(
        (code(&first).as_str(), code(&second).as_str()),
        ("503 revision_not_reached", "503 revision_not_reached")
    );
}

#[actix_web::test]
async fn bodies_together_have_a_budget_and_give_it_back() {
    // A body of 20,000 numbers has 40 KB, and takes 1.6 MB once it is read.
    let limits = HttpLimits {
        bodies_bytes: 2_400_000,
        at_least_time: Duration::from_millis(300),
        ..HttpLimits::default()
    };
    let fixture = Fixture::new(limits);
    for _ in 0..2 {
        // Those who wait hold 40 KB each, so one more can be read meanwhile; of their texts there
        // may be 600 KB.
        let waiting = (0..15).map(|_| fixture.ask("one", 20_000));
        let replies = join_all(waiting).await;
        let told: Vec<String> = replies.iter().map(error).collect();
        let waited = told
            .iter()
            .filter(|told| told.contains("has not come within"))
            .count();
        let refused = told
            .iter()
            .filter(|told| told.contains("too many requests wait"))
            .count();
        assert_eq!((waited, refused), (14, 1), "{told:#?}");
    }
    // What is larger than the whole budget is taken alone.
    assert!(error(&fixture.ask("one", 60_000).await).contains("has not come"));
}

/// Runs all of them at once.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(move |cx| {
        for (future, output) in running.iter_mut().filter(|(_, output)| output.is_none()) {
            if let std::task::Poll::Ready(ready) = future.as_mut().poll(cx) {
                *output = Some(ready);
            }
        }
        if running.iter().all(|(_, output)| output.is_some()) {
            let outputs = running
                .iter_mut()
                .filter_map(|(_, output)| output.take())
                .collect();
            return std::task::Poll::Ready(outputs);
        }
        std::task::Poll::Pending
    })
    .await
}
