//! Carriers: every way to say "this agent for this user", what it is read as, and what denies.

use crate::values;
use behest::model::{
    CarrierSettings, ChainRefusal, CredentialKind, EntityRef, Evidence, Proven, Record, Timestamp, Verified,
    read_proven_question, read_question,
};
use serde_json::{Value as Json, json};
use std::sync::Arc;

pub(crate) fn settings() -> CarrierSettings {
    CarrierSettings { aliases: vec![("identity".into(), "user".into())], ..CarrierSettings::default() }
}

pub(crate) fn body(subject: &Json, context: &Json) -> Json {
    json!({ "subject": subject, "action": {"name": "read"}, "resource": {"type": "doc", "id": "d"}, "context": context })
}

pub(crate) fn read(subject: &Json, context: &Json, settings: &CarrierSettings) -> String {
    match read_question(&values::request(&body(subject, context)), settings) {
        Ok(question) => question.chain.to_string(),
        Err(ChainRefusal::Deny(code, message)) => format!("{code}: {message}"),
        Err(ChainRefusal::Unproven(unproven)) => format!("{}: {}", unproven.code, unproven.message),
        Err(ChainRefusal::TooLong(actors)) => format!("too long: {actors}"),
    }
}

pub(crate) fn alice() -> Json {
    json!({"type": "user", "id": "alice"})
}

pub(crate) fn with(properties: &Json) -> Json {
    json!({"type": "user", "id": "alice", "properties": properties})
}

pub(crate) fn agent(properties: &Json) -> Json {
    json!({"type": "agent", "id": "copilot", "properties": properties})
}

#[test]
fn each_carrier_becomes_the_chain_that_it_says() {
    let chain = "user:alice > agent:copilot";
    for (subject, context, expected) in [
        (alice(), json!({}), "user:alice"),
        (json!({"type": "identity", "id": "alice"}), json!({}), "user:alice"),
        (with(&json!({"act": {"sub": "copilot"}})), json!({}), chain),
        (with(&json!({"act": {"sub": "copilot", "act": null, "iss": null, "scope": "x"}})), json!({}), chain),
        (
            with(
                &json!({"act": {"sub": "caller", "sub_profile": "ai_agent", "act": {"sub": "first", "sub_profile": "service"}}}),
            ),
            json!({}),
            "user:alice > service:first > agent:caller",
        ),
        (with(&json!({"act": {"sub": "bob", "sub_profile": "user"}})), json!({}), "user:alice > user:bob"),
        (alice(), json!({"agent": "copilot"}), chain),
        (alice(), json!({"agent": {"type": "bot", "id": "b"}}), "user:alice > bot:b"),
        (agent(&json!({"on_behalf_of": "alice"})), json!({}), chain),
        (agent(&json!({"on_behalf_of": {"type": "identity", "id": "alice"}})), json!({}), chain),
        (agent(&json!({"delegation": {"delegator_type": "user", "delegator_id": "alice", "x": 1}})), json!({}), chain),
        (with(&json!({"on_behalf_of": "bob"})), json!({}), "user:bob > user:alice"),
        (
            json!({"type": "agent", "id": "b", "delegation_chain": [{"type": "user", "id": "alice"}, {"type": "agent", "id": "a"}]}),
            json!({}),
            "user:alice > agent:a > agent:b",
        ),
        (
            json!({"type": "agent", "id": "b", "delegation_chain": [{"type": "user", "id": "alice"}, {"type": "agent", "id": "b"}]}),
            json!({}),
            "user:alice > agent:b",
        ),
        (json!({"user": "alice", "agent": "copilot"}), json!({}), chain),
        (
            json!({"user": {"type": "identity", "id": "alice"}, "agent": {"id": "copilot", "properties": {"x": 1}}}),
            json!({}),
            chain,
        ),
        // Agreement.
        (with(&json!({"act": {"sub": "copilot"}})), json!({"agent": "copilot"}), chain),
        (json!({"user": "alice", "agent": "copilot"}), json!({"agent": "copilot"}), chain),
        (json!({"type": "agent", "id": "copilot"}), json!({"agent": "copilot"}), "agent:copilot"),
        (
            json!({"type": "agent", "id": "copilot", "properties": {"on_behalf_of": "alice"},
                   "delegation_chain": [{"type": "user", "id": "alice"}]}),
            json!({"agent": "copilot"}),
            chain,
        ),
        (
            json!({"type": "agent", "id": "b", "properties": {"risk": "low"},
                   "delegation_chain": [{"type": "user", "id": "alice"}, {"type": "agent", "id": "b"}]}),
            json!({"agent": {"type": "agent", "id": "b", "properties": {"risk": "low"}}}),
            "user:alice > agent:b",
        ),
        // Data under a carrier's name.
        (alice(), json!({"user": {"ip": "::1"}, "arguments": {"agent": "x", "act": "y"}}), "user:alice"),
        // Null is not sent.
        (
            json!({"type": "user", "id": "alice", "act": null, "properties": {"delegation_chain": null, "agent": null}}),
            json!({"act": null, "delegation_chain": null, "on_behalf_of": null}),
            "user:alice",
        ),
        (with(&json!({"act": null, "on_behalf_of": null, "delegation": null})), json!({"agent": null}), "user:alice"),
    ] {
        assert_eq!(read(&subject, &context, &settings()), expected, "{subject} with {context}");
    }
}

#[test]
fn a_credential_that_nobody_verified_denies() {
    let credentials = json!({"credentials": [{"type": "access_token", "value": "x"}]});
    let expected =
        "credential_invalid: `context.credentials[0]`: no issuer is configured that could have issued the credential";
    assert_eq!(read(&alice(), &credentials, &settings()), expected);
    assert_eq!(read(&json!({"type": "credential", "id": "0"}), &credentials, &settings()), expected);
}

/// Evidence of one credential, which names alice.
fn proven(credential: &Json) -> Evidence {
    let proven = Proven {
        kind: CredentialKind::AccessToken,
        issuer: "https://login.example".into(),
        chain: vec![EntityRef::new("user", "alice")],
        audiences: Vec::new(),
        stands_alone: true,
        facts: None,
        details: Vec::new(),
        rules: Arc::new([]),
        proof: None,
        until: Timestamp(i64::MAX),
    };
    let mut evidence = Evidence::default();
    let verified = Verified { proven: Arc::new(proven), voucher: None };
    evidence.insert(values::value(credential), Ok(verified));
    evidence
}

/// Some clients always send an object of properties; an empty object in a carrier's place is a carrier.
#[test]
fn nothing_stands_beside_the_subject_of_a_credential() {
    let credential = json!({"type": "access_token", "value": "x"});
    let evidence = proven(&credential);
    let ask = |name: &str, value: &Json| {
        let subject = json!({"type": "credential", "id": "0", name: value});
        let body = body(&subject, &json!({"credentials": [credential]}));
        match read_proven_question(&values::request(&body), &settings(), &evidence) {
            Ok(question) => question.chain.to_string(),
            Err(ChainRefusal::Deny(code, _)) => code.to_string(),
            Err(ChainRefusal::Unproven(unproven)) => unproven.code.to_string(),
            Err(ChainRefusal::TooLong(_)) => "too long".to_owned(),
        }
    };
    for (name, value) in [("properties", json!({})), ("properties", json!({"act": null})), ("user", Json::Null)] {
        assert_eq!(ask(name, &value), "user:alice", "{name}: {value}");
    }
    for name in ["user", "agent", "delegation_chain", "act", "on_behalf_of", "credentials", "Properties"] {
        assert_eq!(ask(name, &json!({})), "chain_invalid", "{name}");
    }
    assert_eq!(ask("properties", &json!({"act": {}})), "chain_invalid");
}

#[test]
fn a_malformed_carrier_denies_and_never_shortens_the_chain() {
    let listed = |list: &Json| json!({"type": "agent", "id": "b", "delegation_chain": list});
    for (subject, context) in [
        (with(&json!({"act": "copilot"})), json!({})),
        (with(&json!({"act": ["copilot"]})), json!({})),
        (with(&json!({"act": {}})), json!({})),
        (with(&json!({"act": {"sub": ""}})), json!({})),
        (with(&json!({"act": {"sub": 7}})), json!({})),
        (with(&json!({"act": {"sub": "a", "act": "b"}})), json!({})),
        (with(&json!({"act": {"sub": "a", "act": {"Sub": "b"}}})), json!({})),
        (with(&json!({"act": {"sub": "a", "Act": {"sub": "b"}}})), json!({})),
        (with(&json!({"act": {"sub": "a", "sub_profile": "robot"}})), json!({})),
        (with(&json!({"act": {"sub": "a", "sub_profile": 1}})), json!({})),
        (with(&json!({"act": {"sub": "a", "iss": "https://elsewhere.example"}})), json!({})),
        (with(&json!({"Act": {"sub": "a"}})), json!({})),
        (agent(&json!({"on_behalf_of": 5})), json!({})),
        (agent(&json!({"on_behalf_of": ""})), json!({})),
        (agent(&json!({"on_behalf_of": {"id": "alice"}})), json!({})),
        (agent(&json!({"ON_BEHALF_OF": "alice"})), json!({})),
        (agent(&json!({"delegation": "alice"})), json!({})),
        (agent(&json!({"delegation": {"delegator_id": "alice"}})), json!({})),
        (agent(&json!({"delegation": {"delegator_type": "user"}})), json!({})),
        (listed(&json!([])), json!({})),
        (listed(&json!("user:alice")), json!({})),
        (listed(&json!([null])), json!({})),
        (listed(&json!([{"type": "user"}])), json!({})),
        (listed(&json!([{"type": "user", "id": "a"}, {"type": "user", "id": "a"}])), json!({})),
        (json!({"type": "agent", "id": "b", "Delegation_Chain": [{"type": "user", "id": "a"}]}), json!({})),
        (json!({"type": "user", "id": "alice", "agent": "copilot"}), json!({})),
        (json!({"type": "user", "id": "alice", "user": "bob"}), json!({})),
        (json!({"user": "alice", "agent": null}), json!({})),
        (json!({"user": "alice", "agent": 7}), json!({})),
        (json!({"user": "alice"}), json!({})),
        (json!({"user": "alice", "agent": "c", "properties": {"x": 1}}), json!({})),
        (json!({"user": {"id": "alice", "properties": {"act": {"sub": "x"}}}, "agent": "c"}), json!({})),
        (json!({"user": "alice", "agent": "c", "delegation_chain": [{"type": "user", "id": "z"}]}), json!({})),
        (json!({"type": "user", "id": ""}), json!({})),
        (alice(), json!({"agent": ""})),
        (alice(), json!({"agent": 3})),
        (alice(), json!({"agent": {"type": "agent"}})),
        (alice(), json!({"Agent": "copilot"})),
        (alice(), json!({"credentials": []})),
        (alice(), json!({"credentials": {"type": "access_token", "value": "x"}})),
        (alice(), json!({"Credentials": [{"type": "access_token", "value": "x"}]})),
        (json!({"type": "credential", "id": "0"}), json!({})),
        (alice(), json!({"Credentials": []})),
        (with(&json!({"act": {"sub": "alice", "sub_profile": "user"}})), json!({})),
        (json!({"type": "user", "id": "alice", "Properties": {"act": {"sub": "x"}}}), json!({})),
        (listed(&json!([{"type": "user", "id": "a", "properties": {"act": {"sub": "q"}}}])), json!({})),
        (listed(&json!([{"type": "user", "id": "a", "Properties": {}}])), json!({})),
        (listed(&json!([{"type": "user", "id": "a", "on_behalf_of": "z"}])), json!({})),
        (listed(&json!([{"type": "user", "id": "a", "delegation_chain": []}])), json!({})),
        (listed(&json!([{"type": "user", "id": "a", "properties": []}])), json!({})),
        (listed(&json!([{"type": "user", "id": "a", "properties": {"agent": "q"}}])), json!({})),
        (alice(), json!({"agent": {"type": "agent", "id": "c", "properties": {"delegation_chain": []}}})),
        (alice(), json!({"agent": {"type": "agent", "id": "c", "act": {"sub": "x"}}})),
        (with(&json!({"act": {"sub": "a", "properties": "x"}})), json!({})),
        (with(&json!({"act": {"sub": "a", "properties": {"act": {"sub": "b"}}}})), json!({})),
        (with(&json!({"act": {"sub": "a", "subProfile": "user"}})), json!({})),
        (with(&json!({"onBehalfOf": "a"})), json!({})),
        (with(&json!({"delegation_chain": [{"type": "user", "id": "a"}]})), json!({})),
        (with(&json!({"agent": "copilot"})), json!({})),
        (json!({"type": "user", "id": "alice", "act": {"sub": "x"}}), json!({})),
        (json!({"type": "user", "id": "alice", "delegationChain": []}), json!({})),
        (alice(), json!({"act": {"sub": "x"}})),
        (alice(), json!({"delegation_chain": [{"type": "user", "id": "a"}]})),
        (alice(), json!({"on-behalf-of": "x"})),
        (alice(), json!({"Arguments": {}})),
        (json!({"type": "user", "id": "a".repeat(2049)}), json!({})),
        (alice(), json!({"agent": "a".repeat(2049)})),
        (json!({"type": "t".repeat(2049), "id": "a"}), json!({})),
    ] {
        let found = read(&subject, &context, &settings());
        assert!(found.starts_with("chain_invalid: "), "{subject} with {context}: {found}");
    }
}

#[test]
fn an_id_is_taken_up_to_the_bound() {
    let id = "a".repeat(2048);
    assert_eq!(read(&json!({"type": "user", "id": id}), &json!({}), &settings()), format!("user:{id}"));
    let found = read(&json!({"type": "user", "id": "a".repeat(1_000_000)}), &json!({}), &settings());
    assert_eq!(found, "chain_invalid: `subject.id` is longer than 2048 bytes");
    let long = "x".repeat(100_000);
    for (subject, context) in [
        (json!({"type": "user", "id": "alice", long.as_str(): 1, format!("{long}{long}"): 2}), json!({"Agent": long})),
        (json!({"type": "credential", "id": long}), json!({})),
        (json!({"type": "credential", "id": "0", long.as_str(): 1}), json!({})),
        (agent(&json!({"on_behalf_of": "alice"})), json!({"agent": &long[..2000]})),
    ] {
        let found = read(&subject, &context, &settings());
        assert!(found.starts_with("chain_") && found.len() < 300, "{} bytes: {:.300}", found.len(), found);
    }
}

#[test]
fn a_resource_or_an_action_without_a_name_denies() {
    let ask = |kind: &str, id: &str, action: &str| {
        let body = json!({"subject": alice(), "action": {"name": action}, "resource": {"type": kind, "id": id}});
        match read_question(&values::request(&body), &settings()) {
            Ok(question) => question.chain.to_string(),
            Err(refusal) => format!("{refusal:?}"),
        }
    };
    let (limit, long) = ("a".repeat(2048), "a".repeat(2049));
    assert_eq!(ask(&limit, &limit, &limit), "user:alice");
    for (kind, id, action, expected) in [
        ("", "d", "read", "`resource.type` is empty"),
        ("doc", "", "read", "`resource.id` is empty"),
        ("doc", "d", "", "`action.name` is empty"),
        (&long, "d", "read", "`resource.type` is longer than 2048 bytes"),
        ("doc", &long, "read", "`resource.id` is longer than 2048 bytes"),
        ("doc", "d", &long, "`action.name` is longer than 2048 bytes"),
    ] {
        assert_eq!(ask(kind, id, action), format!("Deny(BadValue, \"{expected}\")"));
    }
}

#[test]
fn a_carriers_name_is_data_where_the_schema_declares_it() {
    let subject = with(&json!({"agent": "copilot", "user": "u"}));
    assert!(read(&subject, &json!({}), &settings()).starts_with("chain_invalid: "));
    let attributes = vec![("user".into(), "agent"), ("user".into(), "user")];
    let declaring = CarrierSettings { attributes, ..settings() };
    let question = read_question(&values::request(&body(&subject, &json!({}))), &declaring).unwrap();
    assert_eq!(question.chain.subject().properties, values::record(&json!({"agent": "copilot", "user": "u"})));
    let other = agent(&json!({"agent": "copilot"}));
    assert!(read(&other, &json!({}), &declaring).starts_with("chain_invalid: "), "another type does not declare it");
}

#[test]
fn what_a_carrier_says_of_a_member_is_its_own() {
    let risky = json!({"risk": "high"});
    for (subject, context) in [
        (with(&json!({"act": {"sub": "copilot", "properties": risky}})), json!({})),
        (alice(), json!({"agent": {"type": "agent", "id": "copilot", "properties": risky}})),
        (json!({"user": "alice", "agent": {"id": "copilot", "properties": risky}}), json!({})),
        (
            json!({"type": "agent", "id": "copilot", "delegation_chain": [{"type": "user", "id": "alice"},
                   {"type": "agent", "id": "copilot", "properties": risky}]}),
            json!({}),
        ),
        (agent(&json!({"on_behalf_of": "alice", "risk": "high"})), json!({"agent": "copilot"})),
    ] {
        let question = read_question(&values::request(&body(&subject, &context)), &settings()).unwrap();
        assert_eq!(question.chain.to_string(), "user:alice > agent:copilot");
        assert_eq!(question.chain.actors()[0].properties, values::record(&risky), "{subject} with {context}");
    }
    let user = json!({"type": "user", "id": "alice", "properties": risky});
    for subject in [
        agent(&json!({"on_behalf_of": user})),
        agent(&json!({"delegation": {"delegator_type": "user", "delegator_id": "alice", "properties": risky}})),
        json!({"type": "agent", "id": "copilot", "delegation_chain": [user]}),
    ] {
        let question = read_question(&values::request(&body(&subject, &json!({}))), &settings()).unwrap();
        assert_eq!(question.chain.subject().properties, values::record(&risky), "{subject}");
    }
}

#[test]
fn a_member_that_is_described_in_two_ways_is_a_conflict() {
    let copilot = |risk: &str| json!({"type": "agent", "id": "copilot", "properties": {"risk": risk}});
    let alice = |risk: &str| json!({"type": "user", "id": "alice", "properties": {"risk": risk}});
    for (subject, context) in [
        (copilot("low"), json!({"agent": copilot("high")})),
        (with(&json!({"act": {"sub": "copilot", "properties": {"risk": "low"}}})), json!({"agent": copilot("high")})),
        (
            agent(&json!({"on_behalf_of": alice("low"), "delegation":
            {"delegator_type": "user", "delegator_id": "alice", "properties": {"risk": "high"}}})),
            json!({}),
        ),
        (
            json!({"type": "agent", "id": "copilot", "properties": {"risk": "low"},
                   "delegation_chain": [alice("low"), copilot("high")]}),
            json!({}),
        ),
    ] {
        let found = read(&subject, &context, &settings());
        assert!(found.starts_with("attribute_conflict: "), "{subject} with {context}: {found}");
    }
}

#[test]
fn a_member_of_the_request_in_another_case_denies() {
    let body = json!({"subject": alice(), "action": {"name": "read"}, "resource": {"type": "doc", "id": "d"},
                      "Context": {"agent": "copilot"}});
    let found = read_question(&values::request(&body), &settings());
    assert!(format!("{found:?}").contains("ChainInvalid"), "{found:?}");
}

#[test]
fn carriers_that_disagree_deny() {
    for (subject, context) in [
        (with(&json!({"act": {"sub": "copilot"}})), json!({"agent": "other"})),
        (with(&json!({"act": {"sub": "copilot"}, "on_behalf_of": "bob"})), json!({})),
        (
            agent(&json!({"on_behalf_of": "alice", "delegation": {"delegator_type": "user", "delegator_id": "bob"}})),
            json!({}),
        ),
        (agent(&json!({"on_behalf_of": "alice"})), json!({"agent": "other"})),
        (
            json!({"type": "agent", "id": "b", "properties": {"on_behalf_of": "alice"},
                   "delegation_chain": [{"type": "user", "id": "alice"}, {"type": "agent", "id": "a"}]}),
            json!({}),
        ),
    ] {
        let found = read(&subject, &context, &settings());
        assert!(found.starts_with("chain_conflict: "), "{subject} with {context}: {found}");
    }
}

#[test]
fn a_chain_of_eight_actors_is_taken_and_of_nine_refused() {
    let nested =
        |count: usize| (0..count).fold(Json::Null, |act, index| json!({"sub": format!("a{index}"), "act": act}));
    assert_eq!(read(&with(&json!({"act": nested(9)})), &json!({}), &settings()), "too long: 9");
    let eight = read(&with(&json!({"act": nested(8)})), &json!({}), &settings());
    assert_eq!(eight.matches(" > ").count(), 8, "{eight}");
    let narrowed = CarrierSettings { max_actors: 1, ..settings() };
    assert_eq!(read(&with(&json!({"act": nested(2)})), &json!({}), &narrowed), "too long: 2");
}

#[test]
fn client_id_is_a_carrier_only_where_the_bundle_says_so() {
    let context = json!({"client_id": "copilot"});
    assert_eq!(read(&alice(), &context, &settings()), "user:alice");
    let carrying = CarrierSettings { client_id: Some("agent".into()), ..settings() };
    assert_eq!(read(&alice(), &context, &carrying), "user:alice > agent:copilot");
    let found = read(&alice(), &json!({"client_id": "copilot", "agent": "other"}), &carrying);
    assert!(found.starts_with("chain_conflict: "), "{found}");
    // One level off, and in another spelling.
    let mut subject = body(&alice(), &json!({}));
    subject["subject"]["client_id"] = json!("copilot");
    let mut beside = body(&alice(), &json!({}));
    beside["clientId"] = json!("copilot");
    for body in [subject, beside, body(&alice(), &json!({"clientId": "copilot"}))] {
        let request = values::request(&body);
        assert_eq!(read_question(&request, &settings()).unwrap().chain.to_string(), "user:alice", "{body}");
        let found = format!("{:?}", read_question(&request, &carrying));
        assert!(found.contains("ChainInvalid"), "{body}: {found}");
    }
}

#[test]
fn consumed_carriers_and_the_engines_own_members_are_gone() {
    let subject = with(&json!({"act": {"sub": "copilot"}, "role": "admin"}));
    let context = json!({"agent": "copilot", "delegation": {"depth": 0}, "now": 1, "token": {}, "action_properties": {},
                         "current_time": 1, "action": "x", "resource": "y", "ip": "10.0.0.1"});
    let question = read_question(&values::request(&body(&subject, &context)), &settings()).unwrap();
    assert_eq!(question.context, values::record(&json!({"ip": "10.0.0.1"})));
    assert_eq!(question.chain.subject().properties, values::record(&json!({"role": "admin"})));
    assert_eq!(question.chain.actors()[0].properties, Record::new());
    assert_eq!(question.dropped.len(), 7, "{:?}", question.dropped);
}

#[test]
fn one_entity_with_two_sets_of_properties_is_a_conflict() {
    let ask = |subject: &Json, resource: &Json| {
        let body = json!({"subject": subject, "action": {"name": "read"}, "resource": resource});
        match read_question(&values::request(&body), &settings()) {
            Ok(question) => question.chain.to_string(),
            Err(refusal) => format!("{refusal:?}"),
        }
    };
    let given = |x: &Json| json!({"type": "user", "id": "alice", "properties": x});
    assert_eq!(ask(&given(&json!({"x": 1})), &given(&json!({"x": 1}))), "user:alice");
    assert_eq!(ask(&alice(), &given(&json!({}))), "user:alice");
    assert!(ask(&given(&json!({"x": 1})), &alice()).contains("AttributeConflict"));
    assert!(ask(&alice(), &given(&json!({"x": {"y": null}}))).contains("AttributeConflict"), "an empty object is sent");
    for (one, other) in [
        (json!({"x": null}), json!({})),
        (json!({"x": 1, "y": null}), json!({"x": 1})),
        (json!({"x": {"y": null, "z": 1}}), json!({"w": null, "x": {"z": 1}})),
    ] {
        assert_eq!(ask(&given(&one), &given(&other)), "user:alice", "{one} {other}: a null is not sent");
        let described = json!({"type": "user", "id": "alice", "properties": one});
        let listed = json!({"type": "agent", "id": "copilot", "properties": {"on_behalf_of": described},
                            "delegation_chain": [given(&other)]});
        assert_eq!(read(&listed, &json!({}), &settings()), "user:alice > agent:copilot", "{one} {other}");
    }
    let aliased = json!({"type": "identity", "id": "alice", "properties": {"x": 2}});
    assert!(ask(&given(&json!({"x": 1})), &aliased).contains("AttributeConflict"), "an alias is the same entity");
}

#[test]
fn a_carrier_of_a_replaced_context_must_be_repeated() {
    let replaced = |default: &Json, own: &Json, settings: &CarrierSettings| {
        let mut request = values::request(&body(&alice(), own));
        request.replaced_context = Some(values::record(default));
        match read_question(&request, settings) {
            Ok(question) => question.chain.to_string(),
            Err(refusal) => format!("{refusal:?}"),
        }
    };
    let agent = json!({"agent": "copilot"});
    assert_eq!(replaced(&agent, &json!({"agent": "copilot", "x": 1}), &settings()), "user:alice > agent:copilot");
    for own in [json!({}), json!({"agent": null}), json!({"agent": "other"})] {
        assert!(replaced(&agent, &own, &settings()).contains("ChainConflict"), "{own}");
    }
    assert!(replaced(&json!({"credentials": []}), &json!({}), &settings()).contains("ChainConflict"));
    assert_eq!(replaced(&json!({"agent": null, "x": 1}), &json!({}), &settings()), "user:alice");
    for stray in [json!({"Agent": "copilot"}), json!({"act": {"sub": "copilot"}}), json!({"delegationChain": []})] {
        assert!(replaced(&stray, &json!({}), &settings()).contains("ChainInvalid"), "{stray}");
    }
    let client = json!({"client_id": "copilot"});
    assert_eq!(replaced(&client, &json!({}), &settings()), "user:alice");
    let carrying = CarrierSettings { client_id: Some("agent".into()), ..settings() };
    assert!(replaced(&client, &json!({}), &carrying).contains("ChainConflict"));
}
