//! The examples do what they say: each is run, and what it shows is looked at.

#[path = "../examples/ask_over_http.rs"]
mod ask_over_http;
#[path = "../examples/decide_in_process.rs"]
mod decide_in_process;
#[path = "../examples/own_store.rs"]
mod own_store;

use std::path::Path;

#[test]
fn every_example_is_run() {
    decide_in_process::main().unwrap();
    ask_over_http::main().unwrap();
    own_store::main().unwrap();
}

#[test]
fn an_explanation_says_which_leg_denies_and_why() {
    let question = r#"{
        "subject": {"type": "user", "id": "alice", "properties": {"act": {"sub": "copilot"}}},
        "action": {"name": "tools/call"}, "resource": {"type": "tool", "id": "payments/refund"},
        "context": {"arguments": {"order": "o-17", "amount": 2490}}
    }"#;
    let text = decide_in_process::decide(Path::new(env!("CARGO_MANIFEST_DIR")), question).unwrap();
    assert!(text.starts_with("deny: "), "{text}");
    for line in [
        "user:alice: deny (refund_over_cap)",
        "agent:copilot: permit",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn a_service_answers_with_a_reason() {
    let question = r#"{
        "subject": {"type": "user", "id": "alice", "properties": {"act": {"sub": "copilot"}}},
        "action": {"name": "tools/call"}, "resource": {"type": "tool", "id": "payments/refund"},
        "context": {"arguments": {"order": "o-17", "amount": 2490}}, "options": {"reason": true}
    }"#;
    let answer = ask_over_http::ask(question).unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["decision"], false);
    assert_eq!(answer["context"]["reason"]["code"], "refund_over_cap");
}

#[test]
fn a_store_of_ones_own_is_decided_with_and_opened_again() {
    let lines = own_store::show().unwrap();
    let expected = [
        "before: deny",
        "after: permit",
        "opened again: permit",
        "revision 3: doc:d3#viewer@user:bob",
    ];
    assert_eq!(lines, expected);
}
