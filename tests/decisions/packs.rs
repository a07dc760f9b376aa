//! Packs in a bundle that has relations of its own, in each of the forms in which it may write
//! them.

use behest::bundle::{self, BundleFiles, BundleSource};
use behest::clock::FixedClock;
use behest::engine::Engine;
use behest::model::{AnswerDepth, Record, Tuple, TupleCondition, TupleKey, Value};
use behest::relations::MAX_DEPTH;
use behest::storage::{StoreId, TupleBatch, open_memory};
use behest::stores::Stores;
use serde_json::json;
use std::sync::Arc;
use support::engines;

const SCHEMA: &str = "entity user, agent, bot, doc;\naction read appliesTo { principal: [user, agent, bot], resource: doc };\n";
const POLICY: &str =
    "@id(\"viewer\") permit (principal, action, resource) when { principal in resource.viewer };\n";
const TUPLES: &str = r#"
- { user: "agent:a", relation: delegate, object: "user:ann" }
- { user: "user:ann", relation: viewer, object: "doc:d" }
- { user: "agent:a", relation: viewer, object: "doc:d" }
- { user: "bot:b", relation: viewer, object: "doc:d" }
- { user: "user:ben", relation: viewer, object: "doc:d" }
- { user: "user:ben", relation: suspended, object: "platform:main" }
- { user: "bot:b", relation: suspended, object: "platform:main" }
"#;
const VIEWER: &str = "  relations\n    define viewer: [user, agent, bot]\n";

fn verdict(engine: &Engine, chain: &[(&str, &str)]) -> String {
    asked(engine, chain, "read", ("doc", "d"))
}

fn asked(engine: &Engine, chain: &[(&str, &str)], action: &str, resource: (&str, &str)) -> String {
    let entity = |(kind, id): &(&str, &str)| json!({"type": kind, "id": id});
    let (last, before) = chain.split_last().expect("a chain has a member");
    let mut subject = entity(last);
    if !before.is_empty() {
        subject["delegation_chain"] = before.iter().map(entity).collect();
    }
    let body =
        json!({"subject": subject, "action": {"name": action}, "resource": entity(&resource)});
    engines::verdict(&engines::decide(engine, &body, AnswerDepth::Lean))
}

#[test]
fn packs_join_a_model_however_the_bundle_writes_it() {
    let typed = |header: &str, kinds: &str| format!("{header}\n{kinds}type doc\n{VIEWER}");
    let one = typed("model\n  schema 1.1", "type user\ntype agent\ntype bot\n");
    let bare = typed("model\n  schema 1.1", "type bot\n");
    let module = typed("module own", "type user\n");
    let implied = typed("module own", "");
    let extended = format!("module own\nextend type doc\n{VIEWER}");
    let manifest = "schema: '1.2'\ncontents:\n  - own.fga\n";
    for (form, files) in [
        (
            "a model in one file",
            vec![("schemas/own.fga", one.as_str())],
        ),
        (
            "a model that leaves to the packs what they extend",
            vec![("schemas/own.fga", bare.as_str())],
        ),
        ("a module", vec![("schemas/own.fga", module.as_str())]),
        (
            "a module that leaves types to the schema",
            vec![("schemas/own.fga", implied.as_str())],
        ),
        (
            "a module that extends what only the schema declares",
            vec![("schemas/own.fga", extended.as_str())],
        ),
        (
            "modules with a manifest",
            vec![
                ("schemas/own.fga", module.as_str()),
                ("schemas/fga.mod", manifest),
            ],
        ),
        (
            "a manifest in a folder",
            vec![
                ("schemas/m/own.fga", extended.as_str()),
                ("schemas/m/fga.mod", manifest),
            ],
        ),
    ] {
        let own = [
            ("schemas/s.cedarschema", SCHEMA),
            ("policies/p.cedar", POLICY),
            ("policies/tuples.yaml", TUPLES),
            (
                "policies/bundle.toml",
                "packs = [\"delegation\", \"revocation\"]\n",
            ),
        ];
        let engine = engines::engine(&[own.as_slice(), files.as_slice()].concat());
        let asked = |chain: &[(&str, &str)], expected: &str| {
            assert_eq!(verdict(&engine, chain), expected, "{form}");
        };
        asked(&[("user", "ann")], "permit");
        asked(&[("user", "ann"), ("agent", "a")], "permit");
        asked(
            &[("user", "ann"), ("agent", "other")],
            "deny delegation_missing",
        );
        asked(&[("user", "ben")], "deny suspended");
        // A principal type that no pack knows can be suspended, and has no grant and no mark.
        asked(&[("bot", "b")], "deny not_autonomous");
        asked(&[("user", "ann"), ("bot", "c")], "deny delegation_missing");
    }
}

#[test]
fn a_pack_brings_its_relations_to_a_bundle_without_any() {
    let engine = engines::engine(&[
        ("schemas/s.cedarschema", SCHEMA),
        (
            "policies/p.cedar",
            "@id(\"open\") permit (principal, action, resource);",
        ),
        (
            "policies/tuples.yaml",
            "- { user: \"agent:a\", relation: delegate, object: \"user:ann\" }\n- { user: \"bot:b\", relation: suspended, object: \"platform:main\" }\n",
        ),
        (
            "policies/bundle.toml",
            "packs = [\"revocation\", \"delegation\"]\n",
        ),
    ]);
    assert_eq!(
        verdict(&engine, &[("user", "ann"), ("agent", "a")]),
        "permit"
    );
    assert_eq!(
        verdict(&engine, &[("user", "ben"), ("agent", "a")]),
        "deny delegation_missing"
    );
    let alone = engines::engine(&[
        ("schemas/s.cedarschema", SCHEMA),
        (
            "policies/p.cedar",
            "@id(\"open\") permit (principal, action, resource);",
        ),
        (
            "policies/tuples.yaml",
            "- { user: \"bot:b\", relation: suspended, object: \"platform:main\" }\n",
        ),
        ("policies/bundle.toml", "packs = [\"revocation\"]\n"),
    ]);
    assert_eq!(verdict(&alone, &[("bot", "b")]), "deny suspended");
    assert_eq!(verdict(&alone, &[("bot", "c")]), "permit");
    assert_eq!(
        verdict(&alone, &[("agent", "b")]),
        "permit",
        "another type of the same name"
    );
}

fn tuple(text: &str, condition: Option<(&str, &str)>) -> Tuple {
    let key: TupleKey = text.parse().expect("a tuple");
    let condition = condition.map(|(name, until)| {
        let context: Record = [("until".into(), Value::text(until))].into_iter().collect();
        Arc::new(TupleCondition {
            name: name.into(),
            context,
        })
    });
    Tuple { key, condition }
}

fn served() -> (Engine, Arc<Stores>) {
    let clock = Arc::new(FixedClock::at(engines::NOW_MS));
    let stores = Arc::new(
        Stores::open(open_memory().expect("memory"), clock).expect("an empty store opens"),
    );
    let engine = engines::empty().with_stores(stores.clone());
    if let Err(refused) = engine.load(&BundleSource::Embedded) {
        panic!("{}", refused.problems);
    }
    (engine, stores)
}

#[test]
fn a_folder_too_deep_denies_with_an_error_and_never_as_if_nothing_were_there() {
    let (engine, stores) = served();
    let nested = (0..40).map(|n| tuple(&format!("folder:f{n}#parent@folder:f{}", n + 1), None));
    let viewers = (0..40).map(|n| tuple(&format!("folder:f{n}#viewer@user:u{n}"), None));
    let writes = nested
        .chain(viewers)
        .chain([tuple("document:deep#parent@folder:f0", None)])
        .collect();
    stores
        .write(
            StoreId::MAIN,
            None,
            TupleBatch {
                writes,
                ..TupleBatch::default()
            },
        )
        .expect("they are written");
    let found: Vec<String> = (0..40)
        .map(|n| {
            asked(
                &engine,
                &[("user", &format!("u{n}"))],
                "read",
                ("document", "deep"),
            )
        })
        .collect();
    // From the document to its folder is one step, and to each folder above one more.
    let permitted = usize::try_from(MAX_DEPTH).expect("a depth");
    for (n, verdict) in found.iter().enumerate() {
        assert_eq!(
            verdict,
            if n < permitted {
                "permit"
            } else {
                "deny relation_error"
            },
            "{n}: {found:?}"
        );
    }
}

#[test]
fn grants_and_suspensions_of_the_default_bundle_change_while_it_serves() {
    let (engine, stores) = served();
    let write = |batch: TupleBatch| stores.write(StoreId::MAIN, None, batch);
    let written = |tuple: Tuple| {
        drop(
            write(TupleBatch {
                writes: vec![tuple],
                ..TupleBatch::default()
            })
            .expect("it is written"),
        );
    };
    let deleted = |tuple: Tuple| {
        drop(
            write(TupleBatch {
                deletes: vec![tuple.key],
                ..TupleBatch::default()
            })
            .expect("it is deleted"),
        );
    };
    let memory = ("tool", "memory/update");
    let ask = |chain: &[(&str, &str)]| asked(&engine, chain, "tools/call", memory);

    let chain = [
        ("user", "alice"),
        ("agent", "orchestrator"),
        ("agent", "specialist"),
        ("agent", "summarizer"),
    ];
    assert_eq!(ask(&chain), "permit");
    for (kind, id) in chain {
        written(tuple(&format!("platform:main#suspended@{kind}:{id}"), None));
        assert_eq!(ask(&chain), "deny suspended", "{kind}:{id}");
        deleted(tuple(&format!("platform:main#suspended@{kind}:{id}"), None));
        assert_eq!(ask(&chain), "permit");
    }

    let grace = [("user", "grace"), ("agent", "copilot")];
    assert_eq!(ask(&grace), "deny delegation_missing");
    for (until, expected) in [
        ("2026-06-01T00:00:01Z", "permit"),
        ("2026-06-01T00:00:00Z", "deny delegation_missing"),
    ] {
        let grant = tuple(
            "user:grace#delegate@agent:copilot",
            Some(("grant_until", until)),
        );
        written(grant.clone());
        assert_eq!(ask(&grace), expected, "{until}");
        deleted(grant);
    }
    assert_eq!(ask(&grace), "deny delegation_missing");

    // What is reviewed with the bundle is not changed by a key that writes tuples.
    let reviewed = tuple("platform:main#suspended@user:erin", None);
    write(TupleBatch {
        deletes: vec![reviewed.key],
        ..TupleBatch::default()
    })
    .expect_err("it belongs to the bundle");
    assert_eq!(ask(&[("user", "erin")]), "deny suspended");
}

/// A bundle that has neither the platform nor the pack `entitlements`, with a scope and a rated
/// type of its own.
const RATED: [(&str, &str); 5] = [
    (
        "schemas/s.cedarschema",
        "entity user, agent;
entity note { @stored assurance?: assurance };
action \"github.write\" appliesTo { principal: [user, agent], resource: note };
action read, list in [\"scopes.own\"] appliesTo { principal: [user, agent], resource: note };
",
    ),
    (
        "policies/p.cedar",
        "@id(\"open\") permit (principal, action, resource);
@id(\"scopes-notes-read\") @reason(\"scope_missing\")
forbid (principal, action == Action::\"read\", resource is note)
unless { context has token && context.token.scopes.contains(\"notes.read\") };
",
    ),
    (
        "policies/entities.json",
        r#"[
  { "uid": { "type": "note", "id": "low" }, "attrs": { "assurance": { "type": "assurance", "id": "user-browser-low" } }, "parents": [] },
  { "uid": { "type": "note", "id": "open" }, "attrs": { "assurance": { "type": "assurance", "id": "none" } }, "parents": [] },
  { "uid": { "type": "agent", "id": "a" }, "attrs": { "clients": ["a"], "max_scopes": ["notes.read"] }, "parents": [] }
]"#,
    ),
    ("policies/bundle.toml", "packs = [\"assurance\", \"scopes\"]\n"),
    (
        "policies/cases.yaml",
        "cases:
  - { name: nothing, who: user:u, does: read, to: note:open, expect: { deny: scope_missing, policies: [scopes-notes-read, scopes-token] } }
  - name: the scope
    who: user:u > agent:a
    does: read
    to: note:low
    given:
      token: { kind: access_token, issuer: i, audiences: [], client: a, scopes: [notes.read], roles: [], groups: [], amr: [pwd], detailed: false }
    expect: permit
  - { name: no scope, like: the scope, to: note:open, given: { token: { scopes: [] } }, expect: { deny: scope_missing, policies: [scopes-notes-read] } }
  - { name: an action that takes none, like: no scope, does: list, expect: permit }
  - { name: but a token, who: user:u, does: list, to: note:open, expect: { deny: token_missing, policies: [scopes-token] } }
  - { name: nobody signed in, like: the scope, given: { token: { amr: [] } }, expect: { deny: assurance_too_low } }
  - { name: passed on, like: the scope, given: { token: { client: b } }, expect: { deny: token_of_another, policies: [scopes-client] } }
  - { name: too wide, like: the scope, to: note:open, given: { token: { scopes: [notes.read, x] } }, expect: { deny: token_too_wide, policies: [scopes-ceiling] } }
  - { name: unrated, like: the scope, to: note:new, expect: { deny: assurance_unknown, policies: [assurance-named] } }
",
    ),
];

#[test]
fn scopes_and_assurance_serve_a_bundle_of_its_own_together() {
    let own = |(path, text): (&str, &str)| (path.to_owned(), text.to_owned());
    let apart = RATED.map(|(path, text)| {
        (
            path,
            text.replace(
                "action \"github.write\" appliesTo",
                "action erase appliesTo",
            ),
        )
    });
    let mut files = BundleFiles::from_texts(apart.map(|(path, text)| own((path, &text))));
    let report = match behest::engine::check(&mut files, None) {
        Ok((_, report)) => report,
        Err(problems) => panic!("{}", bundle::render(&problems, &files, false)),
    };
    let failures: Vec<String> = report
        .failures()
        .map(|(case, f)| format!("{}: {} and not {}", case.title(), f.found, f.expected))
        .collect();
    assert_eq!((report.ran(), failures), (9, Vec::new()));
    // A group that two packs share is declared by each; an action of its name is another thing.
    let mut files = BundleFiles::from_texts(RATED.map(own));
    let problems = bundle::compile(&mut files).expect_err("a group and an action of one name");
    assert!(
        problems
            .to_string()
            .contains("the action `github.write` is declared twice"),
        "{problems}"
    );
}
