//! Carriers: every way to say "this agent for this user", what it is read as, and what denies.

use crate::values;
use behest::model::{CarrierSettings, ChainRefusal, Record, read_question};
use serde_json::{Value as Json, json};

fn settings() -> CarrierSettings {
    CarrierSettings { aliases: vec![("identity".into(), "user".into())], ..CarrierSettings::default() }
}

fn body(subject: &Json, context: &Json) -> Json {
    json!({ "subject": subject, "action": {"name": "read"}, "resource": {"type": "doc", "id": "d"}, "context": context })
}

fn read(subject: &Json, context: &Json, settings: &CarrierSettings) -> String {
    match read_question(&values::request(&body(subject, context)), settings) {
        Ok(question) => question.chain.to_string(),
        Err(ChainRefusal::Deny(code, message)) => format!("{code}: {message}"),
        Err(ChainRefusal::TooLong(actors)) => format!("too long: {actors}"),
    }
}

fn alice() -> Json {
    json!({"type": "user", "id": "alice"})
}

fn with(properties: &Json) -> Json {
    json!({"type": "user", "id": "alice", "properties": properties})
}

fn agent(properties: &Json) -> Json {
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
        // Null is not sent.
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
    ] {
        let found = read(&subject, &context, &settings());
        assert!(found.starts_with("chain_invalid: "), "{subject} with {context}: {found}");
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
    let client = json!({"client_id": "copilot"});
    assert_eq!(replaced(&client, &json!({}), &settings()), "user:alice");
    let carrying = CarrierSettings { client_id: Some("agent".into()), ..settings() };
    assert!(replaced(&client, &json!({}), &carrying).contains("ChainConflict"));
}
