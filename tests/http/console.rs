//! The console's files, and what it asks: cases, policies, entities, and what would be.

use crate::deciding;
use actix_web::http::Method;
use behest::bundle::BundleSource;
use behest::http::Server;
use serde_json::{Value, json};
use std::fs;
use support::service::{Reply, get, local, post, request, send, with_engine};
use tempfile::TempDir;

const EVALUATION: &str = "/explain/v1/evaluation";

/// A bundle with a secret on everything that a case can hold.
fn secret_bundle() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        (
            "schemas/s.cedarschema",
            "entity user { @secret pin?: String, level?: Long }; entity doc;\n\
             action read appliesTo { principal: user, resource: doc, \
             context: { arguments?: { @secret card?: Long, note?: String } } };\n",
        ),
        (
            "policies/p.cedar",
            "@id(\"p\")\npermit (principal is user, action, resource)\n\
             when { principal has pin && principal.pin == \"7777\" };\n",
        ),
        (
            "policies/cases.yaml",
            "cases:\n  - name: secret\n    who: user:a\n    does: read\n    to: doc:d\n    \
             context: { arguments: { card: 4711, note: shown } }\n    \
             given: { entities: [{ uid: { type: user, id: a }, attrs: { pin: \"7777\", level: 3 }, \
             parents: [] }] }\n    expect: permit\n",
        ),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

async fn assume(server: &Server, question: Value, assume: Value) -> Reply {
    let mut body = question;
    body["assume"] = assume;
    send(server, post(EVALUATION, body.to_string())).await
}

fn question(user: &str, action: &str, resource: (&str, &str)) -> Value {
    json!({
        "subject": {"type": "user", "id": user},
        "action": {"name": action},
        "resource": {"type": resource.0, "id": resource.1},
    })
}

fn decision(reply: &Reply) -> bool {
    let answer = reply.json();
    let decision = answer["answer"]["decision"].as_bool();
    decision.unwrap_or_else(|| panic!("no decision: {}", reply.body))
}

#[actix_web::test]
async fn a_browser_is_led_to_the_console_and_others_to_the_description() {
    let server = deciding(local());
    for (accept, place) in [
        (
            "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
            "/console/",
        ),
        ("application/json", "/docs/"),
        ("*/*", "/docs/"),
    ] {
        let reply = send(&server, get("/").insert_header(("Accept", accept))).await;
        assert_eq!(reply.status, 307, "{accept}");
        assert_eq!(reply.header("location"), Some(place), "{accept}");
        assert_eq!(reply.header("vary"), Some("accept"), "{accept}");
    }
    let reply = send(&server, get("/console")).await;
    assert_eq!(reply.header("location"), Some("/console/"));
}

#[actix_web::test]
async fn the_console_keeps_to_itself() {
    let server = deciding(local());
    for path in [
        "/console/",
        "/console/index.html",
        "/console/console.js",
        "/console/console.css",
    ] {
        let reply = send(&server, get(path)).await;
        assert_eq!(reply.status, 200, "{path}");
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains("http"),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(
            reply.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(reply.header("content-encoding"), None, "{path}");
        let tag = reply.header("etag").unwrap();
        let known = send(&server, get(path).insert_header(("If-None-Match", tag))).await;
        assert_eq!(
            (known.status.as_u16(), known.body.as_str()),
            (304, ""),
            "{path}"
        );
        let head = send(&server, request(Method::HEAD, path)).await;
        assert_eq!(head.status, 200, "{path}");
    }
    let page = send(&server, get("/console/")).await.body;
    assert!(
        !page.contains("style=") && !page.contains("onclick") && !page.contains("//"),
        "{page}"
    );
    for path in [
        "/console/nothing.js",
        "/console/../Cargo.toml",
        "/console/console.js.gz",
        "/console/x",
    ] {
        assert_eq!(send(&server, get(path)).await.status, 404, "{path}");
    }
}

#[actix_web::test]
async fn every_case_is_listed_and_decided_as_it_expects() {
    let server = deciding(local());
    let words = send(&server, get("/explain/v1/vocabulary")).await.json();
    let page = send(&server, get("/explain/v1/cases?limit=500"))
        .await
        .json();
    let cases = page["cases"].as_array().unwrap();
    assert!(cases.len() > 300, "{}", cases.len());
    assert_eq!(
        (&page["total"], &words["cases"]),
        (&json!(cases.len()), &json!(cases.len()))
    );
    for case in cases {
        let named = json!({"case": {"file": case["file"], "name": case["name"]}});
        let reply = assume(&server, case["question"].clone(), named).await;
        let expected = case["expected"].as_str().unwrap();
        let found = if decision(&reply) { "permit" } else { "deny" };
        assert_eq!(expected.split(' ').next(), Some(found), "{case}");
        if let Some(code) = expected.split(' ').nth(1).filter(|word| *word != "by") {
            let reason = &reply.json()["answer"]["context"]["reason"]["code"];
            assert_eq!(reason, code, "{case}");
        }
        let now = &reply.json()["answer"]["context"]["explanation"]["now"];
        assert_eq!(now, &case["now"], "{case}");
    }
    let metrics = send(&server, get("/metrics")).await.body;
    let is_counted =
        |line: &&str| line.starts_with("behest_decisions_total{") && !line.ends_with(" 0");
    assert_eq!(metrics.lines().find(is_counted), None);
}

#[actix_web::test]
async fn lists_are_in_pages_and_are_narrowed() {
    let server = deciding(local());
    for (path, list, name) in [
        ("/explain/v1/cases", "cases", "name"),
        ("/explain/v1/policies", "policies", "id"),
    ] {
        let whole = send(&server, get(&format!("{path}?limit=500")))
            .await
            .json();
        let whole = whole[list].as_array().unwrap().clone();
        let mut pages = Vec::new();
        while pages.len() < whole.len() {
            let next = format!("{path}?limit=7&from={}", pages.len());
            let page = send(&server, get(&next)).await.json();
            assert_eq!(page["total"], json!(whole.len()));
            pages.extend(page[list].as_array().unwrap().clone());
        }
        assert_eq!(pages, whole, "{path}");
        let some = send(&server, get(&format!("{path}?like=REFUND")))
            .await
            .json();
        let some = some[list].as_array().unwrap().clone();
        assert!(!some.is_empty() && some.len() < whole.len(), "{path}");
        assert!(whole.iter().any(|it| it[name] == some[0][name]));
    }
    let path = "/explain/v1/policies?id=refund-cap&id=nothing&id=document-hold";
    let named = send(&server, get(path)).await.json();
    let named: Vec<&str> = named["policies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|policy| {
            let id = policy["id"].as_str().unwrap();
            let source = policy["source"].as_str().unwrap();
            assert!(source.starts_with(&format!("@id(\"{id}\")")) && source.ends_with(';'));
            id
        })
        .collect();
    assert_eq!(named, ["refund-cap", "document-hold"]);
}

#[actix_web::test]
async fn entities_are_found_by_a_part_of_their_id() {
    let server = deciding(local());
    let found = async |query: &str| {
        let path = format!("/explain/v1/entities?{query}");
        send(&server, get(&path)).await.json()
    };
    let users = found("type=user&like=AL").await;
    assert_eq!(users, json!({"ids": ["alice"], "more": false}));
    let one = found("type=user&limit=1").await;
    assert_eq!(
        (one["ids"].as_array().unwrap().len(), &one["more"]),
        (1, &json!(true))
    );
    // The schema declares no folder, and only tuples name one.
    let folders = found("type=folder&like=pay").await;
    assert_eq!(folders["ids"], json!(["payments"]));
    let folder = found("type=folder&like=payments&limit=1").await;
    assert_eq!(folder["ids"], json!(["payments"]));
    // Only tuples name the team, and only a policy the role.
    let teams = found("type=team&like=pay").await;
    assert_eq!(teams["ids"], json!(["payments"]));
    let roles = found("type=role&like=billing-lead").await;
    assert_eq!(roles["ids"], json!(["billing-lead"]));
    assert_eq!(
        found("type=nothing").await,
        json!({"ids": [], "more": false})
    );
}

#[actix_web::test]
async fn what_is_assumed_decides_and_is_not_so_afterwards() {
    let server = deciding(local());
    let runbook = || question("bob", "read", ("document", "runbook"));
    let viewer = json!({"user": "user:bob", "relation": "viewer", "object": "document:runbook"});
    let asked = async |assumed: Value| decision(&assume(&server, runbook(), assumed).await);
    assert!(!asked(json!({})).await);
    assert!(asked(json!({"tuples": [viewer]})).await);
    assert!(!asked(json!({})).await);
    let alice = || question("alice", "read", ("document", "runbook"));
    let member = json!({"user": "user:alice", "relation": "member", "object": "team:payments"});
    assert!(decision(&assume(&server, alice(), json!({})).await));
    assert!(!decision(
        &assume(&server, alice(), json!({"without": [member]})).await
    ));
    assert!(decision(&assume(&server, alice(), json!({})).await));
    // A tuple that is assumed can be taken away as little as it can be there twice.
    let both = json!({"tuples": [viewer], "without": [viewer]});
    assert!(asked(both).await);
    let judy = json!([{
        "uid": {"type": "user", "id": "alice"},
        "attrs": {"entitlements": []},
        "parents": [],
    }]);
    let write = || question("alice", "write", ("repository", "checkout"));
    assert!(decision(&assume(&server, write(), json!({})).await));
    assert!(!decision(
        &assume(&server, write(), json!({"entities": judy})).await
    ));
    let later = assume(&server, runbook(), json!({"now": "2030-01-01T00:00:00Z"}))
        .await
        .json();
    let now = &later["answer"]["context"]["explanation"]["now"];
    assert_eq!(now, "2030-01-01T00:00:00Z");
}

#[actix_web::test]
async fn an_answer_to_what_is_assumed_is_no_decision_to_enforce() {
    let server = deciding(local());
    let reply = assume(&server, crate::question(), json!({})).await;
    assert_eq!(reply.json().get("decision"), None);
    assert_eq!(reply.header("behest-decision"), None);
}

#[actix_web::test]
async fn what_cannot_be_assumed_is_refused_by_its_member() {
    let server = deciding(local());
    let tuple = json!({"user": "user:bob", "relation": "viewer", "object": "document:runbook"});
    let with = |name: &str, value: Value| {
        let mut tuple = tuple.clone();
        tuple[name] = value;
        json!({"tuples": [tuple]})
    };
    for (assumed, member) in [
        (json!([]), "`assume` must be an object"),
        (json!({"when": "now"}), "`assume.when` is not read"),
        (json!({"now": "today"}), "`assume.now` must be a time"),
        (json!({"now": 1}), "`assume.now` must be a string"),
        (
            json!({"case": {"file": "a"}}),
            "`assume.case.name` is missing",
        ),
        (
            json!({"case": {"file": "a", "name": "b"}}),
            "`assume.case` names no case",
        ),
        (json!({"tuples": {}}), "`assume.tuples` must be a list"),
        (
            json!({"tuples": [1]}),
            "`assume.tuples[0]` must be an object",
        ),
        (with("user", json!("bob")), "`assume.tuples[0]` is no tuple"),
        (
            with("relation", json!("nothing")),
            "`assume.tuples[0]` is not allowed",
        ),
        (
            with("conditon", json!("x")),
            "`assume.tuples[0].conditon` is not read",
        ),
        (
            with("condition", json!({"name": "x", "context": 1})),
            "`assume.tuples[0].condition",
        ),
        (
            json!({"without": [{"user": "user:bob"}]}),
            "`assume.without[0].relation` is missing",
        ),
        (
            json!({"entities": [{"uid": "x"}]}),
            "`assume.entities` are not taken",
        ),
        (
            json!({"tupels": []}),
            "`assume.tupels` is not read: there are",
        ),
        (
            json!({"tuples": vec![tuple.clone(); 101]}),
            "`assume.tuples` holds 101 items",
        ),
        (
            json!({"entities": vec![json!({}); 101]}),
            "`assume.entities` holds 101 items",
        ),
    ] {
        let reply = assume(&server, crate::question(), assumed.clone()).await;
        let message = reply.json()["error"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert_eq!(reply.status, 400, "{assumed}: {}", reply.body);
        assert!(message.starts_with(member), "{assumed}: {message}");
    }
    for (path, message) in [
        ("/explain/v1/cases?lik=a", "`lik` is no parameter"),
        (
            "/explain/v1/cases?limit=0",
            "`limit` must be a number from 1 to 500",
        ),
        (
            "/explain/v1/cases?limit=501",
            "`limit` must be a number from 1 to 500",
        ),
        ("/explain/v1/cases?from=-1", "`from` must be a whole number"),
        (
            "/explain/v1/cases?like=a&like=b",
            "`like` occurs more than once",
        ),
        ("/explain/v1/entities?like=a", "`type` is missing"),
    ] {
        let reply = send(&server, get(path)).await;
        assert_eq!(reply.status, 400, "{path}");
        let told = reply.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(told.starts_with(message), "{path}: {told}");
    }
    let long = format!("/explain/v1/cases?like={}", "a".repeat(513));
    assert_eq!(send(&server, get(&long)).await.status, 400);
    let many = format!("/explain/v1/policies?{}", vec!["id=a"; 101].join("&"));
    assert_eq!(send(&server, get(&many)).await.status, 400);
}

#[actix_web::test]
async fn what_was_meant_as_an_assumption_is_not_ignored() {
    let server = deciding(local());
    for (name, beside) in [
        ("asume", false),
        ("asume", true),
        ("assumes", true),
        ("ASSUME", true),
    ] {
        let mut body = crate::question();
        body[name] = json!({"now": "2030-01-01T00:00:00Z"});
        if beside {
            body["assume"] = json!({});
        }
        let reply = send(&server, post(EVALUATION, body.to_string())).await;
        assert_eq!(reply.status, 400, "{name}: {}", reply.body);
        let message = reply.json()["error"]["message"].to_string();
        assert!(message.contains("`assume`"), "{name}: {message}");
    }
    // A member that nobody defines is ignored, as in every evaluation.
    let mut body = crate::question();
    body["note"] = json!(1);
    assert_eq!(
        send(&server, post(EVALUATION, body.to_string()))
            .await
            .status,
        200
    );
}

#[actix_web::test]
async fn a_page_ends_before_the_answer_is_too_large() {
    let mut settings = local();
    settings.limits.answer_bytes = 16 << 10;
    let server = deciding(settings);
    for (path, list) in [
        ("/explain/v1/cases", "cases"),
        ("/explain/v1/policies", "policies"),
    ] {
        let (mut from, mut found, mut pages) = (0, Vec::new(), 0);
        loop {
            let page = send(&server, get(&format!("{path}?limit=500&from={from}"))).await;
            assert_eq!(page.status, 200, "{path}: {}", page.body);
            assert!(page.body.len() <= 16 << 10, "{path}: {}", page.body.len());
            let page = page.json();
            found.extend(page[list].as_array().unwrap().clone());
            pages += 1;
            let Some(next) = page["next"].as_u64() else {
                assert_eq!(page["total"], json!(found.len()), "{path}");
                break;
            };
            assert_eq!(next, found.len() as u64, "{path}");
            from = next;
        }
        assert!(pages > 1, "{path}");
        let named: Vec<String> = found.iter().map(ToString::to_string).collect();
        let once: std::collections::BTreeSet<&String> = named.iter().collect();
        assert_eq!(once.len(), named.len(), "{path}");
    }
    // An entry that is too large by itself is no reason to send more than the limit, or nothing.
    let mut settings = local();
    settings.limits.answer_bytes = 1_100;
    let server = deciding(settings);
    let reply = send(&server, get("/explain/v1/policies?id=document-hold")).await;
    assert_eq!(
        reply.json()["error"]["code"],
        "answer_too_large",
        "{}",
        reply.body
    );
}

#[actix_web::test]
async fn a_bundle_that_is_refused_is_shown_where_it_is_wrong() {
    let (server, engine) = with_engine(local());
    let folder = secret_bundle();
    let source = BundleSource::Dir(folder.path().to_owned());
    let state = async || send(&server, get("/explain/v1/bundle")).await.json();
    let before = state().await;
    let policy = folder.path().join("policies/p.cedar");
    let text = fs::read_to_string(&policy).unwrap();
    fs::write(
        &policy,
        format!("{text}\n@id(\"q\")\n  permit (principl, action, resource);\n"),
    )
    .unwrap();
    engine.load(&source).unwrap_err();
    let broken = state().await;
    assert_eq!(broken["bundle"], before["bundle"]);
    assert_eq!(broken["failure"]["total"], 1, "{broken}");
    let problem = &broken["failure"]["problems"][0];
    assert_eq!(problem["file"], "policies/p.cedar");
    assert_eq!(problem["line"], 6, "{problem}");
    assert_eq!(problem["text"], "  permit (principl, action, resource);");
    // While it does not compile, nobody knows what of its data is secret.
    fs::write(&policy, &text).unwrap();
    let cases = folder.path().join("policies/cases.yaml");
    let good = fs::read_to_string(&cases).unwrap();
    fs::write(&cases, good.replace("who: user:a", "who: {card: 4711}")).unwrap();
    engine.load(&source).unwrap_err();
    let told = state().await;
    assert_eq!(
        told["failure"]["problems"][0]["file"],
        "policies/cases.yaml"
    );
    assert!(!told.to_string().contains("4711"), "{told}");
    // A case that fails is told in full.
    fs::write(&cases, good.replace("expect: permit", "expect: deny")).unwrap();
    engine.load(&source).unwrap_err();
    let failing = state().await;
    let message = failing["failure"]["problems"][0]["message"]
        .as_str()
        .unwrap();
    assert!(message.starts_with("the case `"), "{message}");
    assert!(!failing.to_string().contains("7777"), "{failing}");
    fs::write(&cases, good).unwrap();
    engine.load(&source).unwrap();
    assert_eq!(state().await.get("failure"), None);
}

#[actix_web::test]
async fn a_secret_is_in_no_list() {
    let (server, engine) = with_engine(local());
    let folder = secret_bundle();
    engine
        .load(&BundleSource::Dir(folder.path().to_owned()))
        .unwrap();
    let reply = send(&server, get("/explain/v1/cases")).await;
    let case = &reply.json()["cases"][0];
    assert_eq!(
        case["question"]["context"]["arguments"],
        json!({"card": "(secret)", "note": "shown"})
    );
    let given = &case["given"]["entities"][0]["attrs"];
    assert_eq!(*given, json!({"pin": "(secret)", "level": 3}));
    for path in [
        "/explain/v1/cases",
        "/explain/v1/entities?type=user",
        "/explain/v1/vocabulary",
    ] {
        let body = send(&server, get(path)).await.body;
        assert!(
            !body.contains("7777") && !body.contains("4711"),
            "{path}: {body}"
        );
    }
    // What the case is given still decides, though nobody sees it.
    let named = json!({"case": {"file": case["file"], "name": case["name"]}});
    let mut asked = case["question"].clone();
    asked.as_object_mut().unwrap().remove("context");
    let reply = assume(&server, asked, named).await;
    assert!(decision(&reply), "{}", reply.body);
    let entities = json!({"entities": [{
        "uid": {"type": "user", "id": "a"}, "attrs": {"pin": 7777}, "parents": [],
    }]});
    let reply = assume(&server, question("a", "read", ("doc", "d")), entities).await;
    assert_eq!(reply.status, 400);
    assert!(!reply.body.contains("7777"), "{}", reply.body);
}
