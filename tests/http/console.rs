//! The console's files, and what it asks: cases, policies, entities, and what would be.

use crate::deciding;
use actix_web::http::Method;
use behest::bundle::{BundleFiles, BundleSource, compile};
use behest::evidence::CallerScope;
use behest::http::{Caller, CallerCredential, KeyHash, Permission, Server, Settings};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use support::service::{Reply, get, local, post, request, send, with_engine};
use tempfile::TempDir;

const EVALUATION: &str = "/explain/v1/evaluation";
const MATRIX: &str = "/explain/v1/matrix";

/// A bundle with a secret on everything that a case can hold.
pub(crate) fn secret_bundle() -> TempDir {
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
async fn a_table_says_what_each_question_of_it_says() {
    let server = deciding(local());
    let table = async |body: Value| send(&server, post(MATRIX, body.to_string())).await;
    let entity = |kind: &str, id: &str| json!({"type": kind, "id": id});
    let users = ["alice", "bob", "carol", "dan", "nobody"];
    let agents = [None, Some("copilot"), Some("helpdesk"), Some("retired")];
    let chains: Vec<Value> = users
        .iter()
        .flat_map(|user| {
            agents.iter().map(move |agent| match agent {
                None => json!([entity("user", user)]),
                Some(agent) => json!([entity("user", user), entity("agent", agent)]),
            })
        })
        .collect();
    let targets = json!([
        {"action": "read", "resource": entity("repository", "checkout")},
        {"action": "tools/call", "resource": entity("tool", "payments/refund")},
        {"action": "tools/call", "resource": entity("tool", "kb/query")},
        {"action": "read", "resource": entity("document", "runbook")},
        {"action": "read", "resource": entity("tool", "kb/query")},
    ]);
    let suspended =
        json!({"user": "agent:copilot", "relation": "suspended", "object": "platform:main"});
    let granted = json!({"user": "agent:copilot", "relation": "delegate", "object": "user:alice"});
    for assumed in [
        json!({}),
        json!({"tuples": [suspended]}),
        json!({"without": [granted]}),
    ] {
        let body = json!({"chains": chains, "targets": targets, "assume": assumed});
        let reply = table(body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let reply = reply.json();
        assert_eq!(reply["more"], json!(false));
        let mut permits = 0;
        for (chain, row) in chains.iter().zip(reply["rows"].as_array().unwrap()) {
            for (target, cell) in targets
                .as_array()
                .unwrap()
                .iter()
                .zip(row.as_array().unwrap())
            {
                let mut subject = chain.as_array().unwrap().last().unwrap().clone();
                if chain.as_array().unwrap().len() > 1 {
                    subject["delegation_chain"] = json!([chain[0]]);
                }
                let asked = json!({
                    "subject": subject,
                    "action": {"name": target["action"]},
                    "resource": target["resource"],
                });
                let one = assume(&server, asked, assumed.clone()).await;
                let place = format!("{chain} {target}: {cell}");
                match cell["outcome"].as_str().unwrap() {
                    "permitted" => {
                        permits += 1;
                        assert!(decision(&one), "{place}");
                    }
                    "denied" => {
                        assert!(!decision(&one), "{place}");
                        let told = &one.json()["answer"]["context"]["reason"]["code"];
                        assert_eq!(&cell["code"], told, "{place}");
                    }
                    other => {
                        assert_eq!(other, "with_arguments", "{place}");
                        assert!(!decision(&one), "{place}");
                    }
                }
            }
        }
        assert!(permits > 5, "{permits}");
    }
    let metrics = send(&server, get("/metrics")).await.body;
    let is_counted =
        |line: &&str| line.starts_with("behest_decisions_total{") && !line.ends_with(" 0");
    assert_eq!(metrics.lines().find(is_counted), None);
}

#[actix_web::test]
async fn a_table_that_cannot_be_asked_is_refused_by_its_member() {
    let server = deciding(local());
    let user = json!({"type": "user", "id": "a"});
    let target = json!({"action": "read", "resource": {"type": "document", "id": "d"}});
    for (body, message) in [
        (json!({}), "`chains` is missing"),
        (json!({"chains": [], "target": []}), "`target` is not read"),
        (json!({"chains": []}), "`targets` is missing"),
        (
            json!({"chains": 1, "targets": []}),
            "`chains` must be a list",
        ),
        (
            json!({"chains": [[]], "targets": []}),
            "`chains[0]` must have from 1 to 16 members",
        ),
        (
            json!({"chains": [["a"]], "targets": []}),
            "`chains[0][0]` must be an object",
        ),
        (
            json!({"chains": [[{"type": "a"}]], "targets": []}),
            "`chains[0][0].id` is missing",
        ),
        (
            json!({"chains": [], "targets": [{"action": "read"}]}),
            "`targets[0].resource` is missing",
        ),
        (
            json!({"chains": [], "targets": [{"acton": "read"}]}),
            "`targets[0].acton` is not read",
        ),
        (
            json!({"chains": [], "targets": [], "asume": {}}),
            "`asume` is not read",
        ),
        (
            json!({"chains": vec![json!([user]); 501], "targets": []}),
            "`chains` holds 501 items",
        ),
        (
            json!({"chains": vec![json!([user]); 101], "targets": vec![target; 50]}),
            "`targets` make more than 5000 questions",
        ),
    ] {
        let reply = send(&server, post(MATRIX, body.to_string())).await;
        assert_eq!(reply.status, 400, "{body}");
        let told = reply.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(told.starts_with(message), "{told}");
    }
}

/// A bundle without secrets, in which everybody may read everything.
fn open_bundle() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        (
            "schemas/s.cedarschema",
            "entity user; entity agent; entity doc { level?: Long };\n\
             action read, write appliesTo { principal: [user, agent], resource: doc };\n",
        ),
        (
            "policies/p.cedar",
            "@id(\"all\")\npermit (principal, action, resource);\n\n\
             @id(\"never\")\nforbid (principal, action == Action::\"write\", resource)\n\
             when { resource has level && resource.level > 5 };\n",
        ),
        (
            "policies/entities.json",
            r#"[{"uid": {"type": "user", "id": "a"}, "attrs": {}, "parents": []},
                {"uid": {"type": "user", "id": "b"}, "attrs": {}, "parents": []},
                {"uid": {"type": "agent", "id": "x"}, "attrs": {}, "parents": []},
                {"uid": {"type": "doc", "id": "low"}, "attrs": {"level": 1}, "parents": []},
                {"uid": {"type": "doc", "id": "mid"}, "attrs": {"level": 4}, "parents": []},
                {"uid": {"type": "doc", "id": "top"}, "attrs": {"level": 9}, "parents": []}]"#,
        ),
        (
            "policies/cases.yaml",
            "cases:\n  - name: low\n    who: user:a\n    does: write\n    to: doc:low\n    \
             expect: permit\n",
        ),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

async fn scratch(server: &Server, body: Value) -> Reply {
    send(server, post("/explain/v1/scratch", body.to_string())).await
}

#[actix_web::test]
async fn edits_list_exactly_the_decisions_that_they_change() {
    let (server, engine) = with_engine(local());
    let folder = open_bundle();
    let source = BundleSource::Dir(folder.path().to_owned());
    engine.load(&source).unwrap();
    let policy = folder.path().join("policies/p.cedar");
    let text = fs::read_to_string(&policy).unwrap();
    let nothing = scratch(&server, json!({"edits": {}, "file": "policies/p.cedar"})).await;
    let nothing = nothing.json();
    assert_eq!(
        (&nothing["changes"], &nothing["of_live"]),
        (&json!([]), &json!(true))
    );
    assert_eq!(nothing["cases"]["decided"][0]["count"], 1, "{nothing}");
    assert_eq!(nothing["cases"]["undecided"][0]["id"], "never", "{nothing}");
    let people = ["user:a", "user:b", "agent:x"];
    let mut chains: Vec<Vec<&str>> = people.iter().map(|one| vec![*one]).collect();
    chains.extend([vec!["user:a", "agent:x"], vec!["user:b", "agent:x"]]);
    let entity = |name: &str| {
        let (kind, id) = name.split_once(':').unwrap();
        json!({"type": kind, "id": id})
    };
    let targets: Vec<(&str, &str)> = ["read", "write"]
        .into_iter()
        .flat_map(|action| ["doc:low", "doc:mid", "doc:top"].map(|doc| (action, doc)))
        .collect();
    let table = json!({
        "chains": chains.iter().map(|it| it.iter().map(|it| entity(it)).collect::<Vec<_>>())
            .collect::<Vec<_>>(),
        "targets": targets.iter().map(|(action, doc)| json!({"action": action,
            "resource": entity(doc)})).collect::<Vec<_>>(),
    });
    let decided =
        async || send(&server, post(MATRIX, table.to_string())).await.json()["rows"].clone();
    let before = decided().await;
    for (from, to) in [
        ("level > 5", "level > 3"),
        ("level > 5", "level > 10"),
        (
            "principal, action == Action::\"write\"",
            "principal is agent, action",
        ),
        ("permit (principal,", "permit (principal == user::\"b\","),
        ("level > 5", "level > 6"),
    ] {
        let edited = text.replace(from, to);
        assert_ne!(edited, text);
        let tried = scratch(&server, json!({"edits": {"policies/p.cedar": edited}}))
            .await
            .json();
        assert_eq!(decided().await, before, "nothing of it decides");
        // What would be, by another engine that has it.
        fs::write(&policy, &edited).unwrap();
        let cases = folder.path().join("policies/cases.yaml");
        let kept = fs::read_to_string(&cases).unwrap();
        fs::remove_file(&cases).unwrap();
        engine.load(&source).unwrap();
        let after = decided().await;
        let mut expected = Vec::new();
        for (row, chain) in chains.iter().enumerate() {
            for (column, (action, doc)) in targets.iter().enumerate() {
                let outcome = |rows: &Value| rows[row][column]["outcome"].to_string();
                if outcome(&before) != outcome(&after) {
                    let members = chain.join(" > ");
                    let now = outcome(&after).replace('"', "");
                    expected.push(format!("{now} {members} {action} {doc}"));
                }
            }
        }
        let mut found: Vec<String> = Vec::new();
        for change in tried["changes"].as_array().unwrap() {
            let chain = change["chain"]
                .as_array()
                .unwrap_or_else(|| panic!("{change}"));
            let chain: Vec<&str> = chain.iter().map(|it| it.as_str().unwrap()).collect();
            let part = |name: &str| change[name].as_str().unwrap().to_owned();
            let (now, action, doc) = (part("now"), part("action"), part("resource"));
            found.push(format!("{now} {} {action} {doc}", chain.join(" > ")));
        }
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{from} to {to}");
        assert_eq!(expected.is_empty(), to == "level > 6", "{to}");
        fs::write(&policy, &text).unwrap();
        fs::write(&cases, kept).unwrap();
        engine.load(&source).unwrap();
    }
    // A mistake is told where it stands, a case that fails with what was found.
    let mistaken = text.replace("resource.level", "resource.levl");
    let tried = scratch(&server, json!({"edits": {"policies/p.cedar": mistaken}}))
        .await
        .json();
    let problem = &tried["problems"][0];
    assert_eq!(
        (&problem["file"], &problem["line"]),
        (&json!("policies/p.cedar"), &json!(6))
    );
    assert_eq!(tried.get("changes"), None);
    let stopped = text.replace("level > 5", "level > 0");
    let tried = scratch(&server, json!({"edits": {"policies/p.cedar": stopped}}))
        .await
        .json();
    let failure = &tried["cases"]["failures"][0];
    assert_eq!(
        (&failure["name"], &failure["line"]),
        (&json!("low"), &json!(2)),
        "{failure}"
    );
    let found = failure["found"].as_str().unwrap();
    assert!(
        found.starts_with("deny ") && found.ends_with(" by never"),
        "{found}"
    );
    // The files as they are on disk need not be those that decide.
    fs::write(&policy, text.replace("level > 5", "level > 7")).unwrap();
    let tried = scratch(&server, json!({"edits": {}})).await.json();
    assert_eq!(tried["of_live"], json!(false));
    fs::write(&policy, text.replace("permit (", "permt (")).unwrap();
    let tried = scratch(&server, json!({"edits": {}})).await.json();
    assert_eq!(tried["base_broken"], json!(true), "{tried}");
}

/// Returns the files of each bundle of `tests/bundles/bad`, by its name.
fn bad_bundles() -> Vec<(String, Vec<(String, String)>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bundles/bad");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for bundle in text.split("##### ").skip(1) {
            let (name, rest) = bundle.split_once('\n').unwrap();
            let files = rest.split("=== ").skip(1).filter_map(|file| {
                let (path, text) = file.split_once('\n')?;
                (path != "expected").then(|| (path.to_owned(), text.to_owned()))
            });
            found.push((name.to_owned(), files.collect()));
        }
    }
    found
}

#[actix_web::test]
async fn a_mistake_is_told_in_an_edit_as_behest_validate_tells_it() {
    let (server, engine) = with_engine(local());
    let folder = tempfile::tempdir().unwrap();
    let own = [
        (
            "schemas/own.cedarschema",
            "entity ownuser; entity owndoc;\naction ownread appliesTo { principal: ownuser, resource: owndoc };\n",
        ),
        (
            "policies/own.cedar",
            "@id(\"own\")\npermit (principal is ownuser, action == Action::\"ownread\", resource);\n",
        ),
        ("policies/bundle.toml", "packs = []\n"),
    ];
    for (path, text) in own {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    engine
        .load(&BundleSource::Dir(folder.path().to_owned()))
        .unwrap();
    let mut told = 0;
    for (name, files) in bad_bundles() {
        let is_taken = |path: &str| {
            let within = path.starts_with("schemas/") || path.starts_with("policies/");
            within && !path.contains("/packs/") && !path.contains("/.") && !path.contains("//")
        };
        if files.len() > 20 || !files.iter().all(|(path, _)| is_taken(path)) {
            continue;
        }
        let edits: Value = files
            .iter()
            .map(|(path, text)| (path.clone(), json!(text)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let mut all: BTreeMap<String, String> = own
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
            .into();
        all.extend(files);
        let mut all = BundleFiles::from_texts(all);
        let Err(problems) = compile(&mut all) else {
            continue;
        };
        let mut expected: Vec<Value> = problems
            .0
            .iter()
            .map(|problem| {
                let place = problem.place.as_ref();
                let at = place.and_then(|place| all.position(place));
                json!([
                    place.map(|place| &place.file),
                    at.map(|(line, _)| line),
                    at.map(|(_, column)| column),
                    problem.message,
                ])
            })
            .collect();
        let tried = scratch(&server, json!({"edits": edits})).await.json();
        // Which type of a cycle Cedar names is chance.
        if expected.iter().any(|it| {
            it[3]
                .as_str()
                .is_some_and(|text| text.starts_with("cycle in"))
        }) {
            let told = tried["problems"][0]["message"].as_str().unwrap_or_default();
            assert!(told.starts_with("cycle in"), "{name}: {tried}");
            continue;
        }
        let mut found: Vec<Value> = tried["problems"]
            .as_array()
            .unwrap_or_else(|| panic!("{name}: {tried}"))
            .iter()
            .map(|it| json!([it["file"], it["line"], it["column"], it["message"]]))
            .collect();
        // Of two problems at one place, Cedar's maps tell either first.
        found.sort_by_key(Value::to_string);
        expected.sort_by_key(Value::to_string);
        assert_eq!(found, expected, "{name}");
        told += 1;
    }
    assert!(told > 100, "{told} mistakes");
}

#[actix_web::test]
async fn no_edit_finds_out_a_secret() {
    let (server, engine) = with_engine(local());
    let folder = secret_bundle();
    fs::write(
        folder.path().join("policies/entities.json"),
        r#"[{"uid": {"type": "user", "id": "a"}, "attrs": {"pin": "7777"}, "parents": []},
            {"uid": {"type": "doc", "id": "d"}, "attrs": {}, "parents": []}]"#,
    )
    .unwrap();
    engine
        .load(&BundleSource::Dir(folder.path().to_owned()))
        .unwrap();
    let names = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap();
    let schema = names("schemas/s.cedarschema").replace("@secret ", "");
    let policy = |test: &str| {
        format!("@id(\"p\")\npermit (principal is user, action, resource)\nwhen {{ {test} }};\n")
    };
    let case = "cases:\n  - name: tries\n    who: user:a\n    does: read\n    to: doc:d\n    \
                expect: permit\n";
    let mut told = Vec::new();
    for test in [
        "principal has pin && principal.pin like \"777*7\"",
        "principal has pin && principal.pin like \"7*\"",
        "principal has pin && principal.pin like \"888*8\"",
    ] {
        for edits in [
            json!({"policies/p.cedar": policy(test)}),
            json!({"policies/p.cedar": policy(test), "schemas/s.cedarschema": schema}),
            json!({"policies/p.cedar": policy(test), "schemas/s.cedarschema": schema,
                "policies/mine.cases.yaml": case}),
            json!({"policies/p.cedar": policy(test),
                "schemas/s.cedarschema": schema.replace("pin?: String", "pin?: Long")}),
        ] {
            let reply = scratch(&server, json!({"edits": edits})).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
            assert!(
                !reply.body.contains("7777") && !reply.body.contains("4711"),
                "{}",
                reply.body
            );
            let tried = reply.json();
            assert_eq!(tried["left_out"], json!(["policies/cases.yaml"]));
            let mut tried = tried.clone();
            for echo in ["problems", "warnings"] {
                tried.as_object_mut().unwrap().remove(echo);
            }
            told.push(tried.to_string());
        }
    }
    // What is right and what is wrong look the same.
    let (first, last) = (&told[..4], &told[8..]);
    assert_eq!(first, last);
    for path in ["policies/entities.json", "policies/cases.yaml"] {
        let reply = send(&server, get(&format!("/explain/v1/files?path={path}"))).await;
        assert_eq!(
            reply.json()["files"][0]["hidden"],
            json!(true),
            "{}",
            reply.body
        );
        assert!(
            !reply.body.contains("7777") && !reply.body.contains("4711"),
            "{}",
            reply.body
        );
    }
    let listed = send(&server, get("/explain/v1/files?like=p.cedar"))
        .await
        .json();
    assert_eq!(
        (&listed["total"], listed["files"][0].get("text")),
        (&json!(1), None)
    );
    let shown = send(&server, get("/explain/v1/files?path=policies/p.cedar"))
        .await
        .json();
    assert_eq!(shown["files"][0]["text"], names("policies/p.cedar"));
    // Files that do not compile show no data at all.
    fs::write(folder.path().join("schemas/s.cedarschema"), "entity").unwrap();
    let reply = send(
        &server,
        get("/explain/v1/files?path=policies/entities.json"),
    )
    .await;
    assert_eq!(
        reply.json()["files"][0]["hidden"],
        json!(true),
        "{}",
        reply.body
    );
    let tried = scratch(&server, json!({"edits": {}})).await;
    assert!(tried.body.contains("\"base_broken\":true") && !tried.body.contains("7777"));
}

#[actix_web::test]
async fn edits_are_bounded() {
    let server = deciding(local());
    let many: Value = (0..21)
        .map(|at| (format!("policies/{at}.cedar"), json!("")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    for (body, message) in [
        (json!({}), "`edits` is missing"),
        (json!({"edits": []}), "`edits` must be an object"),
        (json!({"edits": {}, "fiel": ""}), "`fiel` is not read"),
        (json!({"edits": {}, "file": 1}), "`file` must be a string"),
        (
            json!({"edits": {"policies/p.cedar": 1}}),
            "`edits.policies/p.cedar` must be a string",
        ),
        (
            json!({"edits": {"../p.cedar": ""}}),
            "`edits.../p.cedar` is no path of a bundle",
        ),
        (
            json!({"edits": {"policies": ""}}),
            "`edits.policies` is no path of a bundle",
        ),
        (
            json!({"edits": {"policies/../../x": ""}}),
            "`edits.policies/../../x` is no path",
        ),
        (
            json!({"edits": {"policies/.x": ""}}),
            "`edits.policies/.x` is no path of a bundle",
        ),
        (
            json!({"edits": {"policies//x": ""}}),
            "`edits.policies//x` is no path of a bundle",
        ),
        (
            json!({"edits": {"policies/packs/roles/roles.cedar": ""}}),
            "`edits.policies/packs/roles/roles.cedar` is a file of a pack",
        ),
        (json!({"edits": many}), "`edits` holds more than 20 files"),
        (
            json!({"edits": {"policies/p.cedar": " ".repeat((512 << 10) + 1)}}),
            "`edits` holds more than 524288 bytes",
        ),
    ] {
        let reply = scratch(&server, body.clone()).await;
        assert_eq!(reply.status, 400, "{}", reply.body);
        let told = reply.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(told.starts_with(message), "{told}");
    }
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

const SAVED: &str = "/explain/v1/saved";
const ADMIN: &str = "admin-key-of-the-session";

/// A session of an author, on a bundle with a secret.
fn session(saves_edits: bool) -> (Server, TempDir) {
    let caller = Caller {
        name: "admin".to_owned(),
        by: CallerCredential::key(KeyHash::of(ADMIN.as_bytes())),
        permissions: Permission::ALL.into_iter().collect(),
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    };
    let (server, engine) = with_engine(Settings {
        callers: vec![caller],
        saves_edits,
        ..local()
    });
    let folder = secret_bundle();
    fs::write(folder.path().join("beside.txt"), "old").unwrap();
    engine
        .load(&BundleSource::Dir(folder.path().to_owned()))
        .unwrap();
    (server, folder)
}

fn hash(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Saves one edit, with these headers beside the key.
async fn save(server: &Server, (path, was): (&str, &str), headers: &[(&str, &str)]) -> Reply {
    let body = json!({"edits": {path: {"text": "// new\n", "was": hash(was)}}});
    let mut request =
        post(SAVED, body.to_string()).insert_header(("Authorization", format!("Bearer {ADMIN}")));
    for (name, value) in headers {
        request = request.insert_header((*name, *value));
    }
    send(server, request).await
}

/// Every file below a folder, with its text.
fn all_texts(folder: &Path) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                texts.insert(path.display().to_string(), text);
            }
        }
    }
    texts
}

#[actix_web::test]
async fn an_edit_is_saved_into_the_file_that_it_was_made_on() {
    let (server, folder) = session(true);
    let file = folder.path().join("policies/p.cedar");
    let text = fs::read_to_string(&file).unwrap();
    let own = [
        ("Host", "localhost:8181"),
        ("Origin", "http://localhost:8181"),
    ];
    let reply = save(&server, ("policies/p.cedar", &text), &own).await;
    assert_eq!(reply.body, r#"{"saved":["policies/p.cedar"]}"#);
    assert_eq!(fs::read_to_string(&file).unwrap(), "// new\n");
    let again = save(&server, ("policies/p.cedar", &text), &[]).await;
    assert_eq!(
        crate::error(&again),
        "400 malformed: `edits.policies/p.cedar` has changed since it was read: look at it again, \
         and edit it anew"
    );
}

#[actix_web::test]
async fn nothing_but_the_files_that_a_person_is_shown_is_saved() {
    let (server, folder) = session(true);
    let out = tempfile::tempdir().unwrap();
    fs::write(out.path().join("x.cedar"), "old").unwrap();
    let before = all_texts(folder.path());
    let cases = &before[&folder
        .path()
        .join("policies/cases.yaml")
        .display()
        .to_string()];
    let absolute = out.path().join("x.cedar").display().to_string();
    for (path, was) in [
        ("beside.txt", "old"),
        ("policies/../beside.txt", "old"),
        ("policies/./p.cedar", "old"),
        ("/etc/passwd", "old"),
        (absolute.as_str(), "old"),
        ("policies/new.cedar", ""),
        ("policies/.hidden.cedar", ""),
        ("policies", ""),
        ("pack:revocation", ""),
        ("policies/packs/x.cedar", ""),
        ("policies/cases.yaml", cases.as_str()),
    ] {
        let reply = save(&server, (path, was), &[]).await;
        assert_eq!(reply.status, 400, "{path}: {}", reply.body);
    }
    assert_eq!(all_texts(folder.path()), before);
    // A link is followed by no edit, wherever it leads.
    let text = &before[&folder.path().join("policies/p.cedar").display().to_string()];
    let link = folder.path().join("policies/link.cedar");
    std::os::unix::fs::symlink(folder.path().join("policies/p.cedar"), &link).unwrap();
    let reply = save(&server, ("policies/link.cedar", text), &[]).await;
    assert_eq!(
        crate::error(&reply),
        "400 malformed: `edits.policies/link.cedar` lies behind a symbolic link: edit it where it \
         lies"
    );
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(out.path().join("x.cedar"), &link).unwrap();
    assert_eq!(
        save(&server, ("policies/link.cedar", "old"), &[])
            .await
            .status,
        400
    );
    assert_eq!(
        fs::read_to_string(out.path().join("x.cedar")).unwrap(),
        "old"
    );
}

#[actix_web::test]
async fn no_other_page_and_no_service_saves() {
    let (server, folder) = session(true);
    let file = folder.path().join("policies/p.cedar");
    let text = fs::read_to_string(&file).unwrap();
    let edit = ("policies/p.cedar", text.as_str());
    for headers in [
        [
            ("Host", "localhost:8181"),
            ("Origin", "http://evil.example"),
        ],
        [
            ("Host", "localhost:8181"),
            ("Origin", "http://localhost:8182"),
        ],
        [("Host", "localhost:8181"), ("Origin", "null")],
        [("Host", "localhost:8181"), ("Sec-Fetch-Site", "cross-site")],
        [("Host", "localhost:8181"), ("Sec-Fetch-Site", "same-site")],
        [
            ("Host", "rebound.example"),
            ("Origin", "http://rebound.example"),
        ],
        [("Host", "localhost:8181"), ("X-Forwarded-For", "10.0.0.1")],
    ] {
        let reply = save(&server, edit, &headers).await;
        assert_eq!(reply.status, 403, "{headers:?}: {}", reply.body);
    }
    let keyless = post(SAVED, json!({"edits": {}}).to_string());
    assert_eq!(send(&server, keyless).await.status, 403);
    let (service, of_service) = session(false);
    assert_eq!(save(&service, edit, &[]).await.status, 404);
    for folder in [&folder, &of_service] {
        let now = fs::read_to_string(folder.path().join("policies/p.cedar")).unwrap();
        assert_eq!(now, text);
    }
    for (server, saves) in [(&server, true), (&service, false)] {
        let page = send(server, get("/explain/v1/files?limit=1")).await.json();
        assert_eq!(page["saves"], saves);
    }
}
