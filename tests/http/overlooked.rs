//! What a caller writes where nobody would read it: refused at every level of every body, and never
//! taken for nothing.

use crate::{EVALUATION, EVALUATIONS, deciding, error, question};
use actix_web::http::StatusCode;
use behest::http::Server;
use serde_json::{Value, json};
use support::service::{Reply, local, post, send};
use support::spellings::{STRAYS, put};

const CODE: &str = "/context/reason/code";

/// An agent that has no grant: whoever reads its name denies.
fn evil() -> Value {
    json!("evil")
}

fn strays() -> impl Iterator<Item = (&'static str, &'static str)> {
    STRAYS
        .iter()
        .flat_map(|(place, names)| names.iter().map(|name| (*place, *name)))
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
            assert_eq!(
                reply.json().pointer(CODE),
                Some(&json!("chain_invalid")),
                "{body}: {}",
                reply.body
            );
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
        assert_eq!(
            answer["evaluations"][0].pointer(CODE),
            Some(&json!("chain_invalid")),
            "{body}: {answer}"
        );
        assert_eq!(
            answer["evaluations"][1],
            json!({"decision": true}),
            "{body}: {answer}"
        );

        // The second item has everything of its own, and what nobody reads in a default is said of
        // the whole batch.
        let mut own = question();
        own["context"] = json!({});
        let mut body = question();
        put(&mut body, place, name, &evil());
        body["evaluations"] = json!([{}, own]);
        body["options"] = json!({"reason": true});
        let answer = ask(&server, EVALUATIONS, &body).await.json();
        assert_eq!(
            answer["evaluations"][0].pointer(CODE),
            Some(&json!("chain_invalid")),
            "{body}: {answer}"
        );
        assert_eq!(
            answer["evaluations"][1].pointer(CODE),
            Some(&json!("chain_invalid")),
            "{body}: {answer}"
        );
    }
}

/// A null was not sent, whatever it is called and wherever it stands: in a question, an item and a
/// default alike.
#[actix_web::test]
async fn a_stray_name_without_a_value_is_decided_as_if_it_were_not_there() {
    let server = deciding(local());
    for (place, name) in strays() {
        let with = |name: &str| {
            let mut body = question();
            put(&mut body, place, name, &Value::Null);
            body
        };
        let expected = ask(&server, EVALUATION, &with("nobody's")).await.json();
        assert_eq!(
            ask(&server, EVALUATION, &with(name)).await.json(),
            expected,
            "{place} {name}"
        );
        let mut defaults = with(name);
        defaults["evaluations"] = json!([{}, with(name)]);
        let answer = ask(&server, EVALUATIONS, &defaults).await.json();
        assert_eq!(
            answer,
            json!({"evaluations": [expected, expected]}),
            "{place} {name}"
        );
    }
}

/// An item's own subject replaces the default whole (AuthZEN 1.0 section 7.1), with the well-formed
/// carriers on it.
#[actix_web::test]
async fn a_carrier_that_is_read_goes_with_the_default_subject_that_an_item_replaces() {
    let server = deciding(local());
    for subject in [
        json!({"type": "user", "id": "alice", "properties": {"act": {"sub": "evil"}}}),
        json!({"type": "agent", "id": "evil", "properties": {"on_behalf_of": "alice"}}),
        json!({"type": "agent", "id": "evil", "delegation_chain": [{"type": "user", "id": "alice"}]}),
        json!({"user": "alice", "agent": "evil"}),
    ] {
        let mut body = question();
        body["subject"] = subject;
        body["evaluations"] = json!([{}, question()]);
        let answer = ask(&server, EVALUATIONS, &body).await.json();
        assert_eq!(
            answer,
            json!({"evaluations": [{"decision": false}, {"decision": true}]}),
            "{body}"
        );
    }
}

/// A batch that is asked where one question is answered is ignored (AuthZEN 1.0 section 10.1.1),
/// unless it names an actor.
#[actix_web::test]
async fn a_batch_at_another_endpoint_is_ignored_unless_it_names_an_actor() {
    let server = deciding(local());
    let bob = json!({"type": "user", "id": "bob"});
    let harmless = [
        json!([]),
        json!([{}]),
        json!([{"subject": bob, "action": {"name": "drop"}}]),
        json!("x"),
        json!(null),
    ];
    let naming = [
        json!([{}, {"context": {"agent": "evil"}}]),
        json!([{"subject": {"type": "user", "id": "alice", "properties": {"act": {"sub": "evil"}}}}]),
        json!([{"subject": {"user": "alice", "agent": "evil"}}]),
        json!([{"evaluations": [{"agent": "evil"}]}]),
        json!({"context": {"agent": "evil"}}),
    ];
    for name in ["evaluations", "Evaluations"] {
        for (items, code) in harmless
            .iter()
            .map(|items| (items, None))
            .chain(naming.iter().map(|items| (items, Some(()))))
        {
            let mut body = question();
            body["options"] = json!({"reason": true});
            body[name] = items.clone();
            let reply = ask(&server, EVALUATION, &body).await;
            let expected = code.map(|()| json!("chain_invalid"));
            assert_eq!(
                reply.json().pointer(CODE),
                expected.as_ref(),
                "{body}: {}",
                reply.body
            );
            if code.is_some() {
                assert!(
                    reply.body.contains("send it to `/access/v1/evaluations`"),
                    "{}",
                    reply.body
                );
            }
            let found = ask(&server, "/access/v1/search/resource", &body)
                .await
                .json();
            assert_eq!(
                found["results"].as_array().is_some_and(Vec::is_empty),
                code.is_some(),
                "{body}: {found}"
            );
            let batch = json!({"evaluations": [body, question()], "options": {"reason": true}});
            let answer = ask(&server, EVALUATIONS, &batch).await.json();
            assert_eq!(
                answer["evaluations"][0].pointer(CODE),
                expected.as_ref(),
                "{batch}: {answer}"
            );
            assert_eq!(
                answer["evaluations"][1],
                json!({"decision": true}),
                "{batch}: {answer}"
            );
        }
    }
}

/// Who is suspended by `type:id`, as a reason shows it, is the principal that was denied.
#[actix_web::test]
async fn a_principal_that_a_tuple_would_spell_otherwise_is_shown_in_both_spellings() {
    let server = deciding(local());
    for (id, tuple) in [
        ("m%20n", Some("agent:m%2520n")),
        ("a#member", Some("agent:a%23member")),
        ("copilot", None),
    ] {
        let mut body = question();
        body["context"] = json!({"agent": id});
        body["options"] = json!({"explain": true});
        body["action"] = json!({"name": "nothing"});
        let answer = ask(&server, EVALUATION, &body).await.json();
        let legs = answer["context"]["explanation"]["legs"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let of_agent = legs
            .iter()
            .find(|leg| leg["principal"]["type"] == "agent")
            .expect("a leg of the agent");
        let mut expected = json!({"type": "agent", "id": id});
        if let Some(tuple) = tuple {
            expected["tuple"] = json!(tuple);
        }
        assert_eq!(of_agent["principal"], expected, "{answer}");
        assert_eq!(
            answer["context"]["explanation"]["asserted"][1], expected,
            "{answer}"
        );
    }
}

/// Options are of the whole batch.
#[actix_web::test]
async fn options_of_an_item_are_ignored_unless_they_name_an_actor() {
    let server = deciding(local());
    for name in ["options", "Options"] {
        for (options, reads) in [
            (json!(1), true),
            (json!({"reason": true, "region": "eu"}), true),
            (json!({"agent": "evil"}), false),
            (json!({"context": {"agent": "evil"}}), false),
        ] {
            let mut item = question();
            item[name] = options;
            let batch = json!({"evaluations": [item, question()]});
            let answer = ask(&server, EVALUATIONS, &batch).await.json();
            assert_eq!(
                answer["evaluations"],
                json!([{"decision": reads}, {"decision": true}]),
                "{batch}"
            );
        }
    }
}

#[actix_web::test]
async fn a_carrier_beside_a_page_or_inside_options_is_refused() {
    let server = deciding(local());
    let search = "/access/v1/search/resource";
    for (path, place, name) in [
        (search, "/page", "agent"),
        (search, "/page", "act"),
        (search, "/page/properties", "act"),
        (search, "/page/context", "agent"),
        (EVALUATION, "/options/context", "agent"),
        (EVALUATIONS, "/options/subject/properties", "act"),
    ] {
        let mut body = question();
        put(&mut body, place, name, &evil());
        let said = error(&ask(&server, path, &body).await);
        assert!(
            said.starts_with("400 malformed: ") && said.contains("would not be read there"),
            "{body}: {said}"
        );
    }
    let mut body = question();
    body["page"] = json!({"properties": {"sort": "id"}, "x": 1});
    assert_eq!(ask(&server, search, &body).await.status, StatusCode::OK);
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
        assert!(
            found["results"]
                .as_array()
                .is_some_and(|results| !results.is_empty()),
            "{found}"
        );
        // In a page it is a 400.
        for (place, name) in strays().filter(|(place, _)| !place.starts_with("/page")) {
            let mut body = plain.clone();
            put(&mut body, place, name, &evil());
            let reply = ask(&server, &path, &body).await;
            assert_eq!(
                (reply.status, &reply.json()["results"]),
                (StatusCode::OK, &json!([])),
                "{kind} {body}"
            );
        }
    }
}

#[actix_web::test]
async fn a_default_that_is_no_object_is_refused_where_items_have_their_own() {
    let server = deciding(local());
    let mut own = question();
    own["context"] = json!({});
    for name in ["subject", "action", "resource", "context"] {
        for (value, kind) in [
            (json!("x"), "a string"),
            (json!([{"agent": "evil"}]), "an array"),
            (json!(7), "a number"),
        ] {
            let body = json!({name: value, "evaluations": [own]});
            let expected = format!("400 malformed: `{name}` must be an object, not {kind}");
            assert_eq!(error(&ask(&server, EVALUATIONS, &body).await), expected);
        }
        let body = json!({name: null, "evaluations": [own]});
        assert_eq!(
            ask(&server, EVALUATIONS, &body).await.json(),
            json!({"evaluations": [{"decision": true}]})
        );
    }
}

#[actix_web::test]
async fn options_that_were_meant_for_others_are_refused() {
    let server = deciding(local());
    for (name, value, problem) in [
        (
            "reasn",
            json!(true),
            "`options.reasn` is no option: did you mean `reason`?",
        ),
        (
            "explanation",
            json!(true),
            "`options.explanation` is no option: did you mean `explain`?",
        ),
        (
            "Reason",
            json!(true),
            "`options.Reason` is no option: did you mean `reason`?",
        ),
        (
            "atLeast",
            json!(1),
            "`options.atLeast` is no option: did you mean `at_least`?",
        ),
        (
            "explian",
            json!(true),
            "`options.explian` is no option: did you mean `explain`?",
        ),
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
            assert_eq!(
                error(&ask(&server, path, &body).await),
                format!("400 malformed: {problem}")
            );
        }
    }
    // What is not seen may be longer than any name.
    let unseen = format!("at_{}least", "\u{200b}".repeat(300));
    let mut body = question();
    body["options"] = json!({ unseen: 7 });
    let said = error(&ask(&server, EVALUATION, &body).await);
    assert!(
        said.ends_with("is no option: did you mean `at_least`?"),
        "{said}"
    );
    let many: Value = (0..101)
        .map(|at| (format!("xplain_{at}"), json!(1)))
        .collect();
    for path in [EVALUATION, EVALUATIONS] {
        let mut body = question();
        body["options"] = many.clone();
        let problem = "400 malformed: `options` has more than 100 members that are no options";
        assert_eq!(error(&ask(&server, path, &body).await), problem);
    }
    let mut body = question();
    body["options"] =
        json!({"region": "eu", "x": {"y": 1}, "another_option": "value", "reasn": null});
    assert_eq!(
        ask(&server, EVALUATION, &body).await.json(),
        json!({"decision": true})
    );
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

/// 34 KB of a batch were 30 MB of an answer: an id that is a default is repeated in the reason of
/// every item.
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
        (
            "context",
            json!({format!("agent{}", "_".repeat(30_000)): 1}),
        ),
        (
            "subject",
            json!({"type": "user", "id": "alice", "Id": 1, "properties": {"act": {"sub": long}}}),
        ),
    ] {
        let mut body = question();
        body[name] = value;
        body["evaluations"] = json!(vec![json!({}); 500]);
        body["options"] = json!({"reason": true});
        let reply = ask(&server, EVALUATIONS, &body).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert!(
            reply.body.len() < 500 * 400,
            "{} bytes of an answer: {:.300}",
            reply.body.len(),
            reply.body
        );
        assert_eq!(reply.json()["evaluations"][499]["decision"], json!(false));
    }
}

/// A name that is one slip away from one that says what is asked was meant for it: with the context
/// goes the agent that it names.
#[actix_web::test]
async fn a_body_with_a_name_that_is_a_slip_of_the_pen_is_denied_or_refused() {
    let server = deciding(local());
    for name in [
        "contxt",
        "context1",
        "contexts",
        "cnotext",
        "Contex",
        "c\u{43e}ntext",
        "actions",
        "resources",
        "subjects",
    ] {
        let mut body = question();
        body["options"] = json!({"reason": true});
        body[name] = json!({"agent": "x"});
        let mut item = question();
        item[name] = json!({"agent": "x"});
        let batch = json!({"evaluations": [item], "options": {"reason": true}});
        for (path, code, body) in [
            (EVALUATION, CODE, &body),
            (EVALUATIONS, "/evaluations/0/context/reason/code", &batch),
        ] {
            let answer = ask(&server, path, body).await.json();
            assert_eq!(
                answer.pointer(code),
                Some(&json!("chain_invalid")),
                "{body}: {answer}"
            );
        }
        body[name] = Value::Null;
        let answer = ask(&server, EVALUATION, &body).await.json();
        assert_eq!(answer, json!({"decision": true}), "{name} is null");
    }
    for (path, name) in [
        (EVALUATION, "option"),
        (EVALUATION, "optoins"),
        (EVALUATIONS, "evaluation"),
        (EVALUATIONS, "evalautions"),
    ] {
        let mut body = question();
        body[name] = json!([{}]);
        let reply = ask(&server, path, &body).await;
        assert_eq!(
            reply.status,
            StatusCode::BAD_REQUEST,
            "{body}: {}",
            reply.body
        );
    }
    let mut body = question();
    for name in ["foo", "futureField", "contextual", "limit"] {
        body[name] = json!({"agent": "x"});
    }
    let answer = ask(&server, EVALUATION, &body).await.json();
    assert_eq!(answer, json!({"decision": true}));
}
