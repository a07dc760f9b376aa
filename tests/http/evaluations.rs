//! Batches (AuthZEN 1.0 section 7), decided with the default bundle.

use crate::service::{local, post, send};
use crate::{EVALUATION, EVALUATIONS, deciding, error};
use serde_json::{Value, json};

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
    send(&deciding(local()), post(EVALUATIONS, body.to_string())).await.body
}

#[actix_web::test]
async fn answers_are_lean_and_in_order() {
    let body = ask(&batch(&json!([permit(), deny(), permit()]))).await;
    assert_eq!(body, r#"{"evaluations":[{"decision":true},{"decision":false},{"decision":true}]}"#);
}

#[actix_web::test]
async fn an_item_that_is_not_well_formed_denies_itself_alone() {
    let body = ask(&batch(&json!([permit(), broken(), {"subject": null}, 7, permit()]))).await;
    let refused =
        |message: &str| format!(r#"{{"decision":false,"context":{{"error":{{"status":400,"message":"{message}"}}}}}}"#);
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
        ("execute_all", json!([deny(), permit(), broken()]), &[false, true, false][..]),
        ("deny_on_first_deny", json!([permit(), deny(), permit()]), &[true, false]),
        ("deny_on_first_deny", json!([permit(), broken(), permit()]), &[true, false]),
        ("deny_on_first_deny", json!([permit(), permit()]), &[true, true]),
        ("permit_on_first_permit", json!([deny(), permit(), deny()]), &[false, true]),
        ("permit_on_first_permit", json!([broken(), permit(), permit()]), &[false, true]),
        ("permit_on_first_permit", json!([deny(), deny()]), &[false, false]),
    ] {
        let mut body = batch(&items);
        body["options"] = json!({"evaluations_semantic": semantic});
        let answer: Value = serde_json::from_str(&ask(&body).await).unwrap();
        let decisions: Vec<bool> =
            answer["evaluations"].as_array().unwrap().iter().map(|item| item["decision"].as_bool().unwrap()).collect();
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
    let outcome = |at: usize| answer.pointer(&format!("/evaluations/{at}/context/reason/code")).cloned();
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
        .flat_map(|id| ["checkout", "website", "legacy"].iter().map(move |repository| (id, repository)))
        .map(|(id, repository)| {
            json!({
                "subject": {"type": "user", "id": id},
                "action": {"name": "write"},
                "resource": {"type": "repository", "id": repository},
            })
        })
        .collect();
    let body = json!({"evaluations": questions, "options": {"reason": true}});
    let together = send(&server, post(EVALUATIONS, body.to_string())).await.json();
    for (index, question) in questions.iter().enumerate() {
        let mut question = question.clone();
        question["options"] = json!({"reason": true});
        let alone = send(&server, post(EVALUATION, question.to_string())).await.json();
        assert_eq!(together["evaluations"][index], alone, "{question}");
    }
}

#[actix_web::test]
async fn the_headers_name_the_first_item_that_was_decided() {
    let server = deciding(local());
    let reply = send(&server, post(EVALUATIONS, batch(&json!([broken(), permit()])).to_string())).await;
    assert_eq!(reply.header("behest-decision").map(str::len), Some(32));
    assert_eq!(reply.header("behest-revision"), Some("0"));
    let reply = send(&server, post(EVALUATIONS, batch(&json!([broken()])).to_string())).await;
    assert_eq!((reply.status.as_u16(), reply.header("behest-decision")), (200, None));
}
