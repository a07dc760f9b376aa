//! Batches (AuthZEN 1.0 section 7), decided with the default bundle.

use crate::{EVALUATION, EVALUATIONS, deciding, error};
use behest::bundle::BundleSource;
use behest::clock::Clock;
use behest::engine::Engine;
use behest::evidence::Signer;
use behest::http::Server;
use behest::record::Recorder;
use behest::telemetry::Metrics;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use support::service::{NOW_MS, local, post, send};

/// alice may read and write `checkout`, and may not write `website`.
fn batch(items: &Value) -> Value {
    json!({
        "subject": {"type": "user", "id": "alice"},
        "action": {"name": "write"},
        "resource": {"type": "repository", "id": "checkout"},
        "evaluations": items,
    })
}

fn permit() -> Value {
    json!({})
}

fn deny() -> Value {
    json!({"resource": {"type": "repository", "id": "website"}})
}

fn broken() -> Value {
    json!({"resource": {"type": "repository"}})
}

async fn ask(body: &Value) -> String {
    send(&deciding(local()), post(EVALUATIONS, body.to_string()))
        .await
        .body
}

#[actix_web::test]
async fn answers_are_lean_and_in_order() {
    let body = ask(&batch(&json!([permit(), deny(), permit()]))).await;
    assert_eq!(
        body,
        r#"{"evaluations":[{"decision":true},{"decision":false},{"decision":true}]}"#
    );
}

#[actix_web::test]
async fn an_item_that_is_not_well_formed_denies_itself_alone() {
    let body = ask(&batch(
        &json!([permit(), broken(), {"subject": null}, 7, permit()]),
    ))
    .await;
    let refused = |message: &str| {
        format!(
            r#"{{"decision":false,"context":{{"error":{{"status":400,"message":"{message}"}}}}}}"#
        )
    };
    let expected = format!(
        r#"{{"evaluations":[{{"decision":true}},{},{},{},{{"decision":true}}]}}"#,
        refused("`resource.id` is missing"),
        refused("`subject` must be an object, not null"),
        refused("`evaluations[3]` must be an object, not a number"),
    );
    assert_eq!(body, expected);
}

#[actix_web::test]
async fn a_batch_stops_where_it_is_told_to() {
    for (semantic, items, expected) in [
        (
            "execute_all",
            json!([deny(), permit(), broken()]),
            &[false, true, false][..],
        ),
        (
            "deny_on_first_deny",
            json!([permit(), deny(), permit()]),
            &[true, false],
        ),
        (
            "deny_on_first_deny",
            json!([permit(), broken(), permit()]),
            &[true, false],
        ),
        (
            "deny_on_first_deny",
            json!([permit(), permit()]),
            &[true, true],
        ),
        (
            "permit_on_first_permit",
            json!([deny(), permit(), deny()]),
            &[false, true],
        ),
        (
            "permit_on_first_permit",
            json!([broken(), permit(), permit()]),
            &[false, true],
        ),
        (
            "permit_on_first_permit",
            json!([deny(), deny()]),
            &[false, false],
        ),
    ] {
        let mut body = batch(&items);
        body["options"] = json!({"evaluations_semantic": semantic});
        let answer: Value = serde_json::from_str(&ask(&body).await).unwrap();
        let decisions: Vec<bool> = answer["evaluations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["decision"].as_bool().unwrap())
            .collect();
        assert_eq!(decisions, expected, "{semantic}: {body}");
    }
}

#[actix_web::test]
async fn without_items_the_body_is_one_question() {
    let mut body = batch(&json!([]));
    assert_eq!(ask(&body).await, r#"{"decision":true}"#);
    body["evaluations"] = Value::Null;
    assert_eq!(ask(&body).await, r#"{"decision":true}"#);
    body.as_object_mut().unwrap().remove("resource");
    let reply = send(&deciding(local()), post(EVALUATIONS, body.to_string())).await;
    assert_eq!(error(&reply), "400 malformed: `resource` is missing");
}

/// A default context may name the agent; an item that brings its own context must not shed it.
#[actix_web::test]
async fn an_agent_is_not_lost_with_the_default_context() {
    let mut body = batch(&json!([
        {},
        {"context": {"approvals": 2}},
        {"context": {"agent": "orchestrator"}},
        {"context": {"approvals": 2, "agent": "copilot"}},
    ]));
    body["context"] = json!({"agent": "copilot"});
    body["options"] = json!({"reason": true});
    let answer: Value = serde_json::from_str(&ask(&body).await).unwrap();
    let outcome = |at: usize| {
        answer
            .pointer(&format!("/evaluations/{at}/context/reason/code"))
            .cloned()
    };
    assert_eq!(answer["evaluations"][0], json!({"decision": true}));
    assert_eq!(outcome(1), Some(json!("chain_conflict")));
    assert_eq!(outcome(2), Some(json!("chain_conflict")));
    assert_eq!(answer["evaluations"][3], json!({"decision": true}));
}

#[actix_web::test]
async fn a_batch_answers_like_its_items_alone() {
    let server = deciding(local());
    let questions: Vec<Value> = ["alice", "bob", "carol", "dan", "grace", "nobody"]
        .iter()
        .flat_map(|id| {
            ["checkout", "website", "legacy"]
                .iter()
                .map(move |repository| (id, repository))
        })
        .map(|(id, repository)| {
            json!({
                "subject": {"type": "user", "id": id},
                "action": {"name": "write"},
                "resource": {"type": "repository", "id": repository},
            })
        })
        .collect();
    let body = json!({"evaluations": questions, "options": {"reason": true}});
    let together = send(&server, post(EVALUATIONS, body.to_string()))
        .await
        .json();
    for (index, question) in questions.iter().enumerate() {
        let mut question = question.clone();
        question["options"] = json!({"reason": true});
        let alone = send(&server, post(EVALUATION, question.to_string()))
            .await
            .json();
        assert_eq!(together["evaluations"][index], alone, "{question}");
    }
}

#[actix_web::test]
async fn the_headers_name_the_first_item_that_was_decided() {
    let server = deciding(local());
    let reply = send(
        &server,
        post(EVALUATIONS, batch(&json!([broken(), permit()])).to_string()),
    )
    .await;
    assert_eq!(reply.header("behest-decision").map(str::len), Some(32));
    assert_eq!(reply.header("behest-revision"), Some("0"));
    let reply = send(
        &server,
        post(EVALUATIONS, batch(&json!([broken()])).to_string()),
    )
    .await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("behest-decision")),
        (200, None)
    );
}

/// 60 items would be 60 copies of 100,000 numbers: 290 MB out of a body of 200 KB.
#[actix_web::test]
async fn defaults_do_not_multiply_a_body() {
    let mut body = batch(&json!(vec![permit(); 60]));
    body["context"] = json!({ "n": vec![1; 100_000] });
    let reply = send(&deciding(local()), post(EVALUATIONS, body.to_string())).await;
    assert_eq!(
        error(&reply),
        "400 defaults_too_large: the defaults that the items of `evaluations` inherit take more than 33554432 bytes \
         together: put large values into the items that need them, or send several requests"
    );
    assert_eq!(reply.json()["error"]["member"], "evaluations");
    body["context"] = json!({ "n": vec![1; 1_000] });
    assert_eq!(
        send(&deciding(local()), post(EVALUATIONS, body.to_string()))
            .await
            .status,
        200
    );
}

/// A clock on which every reading is half a second after the one before.
struct Slow(AtomicI64);

impl Clock for Slow {
    fn now_ms(&self) -> i64 {
        self.0.fetch_add(500, Ordering::Relaxed)
    }

    fn monotonic_ms(&self) -> i64 {
        self.now_ms()
    }
}

#[actix_web::test]
async fn a_batch_ends_when_its_time_is_up() {
    let clock = Arc::new(Slow(AtomicI64::new(NOW_MS)));
    let metrics = Arc::new(Metrics::default());
    let engine = Arc::new(Engine::new(
        clock.clone(),
        metrics.clone(),
        Recorder::default(),
    ));
    engine.load(&BundleSource::Embedded).unwrap();
    let server = Server::new(
        local(),
        engine,
        metrics,
        clock,
        &Signer::in_memory().unwrap(),
    )
    .unwrap();
    // The first item is decided at 0 s, the eleventh at 5 s, and one more would be later.
    for (items, expected) in [(11, 200), (12, 503)] {
        let reply = send(
            &server,
            post(
                EVALUATIONS,
                batch(&json!(vec![permit(); items])).to_string(),
            ),
        )
        .await;
        assert_eq!(reply.status, expected, "{items}: {}", reply.body);
        if expected == 503 {
            let message = "the batch was not decided within 5 seconds: send several requests";
            assert_eq!(error(&reply), format!("503 batch_timeout: {message}"));
        }
    }
}

/// What no policy sees is told up to a limit: it is the caller's own data, once for each leg of
/// each item.
#[actix_web::test]
async fn an_explanation_does_not_multiply_what_was_dropped() {
    let mut body = batch(&json!(vec![permit(); 100]));
    body["context"] = (0..3000)
        .map(|at| (format!("undeclared_{at}"), json!(1)))
        .collect::<Value>();
    body["options"] = json!({"explain": true});
    let body = body.to_string();
    let reply = send(&deciding(local()), post(EVALUATIONS, body.clone())).await;
    assert_eq!(reply.status, 200);
    assert!(
        reply.body.len() < 10 * body.len(),
        "{} bytes in, {} out",
        body.len(),
        reply.body.len()
    );
    let answer = reply.json();
    let dropped = answer["evaluations"][99]["context"]["explanation"]["legs"][0]["dropped"]
        .as_array()
        .unwrap();
    let (last, shown) = dropped.split_last().unwrap();
    assert!(
        shown.len() > 10
            && shown[0]["member"]
                .as_str()
                .unwrap()
                .starts_with("context.undeclared_"),
        "{shown:?}"
    );
    assert_eq!(last["member"], format!("and {} more", 3000 - shown.len()));
}
