//! What names an actor inside another carrier, or one level off, and what says who an actor is
//! beside its name.

use crate::chains::{agent, alice, body, read, settings, with};
use behest::bundle::{self, BundleFiles};
use behest::model::{
    CarrierSettings, NearName, NearOwner, Request, SearchKind, SearchRequest, read_question,
};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use support::values;

fn evil() -> Json {
    json!({"type": "agent", "id": "evil"})
}

fn refused(subject: &Json, context: &Json, settings: &CarrierSettings) {
    let found = read(subject, context, settings);
    assert!(
        found.starts_with("chain_invalid: "),
        "{subject} with {context}: {found}"
    );
}

#[test]
fn a_carrier_inside_a_carrier_denies() {
    let members = [
        ("act", json!({"sub": "evil"})),
        ("on_behalf_of", json!("evil")),
        (
            "delegation",
            json!({"delegator_type": "user", "delegator_id": "evil"}),
        ),
        ("delegation_chain", json!([evil()])),
        ("user", json!("evil")),
        ("agent", json!("evil")),
        (
            "credentials",
            json!([{"type": "access_token", "value": "x"}]),
        ),
        ("onBehalfOf", json!("evil")),
        ("context", json!({"agent": "evil"})),
        (
            "subject",
            json!({"type": "user", "id": "a", "properties": {"act": {"sub": "evil"}}}),
        ),
    ];
    for (name, value) in &members {
        let mut actor = json!({"sub": "copilot"});
        let mut delegation = json!({"delegator_type": "user", "delegator_id": "alice"});
        let mut member = json!({"type": "agent", "id": "copilot"});
        for object in [&mut actor, &mut delegation, &mut member] {
            object[*name] = value.clone();
        }
        if *name != "act" {
            refused(&with(&json!({"act": actor})), &json!({}), &settings());
            refused(
                &with(&json!({"act": {"sub": "a", "act": actor}})),
                &json!({}),
                &settings(),
            );
        }
        refused(
            &agent(&json!({"delegation": delegation})),
            &json!({}),
            &settings(),
        );
        refused(&alice(), &json!({"agent": member}), &settings());
        refused(
            &json!({"user": "alice", "agent": member}),
            &json!({}),
            &settings(),
        );
        refused(
            &json!({"type": "agent", "id": "b", "delegation_chain": [alice(), member]}),
            &json!({}),
            &settings(),
        );
        refused(
            &agent(&json!({"on_behalf_of": member})),
            &json!({}),
            &settings(),
        );
        let properties = json!({"properties": {*name: value}, "type": "agent", "id": "copilot"});
        refused(&alice(), &json!({"agent": properties}), &settings());
    }
    let token = json!({"act": {"sub": "copilot", "scope": "x", "client_id": "c", "agent": null, "aud": ["x"], "user_id": 1}});
    assert_eq!(
        read(&with(&token), &json!({}), &settings()),
        "user:alice > agent:copilot"
    );
}

#[test]
fn an_actor_that_is_said_to_be_another_denies() {
    let act = |member: &str, value: &Json| with(&json!({"act": {"sub": "copilot", member: value}}));
    for (member, value) in [
        ("id", json!("retired")),
        ("id", json!(7)),
        ("Id", json!("copilot")),
        ("type", json!("service")),
        ("type", json!(["agent"])),
        ("issuer", json!("https://elsewhere.example")),
        ("Issuer", json!("https://elsewhere.example")),
    ] {
        refused(&act(member, &value), &json!({}), &settings());
    }
    for (member, value) in [
        ("id", json!("copilot")),
        ("id", Json::Null),
        ("type", json!("agent")),
        ("issuer", Json::Null),
    ] {
        assert_eq!(
            read(&act(member, &value), &json!({}), &settings()),
            "user:alice > agent:copilot",
            "{member}: {value}"
        );
    }
    let service = json!({"act": {"sub": "batch", "sub_profile": "service", "type": "service", "id": "batch"}});
    assert_eq!(
        read(&with(&service), &json!({}), &settings()),
        "user:alice > service:batch"
    );
}

#[test]
fn an_issuer_is_said_of_actors_in_act_alone() {
    for name in ["iss", "issuer", "Iss"] {
        let member = |kind: &str, id: &str| json!({"type": kind, "id": id, name: "https://elsewhere.example"});
        refused(
            &alice(),
            &json!({"agent": member("agent", "copilot")}),
            &settings(),
        );
        refused(
            &agent(&json!({"on_behalf_of": member("user", "alice")})),
            &json!({}),
            &settings(),
        );
        refused(
            &json!({"user": member("user", "alice"), "agent": "copilot"}),
            &json!({}),
            &settings(),
        );
        let listed =
            json!({"type": "agent", "id": "b", "delegation_chain": [member("user", "alice")]});
        refused(&listed, &json!({}), &settings());
        let delegation = json!({"delegator_type": "user", "delegator_id": "alice", name: "https://elsewhere.example"});
        refused(
            &agent(&json!({"delegation": delegation})),
            &json!({}),
            &settings(),
        );
        assert_eq!(
            read(&member("user", "alice"), &json!({}), &settings()),
            "user:alice",
            "data beside the subject"
        );
    }
}

#[test]
fn a_delegation_in_the_context_is_the_engines_where_it_says_nothing_but_how_many_act() {
    let delegator = json!({"delegator_type": "user", "delegator_id": "mallory"});
    for delegation in [
        delegator.clone(),
        json!([delegator]),
        json!([[delegator]]),
        json!({"delegation": delegator}),
        json!({"properties": delegator}),
        json!({"x": {"y": delegator}}),
        json!({"delegatorId": "mallory"}),
        json!({"delegator": "mallory"}),
        json!({"act": {"sub": "evil"}}),
        json!({"delegation": {"act": {"sub": "evil"}}}),
        json!({"agent": "evil"}),
        json!({"on_behalf_of": "mallory"}),
        json!({"delegation_chain": [evil()]}),
        json!({"from": {"user": "mallory"}}),
        evil(),
        json!("mallory"),
        json!(["mallory"]),
        json!(true),
        json!(7),
        json!([]),
        json!({"depth": "mallory"}),
        json!({"depth": {"agent": "evil"}}),
        json!({"Depth": 0}),
    ] {
        refused(&alice(), &json!({"delegation": delegation}), &settings());
        refused(
            &alice(),
            &json!({"context": {"delegation": delegation}}),
            &settings(),
        );
    }
    refused(&alice(), &json!({"Delegation": {"depth": 0}}), &settings());
    for delegation in [
        json!({"depth": 0, "delegator_id": null}),
        json!({"depth": 2}),
        json!({}),
        Json::Null,
    ] {
        assert_eq!(
            read(&alice(), &json!({"delegation": delegation}), &settings()),
            "user:alice",
            "{delegation}"
        );
    }
}

/// The claims of a token say who acts as the token does, and no request sets the engine's.
#[test]
fn a_token_in_the_context_is_the_engines_unless_it_names_an_actor() {
    for token in [
        json!({"sub": "alice", "act": {"sub": "evil"}}),
        json!([{"act": {"sub": "evil"}}]),
        json!({"agent": "evil"}),
        json!({"subject": {"type": "user", "id": "alice", "delegation_chain": [evil()]}}),
        json!({"delegation": {"delegator": "mallory"}}),
    ] {
        for name in ["token", "Token"] {
            refused(&alice(), &json!({ name: token }), &settings());
        }
        assert_eq!(
            read(&with(&json!({"token": token})), &json!({}), &settings()),
            "user:alice",
            "an attribute"
        );
    }
    for token in [
        json!("x"),
        json!({"sub": "alice", "iss": "i", "client_id": "c", "scopes": ["act"]}),
        json!({}),
    ] {
        assert_eq!(
            read(&alice(), &json!({"token": token}), &settings()),
            "user:alice",
            "{token}"
        );
    }
    let carrying = CarrierSettings {
        client_id: Some("agent".into()),
        ..settings()
    };
    refused(&alice(), &json!({"token": {"client_id": "c"}}), &carrying);
}

#[test]
fn what_is_called_like_an_object_of_a_request_is_data_where_it_names_nobody() {
    for context in [
        json!({"context": {"ip": "::1"}, "subject": {"type": "user", "id": "x"}, "properties": {"user": "x"}}),
        json!({"resource": {"agent": "x"}, "options": {"agent": "x"}, "evaluations": [{"agent": "x"}]}),
        json!({"acr": "urn:x", "amt": 7, "fact": "x", "client_ip": "::1", "users": ["x"]}),
        json!({"content": {"agent": "x"}, "contxt": {"ip": "::1"}, "actions": [{"agent": "x"}]}),
    ] {
        assert_eq!(
            read(&alice(), &context, &settings()),
            "user:alice",
            "{context}"
        );
    }
    for properties in [
        json!({"context": {"ip": "::1"}, "subject": ["maths", {"name": "x"}], "properties": {"x": 1}}),
        json!({"resource": {"agent": "x"}, "action": {"act": "x"}, "page": {"agent": "x"}, "profile": {"agent": "x"}}),
    ] {
        assert_eq!(
            read(&with(&properties), &json!({}), &settings()),
            "user:alice",
            "{properties}"
        );
    }
    // A schema that declares such an attribute says that it is data.
    for (properties, name) in [
        (json!({"context": {"agent": "x"}}), "context"),
        (json!({"subject": {"act": {"sub": "x"}}}), "subject"),
        (json!({"properties": [{"act": {"sub": "x"}}]}), "properties"),
    ] {
        let declaring = CarrierSettings {
            attributes: vec![("user".into(), name)],
            ..settings()
        };
        assert_eq!(
            read(&with(&properties), &json!({}), &declaring),
            "user:alice",
            "{properties}"
        );
        refused(&with(&properties), &json!({}), &settings());
        let of_another = CarrierSettings {
            attributes: vec![("team".into(), name)],
            ..settings()
        };
        refused(&with(&properties), &json!({}), &of_another);
    }
}

#[test]
fn a_list_in_the_wrong_place_is_looked_into_as_an_object_is() {
    let act = json!([{"x": 1}, {"act": {"sub": "x"}}]);
    for context in [
        json!({"subject": act}),
        json!({"properties": act}),
        json!({"context": [[{"agent": "x"}]]}),
        json!({"subject": {"properties": act}}),
    ] {
        refused(&alice(), &context, &settings());
    }
    for name in ["subject", "properties"] {
        refused(
            &json!({"type": "user", "id": "alice", "properties": {name: act}}),
            &json!({}),
            &settings(),
        );
    }
    for harmless in [
        json!({"subject": [{"name": "x"}, "act", 7]}),
        json!({"items": act, "resource": act}),
    ] {
        assert_eq!(
            read(&alice(), &harmless, &settings()),
            "user:alice",
            "{harmless}"
        );
    }
}

/// A member as `delegation` spells it.
fn delegation(member: &Json) -> Json {
    let mut delegation = member.clone();
    let object = delegation.as_object_mut().expect("a member is an object");
    for (name, named) in [("type", "delegator_type"), ("id", "delegator_id")] {
        let value = object.remove(name).expect("a member has a type and an id");
        object.insert(named.to_owned(), value);
    }
    delegation
}

/// What is written beside a member's type and id is said of the member, as if it stood in its
/// `properties`.
#[test]
fn what_stands_beside_a_members_name_is_the_members() {
    let said = |member: &Json| {
        let user = json!({"type": "user", "id": "bob", "risk": "low"});
        [
            (body(&alice(), &json!({"agent": member})), 1),
            (body(&json!({"user": user, "agent": member}), &json!({})), 1),
            (
                body(
                    &json!({"type": "agent", "id": "b", "delegation_chain": [alice(), member]}),
                    &json!({}),
                ),
                1,
            ),
            (
                body(
                    &agent(&json!({"on_behalf_of": {"type": "user", "id": "z", "risk": "high"}})),
                    &json!({}),
                ),
                0,
            ),
            (
                body(
                    &agent(&json!({ "delegation": delegation(member) })),
                    &json!({}),
                ),
                0,
            ),
        ]
    };
    for member in [
        json!({"type": "agent", "id": "x", "risk": "high"}),
        json!({"type": "agent", "id": "x", "risk": "high", "properties": {"risk": "high"}, "name": null}),
        json!({"type": "agent", "id": "x", "properties": {"risk": "high"}}),
    ] {
        for (body, at) in said(&member) {
            let question = read_question(&values::request(&body), &settings()).expect("a chain");
            let risk = question
                .chain
                .members()
                .nth(at)
                .and_then(|member| member.properties.get("risk").cloned());
            assert_eq!(
                risk.as_ref()
                    .and_then(|risk| risk.as_text())
                    .map(ToString::to_string)
                    .as_deref(),
                Some("high"),
                "{body}"
            );
        }
    }
    let two = json!({"type": "agent", "id": "x", "risk": "high", "properties": {"risk": "low"}});
    assert_eq!(
        read(&alice(), &json!({"agent": two}), &settings()),
        "attribute_conflict: `context.agent.risk` and `context.agent.properties.risk` have different values"
    );
    assert_eq!(
        read(
            &agent(&json!({ "delegation": delegation(&two) })),
            &json!({}),
            &settings()
        ),
        "attribute_conflict: `subject.properties.delegation.risk` and `subject.properties.delegation.properties.risk` \
         have different values"
    );
}

/// What is asked about alice, with the name of the client at a place.
fn with_client(place: &str, name: &str) -> Json {
    let mut body = body(&alice(), &json!({"agent": evil()}));
    support::spellings::put(&mut body, place, name, &json!("copilot"));
    body
}

#[test]
fn the_name_of_a_client_denies_one_level_off_where_the_bundle_reads_it() {
    let carrying = CarrierSettings {
        client_id: Some("agent".into()),
        ..settings()
    };
    let attributes = vec![("user".into(), "client_id"), ("agent".into(), "client_id")];
    let declaring = CarrierSettings {
        attributes,
        ..carrying.clone()
    };
    for name in ["client_id", "clientId"] {
        for place in [
            "",
            "/subject",
            "/subject/properties",
            "/options",
            "/action",
            "/resource",
            "/context/agent",
            "/context/agent/properties",
            "/subject/context",
            "/context/context",
        ] {
            let request = values::request(&with_client(place, name));
            assert!(
                read_question(&request, &settings()).is_ok(),
                "{place} {name}"
            );
            let found = format!("{:?}", read_question(&request, &carrying));
            assert!(found.contains("ChainInvalid"), "{place} {name}: {found}");
            let is_attribute = name == "client_id" && place.ends_with("/properties");
            assert_eq!(
                read_question(&request, &declaring).is_ok(),
                is_attribute,
                "{place} {name}"
            );
        }
    }
}

/// A name in a default subject that every item replaces is a carrier or an attribute as it is where
/// it is inherited.
#[test]
fn a_replaced_default_is_read_as_the_bundle_reads_it() {
    let read = |default: &Json, settings: &CarrierSettings| {
        let mut request = Request::from_body(&values::record(&body(&alice(), &json!({})))).unwrap();
        request.replaced_subject = Some(Arc::new(values::record(default)));
        read_question(&request, settings).is_ok()
    };
    let attributes = ["user", "agent", "credentials", "client_id"]
        .map(|name| ("user".into(), name))
        .to_vec();
    let carrying = CarrierSettings {
        client_id: Some("agent".into()),
        ..settings()
    };
    let declaring = CarrierSettings {
        attributes,
        ..carrying.clone()
    };
    for name in ["user", "agent", "credentials", "client_id"] {
        let default = with(&json!({ name: "x" }));
        assert_eq!(read(&default, &settings()), name == "client_id", "{name}");
        assert!(!read(&default, &carrying), "{name}");
        assert!(read(&default, &declaring), "{name}");
        let aliased = json!({"type": "identity", "id": "alice", "properties": {name: "x"}});
        assert!(read(&aliased, &declaring), "{name}");
        assert!(
            !read(&agent(&json!({ name: "x" })), &declaring),
            "{name}: another type does not declare it"
        );
    }
    for properties in [
        json!({"Act": {"sub": "x"}}),
        json!({"delegation_chain": []}),
    ] {
        assert!(!read(&with(&properties), &settings()), "{properties}");
    }
    assert!(read(
        &with(&json!({"act": {"sub": "x"}, "clientId": "x"})),
        &settings()
    ));
    assert!(!read(&with(&json!({"clientId": "x"})), &carrying));
}

/// What is unreadable in a default subject counts in an item with its own, inside a carrier too;
/// what is incomplete there hurts only those who inherit it.
#[test]
fn what_is_unreadable_inside_a_carrier_of_a_replaced_default_denies() {
    let read = |default: &Json| {
        let mut request = Request::from_body(&values::record(&body(&alice(), &json!({})))).unwrap();
        request.replaced_subject = Some(Arc::new(values::record(default)));
        read_question(&request, &settings()).map(|question| question.chain.to_string())
    };
    let odd = json!({"type": "user", "id": "x", "Properties": {}});
    let nested = json!({"type": "user", "id": "x", "properties": {"act": {"sub": "x"}}});
    for unreadable in [
        with(&json!({"act": {"sub": "copilot", "Act": {"sub": "x"}}})),
        with(&json!({"act": {"sub": "copilot", "act": {"sub": "y", "on_behalf_of": "x"}}})),
        with(&json!({"act": {"sub": "copilot", "iss": "https://nobody.example"}})),
        with(&json!({"act": 7})),
        agent(&json!({ "on_behalf_of": odd })),
        agent(&json!({ "on_behalf_of": nested })),
        agent(
            &json!({"delegation": {"delegator_type": "user", "delegator_id": "x", "agent": "y"}}),
        ),
        json!({"type": "agent", "id": "copilot", "delegation_chain": [odd]}),
        json!({"type": "agent", "id": "copilot", "delegation_chain": [nested]}),
        json!({"user": odd, "agent": "copilot"}),
        json!({"user": "alice", "agent": nested}),
    ] {
        let found = format!("{:?}", read(&unreadable));
        assert!(found.contains("ChainInvalid"), "{unreadable}: {found}");
    }
    for replaced in [
        with(&json!({"act": {"sub": "copilot", "act": {"sub": "x"}}})),
        json!({"type": "agent", "id": "copilot", "delegation_chain": [alice()]}),
        json!({"user": "alice", "agent": {"id": "copilot"}}),
        json!({"user": "alice"}),
        json!({"type": "user"}),
        json!({"type": "user", "id": ""}),
        json!({}),
        json!({"type": "credential", "id": "0"}),
    ] {
        assert_eq!(read(&replaced), Ok("user:alice".to_owned()), "{replaced}");
    }
}

/// A search is a family of evaluations: of its subject a client's name is a carrier, an attribute
/// or nobody's as in one.
#[test]
fn the_name_of_a_client_on_a_searched_subject_is_read_as_in_an_evaluation() {
    let carrying = CarrierSettings {
        client_id: Some("agent".into()),
        ..settings()
    };
    let attributes = vec![("user".into(), "client_id"), ("user".into(), "agent")];
    let declaring = CarrierSettings {
        attributes,
        ..carrying.clone()
    };
    for settings in [settings(), carrying, declaring] {
        for name in ["client_id", "clientId", "agent", "Agent", "role"] {
            for value in [json!("x"), Json::Null] {
                let body = body(&with(&json!({ name: value })), &json!({}));
                let decided = read_question(&values::request(&body), &settings);
                let search =
                    SearchRequest::from_body(SearchKind::Subject, &values::record(&body)).unwrap();
                let found =
                    read_question(&search.read_by(&settings).about(&"alice".into()), &settings);
                assert_eq!(
                    found.is_ok(),
                    decided.is_ok(),
                    "{name} {value} {settings:?}"
                );
                let properties = found
                    .map(|question| question.chain.subject().properties.clone())
                    .unwrap_or_default();
                assert!(
                    properties.iter().all(|(_, value)| value.is_null()),
                    "{name} {value} {settings:?}"
                );
            }
        }
    }
}

/// What an entity is said to be, and what its type says, are one.
#[test]
fn a_sub_profile_says_what_the_type_says_or_denies() {
    let said = |kind: &str, word: &Json| json!({"type": kind, "id": "x", "properties": {"sub_profile": word}});
    for (kind, word, fits) in [
        ("user", json!("user"), true),
        ("user", json!("ai_agent"), false),
        ("user", json!("service"), false),
        ("agent", json!("ai_agent"), true),
        ("agent", json!("service"), false),
        ("agent", json!("user"), false),
        ("service", json!("service"), true),
        ("service", json!("user"), false),
        ("user", json!("robot"), false),
        ("user", json!(["user"]), false),
        ("user", Json::Null, true),
    ] {
        let subject = said(kind, &word);
        let member = json!({"type": "agent", "id": "b", "delegation_chain": [said(kind, &word)]});
        let beside = json!({"type": "agent", "id": "b", "delegation_chain": [{"type": kind, "id": "x", "sub_profile": word}]});
        for (subject, chain) in [
            (subject, format!("{kind}:x")),
            (member, format!("{kind}:x > agent:b")),
            (beside, format!("{kind}:x > agent:b")),
        ] {
            if fits {
                assert_eq!(read(&subject, &json!({}), &settings()), chain, "{subject}");
            } else {
                refused(&subject, &json!({}), &settings());
            }
        }
        if !word.is_null() {
            refused(
                &json!({"type": kind, "id": "x", "sub_profile": word}),
                &json!({}),
                &settings(),
            );
        }
    }
    // Where the schema has an attribute of that name, it is data.
    let declared = CarrierSettings {
        attributes: vec![("user".into(), "sub_profile")],
        ..settings()
    };
    assert_eq!(
        read(&said("user", &json!("gold")), &json!({}), &declared),
        "user:x"
    );
}

/// A name that is one slip away from one that is read would lose what it says.
#[test]
fn what_is_one_slip_away_from_a_member_or_a_carrier_is_refused() {
    let act = json!({"act": {"sub": "x"}});
    for name in [
        "propertys",
        "propertie",
        "proprties",
        "property",
        "Propertis",
    ] {
        refused(
            &json!({"type": "user", "id": "alice", name: act}),
            &json!({}),
            &settings(),
        );
    }
    for name in ["delegation_chan", "delegation_chains", "delegationChan"] {
        refused(
            &json!({"type": "user", "id": "alice", name: [evil()]}),
            &json!({}),
            &settings(),
        );
    }
    let delegator = json!({"delegator_type": "user", "delegator_id": "x"});
    for (name, value) in [
        ("on_behalf_off", json!("x")),
        ("delegaton", delegator.clone()),
        ("delegations", json!([delegator])),
        ("acts", json!({"sub": "x"})),
        ("actt", json!({"sub": "x"})),
        ("agents", json!([evil()])),
    ] {
        refused(&with(&json!({ name: value })), &json!({}), &settings());
        refused(&alice(), &json!({ name: value }), &settings());
    }
    let credential = json!({"type": "access_token", "value": "x"});
    for (name, value) in [
        ("agnt", json!("x")),
        ("agents", json!(["x"])),
        ("agentt", evil()),
        ("credential", json!([credential])),
        ("credentals", json!([credential])),
        ("credential", credential.clone()),
        ("argumnts", json!({"amount": 9})),
    ] {
        refused(&alice(), &json!({ name: value }), &settings());
    }
    refused(
        &alice(),
        &json!({"agent": {"type": "agent", "id": "x", "propertys": {"risk": "high"}}}),
        &settings(),
    );
    refused(
        &with(&json!({"act": {"sub": "x", "sub_profil": "service"}})),
        &json!({}),
        &settings(),
    );
}

#[test]
fn what_a_schema_declares_is_data_however_near_a_carrier_its_name_is() {
    let near = [
        ("agents", NearOwner::Type("user".into())),
        ("credential", NearOwner::Condition),
    ];
    let near = near.map(|(name, of)| NearName {
        name: name.into(),
        of,
    });
    let declaring = CarrierSettings {
        near: near.to_vec(),
        ..settings()
    };
    let agents = with(&json!({"agents": ["x"]}));
    let credential = json!({"credential": {"type": "badge"}});
    assert_eq!(read(&agents, &credential, &declaring), "user:alice");
    refused(&agents, &json!({}), &settings());
    refused(&alice(), &credential, &settings());
    refused(&alice(), &json!({"agents": ["x"]}), &declaring);
    refused(&with(&credential), &json!({}), &declaring);
}

/// What one action or type declares is data where that is asked about, and nowhere else.
#[test]
fn a_name_near_a_carriers_is_data_for_the_action_and_the_type_that_declare_it() {
    let schema = r#"
entity user, agent, tool;
entity robot { agents?: Set<String>, subject?: { agents?: Long } };
action read, "tools/call" appliesTo { principal: [user, robot], resource: tool };
action other appliesTo {
  principal: user, resource: tool, context: { agents?: Set<String>, subject?: { agents?: Long } },
};
action "tools/call:x" in ["tools/call"] appliesTo {
  principal: user, resource: tool, context: { agents?: Set<String> },
};
action write appliesTo { principal: user, resource: tool, context: { agents?: Set<String> } };
action "write:x" in [write] appliesTo { principal: user, resource: tool };
"#;
    let texts = [
        ("schemas/s.cedarschema", schema),
        (
            "policies/p.cedar",
            "@id(\"p\") permit (principal, action, resource);\n",
        ),
        ("policies/bundle.toml", "[types]\nmcp_tool = \"tool\"\n"),
    ];
    let texts = texts.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let bundle = bundle::compile(&mut BundleFiles::from_texts(texts)).expect("it loads");
    let is_read = |action: &str, on: [&str; 2], subject: &Json, context: &Json| {
        let mut asked = body(subject, context);
        asked["action"]["name"] = action.into();
        asked["resource"] = json!({"type": on[0], "id": on[1]});
        read_question(&values::request(&asked), bundle.carriers()).is_ok()
    };
    let agents = json!({"agents": ["copilot"]});
    let inside = json!({"subject": {"agents": 7}});
    for (action, on, context, is_data) in [
        ("other", ["tool", "x"], &agents, true),
        ("other", ["tool", "x"], &inside, true),
        (
            "other",
            ["tool", "x"],
            &json!({"subject": {"agent": "x"}}),
            false,
        ),
        ("read", ["tool", "x"], &agents, false),
        ("read", ["tool", "x"], &inside, false),
        ("nobodys", ["tool", "x"], &agents, false),
        ("tools/call", ["tool", "x"], &agents, true),
        ("tools/call", ["mcp_tool", "x"], &agents, true),
        ("tools/call", ["tool", "y"], &agents, false),
        ("tools/call", ["user", "x"], &agents, false),
        ("write", ["tool", "x"], &agents, false),
        ("write", ["mcp_tool", "x"], &agents, false),
        ("write", ["tool", "y"], &agents, true),
    ] {
        let found = is_read(action, on, &alice(), context);
        assert_eq!(found, is_data, "{action} {on:?} {context}");
    }
    let of = |kind: &str| json!({"type": kind, "id": "z", "agents": ["copilot"]});
    for (kind, is_data) in [("robot", true), ("user", false)] {
        let tool = ["tool", "x"];
        let context = json!({"agent": of(kind)});
        assert_eq!(is_read("read", tool, &alice(), &context), is_data, "{kind}");
        let delegation = json!({
            "delegator_type": kind, "delegator_id": "z", "agents": ["copilot"],
        });
        let subject = agent(&json!({ "delegation": delegation }));
        assert_eq!(
            is_read("read", tool, &subject, &json!({})),
            is_data,
            "{kind}"
        );
        let subject = json!({"type": kind, "id": "z", "properties": agents});
        assert_eq!(
            is_read("read", tool, &subject, &json!({})),
            is_data,
            "{kind}"
        );
    }
}

#[test]
fn the_members_of_an_action_and_a_resource_are_a_closed_list() {
    for (place, name) in [
        ("action", "propertys"),
        ("action", "names"),
        ("resource", "propertie"),
        ("resource", "proprties"),
    ] {
        let mut asked = body(&alice(), &json!({}));
        asked[place][name] = json!({"secret": true});
        let request = Request::from_body(&values::record(&asked)).expect("well-formed");
        let refusal = read_question(&request, &settings());
        assert!(refusal.is_err(), "{place}.{name}");
        asked[place][name] = Json::Null;
        let request = Request::from_body(&values::record(&asked)).expect("well-formed");
        assert!(
            read_question(&request, &settings()).is_ok(),
            "{place}.{name}"
        );
    }
}
