//! That few candidates are decided where policies and relations say who can be permitted; what is
//! found is right either way.

use crate::world::{MODEL, SCHEMA};
use behest::bundle::{self, BundleSource};
use behest::clock::FixedClock;
use behest::engine::Engine;
use behest::model::{AnswerDepth, PageRequest, SearchKind, SearchRequest};
use behest::record::Recorder;
use behest::telemetry::Metrics;
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use support::{engines, values};

const DOCS: usize = 300;

/// Users and documents by the hundred; `u7` owns, reads and views three of them, and may see the
/// folder of thirty.
fn entities() -> Json {
    let uid = |kind: &str, id: String| json!({"type": kind, "id": id});
    let mut all: Vec<Json> = (0..100)
        .map(|at| json!({"uid": uid("user", format!("u{at}")), "attrs": {"level": 1}, "parents": []}))
        .collect();
    all.push(json!({"uid": uid("team", "t0".into()), "attrs": {}, "parents": []}));
    let tools = json!([uid("doc", "d1".into()), uid("doc", "d2".into())]);
    all.push(json!({"uid": uid("agent", "bot".into()), "attrs": {"mirrors": true, "tools": tools}, "parents": []}));
    for at in 0..DOCS {
        let parents = if at % 60 == 7 {
            json!([uid("team", "t0".into())])
        } else {
            json!([])
        };
        let owner = uid("user", format!("u{}", at % 100));
        let attrs = json!({"owner": owner, "readers": [owner], "public": at % 100 == 7, "level": at,
                           "folder": uid("folder", format!("f{}", at / 30))});
        all.push(json!({"uid": uid("doc", format!("d{at}")), "attrs": attrs, "parents": parents}));
    }
    Json::Array(all)
}

fn tuples() -> String {
    let mut lines = String::new();
    for at in (7..DOCS).step_by(100) {
        writeln!(
            lines,
            "{}",
            json!({"user": "user:u7", "relation": "viewer", "object": format!("doc:d{at}")})
        )
        .expect("text");
    }
    writeln!(
        lines,
        "{}",
        json!({"user": "user:u7", "relation": "viewer", "object": "folder:f3"})
    )
    .expect("text");
    let only = json!({"name": "only", "context": {"which": "doc:d4"}});
    let tuple =
        json!({"user": "user:u9", "relation": "viewer", "object": "doc:d9", "condition": only});
    writeln!(lines, "{tuple}").expect("text");
    // One of them no longer counts: for whom it holds is for a decision to say.
    for (at, end) in [(8, "2027-01-01T00:00:00Z"), (108, "2025-01-01T00:00:00Z")] {
        let condition = json!({"name": "until", "context": {"end": end}});
        let tuple = json!({"user": "user:u8", "relation": "viewer", "object": format!("doc:d{at}"), "condition": condition});
        writeln!(lines, "{tuple}").expect("text");
    }
    writeln!(
        lines,
        "{}",
        json!({"user": "user:u7", "relation": "member", "object": "group:g0"})
    )
    .expect("text");
    lines
}

/// How many are found, and how many were decided for it.
fn search(policies: &str, kind: SearchKind, body: &Json) -> (usize, usize) {
    search_with("", policies, kind, body)
}

/// The same with one more tuple.
fn search_with(tuple: &str, policies: &str, kind: SearchKind, body: &Json) -> (usize, usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let policies: String = policies
        .split(';')
        .filter(|text| !text.trim().is_empty())
        .enumerate()
        .fold(String::new(), |mut all, (at, text)| {
            writeln!(all, "@id(\"p{at}\") {};", text.trim()).expect("text");
            all
        });
    engines::write(
        folder.path(),
        &[
            ("schemas/world.cedarschema", SCHEMA),
            ("schemas/world.fga", MODEL),
            ("policies/world.cedar", &policies),
            ("policies/entities.json", &entities().to_string()),
            ("policies/tuples.jsonl", &format!("{}{tuple}\n", tuples())),
        ],
    );
    let metrics = Arc::new(Metrics::default());
    let engine = Engine::new(
        Arc::new(FixedClock::at(engines::NOW_MS)),
        metrics.clone(),
        Recorder::default(),
    )
    .with_quiet(Duration::from_millis(1));
    if let Err(refused) = engine.load(&BundleSource::Dir(folder.path().to_owned())) {
        panic!(
            "{}",
            bundle::render(&refused.problems, &refused.files, false)
        );
    }
    let search = SearchRequest::from_body(kind, &values::record(body)).expect("a search");
    let page = engine
        .search(
            &engines::ask(AnswerDepth::Lean),
            &search,
            &PageRequest::default(),
        )
        .expect("a page");
    assert!(page.next.is_none());
    let text = metrics.encode(0);
    let decided = text
        .lines()
        .find_map(|line| line.strip_prefix("behest_search_decided_total"))
        .expect("a metric");
    (
        page.found.len(),
        decided
            .rsplit(' ')
            .next()
            .expect("a number")
            .parse()
            .expect("a number"),
    )
}

fn documents(subject: Json) -> Json {
    json!({"subject": subject, "action": {"name": "write"}, "resource": {"type": "doc"}})
}

#[test]
fn resources_are_narrowed_by_every_form_that_is_understood() {
    let user = || json!({"type": "user", "id": "u7"});
    for (condition, found) in [
        ("principal in resource.viewer", 3),
        ("principal in resource.reader", 3),
        (
            "resource has folder && principal in resource.folder.viewer",
            30,
        ),
        ("resource has owner && resource.owner == principal", 3),
        ("resource has owner && principal in resource.owner", 3),
        (
            "principal is user && resource has readers && resource.readers.contains(principal)",
            3,
        ),
        ("resource has public && resource.public", 3),
        ("resource has level && [5, 6].contains(resource.level)", 2),
        ("resource in team::\"t0\"", 5),
        ("[doc::\"d1\", doc::\"d9\"].contains(resource)", 2),
        ("resource == doc::\"d4\" || principal in resource.viewer", 4),
        ("context.delegation.depth > 0 || resource == doc::\"d4\"", 1),
        (
            "principal in Userset::\"group:g0#member\" && resource == doc::\"d4\"",
            1,
        ),
        ("principal in Userset::\"group:g1#member\"", 0),
        (
            "principal is user && resource has readers && principal in resource.readers",
            3,
        ),
        (
            "!(principal in resource.viewer) && resource in team::\"t0\"",
            4,
        ),
        (
            "!(resource == doc::\"d7\") && principal in resource.viewer",
            2,
        ),
        (
            "(if principal is agent then false else resource == doc::\"d4\")",
            1,
        ),
        (
            "(if principal in resource.viewer then resource has level && resource.level > 100 else resource == doc::\"d4\")",
            3,
        ),
    ] {
        let policies =
            format!("permit (principal, action, resource is doc) when {{ {condition} }};");
        let (count, decided) = search(&policies, SearchKind::Resource, &documents(user()));
        assert_eq!(count, found, "{condition}");
        assert!(
            decided <= found + 2,
            "{condition}: {decided} were decided for {found}"
        );
    }
}

#[test]
fn a_relation_with_a_condition_narrows_to_those_for_whom_it_may_hold() {
    let policies =
        "permit (principal, action, resource is doc) when { principal in resource.viewer };";
    assert_eq!(
        search(
            policies,
            SearchKind::Resource,
            &documents(json!({"type": "user", "id": "u8"}))
        ),
        (1, 2)
    );
}

#[test]
fn a_forbid_about_some_says_nothing_of_others() {
    let policies =
        "permit (principal, action, resource is doc) when { principal in resource.viewer };
        forbid (principal, action, resource in team::\"t0\") unless { resource == doc::\"d7\" }";
    assert_eq!(
        search(
            policies,
            SearchKind::Resource,
            &documents(json!({"type": "user", "id": "u7"}))
        )
        .0,
        3
    );
}

#[test]
fn what_depends_on_who_or_what_is_found_is_not_known_before() {
    // A condition that reads the resource.
    let policies = "permit (principal, action, resource is doc) when { principal in Userset::\"doc:d9#viewer\" }";
    assert_eq!(
        search(
            policies,
            SearchKind::Resource,
            &documents(json!({"type": "user", "id": "u9"}))
        )
        .0,
        1
    );
    // An action of its own for one resource.
    let policies = "permit (principal, action == Action::\"read:d1\", resource)";
    let mut body = documents(json!({"type": "user", "id": "u7"}));
    body["action"]["name"] = json!("read");
    assert_eq!(search(policies, SearchKind::Resource, &body), (1, 1));
    // Everyone.
    let mut body = json!({"subject": {"type": "user"}, "action": {"name": "write"}, "resource": {"type": "doc", "id": "d5"}});
    let policies =
        "permit (principal, action, resource is doc) when { principal in resource.viewer }";
    let tuple = json!({"user": "user:*", "relation": "viewer", "object": "doc:d5"}).to_string();
    assert_eq!(
        search_with(&tuple, policies, SearchKind::Subject, &body).0,
        100
    );
    // The members before another.
    let policies = "permit (principal is user, action, resource is doc);
        permit (principal is agent, action, resource is doc)
        when { context has delegation.earlier.user && context.delegation.earlier.user.contains(user::\"u1\") }";
    body["subject"]["properties"] = json!({"act": {"sub": "bot"}});
    assert_eq!(search(policies, SearchKind::Subject, &body).0, 1);
    // A chain that is shorter for one of them, whom the request names.
    let policies = "permit (principal is agent, action, resource is doc) when { context.delegation.depth == 0 }";
    let mut body = documents(json!({"type": "agent"}));
    body["resource"]["id"] = json!("d5");
    body["context"] = json!({"agent": "bot"});
    assert_eq!(search(policies, SearchKind::Subject, &body), (1, 1));
}

#[test]
fn forbids_narrow_what_permits_leave_open() {
    let user = json!({"type": "user", "id": "u7"});
    let policies = "permit (principal, action, resource);
        forbid (principal, action, resource is doc) unless { resource has owner && resource.owner == principal };
        forbid (principal, action, resource is doc) when { resource has level && resource.level > 150 }";
    assert_eq!(
        search(policies, SearchKind::Resource, &documents(user)),
        (2, 3)
    );
}

#[test]
fn the_narrowest_member_of_a_chain_narrows_for_all() {
    let chain = json!({"type": "user", "id": "u7", "properties": {"act": {"sub": "bot"}}});
    let mirrors = "permit (principal is agent, action, resource is doc) when { principal has mirrors && principal.mirrors };";
    let policies = format!(
        "{mirrors} permit (principal is user, action, resource is doc) when {{ principal in resource.viewer }};"
    );
    assert_eq!(
        search(&policies, SearchKind::Resource, &documents(chain.clone())),
        (3, 3)
    );
    let tools = "permit (principal is agent, action, resource is doc) when { principal has tools && principal.tools.contains(resource) };";
    let policies = format!("{tools} permit (principal is user, action, resource is doc);");
    assert_eq!(
        search(&policies, SearchKind::Resource, &documents(chain)),
        (2, 2)
    );
}

#[test]
fn subjects_are_narrowed_wherever_they_stand() {
    let users = |act: Json| {
        let mut body = json!({"subject": {"type": "user"}, "action": {"name": "write"}, "resource": {"type": "doc", "id": "d107"}});
        if !act.is_null() {
            body["subject"]["properties"] = json!({"act": act});
        }
        body
    };
    let viewer = "permit (principal is user, action, resource is doc) when { principal in resource.viewer };";
    assert_eq!(
        search(viewer, SearchKind::Subject, &users(json!(null))),
        (1, 1)
    );
    let owner = "permit (principal is user, action, resource is doc) when { resource has owner && resource.owner == principal };";
    assert_eq!(
        search(owner, SearchKind::Subject, &users(json!(null))),
        (1, 1)
    );
    // The agent's leg says for whom it may act.
    let grant = "permit (principal is user, action, resource is doc);
        permit (principal is agent, action, resource is doc)
        when { context has delegation.from.user && context.delegation.from.user in resource.viewer };";
    let (found, decided) = search(grant, SearchKind::Subject, &users(json!({"sub": "bot"})));
    assert!(found == 1 && decided <= 3, "{found} {decided}");
    // Where the user is denied, no agent of the user's is looked for.
    let agents = json!({"subject": {"type": "agent", "properties": {"on_behalf_of": "u8"}}, "action": {"name": "write"},
                        "resource": {"type": "doc", "id": "d107"}});
    let policies = format!("{viewer} permit (principal is agent, action, resource is doc);");
    let (found, decided) = search(&policies, SearchKind::Subject, &agents);
    assert!(found == 0 && decided == 0, "{found} {decided}");
}

#[test]
fn what_is_not_understood_is_gone_through() {
    let user = json!({"type": "user", "id": "u7"});
    let policies = "permit (principal, action, resource is doc) when { resource has level && resource.level < 5 };";
    let (found, decided) = search(policies, SearchKind::Resource, &documents(user));
    assert!(found == 5 && decided >= DOCS, "{found} {decided}");
}

#[test]
fn the_members_of_an_enumeration_are_found_although_nothing_else_names_them() {
    let body = |action: &str| json!({"subject": {"type": "user", "id": "u7"}, "action": {"name": action}, "resource": {"type": "mode"}});
    let policies = "permit (principal, action == Action::\"pick\", resource)";
    assert_eq!(
        search(policies, SearchKind::Resource, &body("pick")),
        (2, 2)
    );
    assert_eq!(search(policies, SearchKind::Resource, &body("write")).0, 0);
}

/// Chains of operators and of branches that are as long as a text may have them.
#[test]
fn the_deepest_policies_are_narrowed_on_the_stack_of_a_request() {
    let deep = |levels: usize, level: &str, end: &str| format!("{}{end}", level.repeat(levels));
    for condition in [
        deep(
            16,
            "if resource has public then principal is agent else ",
            "true",
        ),
        deep(16, "if resource has public then ", "true") + &" else resource has owner".repeat(16),
        deep(16, "if ", "resource has public")
            + &" then resource has owner else resource has level".repeat(16),
        format!(
            "resource has level && resource.level{} < 5",
            " + 1".repeat(1_980)
        ),
        deep(
            660,
            "principal in resource.viewer || ",
            "principal is agent",
        ),
        deep(
            400,
            "resource == doc::\"d4\" || ",
            "principal in resource.viewer",
        ),
        deep(
            400,
            "resource has level && ",
            "principal in resource.viewer",
        ),
    ] {
        let policy = format!(
            "permit (principal is user, action == Action::\"write\", resource is doc) when {{ resource == doc::\"d4\" && ({condition}) }};"
        );
        let search = move || {
            search(
                &policy,
                SearchKind::Resource,
                &documents(json!({"type": "user", "id": "u7"})),
            )
        };
        let thread = std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(search)
            .expect("a thread");
        let (found, decided) = thread.join().expect("it ends");
        assert!(found <= decided && decided <= 1, "{found} {decided}");
    }
}

/// A name near a carrier's is data for the action that declares it, and denies for any other: a
/// search reads it for each candidate, as a decision does.
#[test]
fn what_only_some_candidates_declare_is_read_for_each() {
    let schema = r#"
entity user, tool;
action call, other appliesTo { principal: user, resource: tool };
action "call:x" in [call] appliesTo {
  principal: user, resource: tool, context: { agents?: Set<String> },
};
action third appliesTo { principal: user, resource: tool, context: { agents?: Set<String> } };
"#;
    let entity =
        |kind: &str, id: &str| json!({"uid": {"type": kind, "id": id}, "attrs": {}, "parents": []});
    let entities = json!([
        entity("user", "u"),
        entity("tool", "x"),
        entity("tool", "y")
    ]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = [
        ("schemas/s.cedarschema", schema.to_owned()),
        (
            "policies/p.cedar",
            "@id(\"p\") permit (principal, action, resource);\n".to_owned(),
        ),
        ("policies/entities.json", entities.to_string()),
    ];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    engines::write(folder.path(), &files);
    let engine = engines::empty();
    let loaded = engine.load(&BundleSource::Dir(folder.path().to_owned()));
    assert!(loaded.is_ok());
    let found = |kind: SearchKind, on: &str, context: Json| {
        let body = json!({
            "subject": {"type": "user", "id": "u"}, "action": {"name": "call"},
            "resource": {"type": "tool", "id": on}, "context": context,
        });
        let search = SearchRequest::from_body(kind, &values::record(&body)).expect("a search");
        let ask = engines::ask(AnswerDepth::Lean);
        let page = engine.search(&ask, &search, &PageRequest::default());
        page.expect("a page").found.len()
    };
    let agents = || json!({"agents": ["copilot"]});
    for (kind, on, context, expected) in [
        (SearchKind::Resource, "x", json!({}), 2),
        (SearchKind::Resource, "x", agents(), 1),
        (SearchKind::Action, "x", json!({}), 3),
        (SearchKind::Action, "x", agents(), 2),
        (SearchKind::Action, "y", agents(), 1),
        (SearchKind::Subject, "x", agents(), 1),
        (SearchKind::Subject, "y", agents(), 0),
    ] {
        let shown = format!("{kind:?} {on} {context}");
        assert_eq!(found(kind, on, context), expected, "{shown}");
    }
}
