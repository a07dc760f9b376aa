//! Decisions with the default bundle, in the three depths of answer.

use crate::{EVALUATION, deciding, question, with};
use behest::http::authzen::examples::{answers, examples};
use serde_json::{Value, json};
use support::service::{local, post, send};

fn denied(options: &Value) -> String {
    let mut body = question();
    body["action"]["name"] = json!("write");
    body["resource"]["id"] = json!("website");
    body["context"] = json!({"agent": "copilot"});
    body["options"] = options.clone();
    body.to_string()
}

#[actix_web::test]
async fn an_answer_is_the_decision_and_nothing_else() {
    let server = deciding(local());
    let permit = send(&server, post(EVALUATION, question().to_string())).await;
    assert_eq!(
        (permit.status.as_u16(), permit.body.as_str()),
        (200, r#"{"decision":true}"#)
    );
    let deny = send(&server, post(EVALUATION, denied(&json!({})))).await;
    assert_eq!(
        (deny.status.as_u16(), deny.body.as_str()),
        (200, r#"{"decision":false}"#)
    );
    for reply in [permit, deny] {
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let id = reply.header("behest-decision").unwrap_or_default();
        assert!(
            id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit()),
            "{id}"
        );
        assert_eq!(reply.header("behest-revision"), Some("0"));
    }
}

#[actix_web::test]
async fn every_decision_has_a_name_of_its_own() {
    let server = deciding(local());
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let reply = send(&server, post(EVALUATION, question().to_string())).await;
        names.insert(
            reply
                .header("behest-decision")
                .unwrap_or_default()
                .to_owned(),
        );
    }
    assert_eq!(names.len(), 20);
}

#[actix_web::test]
async fn a_reason_says_what_is_missing_and_whose_it_is() {
    let server = deciding(local());
    let reply = send(&server, post(EVALUATION, denied(&json!({"reason": true})))).await;
    let expected = json!({
        "decision": false,
        "context": {"reason": {
            "code": "other_team",
            "message": "This repository belongs to another team.",
            "principal": {"type": "user", "id": "alice"},
            "next_action": reply.json()["context"]["reason"]["next_action"],
        }},
    });
    assert_eq!(reply.json(), expected);
    let next = expected
        .pointer("/context/reason/next_action")
        .and_then(Value::as_str)
        .unwrap_or_default();
    assert!(
        ["request", "step_up", "retry", "none"].contains(&next),
        "{next}"
    );
}

#[actix_web::test]
async fn a_permit_has_no_reason() {
    let server = deciding(local());
    let reply = send(
        &server,
        post(EVALUATION, with("options", &json!({"reason": true}))),
    )
    .await;
    assert_eq!(reply.body, r#"{"decision":true}"#);
}

#[actix_web::test]
async fn an_explanation_names_the_leg_and_the_policy_with_its_place() {
    let server = deciding(local());
    let reply = send(&server, post(EVALUATION, denied(&json!({"explain": true})))).await;
    let answer = reply.json();
    let tree = &answer["context"]["explanation"];
    assert_eq!(answer["context"]["reason"]["code"], "other_team");
    assert_eq!(
        Some(tree["decision_id"].as_str().unwrap()),
        reply.header("behest-decision")
    );
    assert_eq!(tree["bundle"].as_str().unwrap().len(), 64);
    assert_eq!(tree["now"], "2026-10-01T09:00:00Z");
    let legs = tree["legs"].as_array().unwrap();
    let principals: Vec<&Value> = legs.iter().map(|leg| &leg["principal"]["id"]).collect();
    assert_eq!(principals, ["alice", "copilot"]);
    assert_eq!(legs[0]["outcome"], "deny");
    let policy = &legs[0]["determining"][0];
    assert_eq!(
        (&policy["id"], &policy["effect"]),
        (&json!("repository-team"), &json!("forbid"))
    );
    assert!(policy["line"].as_u64().unwrap() > 1);
    assert!(
        policy["file"]
            .as_str()
            .unwrap()
            .ends_with("repositories.cedar")
    );
    // The other leg is told as well, for information.
    assert_eq!(legs[1]["outcome"], "permit");
}

#[actix_web::test]
async fn an_explained_permit_names_its_policies() {
    let server = deciding(local());
    let reply = send(
        &server,
        post(EVALUATION, with("options", &json!({"explain": true}))),
    )
    .await;
    let answer = reply.json();
    assert_eq!(answer["decision"], true);
    assert_eq!(answer["context"].get("reason"), None);
    assert_eq!(
        answer["context"]["explanation"]["legs"][0]["determining"][0]["id"],
        "entitlement-github-read"
    );
}

#[actix_web::test]
async fn unknown_names_are_denials_and_never_errors() {
    let server = deciding(local());
    for (member, value, code) in [
        (
            "subject",
            json!({"type": "spaceship", "id": "x"}),
            "unknown_type",
        ),
        (
            "resource",
            json!({"type": "urn:x y", "id": "1"}),
            "unknown_type",
        ),
        ("action", json!({"name": "warp"}), "unknown_action"),
        (
            "subject",
            json!({"type": "user", "id": "nobody"}),
            "entitlement_missing",
        ),
    ] {
        let mut body = question();
        body[member] = value;
        body["options"] = json!({"reason": true});
        let reply = send(&server, post(EVALUATION, body.to_string())).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.json()["context"]["reason"]["code"], code, "{body}");
    }
}

#[actix_web::test]
async fn a_chain_that_is_too_long_is_a_400() {
    let server = deciding(local());
    let chain = |actors: usize| {
        let list: Vec<Value> = (0..actors)
            .map(|index| json!({"type": "user", "id": format!("u{index}")}))
            .collect();
        with(
            "subject",
            &json!({"type": "agent", "id": "copilot", "delegation_chain": list}),
        )
    };
    assert_eq!(send(&server, post(EVALUATION, chain(8))).await.status, 200);
    let reply = send(&server, post(EVALUATION, chain(9))).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json()["error"]["code"]),
        (400, &json!("malformed"))
    );
}

/// What the page offers works, and comes out as it says.
#[actix_web::test]
async fn the_examples_of_the_page_do_what_they_say() {
    let server = deciding(local());
    for example in examples() {
        let mut body = example.body.clone();
        // With reasons, so that a denial for another cause does not pass.
        body["options"]["reason"] = json!(true);
        let reply = send(&server, post(example.path, body.to_string())).await;
        assert_eq!(reply.status, 200, "{}: {}", example.name, reply.body);
        let answer = reply.json();
        if let Some(results) = answer["results"].as_array() {
            let name = |found: &Value| match found["name"].as_str() {
                Some(name) => name.to_owned(),
                None => format!(
                    "{}:{}",
                    found["type"].as_str().unwrap(),
                    found["id"].as_str().unwrap()
                ),
            };
            let mut found: Vec<String> = results.iter().map(name).collect();
            found.sort();
            assert_eq!(found, example.outcomes, "{}", example.name);
            continue;
        }
        let answers = answer["evaluations"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![answer.clone()]);
        let outcomes: Vec<&str> = answers
            .iter()
            .map(|answer| match answer["decision"].as_bool() {
                Some(true) => "permit",
                _ => answer["context"]["reason"]["code"]
                    .as_str()
                    .unwrap_or("no reason"),
            })
            .collect();
        assert_eq!(outcomes, example.outcomes, "{}", example.name);
    }
}

/// What the page shows before anything is asked is what comes.
#[actix_web::test]
async fn the_answers_on_the_page_are_real() {
    let server = deciding(local());
    for answer in answers() {
        let asked = examples()
            .into_iter()
            .find(|it| (it.path, it.name) == (answer.path, answer.name))
            .unwrap();
        let reply = send(&server, post(asked.path, asked.body.to_string())).await;
        assert_eq!(reply.json(), answer.body, "{}", answer.name);
    }
}
