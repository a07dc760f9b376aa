//! Two carriers, two descriptions or two contexts that say different things deny.

use crate::chains::{agent, alice, body, read, settings, with};
use behest::model::{CarrierSettings, read_question};
use serde_json::{Value as Json, json};
use support::values;

#[test]
fn a_member_that_is_described_in_two_ways_is_a_conflict() {
    let copilot =
        |risk: &str| json!({"type": "agent", "id": "copilot", "properties": {"risk": risk}});
    let alice = |risk: &str| json!({"type": "user", "id": "alice", "properties": {"risk": risk}});
    for (subject, context) in [
        (copilot("low"), json!({"agent": copilot("high")})),
        (
            with(&json!({"act": {"sub": "copilot", "properties": {"risk": "low"}}})),
            json!({"agent": copilot("high")}),
        ),
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
        assert!(
            found.starts_with("attribute_conflict: "),
            "{subject} with {context}: {found}"
        );
    }
}

#[test]
fn carriers_that_disagree_deny() {
    for (subject, context) in [
        (
            with(&json!({"act": {"sub": "copilot"}})),
            json!({"agent": "other"}),
        ),
        (
            with(&json!({"act": {"sub": "copilot"}, "on_behalf_of": "bob"})),
            json!({}),
        ),
        (
            agent(
                &json!({"on_behalf_of": "alice", "delegation": {"delegator_type": "user", "delegator_id": "bob"}}),
            ),
            json!({}),
        ),
        (
            agent(&json!({"on_behalf_of": "alice"})),
            json!({"agent": "other"}),
        ),
        (
            json!({"type": "agent", "id": "b", "properties": {"on_behalf_of": "alice"},
                   "delegation_chain": [{"type": "user", "id": "alice"}, {"type": "agent", "id": "a"}]}),
            json!({}),
        ),
    ] {
        let found = read(&subject, &context, &settings());
        assert!(
            found.starts_with("chain_conflict: "),
            "{subject} with {context}: {found}"
        );
    }
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
    assert_eq!(
        ask(&given(&json!({"x": 1})), &given(&json!({"x": 1}))),
        "user:alice"
    );
    assert_eq!(ask(&alice(), &given(&json!({}))), "user:alice");
    assert!(ask(&given(&json!({"x": 1})), &alice()).contains("AttributeConflict"));
    assert!(
        ask(&alice(), &given(&json!({"x": {"y": null}}))).contains("AttributeConflict"),
        "an empty object is sent"
    );
    for (one, other) in [
        (json!({"x": null}), json!({})),
        (json!({"x": 1, "y": null}), json!({"x": 1})),
        (
            json!({"x": {"y": null, "z": 1}}),
            json!({"w": null, "x": {"z": 1}}),
        ),
    ] {
        assert_eq!(
            ask(&given(&one), &given(&other)),
            "user:alice",
            "{one} {other}: a null is not sent"
        );
        let described = json!({"type": "user", "id": "alice", "properties": one});
        let listed = json!({"type": "agent", "id": "copilot", "properties": {"on_behalf_of": described},
                            "delegation_chain": [given(&other)]});
        assert_eq!(
            read(&listed, &json!({}), &settings()),
            "user:alice > agent:copilot",
            "{one} {other}"
        );
    }
    let aliased = json!({"type": "identity", "id": "alice", "properties": {"x": 2}});
    assert!(
        ask(&given(&json!({"x": 1})), &aliased).contains("AttributeConflict"),
        "an alias is the same entity"
    );
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
    assert_eq!(
        replaced(&agent, &json!({"agent": "copilot", "x": 1}), &settings()),
        "user:alice > agent:copilot"
    );
    for own in [json!({}), json!({"agent": null}), json!({"agent": "other"})] {
        assert!(
            replaced(&agent, &own, &settings()).contains("ChainConflict"),
            "{own}"
        );
    }
    assert!(
        replaced(&json!({"credentials": []}), &json!({}), &settings()).contains("ChainConflict")
    );
    assert_eq!(
        replaced(&json!({"agent": null, "x": 1}), &json!({}), &settings()),
        "user:alice"
    );
    for stray in [
        json!({"Agent": "copilot"}),
        json!({"act": {"sub": "copilot"}}),
        json!({"delegationChain": []}),
    ] {
        assert!(
            replaced(&stray, &json!({}), &settings()).contains("ChainInvalid"),
            "{stray}"
        );
    }
    let client = json!({"client_id": "copilot"});
    assert_eq!(replaced(&client, &json!({}), &settings()), "user:alice");
    let carrying = CarrierSettings {
        client_id: Some("agent".into()),
        ..settings()
    };
    assert!(replaced(&client, &json!({}), &carrying).contains("ChainConflict"));
}
