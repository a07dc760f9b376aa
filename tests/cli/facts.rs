//! From the operator's settings over a token to policies: claims that become facts, and principals
//! whose types a bundle lacks.

use behest::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use support::place::{KEY, Place, Service};
use support::tokens::{Key, with};

const ISSUER: &str = "https://login.example";
const REGION: &str = "https://acme.example/region";

/// One fact of each type; the bundle declares none of them.
const FACTS: &str = r#"
facts = { tenant = "tid", region = "https://acme.example/region", level = { claim = "ext.level", type = "Long" }, limit = { claim = ["ext", "my.limit"], type = "decimal" }, until = { claim = "ext.until", type = "datetime" }, teams = { claim = "teams", type = "Set<String>" }, vip = { claim = "vip", type = "Bool" } }
"#;

/// For each fact, the condition of an action that is named like it.
const CONDITIONS: [(&str, &str); 7] = [
    ("tenant", r#"== "acme""#),
    ("region", r#"== "eu""#),
    ("level", ">= 3"),
    ("limit", r#".lessThan(decimal("10.5"))"#),
    ("until", r#"> datetime("2026-01-01")"#),
    ("teams", r#".contains("billing")"#),
    ("vip", ""),
];

fn place(key: &Key, settings: &str) -> Place {
    let place = Place::new();
    let actions = CONDITIONS.map(|(name, _)| name).join(", ");
    place.write(
        "bundle/schemas/docs.cedarschema",
        &format!("entity doc;\naction {actions} appliesTo {{ principal: [user, agent], resource: doc }};\n"),
    );
    let policy = |(name, condition): (&str, &str)| {
        let fact = format!("context.token.{name}");
        format!(
            "@id(\"{name}\") permit (principal, action == Action::\"{name}\", resource)\n\
             when {{ context has token.{name} && {fact}{condition} }};\n"
        )
    };
    place.write(
        "bundle/policies/docs.cedar",
        &CONDITIONS.map(policy).concat(),
    );
    place.write("keys.jwks", &json!({"keys": [key.published()]}).to_string());
    place.write(
        "behest.toml",
        &format!(
            "[[issuers]]\nissuer = \"{ISSUER}\"\nkeys = \"file:keys.jwks\"\naudiences = [\"https://api.example\"]\n\
             own_clients = \"*\"\n{settings}"
        ),
    );
    place
}

fn claims(over: &Value) -> Value {
    let now = SystemClock.now_ms() / 1_000;
    let claims = json!({
        "iss": ISSUER, "sub": "alice", "aud": "https://api.example", "client_id": "web", "scope": "read",
        "iat": now - 10, "exp": now + 300, "jti": "t1",
    });
    with(&claims, over)
}

/// The decision, or the code of the reason against it.
fn decide(place: &Place, service: &Service, token: &str, action: &str) -> String {
    let request = json!({
        "subject": {"type": "credential", "id": "0"},
        "action": {"name": action},
        "resource": {"type": "doc", "id": "d"},
        "context": {"credentials": [{"type": "access_token", "value": token}]},
    });
    place.write("request.json", &request.to_string());
    let url = service.url();
    let output = place.run_with(
        &["explain", "--url", &url, "request.json"],
        &[("BEHEST_KEY", KEY)],
        "",
    );
    let first = output.out.lines().next().unwrap_or_default().to_owned();
    match first.rsplit_once('(') {
        Some((_, code)) => code.trim_end_matches(')').to_owned(),
        None if first == "permit" => first,
        None => panic!("{output:?}"),
    }
}

#[test]
fn claims_that_the_settings_name_are_facts_of_their_types() {
    let key = Key::new("k1");
    let place = place(&key, FACTS);
    let service = place.serve(&[]);
    for (action, over, expected) in [
        ("tenant", json!({"tid": "acme"}), "permit"),
        ("tenant", json!({"tid": "other"}), "not_permitted"),
        ("tenant", json!({}), "not_permitted"),
        ("tenant", json!({"tid": 7}), "bad_value"),
        ("region", json!({REGION: "eu"}), "permit"),
        ("region", json!({REGION: ["eu"]}), "bad_value"),
        ("level", json!({"ext": {"level": 3}}), "permit"),
        ("level", json!({"ext": {"level": 2}}), "not_permitted"),
        ("level", json!({"ext": {"level": "3"}}), "bad_value"),
        ("limit", json!({"ext": {"my.limit": 10.4999}}), "permit"),
        ("limit", json!({"ext": {"my.limit": "10.4999"}}), "permit"),
        ("limit", json!({"ext": {"my.limit": 10.5}}), "not_permitted"),
        (
            "limit",
            json!({"ext": {"my": {"limit": 1}}}),
            "not_permitted",
        ),
        ("until", json!({"ext": {"until": 1_900_000_000}}), "permit"),
        (
            "until",
            json!({"ext": {"until": "2025-12-31T23:59:59Z"}}),
            "not_permitted",
        ),
        ("teams", json!({"teams": ["hr", "billing"]}), "permit"),
        ("teams", json!({"teams": "billing"}), "permit"),
        ("teams", json!({"teams": ["hr"]}), "not_permitted"),
        ("vip", json!({"vip": true}), "permit"),
        ("vip", json!({"vip": false}), "not_permitted"),
        ("vip", json!({"vip": "true"}), "bad_value"),
    ] {
        let token = key.access_token(&claims(&over));
        assert_eq!(
            decide(&place, &service, &token, action),
            expected,
            "{action}: {over}"
        );
    }
    assert_eq!(service.stop().code(), Some(0));
}

#[test]
fn principals_whose_types_the_bundle_lacks_are_told_of_at_start() {
    let key = Key::new("k1");
    let place = place(&key, FACTS);
    let told = |settings: &str| {
        place.write(
            "more.toml",
            &format!(
                "{}{settings}",
                std::fs::read_to_string(place.path("behest.toml")).unwrap()
            ),
        );
        let service = place.serve(&["--config", "more.toml"]);
        service.signal("TERM");
        let lines = service.lines.iter().filter(|line| line["level"] == "WARN");
        lines
            .map(|line| line["message"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(told(""), Vec::<String>::new());
    let messages = told(
        "subject_type = \"person\"\nids = { person = \"p/{sub}\", agents = \"{sub}\" }\nclient_type = \"agents\"\nactor_type = \"agents\"\n",
    );
    let [agents, person] = messages.as_slice() else {
        panic!("{messages:?}")
    };
    assert!(
        agents.starts_with(&format!(
            "credentials of the issuer `{ISSUER}` name principals of the type `agents`, and the schema declares no type `agents`; \
             did you mean `agent`?"
        )) && agents.contains("set `actor_type` and `client_type` in the settings"),
        "{agents}"
    );
    assert!(
        person.contains("the type `person`") && person.contains("set `subject_type`"),
        "{person}"
    );
}

#[test]
fn a_pack_that_knows_no_principal_of_the_schema_is_told_of() {
    let place = Place::new();
    place.write(
        "notes/schemas/notes.cedarschema",
        "namespace Notes {\n  entity User, Bot, Note;\n  action read appliesTo { principal: [User, Bot], resource: Note };\n}\n",
    );
    place.write("notes/policies/bundle.toml", "packs = [\"delegation\"]\n");
    place.write(
        "notes/policies/notes.cedar",
        "@id(\"all\") permit (principal, action, resource);\n",
    );
    let told = place.run(&["validate", "--bundle", "notes"]);
    let words = told.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.code == 0 && words.contains("the pack `delegation` names the types"),
        "{told:?}"
    );
    assert!(
        words.contains("`Notes::Bot`") && words.contains("behest pack show delegation"),
        "{told:?}"
    );
    assert!(words.contains("bundle.toml"), "{told:?}");
    place.write(
        "notes/schemas/people.cedarschema",
        "action write appliesTo { principal: user, resource: Notes::Note };\n",
    );
    let told = place.run(&["validate", "--bundle", "notes"]);
    assert!(
        told.code == 0 && !told.err.contains("the pack `delegation`"),
        "{told:?}"
    );
}
