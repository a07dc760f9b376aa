//! What a caller writes where nobody would read it: refused at every level of every body, and never taken for nothing.

use crate::service::{Reply, local, post, send};
use crate::spellings::{STRAYS, put};
use crate::{EVALUATION, EVALUATIONS, deciding, error, question};
use actix_web::http::StatusCode;
use behest::http::Server;
use serde_json::{Value, json};

const CODE: &str = "/context/reason/code";

/// An agent that has no grant: whoever reads its name denies.
fn evil() -> Value {
    json!("evil")
}

fn strays() -> impl Iterator<Item = (&'static str, &'static str)> {
    STRAYS.iter().flat_map(|(place, names)| names.iter().map(|name| (*place, *name)))
}

async fn ask(server: &Server, path: &str, body: &Value) -> Reply {
    send(server, post(path, body.to_string())).await
}

#[actix_web::test]
async fn a_question_with_a_stray_carrier_is_denied() {
    let server = deciding(local());
    for (place, name) in strays() {
        for path in [EVALUATION, EVALUATIONS] {
            let mut body = question();
            body["options"] = json!({"reason": true});
            put(&mut body, place, name, &evil());
            let reply = ask(&server, path, &body).await;
            assert_eq!(reply.status, StatusCode::OK, "{body}: {}", reply.body);
            assert_eq!(reply.json().pointer(CODE), Some(&json!("chain_invalid")), "{body}: {}", reply.body);
        }
    }
}

#[actix_web::test]
async fn a_stray_carrier_in_an_item_or_a_default_denies_what_it_is_said_of() {
    let server = deciding(local());
    for (place, name) in strays() {
        let mut item = question();
        put(&mut item, place, name, &evil());
        let body = json!({"evaluations": [item, question()], "options": {"reason": true}});
        let answer = ask(&server, EVALUATIONS, &body).await.json();
        assert_eq!(answer["evaluations"][0].pointer(CODE), Some(&json!("chain_invalid")), "{body}: {answer}");
        assert_eq!(answer["evaluations"][1], json!({"decision": true}), "{body}: {answer}");

        // The second item has everything of its own: what stands in a default that it replaces whole is not its own, but
        // a carrier of the body or of the default context is.
        let mut own = question();
        own["context"] = json!({});
        let mut body = question();
        put(&mut body, place, name, &evil());
        body["evaluations"] = json!([{}, own]);
        body["options"] = json!({"reason": true});
        let answer = ask(&server, EVALUATIONS, &body).await.json();
        assert_eq!(answer["evaluations"][0].pointer(CODE), Some(&json!("chain_invalid")), "{body}: {answer}");
        let reaches = place.is_empty() || place == "/context";
        assert_eq!(answer["evaluations"][1]["decision"], json!(!reaches), "{body}: {answer}");
    }
}

#[actix_web::test]
async fn a_search_with_a_stray_carrier_finds_nothing() {
    let server = deciding(local());
    for kind in ["subject", "resource", "action"] {
        let path = format!("/access/v1/search/{kind}");
        let mut plain = question();
        // The searched entity's own properties do not count, but for carriers.
        plain["subject"]["properties"] = json!({});
        let found = ask(&server, &path, &plain).await.json();
        assert!(found["results"].as_array().is_some_and(|results| !results.is_empty()), "{found}");
        for (place, name) in strays() {
            let mut body = plain.clone();
            put(&mut body, place, name, &evil());
            let reply = ask(&server, &path, &body).await;
            assert_eq!((reply.status, &reply.json()["results"]), (StatusCode::OK, &json!([])), "{kind} {body}");
        }
    }
}

#[actix_web::test]
async fn a_default_that_is_no_object_is_refused_where_items_have_their_own() {
    let server = deciding(local());
    let mut own = question();
    own["context"] = json!({});
    for name in ["subject", "action", "resource", "context"] {
        for (value, kind) in
            [(json!("x"), "a string"), (json!([{"agent": "evil"}]), "an array"), (json!(7), "a number")]
        {
            let body = json!({name: value, "evaluations": [own]});
            let expected = format!("400 malformed: `{name}` must be an object, not {kind}");
            assert_eq!(error(&ask(&server, EVALUATIONS, &body).await), expected);
        }
        let body = json!({name: null, "evaluations": [own]});
        assert_eq!(ask(&server, EVALUATIONS, &body).await.json(), json!({"evaluations": [{"decision": true}]}));
    }
}

#[actix_web::test]
async fn options_that_were_meant_for_others_are_refused() {
    let server = deciding(local());
    for (name, value, problem) in [
        ("reasn", json!(true), "`options.reasn` is no option: did you mean `reason`?"),
        ("Reason", json!(true), "`options.Reason` is no option: did you mean `reason`?"),
        ("atLeast", json!(1), "`options.atLeast` is no option: did you mean `at_least`?"),
        ("explian", json!(true), "`options.explian` is no option: did you mean `explain`?"),
        (
            "evaluation_semantics",
            json!("deny_on_first_deny"),
            "`options.evaluation_semantics` is no option: did you mean `evaluations_semantic`?",
        ),
        (
            "delegation_chain",
            json!([]),
            "`options` has a carrier: `options.delegation_chain` would not be read there: `delegation_chain` belongs into \
             `subject`",
        ),
    ] {
        for path in [EVALUATION, EVALUATIONS] {
            let mut body = question();
            body["options"] = json!({ name: value });
            assert_eq!(error(&ask(&server, path, &body).await), format!("400 malformed: {problem}"));
        }
    }
    let mut body = question();
    body["options"] = json!({"region": "eu", "x": {"y": 1}, "another_option": "value", "reasn": null});
    assert_eq!(ask(&server, EVALUATION, &body).await.json(), json!({"decision": true}));
}

#[actix_web::test]
async fn members_beside_the_question_are_refused_in_another_spelling() {
    let server = deciding(local());
    let search = "/access/v1/search/resource";
    for (path, place, name, known) in [
        (EVALUATION, "", "Options", "options"),
        (EVALUATIONS, "", "OPTIONS", "options"),
        (EVALUATIONS, "", "Evaluations", "evaluations"),
        (search, "", "Page", "page"),
        (search, "/page", "Limit", "limit"),
        (search, "/page", "TOKEN", "token"),
    ] {
        let mut body = question();
        put(&mut body, place, name, &json!({}));
        let dot = if place.is_empty() { "" } else { "page." };
        let expected = format!("400 malformed: `{dot}{name}` is not read: write `{known}`");
        assert_eq!(error(&ask(&server, path, &body).await), expected);
    }
}

/// 34 KB of a batch were 30 MB of an answer: an id that is a default is repeated in the reason of every item.
#[actix_web::test]
async fn what_is_shown_of_an_id_does_not_multiply_a_body() {
    let server = deciding(local());
    let long = "x".repeat(30_000);
    for (name, value) in [
        ("subject", json!({"type": "user", "id": long})),
        ("subject", json!({"type": long, "id": "alice"})),
        ("resource", json!({"type": "repository", "id": long})),
        ("resource", json!({"type": long, "id": "checkout"})),
        ("action", json!({"name": long})),
        ("context", json!({"agent": long})),
        ("context", json!({"Agent": 1, long.as_str(): 1})),
        ("context", json!({format!("agent{}", "_".repeat(30_000)): 1})),
        ("subject", json!({"type": "user", "id": "alice", "Id": 1, "properties": {"act": {"sub": long}}})),
    ] {
        let mut body = question();
        body[name] = value;
        body["evaluations"] = json!(vec![json!({}); 500]);
        body["options"] = json!({"reason": true});
        let reply = ask(&server, EVALUATIONS, &body).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert!(reply.body.len() < 500 * 400, "{} bytes of an answer: {:.300}", reply.body.len(), reply.body);
        assert_eq!(reply.json()["evaluations"][499]["decision"], json!(false));
    }
}
