//! Carriers: every way to say "this agent for this user", what it is read as, and what denies.

use behest::model::{
    CarrierSettings, ChainRefusal, CredentialKind, EntityRef, Evidence, ProvenIdentity, Record,
    Timestamp, VerifiedCredential, read_proven_question, read_question,
};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use support::{cases, values};

pub(crate) fn settings() -> CarrierSettings {
    CarrierSettings {
        aliases: vec![("identity".into(), "user".into())],
        ..CarrierSettings::default()
    }
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
    for (subject, context, expected) in
        cases::read::<(Json, Json, String)>(include_str!("carriers.cases"))
    {
        assert_eq!(
            read(&subject, &context, &settings()),
            expected,
            "{subject} with {context}"
        );
    }
}

#[test]
fn a_credential_that_nobody_verified_denies() {
    let credentials = json!({"credentials": [{"type": "access_token", "value": "x"}]});
    let expected = "credential_invalid: `context.credentials[0]`: no issuer is configured that could have issued the credential";
    assert_eq!(read(&alice(), &credentials, &settings()), expected);
    assert_eq!(
        read(
            &json!({"type": "credential", "id": "0"}),
            &credentials,
            &settings()
        ),
        expected
    );
}

/// Evidence of one credential, which names alice.
pub(crate) fn proven(credential: &Json) -> Evidence {
    let proven = ProvenIdentity {
        kind: CredentialKind::AccessToken,
        issuer: "https://login.example".into(),
        chain: vec![EntityRef::new("user", "alice")],
        audiences: Vec::new(),
        holders: Vec::new(),
        stands_alone: true,
        facts: None,
        details: Vec::new(),
        rules: Arc::new([]),
        proof: None,
        until: Timestamp(i64::MAX),
    };
    let mut evidence = Evidence::default();
    let verified = VerifiedCredential {
        proven: Arc::new(proven),
        voucher: None,
        answer: None,
    };
    evidence.insert(values::value(credential), Ok(verified));
    evidence
}

/// Some clients always send an object of properties; an empty object in a carrier's place is a
/// carrier.
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
    for (name, value) in [
        ("properties", json!({})),
        ("properties", json!({"act": null})),
        ("user", Json::Null),
    ] {
        assert_eq!(ask(name, &value), "user:alice", "{name}: {value}");
    }
    for name in [
        "user",
        "agent",
        "delegation_chain",
        "act",
        "on_behalf_of",
        "credentials",
        "Properties",
    ] {
        assert_eq!(ask(name, &json!({})), "chain_invalid", "{name}");
    }
    assert_eq!(ask("properties", &json!({"act": {}})), "chain_invalid");
}

/// Comparing what is said of each of 8,000 members with all that is said took half a second.
#[test]
fn a_chain_that_is_too_long_is_refused_before_its_members_are_compared() {
    let member = |index: usize, risk: usize| json!({"type": "agent", "id": format!("a{index}"), "risk": risk});
    let mut chain: Vec<Json> = (0..10).map(|index| member(index, index)).collect();
    let subject = |chain: &[Json]| json!({"type": "agent", "id": "a9", "properties": {"risk": 1}, "delegation_chain": chain});
    let ask = |subject: &Json| read(subject, &json!({}), &settings());
    assert_eq!(ask(&subject(&chain)), "too long: 9");
    // A shorter one is compared.
    chain.remove(0);
    assert!(ask(&subject(&chain)).starts_with("attribute_conflict: "));
}

#[test]
fn a_malformed_carrier_denies_and_never_shortens_the_chain() {
    for (subject, context) in cases::read::<(Json, Json)>(include_str!("malformed.cases")) {
        let found = read(&subject, &context, &settings());
        assert!(
            found.starts_with("chain_invalid: "),
            "{subject} with {context}: {found}"
        );
    }
}

#[test]
fn an_id_is_taken_up_to_the_bound() {
    let id = "a".repeat(2048);
    assert_eq!(
        read(&json!({"type": "user", "id": id}), &json!({}), &settings()),
        format!("user:{id}")
    );
    let found = read(
        &json!({"type": "user", "id": "a".repeat(1_000_000)}),
        &json!({}),
        &settings(),
    );
    assert_eq!(
        found,
        "chain_invalid: `subject.id` is longer than 2048 bytes"
    );
    for (subject, context) in [
        (json!({"type": "user", "id": "a".repeat(2049)}), json!({})),
        (alice(), json!({"agent": "a".repeat(2049)})),
        (json!({"type": "t".repeat(2049), "id": "a"}), json!({})),
    ] {
        let found = read(&subject, &context, &settings());
        assert!(found.starts_with("chain_invalid: "), "{found:.300}");
    }
    let long = "x".repeat(100_000);
    for (subject, context) in [
        (
            json!({"type": "user", "id": "alice", long.as_str(): 1, format!("{long}{long}"): 2}),
            json!({"Agent": long}),
        ),
        (json!({"type": "credential", "id": long}), json!({})),
        (
            json!({"type": "credential", "id": "0", long.as_str(): 1}),
            json!({}),
        ),
        (
            agent(&json!({"on_behalf_of": "alice"})),
            json!({"agent": &long[..2000]}),
        ),
    ] {
        let found = read(&subject, &context, &settings());
        assert!(
            found.starts_with("chain_") && found.len() < 300,
            "{} bytes: {:.300}",
            found.len(),
            found
        );
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
        (
            &long,
            "d",
            "read",
            "`resource.type` is longer than 2048 bytes",
        ),
        (
            "doc",
            &long,
            "read",
            "`resource.id` is longer than 2048 bytes",
        ),
        ("doc", "d", &long, "`action.name` is longer than 2048 bytes"),
    ] {
        assert_eq!(
            ask(kind, id, action),
            format!("Deny(BadValue, \"{expected}\")")
        );
    }
}

#[test]
fn a_carriers_name_is_data_where_the_schema_declares_it() {
    let subject = with(&json!({"agent": "copilot", "user": "u"}));
    assert!(read(&subject, &json!({}), &settings()).starts_with("chain_invalid: "));
    let attributes = vec![("user".into(), "agent"), ("user".into(), "user")];
    let declaring = CarrierSettings {
        attributes,
        ..settings()
    };
    let question =
        read_question(&values::request(&body(&subject, &json!({}))), &declaring).unwrap();
    assert_eq!(
        question.chain.subject().properties,
        values::record(&json!({"agent": "copilot", "user": "u"}))
    );
    let other = agent(&json!({"agent": "copilot"}));
    assert!(
        read(&other, &json!({}), &declaring).starts_with("chain_invalid: "),
        "another type does not declare it"
    );
}

#[test]
fn what_a_carrier_says_of_a_member_is_its_own() {
    let risky = json!({"risk": "high"});
    for (subject, context) in [
        (
            with(&json!({"act": {"sub": "copilot", "properties": risky}})),
            json!({}),
        ),
        (
            alice(),
            json!({"agent": {"type": "agent", "id": "copilot", "properties": risky}}),
        ),
        (
            json!({"user": "alice", "agent": {"id": "copilot", "properties": risky}}),
            json!({}),
        ),
        (
            json!({"type": "agent", "id": "copilot", "delegation_chain": [{"type": "user", "id": "alice"},
                   {"type": "agent", "id": "copilot", "properties": risky}]}),
            json!({}),
        ),
        (
            agent(&json!({"on_behalf_of": "alice", "risk": "high"})),
            json!({"agent": "copilot"}),
        ),
    ] {
        let question =
            read_question(&values::request(&body(&subject, &context)), &settings()).unwrap();
        assert_eq!(question.chain.to_string(), "user:alice > agent:copilot");
        assert_eq!(
            question.chain.actors()[0].properties,
            values::record(&risky),
            "{subject} with {context}"
        );
    }
    let user = json!({"type": "user", "id": "alice", "properties": risky});
    for subject in [
        agent(&json!({"on_behalf_of": user})),
        agent(
            &json!({"delegation": {"delegator_type": "user", "delegator_id": "alice", "properties": risky}}),
        ),
        json!({"type": "agent", "id": "copilot", "delegation_chain": [user]}),
    ] {
        let question =
            read_question(&values::request(&body(&subject, &json!({}))), &settings()).unwrap();
        assert_eq!(
            question.chain.subject().properties,
            values::record(&risky),
            "{subject}"
        );
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
fn a_chain_of_eight_actors_is_taken_and_of_nine_refused() {
    let nested = |count: usize| {
        (0..count).fold(
            Json::Null,
            |act, index| json!({"sub": format!("a{index}"), "act": act}),
        )
    };
    assert_eq!(
        read(&with(&json!({"act": nested(9)})), &json!({}), &settings()),
        "too long: 9"
    );
    let eight = read(&with(&json!({"act": nested(8)})), &json!({}), &settings());
    assert_eq!(eight.matches(" > ").count(), 8, "{eight}");
    let narrowed = CarrierSettings {
        max_actors: 1,
        ..settings()
    };
    assert_eq!(
        read(&with(&json!({"act": nested(2)})), &json!({}), &narrowed),
        "too long: 2"
    );
}

#[test]
fn client_id_is_a_carrier_only_where_the_bundle_says_so() {
    let context = json!({"client_id": "copilot"});
    assert_eq!(read(&alice(), &context, &settings()), "user:alice");
    let carrying = CarrierSettings {
        client_id: Some("agent".into()),
        ..settings()
    };
    assert_eq!(
        read(&alice(), &context, &carrying),
        "user:alice > agent:copilot"
    );
    let found = read(
        &alice(),
        &json!({"client_id": "copilot", "agent": "other"}),
        &carrying,
    );
    assert!(found.starts_with("chain_conflict: "), "{found}");
    // One level off, and in another spelling.
    let mut subject = body(&alice(), &json!({}));
    subject["subject"]["client_id"] = json!("copilot");
    let mut beside = body(&alice(), &json!({}));
    beside["clientId"] = json!("copilot");
    for body in [
        subject,
        beside,
        body(&alice(), &json!({"clientId": "copilot"})),
    ] {
        let request = values::request(&body);
        assert_eq!(
            read_question(&request, &settings())
                .unwrap()
                .chain
                .to_string(),
            "user:alice",
            "{body}"
        );
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
    assert_eq!(
        question.chain.subject().properties,
        values::record(&json!({"role": "admin"}))
    );
    assert_eq!(question.chain.actors()[0].properties, Record::new());
    assert_eq!(question.dropped.len(), 7, "{:?}", question.dropped);
}
