//! Every kind of answer, beside the oracle's.

use super::batch::key_body;
use super::client::Client;
use super::random::Random;
use super::tuples::{DOCUMENTS, Tuples, USERS, is_reader};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Asks the service what it is asked in practice, and compares.
pub(crate) fn check(client: &Client, tuples: &Tuples, random: &mut Random) {
    let amount = i64::try_from(random.below(10)).unwrap();
    let context = json!({"amount": amount});
    let users: Vec<String> = (0..USERS).map(|at| format!("u{at}")).collect();
    let documents: Vec<String> = (0..DOCUMENTS).map(|at| format!("d{at}")).collect();
    let pairs = || users.iter().flat_map(|user| documents.iter().map(move |document| (user, document)));
    let expected: Vec<bool> = pairs().map(|(user, document)| is_reader(tuples, user, document, amount)).collect();

    let asked: Vec<Value> = pairs()
        .map(|(user, document)| {
            json!({"subject": {"type": "user", "id": user}, "resource": {"type": "document", "id": document}})
        })
        .collect();
    let question = json!({"action": {"name": "read"}, "context": context, "evaluations": asked});
    let reply = client.post("/access/v1/evaluations", &question).unwrap();
    let decided = reply.body["evaluations"].as_array().unwrap_or_else(|| panic!("{}", reply.body));
    let decided: Vec<bool> = decided.iter().map(|answer| answer["decision"].as_bool().unwrap()).collect();
    assert_eq!(decided, expected, "decisions");

    let checks: Vec<Value> = pairs()
        .enumerate()
        .map(|(at, (user, document))| {
            let key = key_body(&format!("document:{document}#reader@user:{user}"));
            json!({"tuple_key": key, "context": context, "correlation_id": at.to_string()})
        })
        .collect();
    let checked = client.ask("batch-check", &json!({"checks": checks}));
    let checked: Vec<bool> =
        (0..expected.len()).map(|at| checked["result"][at.to_string()]["allowed"].as_bool().unwrap()).collect();
    assert_eq!(checked, expected, "checks");

    for user in &users {
        let question =
            json!({"user": format!("user:{user}"), "relation": "reader", "type": "document", "context": context});
        let listed = client.ask("list-objects", &question);
        let listed: BTreeSet<&str> =
            listed["objects"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        let readable = documents.iter().filter(|document| is_reader(tuples, user, document, amount));
        let readable: Vec<String> = readable.map(|document| format!("document:{document}")).collect();
        assert_eq!(listed, readable.iter().map(String::as_str).collect(), "what {user} reads");
    }

    let document = &documents[usize::try_from(random.below(DOCUMENTS)).unwrap()];
    let question = json!({
        "object": {"type": "document", "id": document}, "relation": "reader", "user_filters": [{"type": "user"}],
        "context": context,
    });
    let listed = client.ask("list-users", &question);
    let listed: BTreeSet<&str> =
        listed["users"].as_array().unwrap().iter().map(|it| it["object"]["id"].as_str().unwrap()).collect();
    let readers = users.iter().filter(|user| is_reader(tuples, user, document, amount));
    assert_eq!(listed, readers.map(String::as_str).collect(), "who reads {document}");

    let object = format!("document:{document}");
    let found = client.read(&json!({"object": object}));
    let on_it = tuples.iter().filter(|(key, _)| key.starts_with(&format!("{object}#")));
    assert_eq!(found, on_it.map(|(key, limit)| (key.clone(), *limit)).collect(), "tuples on {object}");
}
