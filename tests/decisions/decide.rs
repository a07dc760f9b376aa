//! Decisions over small bundles: what each of the engine's promises looks like from outside.

use behest::engine::{Ask, Engine};
use behest::model::{AnswerDepth, Code, NextAction};
use serde_json::{Value as Json, json};
use support::engines;
use support::values;

const SCHEMA: &str = r#"
entity user { level?: Long, @secret pin?: Long, @stored grade?: Long, @request mood?: String };
entity agent { owner?: user };
entity doc { owner?: user };
action read, write appliesTo { principal: [user, agent], resource: doc, context: { limit?: Long, why?: String } };
action audit appliesTo { principal: user, resource: doc };
"#;

const ENTITIES: &str = r#"[{"uid": {"type": "user", "id": "alice"}, "attrs": {"level": 3, "pin": 1234, "grade": 1}, "parents": []}]"#;

fn engine(policies: &str) -> Engine {
    engines::engine(&[
        ("schemas/s.cedarschema", SCHEMA),
        ("policies/p.cedar", policies),
        ("policies/entities.json", ENTITIES),
    ])
}

fn asked(who: &Json, action: &str, context: &Json) -> Json {
    json!({"subject": who, "action": {"name": action}, "resource": {"type": "doc", "id": "d"}, "context": context})
}

fn alice(properties: &Json) -> Json {
    json!({"type": "user", "id": "alice", "properties": properties})
}

fn verdict(policies: &str, who: &Json, context: &Json) -> String {
    engines::verdict(&engines::decide(
        &engine(policies),
        &asked(who, "read", context),
        AnswerDepth::Lean,
    ))
}

#[test]
fn a_forbid_that_fails_denies_and_a_permit_that_fails_is_lost() {
    let overflow = "context has limit && context.limit * 9223372036854775807 > 0";
    let open = "@id(\"open\") permit (principal, action, resource);";
    let forbid = format!(
        "{open} @id(\"failing\") forbid (principal, action, resource) when {{ {overflow} }};"
    );
    let user = alice(&json!({}));
    assert_eq!(
        verdict(&forbid, &user, &json!({"limit": 1})),
        "deny forbidden"
    );
    assert_eq!(
        verdict(&forbid, &user, &json!({"limit": 2})),
        "deny policy_error"
    );
    assert_eq!(verdict(&forbid, &user, &json!({})), "permit");
    let permit = format!(
        "{open} @id(\"failing\") permit (principal, action, resource) when {{ {overflow} }};"
    );
    assert_eq!(verdict(&permit, &user, &json!({"limit": 2})), "permit");
    let only =
        format!("@id(\"failing\") permit (principal, action, resource) when {{ {overflow} }};");
    assert_eq!(
        verdict(&only, &user, &json!({"limit": 2})),
        "deny policy_error"
    );
}

#[test]
fn a_value_that_does_not_fit_denies_where_it_is_read_and_only_there() {
    let open = "@id(\"open\") permit (principal, action, resource);";
    let capped = format!(
        "{open} @id(\"cap\") forbid (principal, action, resource) when {{ context has limit && context.limit > 10 }};"
    );
    for misfit in [
        json!("11"),
        json!([11]),
        json!(10.5),
        json!({"__entity": {"type": "user", "id": "alice"}}),
        json!(true),
    ] {
        let context = json!({ "limit": misfit });
        assert_eq!(
            verdict(&capped, &alice(&json!({})), &context),
            "deny bad_value",
            "{context}"
        );
        assert_eq!(
            verdict(open, &alice(&json!({})), &context),
            "permit",
            "nobody reads {context}"
        );
    }
    let huge: Json = serde_json::from_str("{\"limit\": 99999999999999999999}").unwrap();
    assert_eq!(
        verdict(&capped, &alice(&json!({})), &huge),
        "deny bad_value"
    );
    assert_eq!(
        verdict(&capped, &alice(&json!({})), &json!({"limit": 5.0})),
        "permit",
        "5.0 is the Long 5"
    );
    assert_eq!(
        verdict(&capped, &alice(&json!({})), &json!({"limit": null})),
        "permit",
        "null is not sent"
    );
    let had = format!(
        "{open} @id(\"has\") forbid (principal, action, resource) when {{ principal has mood }};"
    );
    assert_eq!(
        verdict(&had, &alice(&json!({"mood": 1})), &json!({})),
        "deny bad_value",
        "`has` reads too"
    );
}

#[test]
fn stored_values_win_unless_the_schema_says_otherwise() {
    let at_least = |attribute: &str, level: i64| {
        format!(
            "@id(\"p\") permit (principal is user, action, resource) when {{ principal has {attribute} && principal.{attribute} >= {level} }};"
        )
    };
    let claim = alice(&json!({"level": 9, "grade": 9}));
    assert_eq!(verdict(&at_least("level", 3), &claim, &json!({})), "permit");
    assert_eq!(
        verdict(&at_least("level", 4), &claim, &json!({})),
        "deny not_permitted",
        "stored wins"
    );
    assert_eq!(
        verdict(&at_least("grade", 2), &claim, &json!({})),
        "deny not_permitted",
        "only stored counts"
    );
    let bob = json!({"type": "user", "id": "bob", "properties": {"level": 9, "grade": 9}});
    assert_eq!(
        verdict(&at_least("level", 4), &bob, &json!({})),
        "permit",
        "what is not stored may be sent"
    );
    assert_eq!(
        verdict(&at_least("grade", 2), &bob, &json!({})),
        "deny not_permitted",
        "@stored is never sent"
    );
    let mood = "@id(\"p\") permit (principal is user, action, resource) when { principal has mood && principal.mood == \"good\" };";
    assert_eq!(
        verdict(mood, &alice(&json!({"mood": "good"})), &json!({})),
        "permit"
    );
}

#[test]
fn what_is_unknown_denies_with_its_reason() {
    let engine = engine("@id(\"open\") permit (principal, action, resource);");
    let who = |kind: &str| json!({"type": kind, "id": "x"});
    let ask = |who: &Json, action: &str| {
        engines::verdict(&engines::decide(
            &engine,
            &asked(who, action, &json!({})),
            AnswerDepth::Lean,
        ))
    };
    assert_eq!(ask(&who("user"), "read"), "permit");
    for kind in [
        "spaceship",
        "Userset",
        "Action",
        "user ",
        "User",
        "a::b",
        "if",
        "",
    ] {
        let found = ask(&who(kind), "read");
        assert!(
            found == "deny unknown_type" || (kind.is_empty() && found == "deny chain_invalid"),
            "{kind}: {found}"
        );
    }
    assert_eq!(ask(&who("user"), "fly"), "deny unknown_action");
    assert_eq!(ask(&who("agent"), "audit"), "deny not_applicable");
    assert_eq!(ask(&who("doc"), "read"), "deny not_applicable");
}

#[test]
fn reasons_come_in_the_documented_order() {
    let policies = r#"
        @id("a-plain") forbid (principal, action, resource) when { context has why };
        @id("b-second") @reason("second") forbid (principal, action, resource) when { context has why };
        @id("c-third") @reason("third") @message("Ask Carol.") forbid (principal, action, resource) when { context has why };
        @id("d-permit") @reason("needs_limit") permit (principal, action, resource) when { context has limit && context.limit < 10 };
        @id("e-permit") @reason("needs_more") permit (principal is user, action == Action::"read", resource) when { context has limit && context.limit < 5 };
    "#;
    let engine = engine(policies);
    let ask = |context: &Json| {
        engines::decide(
            &engine,
            &asked(&alice(&json!({})), "read", context),
            AnswerDepth::Reason,
        )
    };
    assert_eq!(
        engines::verdict(&ask(&json!({"why": "x", "limit": 1}))),
        "deny second"
    );
    assert_eq!(
        engines::verdict(&ask(&json!({"limit": 99}))),
        "deny needs_limit"
    );
    assert_eq!(engines::verdict(&ask(&json!({"limit": 7}))), "permit");
    let reason = ask(&json!({"limit": 99}))
        .reason
        .expect("a denial has a reason");
    assert_eq!(
        (reason.code, reason.next_action),
        (Code::Pack("needs_limit".into()), NextAction::None)
    );
    assert_eq!(
        reason.principal.map(|uid| uid.to_string()),
        Some("user:alice".to_owned())
    );
}

/// A caller needs all scopes at once, and none where scopes would not help.
#[test]
fn a_reason_of_scopes_names_all_that_are_missing_and_what_the_bundle_says_of_it() {
    let forbid = |id: &str, more: &str, over: u32| {
        format!(
            "@id(\"{id}\") {more}\nforbid (principal, action, resource) \
             when {{ context has limit && context.limit > {over} }};\n"
        )
    };
    let policies = [
        "@id(\"a\") permit (principal is user, action == Action::\"write\", resource);\n"
            .to_owned(),
        "@id(\"n\") @reason(\"near\") @scope(\"doc.own\") permit (principal, action, resource) \
         when { context has why };\n"
            .to_owned(),
        forbid(
            "c",
            "@reason(\"scope_missing\") @scope(\"doc.write doc.read\")",
            1,
        ),
        forbid(
            "d",
            "@reason(\"scope_missing\") @scope(\"doc.read mail.send\")",
            2,
        ),
        forbid("e", "@reason(\"over\")", 3),
        forbid("b", "@reason(\"first\")", 4),
    ];
    let reasons = "[reasons.scope_missing]\nnext_action = \"step_up\"\ndoc = \"See the wiki.\"\n\
                   [reasons.near]\nnext_action = \"request\"\n";
    let engine = engines::engine(&[
        ("schemas/s.cedarschema", SCHEMA),
        ("policies/p.cedar", &policies.concat()),
        ("policies/bundle.toml", &format!("packs = []\n{reasons}")),
    ]);
    let why = |action: &str, limit: u32| {
        let question = asked(&alice(&json!({})), action, &json!({"limit": limit}));
        let reason = engines::decide(&engine, &question, AnswerDepth::Reason).reason;
        let reason = reason.expect("a denial");
        (
            reason.code.to_string(),
            reason.missing_scopes.join(" "),
            reason.doc.as_deref().map(str::to_owned),
        )
    };
    let told = |code: &str, scopes: &str, doc: Option<&str>| {
        (code.to_owned(), scopes.to_owned(), doc.map(str::to_owned))
    };
    let wiki = Some("See the wiki.");
    assert_eq!(
        why("write", 2),
        told("scope_missing", "doc.write doc.read", wiki)
    );
    assert_eq!(
        why("write", 3),
        told("scope_missing", "doc.write doc.read mail.send", wiki)
    );
    assert_eq!(
        why("write", 5),
        told("first", "", None),
        "a scope would not help"
    );
    assert_eq!(why("read", 0), told("near", "doc.own", None));
}

#[test]
fn facts_speak_of_the_members_before_and_never_of_those_behind() {
    let policies = r#"
        @id("subject") permit (principal is user, action, resource) when { context.delegation.depth == 0 && context has delegation.subject.user && context.delegation.subject.user == principal && !(context has delegation.from) };
        @id("first") permit (principal == agent::"a", action, resource) when { context.delegation.depth == 1 && context has delegation.from.user && context.delegation.from.user == user::"alice" && !(context has delegation.from.agent) };
        @id("second") permit (principal == agent::"b", action, resource) when {
          context.delegation.depth == 2 && context has delegation.from.agent && context.delegation.from.agent == agent::"a" &&
          context has delegation.subject.user && context has delegation.earlier.user && context has delegation.earlier.agent &&
          context.delegation.subject.user == user::"alice" && context.delegation.earlier.user == [user::"alice"] && context.delegation.earlier.agent == [agent::"a"] };
    "#;
    let engine = engine(policies);
    let chain = |list: &[&str], last: &str| {
        let list: Vec<Json> = list
            .iter()
            .map(|id| json!({"type": if *id == "alice" { "user" } else { "agent" }, "id": id}))
            .collect();
        json!({"type": "agent", "id": last, "delegation_chain": list})
    };
    let ask = |who: &Json| {
        engines::verdict(&engines::decide(
            &engine,
            &asked(who, "read", &json!({})),
            AnswerDepth::Lean,
        ))
    };
    assert_eq!(ask(&chain(&["alice"], "a")), "permit");
    assert_eq!(ask(&chain(&["alice", "a"], "b")), "permit");
    assert_eq!(ask(&chain(&["alice", "b"], "a")), "deny not_permitted");
}

#[test]
fn an_explanation_names_the_policy_the_condition_and_its_values_but_no_secret() {
    let policies = "@id(\"pin\") @doc(\"Knows the pin.\")\npermit (principal is user, action, resource)\nwhen { principal has level &&\n  principal.level > 5 };\n@id(\"secret\") permit (principal is user, action, resource) when { principal has pin && principal.pin * 9223372036854775807 == 1 };\n";
    let engine = engine(policies);
    let answer = engines::decide(
        &engine,
        &asked(
            &alice(&json!({"rank": 1, "level": 9})),
            "read",
            &json!({"token": {}}),
        ),
        AnswerDepth::Explain,
    );
    let tree = answer.explanation.expect("it was asked for");
    let [leg] = tree.legs.as_slice() else {
        panic!("one leg")
    };
    let [by_level, by_pin] = leg.near_misses.as_slice() else {
        panic!("{:?}", leg.near_misses)
    };
    assert_eq!(
        (by_level.policy.file.as_str(), by_level.policy.line),
        ("policies/p.cedar", 1)
    );
    assert_eq!(by_level.policy.doc.as_deref(), Some("Knows the pin."));
    assert_eq!(
        (by_level.condition.source.as_str(), by_level.condition.line),
        ("principal.level > 5", 4)
    );
    assert_eq!(
        by_level.condition.values,
        [("principal.level".to_owned(), "3".to_owned())]
    );
    let told = format!("{by_pin:?} {:?}", leg.errors);
    assert!(
        told.contains("(secret)") && !told.contains("1234"),
        "{told}"
    );
    let dropped: Vec<&str> = leg
        .dropped
        .iter()
        .map(|dropped| dropped.member.as_str())
        .collect();
    assert_eq!(
        dropped,
        [
            "subject.properties.level",
            "subject.properties.rank",
            "context.token"
        ]
    );
}

/// A body has tens of thousands of members, and each leg of each item of a batch drops them again.
#[test]
fn what_is_dropped_is_told_and_compared_up_to_a_bound() {
    let engine = engine("@id(\"open\") permit (principal, action, resource);");
    let ranks: Json = (0..5_000)
        .map(|at| (format!("levl_{at}"), json!(1)))
        .chain([("levl".to_owned(), json!(1))])
        .collect();
    let answer = engines::decide(
        &engine,
        &asked(&alice(&ranks), "read", &json!({})),
        AnswerDepth::Explain,
    );
    let tree = answer.explanation.expect("it was asked for");
    let dropped = &tree.legs[0].dropped;
    assert_eq!((dropped.iter().len(), dropped.more()), (64, 5_001 - 64));
    let near: Json = (0..30)
        .map(|at| (format!("leve{}", char::from(b'A' + at)), json!(1)))
        .collect();
    let answer = engines::decide(
        &engine,
        &asked(&alice(&near), "read", &json!({})),
        AnswerDepth::Explain,
    );
    let tree = answer.explanation.expect("it was asked for");
    let is_compared: Vec<bool> = tree.legs[0]
        .dropped
        .iter()
        .map(|it| it.why.contains("did you mean `level`?"))
        .collect();
    assert_eq!(is_compared, (0..30).map(|at| at < 8).collect::<Vec<_>>());
}

#[test]
fn a_caller_can_be_held_to_chains_with_an_agent() {
    let engine = engine("@id(\"open\") permit (principal, action, resource);");
    let ask = Ask {
        require_actor: true,
        ..engines::ask(AnswerDepth::Lean)
    };
    let decide = |who: &Json| {
        engines::verdict(
            &engine
                .decide(&ask, &values::request(&asked(who, "read", &json!({}))))
                .expect("an answer"),
        )
    };
    assert_eq!(decide(&alice(&json!({}))), "deny chain_invalid");
    assert_eq!(
        decide(&alice(
            &json!({"act": {"sub": "bob", "sub_profile": "user"}})
        )),
        "deny chain_invalid"
    );
    assert_eq!(decide(&alice(&json!({"act": {"sub": "a"}}))), "permit");
}

#[test]
fn without_a_bundle_there_is_no_decision() {
    let engine = engines::empty();
    let refusal = engine.decide(
        &engines::ask(AnswerDepth::Lean),
        &values::request(&asked(&alice(&json!({})), "read", &json!({}))),
    );
    assert!(matches!(
        refusal,
        Err(behest::engine::Refusal::Fault(
            behest::model::Fault::NoBundle
        ))
    ));
}

#[test]
fn a_context_type_of_another_namespace_keeps_its_members() {
    let engine = engines::engine(&[
        (
            "schemas/s.cedarschema",
            "entity user, doc;\nnamespace Shared { type Inner = { deep?: Bool }; type Ctx = { flagged?: Bool, inner?: Inner }; }\naction read appliesTo { principal: user, resource: doc, context: Shared::Ctx };",
        ),
        (
            "policies/p.cedar",
            "@id(\"open\") permit (principal, action, resource);\n@id(\"flag\") forbid (principal, action, resource) when { context has flagged && context.flagged };\n@id(\"deep\") forbid (principal, action, resource) when { context has inner.deep && context.inner.deep };",
        ),
    ]);
    let ask = |context: &Json| {
        engines::verdict(&engines::decide(
            &engine,
            &asked(&alice(&json!({})), "read", context),
            AnswerDepth::Lean,
        ))
    };
    assert_eq!(ask(&json!({})), "permit");
    assert_eq!(ask(&json!({"flagged": true})), "deny forbidden");
    assert_eq!(ask(&json!({"inner": {"deep": true}})), "deny forbidden");
}

#[test]
fn secrets_inside_records_and_sets_are_never_told() {
    let engine = engines::engine(&[
        (
            "schemas/s.cedarschema",
            "type Profile = { region?: String, @secret ssn?: String, @secret amt?: Long };\nentity user { profile?: Profile }; entity doc;\naction read appliesTo { principal: user, resource: doc, context: { items?: Set<{ @secret pin: String }>, a?: Profile, b?: Profile } };",
        ),
        (
            "policies/p.cedar",
            "@id(\"region\") permit (principal, action, resource) when { principal has profile && principal.profile has region };\n@id(\"items\") permit (principal, action, resource) when { context has items && context.items.contains({pin: \"1\"}) };\n@id(\"sum\") permit (principal, action, resource) when { context has a && context has b && context.a has amt && context.b has amt && (if context.a has region then context.a else context.b) has amt && context.a.amt * 9000000000000000000 > 1 };",
        ),
    ]);
    let who = json!({"type": "user", "id": "x", "properties": {"profile": {"ssn": "TOPSECRET"}}});
    let context = json!({"items": [{"pin": "9999"}], "a": {"amt": 7_654_321}, "b": {"amt": 1}});
    let answer = engines::decide(
        &engine,
        &asked(&who, "read", &context),
        AnswerDepth::Explain,
    );
    let told = format!("{:?} {:?}", answer.explanation, answer.reason);
    for secret in ["TOPSECRET", "9999\\\"", "7654321"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
    assert!(told.contains("(secret)"), "{told}");
}

#[test]
fn an_enumeration_is_closed_and_a_record_is_whole() {
    let engine = engines::engine(&[
        (
            "schemas/s.cedarschema",
            "entity user; entity Env enum [\"staging\", \"prod\"];\naction read appliesTo { principal: user, resource: Env, context: { l?: Set<{ n: Long }>, must: String } };",
        ),
        (
            "policies/p.cedar",
            "@id(\"open\") permit (principal, action, resource) when { resource != Env::\"prod\" };\n@id(\"seven\") forbid (principal, action, resource) when { context has l && context.l.contains({n: 7}) };\n@id(\"must\") forbid (principal, action, resource) when { context.must == \"no\" };",
        ),
    ]);
    let ask = |id: &str, context: &Json| {
        let body = json!({"subject": {"type": "user", "id": "a"}, "action": {"name": "read"},
                          "resource": {"type": "Env", "id": id}, "context": context});
        engines::verdict(&engines::decide(&engine, &body, AnswerDepth::Lean))
    };
    assert_eq!(ask("staging", &json!({"must": "yes"})), "permit");
    assert_eq!(ask("PROD", &json!({"must": "yes"})), "deny not_applicable");
    assert_eq!(
        ask("staging", &json!({"must": "yes", "l": [{"n": 7}]})),
        "deny forbidden"
    );
    for misfit in [
        json!([{"n": 7.5}]),
        json!([{"n": null}]),
        json!([{"N": 7}]),
        json!([{}]),
    ] {
        assert_eq!(
            ask("staging", &json!({"must": "yes", "l": misfit})),
            "deny bad_value",
            "{misfit}"
        );
    }
    assert_eq!(
        ask("staging", &json!({})),
        "deny bad_value",
        "a required member is missing"
    );
}

/// Chains of operators and of branches that are as long as a text may have them. What Cedar cannot
/// evaluate on the stack that there is fails, and denies; nothing else may need more of it.
#[test]
fn the_deepest_policies_are_decided_and_explained_on_the_stack_of_a_request() {
    let deep = |levels: usize, level: &str, end: &str| format!("{}{end}", level.repeat(levels));
    for condition in [
        format!(
            "context.now{} < datetime(\"2020-01-01\")",
            ".offset(duration(\"1h\"))".repeat(1_980)
        ),
        format!(
            "datetime(\"2020-01-01\"){} < context.now",
            ".offset(duration(\"1h\"))".repeat(1_980)
        ),
        format!(
            "principal has level && principal.level{} < 5",
            " + 1".repeat(1_980)
        ),
        deep(480, "context.delegation.depth > 1 || ", "principal is user"),
        deep(390, "context has limit && context.limit < 3 && ", "true"),
    ] {
        let policies = format!(
            "@id(\"deep\") permit (principal, action == Action::\"write\", resource) when {{ {condition} }};"
        );
        let decide = move || {
            let engine = engine(&policies).with_cache(1 << 20);
            let body = asked(&alice(&json!({})), "write", &json!({}));
            [AnswerDepth::Reason, AnswerDepth::Explain]
                .map(|depth| engines::verdict(&engines::decide(&engine, &body, depth)))
        };
        let thread = std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(decide)
            .expect("a thread");
        let [lean, explained] = thread.join().expect("it ends");
        assert_eq!(lean, explained);
    }
}
