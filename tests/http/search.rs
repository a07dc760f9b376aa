//! Searches over HTTP (AuthZEN 1.0 section 8): shapes, pages and their tokens. What is found is
//! held to evaluation in `tests/search`.

use crate::error;
use behest::bundle::BundleSource;
use behest::clock::{Clock, FixedClock};
use behest::engine::{Engine, Sealer, SearchLimits};
use behest::evidence::CallerScope;
use behest::http::{Caller, CallerCredential, KeyHash, Permission, Server, Settings};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use support::service::{NOW_MS, empty, local, post, send, with_clock};

fn bodies() -> [(&'static str, Value); 3] {
    let subject = json!({"type": "user", "id": "alice"});
    let action = json!({"name": "read"});
    let resource = json!({"type": "repository", "id": "checkout"});
    [
        (
            "subject",
            json!({"subject": {"type": "user"}, "action": action, "resource": resource}),
        ),
        (
            "resource",
            json!({"subject": subject, "action": action, "resource": {"type": "repository"}}),
        ),
        ("action", json!({"subject": subject, "resource": resource})),
    ]
}

async fn ask(kind: &str, body: &Value) -> String {
    error(
        &send(
            &empty(local()),
            post(&format!("/access/v1/search/{kind}"), body.to_string()),
        )
        .await,
    )
}

#[actix_web::test]
async fn what_is_missing_is_named() {
    for (kind, body) in bodies() {
        for (member, entity) in body.as_object().unwrap() {
            let mut without = body.clone();
            without.as_object_mut().unwrap().remove(member);
            assert_eq!(
                ask(kind, &without).await,
                format!("400 malformed: `{member}` is missing"),
                "{kind}"
            );
            for field in entity.as_object().unwrap().keys() {
                let mut without = body.clone();
                without[member].as_object_mut().unwrap().remove(field);
                let expected = format!("400 malformed: `{member}.{field}` is missing");
                assert_eq!(ask(kind, &without).await, expected, "{kind}");
                let mut numeric = body.clone();
                numeric[member][field] = json!(5);
                let expected =
                    format!("400 malformed: `{member}.{field}` must be a string, not a number");
                assert_eq!(ask(kind, &numeric).await, expected, "{kind}");
            }
        }
    }
}

/// What is searched for is not read, and is of the form that an evaluation asks for.
#[actix_web::test]
async fn properties_of_what_is_searched_for_are_of_their_form() {
    for (kind, mut body) in bodies() {
        let member = kind;
        for (wrong, word) in [
            (json!([]), "an array"),
            (json!("x"), "a string"),
            (json!(7), "a number"),
        ] {
            body[member]["properties"] = wrong;
            let expected =
                format!("400 malformed: `{member}.properties` must be an object, not {word}");
            assert_eq!(ask(kind, &body).await, expected);
        }
    }
    let (kind, mut body) = bodies().into_iter().last().unwrap();
    body["action"] = json!("read");
    assert_eq!(
        ask(kind, &body).await,
        "400 malformed: `action` must be an object, not a string"
    );
}

#[actix_web::test]
async fn a_page_is_checked() {
    for (page, problem) in [
        (json!("x"), "`page` must be an object, not a string"),
        (
            json!({"limit": -1}),
            "`page.limit` must be a whole number from 1 on, not -1",
        ),
        (
            json!({"limit": 0}),
            "`page.limit` must be a whole number from 1 on, not 0",
        ),
        (
            json!({"limit": 1.5}),
            "`page.limit` must be a whole number from 1 on, not 1.5",
        ),
        (
            json!({"limt": 1}),
            "`page.limt` is not read: did you mean `limit`?",
        ),
        (
            json!({"tokn": "x"}),
            "`page.tokn` is not read: did you mean `token`?",
        ),
        (
            json!({"next_token": "x"}),
            "`page.next_token` is not read: did you mean `token`?",
        ),
        (
            json!({"nextToken": "x"}),
            "`page.nextToken` is not read: did you mean `token`?",
        ),
        (
            json!({"size": 5}),
            "`page.size` is not read: did you mean `limit`?",
        ),
        (
            json!({"limit": "1"}),
            "`page.limit` must be a whole number, not a string",
        ),
        (
            json!({"token": 1}),
            "`page.token` must be a string, not a number",
        ),
        (
            json!({"properties": []}),
            "`page.properties` must be an object, not an array",
        ),
    ] {
        for (kind, mut body) in bodies() {
            body["page"] = page.clone();
            assert_eq!(
                ask(kind, &body).await,
                format!("400 malformed: {problem}"),
                "{kind}"
            );
        }
    }
}

const BUNDLE: [(&str, &str); 3] = [
    (
        "schemas/s.cedarschema",
        "entity user, agent, tool;\n\
         action \"tools/call\", \"tools/list\" appliesTo {\n\
           principal: [user, agent], resource: tool, context: { arguments?: { amount?: Long } } };",
    ),
    (
        "policies/p.cedar",
        "@id(\"people\") permit (principal is user, action, resource);\n\
         @id(\"agents\") permit (principal is agent, action == Action::\"tools/call\", resource)\n\
         when { context has arguments.amount && context.arguments.amount < 5 };",
    ),
    ("policies/entities.json", ""),
];

/// A bundle with seven tools and five users.
fn bundle() -> tempfile::TempDir {
    let entity = |kind: &str, at: usize| json!({"uid": {"type": kind, "id": format!("{kind}-{at}")}, "attrs": {}, "parents": []});
    let entities: Vec<Value> = (0..7)
        .map(|at| entity("tool", at))
        .chain((0..5).map(|at| entity("user", at)))
        .collect();
    let entities = json!(entities).to_string();
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in BUNDLE {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, if text.is_empty() { &entities } else { text }).unwrap();
    }
    folder
}

/// A service whose pages have at most three results and cost at most so many candidates.
fn serving(settings: Settings, candidates: usize, clock: Arc<dyn Clock>) -> (Server, Arc<Engine>) {
    let limits = SearchLimits {
        results: 3,
        candidates,
        ..SearchLimits::default()
    };
    let sealer = Sealer::random(Duration::from_mins(1)).unwrap();
    let (server, engine) = with_clock(settings, clock, |engine| {
        engine
            .with_quiet(Duration::from_millis(1))
            .with_search(limits, sealer)
    });
    engine
        .load(&BundleSource::Dir(bundle().path().to_owned()))
        .unwrap();
    (server, engine)
}

fn fixed() -> Arc<dyn Clock> {
    Arc::new(FixedClock::at(NOW_MS))
}

fn tools() -> Value {
    json!({"subject": {"type": "user", "id": "user-1", "properties": {"act": {"sub": "copilot"}}},
           "action": {"name": "tools/call"}, "resource": {"type": "tool"}, "options": {"unknown": ["arguments"]}})
}

async fn found(server: &Server, kind: &str, body: &Value) -> Value {
    let reply = send(
        server,
        post(&format!("/access/v1/search/{kind}"), body.to_string()),
    )
    .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

#[actix_web::test]
async fn an_answer_has_a_page_where_one_is_asked_for_or_there_is_a_next() {
    let (server, _) = serving(local(), 1_000, fixed());
    let mut body = json!({"subject": {"type": "user", "id": "alice"}, "action": {"name": "erase"}, "resource": {"type": "tool"}});
    let reply = send(
        &server,
        post("/access/v1/search/resource", body.to_string()),
    )
    .await;
    assert_eq!(
        (reply.body.as_str(), reply.header("behest-revision")),
        (r#"{"results":[]}"#, Some("0"))
    );
    body["page"] = json!({});
    let none = json!({"page": {"next_token": "", "count": 0, "total": 0}, "results": []});
    assert_eq!(found(&server, "resource", &body).await, none);
    let first = found(&server, "resource", &tools()).await;
    assert_eq!(
        first.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["page", "context", "results"]
    );
    assert_eq!(first["context"], json!({"unknown": ["arguments"]}));
    assert_eq!(
        (&first["page"]["count"], first["page"].get("total")),
        (&json!(3), None)
    );
    assert!(!first["page"]["next_token"].as_str().unwrap().is_empty());
    let mut explained = tools();
    explained["options"]["reason"] = json!(true);
    let reasons = found(&server, "resource", &explained).await["context"]["reasons"].clone();
    assert_eq!(reasons.as_array().unwrap().len(), 3);
    assert!(
        reasons[0]["policies"]
            .as_array()
            .unwrap()
            .contains(&json!("agents")),
        "{reasons}"
    );
}

#[actix_web::test]
async fn pages_follow_one_another_with_and_without_a_repeated_limit() {
    let (server, _) = serving(local(), 1_000, fixed());
    let all = |repeat: bool| {
        let server = &server;
        async move {
            let mut body = tools();
            body["page"] = json!({"limit": 2});
            let mut ids = Vec::new();
            loop {
                let page = found(server, "resource", &body).await;
                let results = page["results"].as_array().unwrap();
                assert!(results.len() <= 2 && page["page"]["count"] == results.len());
                ids.extend(
                    results
                        .iter()
                        .map(|found| found["id"].as_str().unwrap().to_owned()),
                );
                let token = page["page"]["next_token"].as_str().unwrap();
                if token.is_empty() {
                    return ids;
                }
                body["page"] = if repeat {
                    json!({"token": token, "limit": 2})
                } else {
                    json!({"token": token})
                };
            }
        }
    };
    let (with, without) = (all(true).await, all(false).await);
    assert_eq!(with, without);
    assert!(
        with.len() > 3 && with.contains(&"tool-3".to_owned()),
        "{with:?}"
    );
}

#[actix_web::test]
async fn a_page_that_ends_early_says_so_and_goes_on() {
    let (server, _) = serving(local(), 1, fixed());
    // Nothing narrows who may list the tools.
    let mut body = json!({"subject": {"type": "user"}, "action": {"name": "tools/list"}, "resource": {"type": "tool", "id": "tool-1"}});
    let (mut incomplete, mut users) = (0, 0);
    loop {
        let page = found(&server, "subject", &body).await;
        users += page["results"].as_array().unwrap().len();
        incomplete += u32::from(page["page"]["properties"] == json!({"incomplete": "candidates"}));
        match page["page"]["next_token"].as_str() {
            None | Some("") => break,
            Some(token) => body["page"] = json!({"token": token}),
        }
    }
    assert!(incomplete > 2 && users > 2, "{incomplete} {users}");
}

#[actix_web::test]
async fn a_large_request_has_shorter_pages_and_finds_the_same() {
    let all = async |candidates: usize, numbers: usize| {
        let (server, _) = serving(local(), candidates, fixed());
        let mut body = json!({"subject": {"type": "user"}, "action": {"name": "tools/list"},
            "resource": {"type": "tool", "id": "tool-1"}, "context": {"numbers": vec![1; numbers]}});
        let (mut pages, mut ids) = (0, Vec::new());
        loop {
            let page = found(&server, "subject", &body).await;
            ids.extend(
                page["results"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|found| found["id"].to_string()),
            );
            pages += 1;
            assert!(pages < 100, "it does not end");
            match page["page"]["next_token"].as_str() {
                None | Some("") => return (pages, ids),
                Some(token) => body["page"] = json!({"token": token}),
            }
        }
    };
    let (few, small) = all(20, 10).await;
    // Each counts as some dozen, and more than a page may have: one is decided all the same.
    for candidates in [20, 1] {
        let (many, large) = all(candidates, 4_000).await;
        assert!(small.len() == 5 && large == small, "{large:?}");
        assert!(many > few && many >= 5, "{many} pages, and {few}");
    }
}

async fn refusal(server: &Server, kind: &str, body: &Value) -> String {
    error(
        &send(
            server,
            post(&format!("/access/v1/search/{kind}"), body.to_string()),
        )
        .await,
    )
}

/// A clock that a test moves.
#[derive(Debug)]
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn monotonic_ms(&self) -> i64 {
        self.now_ms()
    }
}

#[actix_web::test]
async fn a_page_token_is_good_for_its_query_its_caller_its_bundle_and_its_time() {
    let clock = Arc::new(Moved(AtomicI64::new(NOW_MS)));
    let (server, engine) = serving(local(), 1_000, clock.clone());
    let first = found(&server, "resource", &tools()).await;
    let token = first["page"]["next_token"].as_str().unwrap().to_owned();
    let with = |token: &str| {
        let mut body = tools();
        body["page"] = json!({"token": token});
        body
    };
    found(&server, "resource", &with(&token)).await;
    let foreign = "400 page_token_foreign: `page.token` belongs to another query: send everything but the token as it was, \
                   `page.limit` too or without it, or begin without a token";
    for (member, value) in [
        ("subject", json!({"type": "user", "id": "user-2"})),
        ("action", json!({"name": "tools/list"})),
        ("resource", json!({"type": "agent"})),
        ("context", json!({"z": 1})),
        ("options", json!({})),
        ("page", json!({"token": token, "limit": 2})),
    ] {
        let mut body = with(&token);
        body[member] = value;
        assert_eq!(
            refusal(&server, "resource", &body).await,
            foreign,
            "{member}"
        );
    }
    let mut other =
        json!({"subject": tools()["subject"], "resource": {"type": "tool", "id": "tool-1"}});
    other["page"] = json!({"token": token});
    assert_eq!(refusal(&server, "action", &other).await, foreign);
    let mut same = with(&token);
    same["resource"]["id"] = json!("ignored");
    same["unheard-of"] = json!(1);
    found(&server, "resource", &same).await;
    let made_up = "400 page_token_unknown: `page.token` was not made by this service, or before it was started: begin without a token";
    for forged in [
        "x",
        "not-a-token",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        &"A".repeat(10_000),
    ] {
        assert_eq!(
            refusal(&server, "resource", &with(forged)).await,
            made_up,
            "{forged}"
        );
    }
    let (elsewhere, _) = serving(local(), 1_000, fixed());
    assert_eq!(
        refusal(&elsewhere, "resource", &with(&token)).await,
        made_up
    );
    let last = if token.ends_with('A') { "B" } else { "A" };
    let edited = format!(
        "{}{last}{}",
        &token[..token.len() / 2],
        &token[token.len() / 2 + 1..]
    );
    let changed = refusal(&server, "resource", &with(&edited)).await;
    assert!(
        edited == token || changed.starts_with("400 page_token_edited: `page.token` was changed"),
        "{changed}"
    );
    clock.0.store(NOW_MS + 60_001, Ordering::Relaxed);
    let old = refusal(&server, "resource", &with(&token)).await;
    assert_eq!(
        old,
        "400 page_token_expired: `page.token` has expired: begin without a token"
    );
    clock.0.store(NOW_MS, Ordering::Relaxed);
    let folder = bundle();
    std::fs::write(
        folder.path().join("policies/more.cedar"),
        "@id(\"more\") permit (principal, action, resource);",
    )
    .unwrap();
    engine
        .load(&BundleSource::Dir(folder.path().to_owned()))
        .unwrap();
    let outdated = refusal(&server, "resource", &with(&token)).await;
    assert_eq!(
        outdated,
        "400 page_token_expired: `page.token` was given under another bundle: begin without a token"
    );
}

#[actix_web::test]
async fn a_page_token_is_its_callers_alone() {
    let caller = |name: &str, key: &str| Caller {
        name: name.to_owned(),
        by: CallerCredential::key(KeyHash::of(key.as_bytes())),
        permissions: [Permission::Search].into_iter().collect(),
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    };
    let settings = Settings {
        callers: vec![caller("one", "1"), caller("two", "2")],
        ..Settings::default()
    };
    let (server, _) = serving(settings, 1_000, fixed());
    let ask = |key: &str, body: &Value| {
        let request = post("/access/v1/search/resource", body.to_string());
        request.insert_header(("Authorization", format!("Bearer {key}")))
    };
    let first = send(&server, ask("1", &tools())).await.json();
    let mut body = tools();
    body["page"] = json!({"token": first["page"]["next_token"]});
    assert_eq!(send(&server, ask("1", &body)).await.status, 200);
    let refused = error(&send(&server, ask("2", &body)).await);
    assert_eq!(
        refused,
        "400 page_token_foreign: `page.token` was given to another caller: begin without a token"
    );
}

#[actix_web::test]
async fn a_batch_about_unknown_arguments_says_so_in_every_answer() {
    let (server, _) = serving(local(), 1_000, fixed());
    let item = |id: &str, amount: i64| json!({"resource": {"type": "tool", "id": id}, "context": {"arguments": {"amount": amount}}});
    let mut body = tools();
    body["evaluations"] =
        json!([item("tool-1", 9), item("tool-1", 1), {"action": {"name": "tools/list"}}]);
    body["resource"]["id"] = json!("tool-2");
    let unknown =
        |decision: bool| json!({"decision": decision, "context": {"unknown": ["arguments"]}});
    let reply = send(&server, post("/access/v1/evaluations", body.to_string())).await;
    assert_eq!(
        reply.json(),
        json!({"evaluations": [unknown(true), unknown(true), unknown(false)]}),
        "{}",
        reply.body
    );
    body["options"] = json!({"unknown": []});
    let reply = send(&server, post("/access/v1/evaluations", body.to_string())).await;
    let plain = |decision: bool| json!({"decision": decision});
    assert_eq!(
        reply.json(),
        json!({"evaluations": [plain(false), plain(true), plain(false)]})
    );
    body["options"] = json!({"unknown": ["arguments"]});
    body["evaluations"] = json!([]);
    let reply = send(&server, post("/access/v1/evaluations", body.to_string())).await;
    assert_eq!(reply.json(), unknown(true), "a batch of one is one, too");
}
