//! `behest explain` under assumptions, at a revision, and of a line of the decision record.

use support::place::{KEY, Output, Place, Service, refund};

/// Carol's agent acts for her until July 2027.
const CAROL: [&str; 4] = [
    "explain",
    "user:carol/agent:copilot",
    "read",
    "document:runbook",
];

fn first_line(output: &Output) -> &str {
    assert_eq!(output.code, 0, "{output:?}");
    output.out.lines().next().unwrap()
}

#[test]
fn a_time_and_what_is_given_count_for_one_question() {
    let place = Place::new();
    let ask = |more: &[&str]| place.run(&[&CAROL, more].concat());
    place.write(
        "stopped.yaml",
        "tuples:\n  - { user: \"agent:copilot\", relation: suspended, object: \"platform:main\" }\n",
    );
    place.write(
        "unknown.json",
        r#"{"entities": [{"uid": {"type": "agent", "id": "copilot"}, "attrs": {}, "parents": []}]}"#,
    );
    place.write("later.yaml", "now: 2027-08-01T00:00:00Z\n");
    let now = ["--now", "2027-06-30T23:59:59Z"];
    for (more, expected) in [
        (vec!["--now", "2027-08-01T00:00:00Z"], "deny: "),
        (now.to_vec(), "permit"),
        (vec!["--given", "later.yaml"], "deny: "),
        // The flag wins.
        ([&["--given", "later.yaml"], &now[..]].concat(), "permit"),
        (
            [&["--given", "stopped.yaml"], &now[..]].concat(),
            "deny: It is suspended. (suspended)",
        ),
        ([&["--given", "unknown.json"], &now[..]].concat(), "deny: "),
    ] {
        let told = ask(&more);
        assert!(
            first_line(&told).starts_with(expected),
            "{more:?}: {told:?}"
        );
    }
}

#[test]
fn what_cannot_be_assumed_is_refused_with_its_line() {
    let place = Place::new();
    place.write("wrong.yaml", "tuples: []\nentites: []\n");
    place.write(
        "bundled.yaml",
        "tuples: [{ user: \"user:alice\", relation: member, object: \"team:payments\" }]\n",
    );
    let ask = |more: &[&str]| place.run(&[&CAROL, more].concat());
    for (more, expected) in [
        (
            vec!["--given", "none.yaml"],
            "`--given`: `none.yaml` cannot be read",
        ),
        (vec!["--given", "wrong.yaml"], "wrong.yaml:2:1"),
        (
            vec!["--given", "bundled.yaml"],
            "is the bundle's: a case can only add",
        ),
        (vec!["--now", "soon"], "`soon` is no time"),
        (vec!["--revision", "3"], "a bundle has no revisions"),
        (
            vec![
                "--now",
                "2027-08-01T00:00:00Z",
                "--url",
                "http://127.0.0.1:1",
            ],
            "takes no `--now`",
        ),
        (
            vec!["--given", "wrong.yaml", "--url", "http://127.0.0.1:1"],
            "takes no `--given`",
        ),
    ] {
        let told = ask(&more);
        assert_eq!(told.code, 2, "{told:?}");
        assert!(told.err.contains(expected), "{more:?}: {}", told.err);
    }
    let by_variable = place.run_with(
        &[&CAROL[..], &["--now", "2027-08-01T00:00:00Z"]].concat(),
        &[("BEHEST_URL", "http://127.0.0.1:1")],
        "",
    );
    assert_eq!(by_variable.code, 2, "{by_variable:?}");
}

const SMALL: &str = r#"{"arguments":{"amount":5}}"#;
const LARGE: &str = r#"{"arguments":{"amount":500}}"#;

/// A request that assumes something of what is stored.
const RISKY: &str = r#"{"subject": {"type": "user", "id": "ann"}, "action": {"name": "visit"},
    "resource": {"type": "site", "id": "s"}, "assume": {"entities": [
    {"uid": {"type": "site", "id": "s"}, "attrs": {"risk": 9}, "parents": []}]}}"#;

/// Decides three questions by a service that records them; one request says a property.
fn recorded(place: &Place) -> Vec<String> {
    place.write("behest.toml", "[record]\nsink = \"decisions.jsonl\"\n");
    place.write(
        "bundle/schemas/risk.cedarschema",
        "entity site = { risk?: Long };\naction visit appliesTo {\n  principal: user,\n  \
         resource: site,\n};\n",
    );
    place.write(
        "bundle/policies/risk.cedar",
        "@id(\"low-risk\")\npermit (principal, action == Action::\"visit\", resource)\n\
         when { resource has risk && resource.risk < 5 };\n",
    );
    place.write(
        "bundle/policies/entities.json",
        r#"[{"uid": {"type": "site", "id": "s"}, "attrs": {"risk": 2}, "parents": []}]"#,
    );
    place.write(
        "visit.json",
        r#"{"subject": {"type": "user", "id": "ann"}, "action": {"name": "visit"},
            "resource": {"type": "site", "id": "a b\"c", "properties": {"risk": 2}}}"#,
    );
    let service = place.serve(&[]);
    let url = service.url();
    let key = [("BEHEST_KEY", KEY)];
    for amount in [SMALL, LARGE] {
        let told = place.run_with(&refund(amount, &["--url", &url]), &key, "");
        assert_eq!(told.code, 0, "{told:?}");
    }
    let told = place.run_with(&["explain", "visit.json", "--url", &url], &key, "");
    assert_eq!(first_line(&told), "permit");
    // A revision that the service has, and one that it never gets.
    let told = place.run_with(
        &refund(SMALL, &["--url", &url, "--revision", "1"]),
        &key,
        "",
    );
    assert!(
        told.out.ends_with(" (at least 1 was asked for)\n"),
        "{told:?}"
    );
    let stored = ["explain", "user:ann", "visit", "site:s", "--url", &url];
    let told = place.run_with(&stored, &key, "");
    assert_eq!(first_line(&told), "permit");
    // What a request assumes is taken by the service, and is in no record.
    let told = place.run_with(&["explain", RISKY, "--url", &url], &key, "");
    assert!(first_line(&told).starts_with("deny"), "{told:?}");
    let told = place.run(&["explain", RISKY, "--bundle", "bundle"]);
    assert_eq!(told.code, 2, "{told:?}");
    assert!(
        told.err.contains("a bundle reads no member `assume`"),
        "{told:?}"
    );
    assert_eq!(service.stop().code(), Some(0));
    let text = std::fs::read_to_string(place.path("decisions.jsonl")).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_line_of_the_record_is_asked_again_and_compared() {
    let place = Place::new();
    let lines = recorded(&place);
    let again = |line: &str, more: &[&str]| {
        let arguments = [&["explain", "-", "--bundle", "bundle"], more].concat();
        place.run_with(&arguments, &[], line)
    };
    for (line, answer) in lines
        .iter()
        .zip(["permit", "deny (not_permitted)", "permit"])
    {
        let told = again(line, &["--exit-code"]);
        assert_eq!(
            told.code,
            if answer == "permit" { 0 } else { 3 },
            "{told:?}"
        );
        let same = format!("\nstill the recorded answer: {answer}, as at ");
        assert!(told.out.contains(&same), "{told:?}");
        assert!(!told.out.contains(" was "), "{told:?}");
    }
    // The text itself, too.
    let direct = place.run(&["explain", &lines[0], "--bundle", "bundle"]);
    assert!(
        direct.out.contains("still the recorded answer"),
        "{direct:?}"
    );

    place.write_policies("3");
    place.write("bundle/policies/cases.yaml", "cases: []\n");
    place.write("bundle/policies/entities.json", "[]");
    // What was stored is looked up, and not said again.
    let told = again(&lines[4], &[]);
    assert!(
        told.out
            .contains("\n  legs[0].resource.risk was 2, and is absent\n"),
        "{told:?}"
    );
    assert!(told.out.starts_with("deny: "), "{told:?}");
    let told = again(&lines[0], &["--exit-code"]);
    assert_eq!(told.code, 1, "{told:?}");
    let then = "\nno longer the recorded answer: it was permit at ";
    assert!(told.out.contains(then), "{told:?}");
    assert!(
        told.out
            .contains("  by other policies: `agents-small`, `users` then\n"),
        "{told:?}"
    );
    assert!(told.out.contains("  the bundle is another: "), "{told:?}");
    let json = again(&lines[0], &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["decision"], false);
    assert_eq!(json["record"]["is_same"], false);
    assert_eq!(json["record"]["decision"], true);
}

#[test]
fn a_service_is_asked_a_line_of_the_record_again() {
    let place = Place::new();
    let lines = recorded(&place);
    let service = place.serve(&[]);
    let url = service.url();
    let told = place.run_with(
        &["explain", "-", "--url", &url],
        &[("BEHEST_KEY", KEY)],
        &lines[2],
    );
    assert!(
        told.out
            .contains("\nstill the recorded answer: permit, as at "),
        "{told:?}"
    );
}

#[test]
fn a_line_from_which_no_question_follows_is_refused() {
    let place = Place::new();
    let lines = recorded(&place);
    let refused = |line: &str| {
        let told = place.run_with(&["explain", "-", "--bundle", "bundle"], &[], line);
        assert_eq!((told.code, told.out.as_str()), (1, ""), "{told:?}");
        told.err
    };
    for (change, expected) in [
        (
            r#"{"v":1,"id":"7","incomplete":true}"#.to_owned(),
            "it is incomplete",
        ),
        (lines[0].replace("\"v\":1", "\"v\":2"), "has version 2"),
        (
            lines[0].replace("\"chain\"", "\"chian\""),
            "it has no chain",
        ),
        (
            lines[0].replace("\"5\"", "\"[5…\""),
            "arguments.amount` cannot be read",
        ),
        (
            lines[0].replace("\"inputs\"", "\"cut\":[\"inputs\"],\"inputs\""),
            "values were cut",
        ),
        (
            lines[1].replace("not_permitted", "bad_value"),
            "denied as `bad_value` before",
        ),
        (
            lines[0].replace("].context.arguments", "].context.token"),
            "its credentials speak of some members",
        ),
        (
            lines[0].replace("\"permit\"", "\"maybe\""),
            "neither `permit` nor `deny`",
        ),
        (lines.join("\n"), "several lines of the decision record"),
    ] {
        let told = refused(&change);
        assert!(told.contains(expected), "{expected}: {told}");
    }
}

/// What a near miss has always shown, a forbid that applied shows too, and who is not stored is
/// told of.
#[test]
fn an_explanation_shows_why_a_forbid_applied_and_who_is_not_stored() {
    let place = Place::new();
    let chain = "user:alice/agent:copilto";
    let context = r#"{"arguments": {"order": "x-17", "amount": 20}}"#;
    let arguments = [
        "explain",
        chain,
        "tools/call",
        "tool:payments/refund",
        "--context",
        context,
    ];
    let told = place.run(&arguments);
    for expected in [
        "\n    by forbid `refund-order` at policies/platform/tools.cedar:",
        "): unless { context.arguments.order like \"o-*\" }\n        \
         context.arguments.order = \"x-17\"\n",
        "\n    not stored: agent:copilto (did you mean `agent:copilot`?)\n",
    ] {
        assert!(told.out.contains(expected), "{expected}: {}", told.out);
    }
    let json = place.run(&[&arguments[..], &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let legs = &json["context"]["explanation"]["legs"];
    let forbid = &legs[0]["forbids"][0];
    assert_eq!(forbid["policy"]["id"], "refund-order");
    assert_eq!(forbid["conditions"][0]["values"][0]["value"], "\"x-17\"");
    assert_eq!(legs[0].get("unstored"), None);
    assert_eq!(legs[1]["unstored"][0]["entity"]["id"], "copilto");
    assert_eq!(legs[1]["unstored"][0]["nearest"]["id"], "copilot");
}

/// Writes a bundle whose tool may be called by tuples with a condition.
fn conditional(place: &Place) {
    place.write(
        "shop/schemas/shop.cedarschema",
        "entity user { @secret pin?: String };\nentity agent;\nentity tool;\n\
         action call appliesTo {\n  principal: [user, agent],\n  resource: tool,\n  \
         context: { amount?: Long, pin?: String },\n};\n",
    );
    place.write(
        "shop/schemas/shop.fga",
        "model\n  schema 1.1\ntype user\ntype agent\ntype group\n  relations\n    \
         define member: [user]\ntype tool\n  relations\n    \
         define caller: [user, agent, user with small, group#member with small]\n    \
         define stopped: [user, agent]\n\
         condition small(amount: int, most: int, pin: string) {\n  \
         amount <= most && pin != \"\"\n}\n",
    );
    place.write("shop/policies/bundle.toml", "packs = []\n");
    place.write(
        "shop/policies/shop.cedar",
        "@id(\"call\") permit (principal, action == Action::\"call\", resource)\n\
         when { principal in resource.caller };\n\
         @id(\"stop\") @reason(\"stopped\") forbid (principal, action, resource)\n\
         when { principal in resource.stopped };\n",
    );
    place.write(
        "shop/policies/tuples.yaml",
        "- { user: \"group:staff#member\", relation: caller, object: \"tool:refund\", \
         condition: { name: small, context: { most: 500 } } }\n\
         - { user: \"user:ann\", relation: member, object: \"group:staff\" }\n\
         - { user: \"user:cid\", relation: caller, object: \"tool:refund\" }\n\
         - { user: \"user:cid\", relation: stopped, object: \"tool:refund\" }\n",
    );
}

const SHOP: [&str; 6] = [
    "explain",
    "--bundle",
    "shop",
    "user:ann",
    "call",
    "tool:refund",
];

/// The tuple would have counted, and is none of those that an answer shows otherwise.
#[test]
fn a_condition_that_is_false_is_told_with_its_values() {
    let place = Place::new();
    conditional(&place);
    let asked = [
        &SHOP[..],
        &["--context", r#"{"amount": 900, "pin": "1234"}"#],
    ]
    .concat();
    let told = place.run(&asked);
    assert!(
        told.out.contains(
            "    is not in tool:refund#caller\n      \
             tool:refund#caller@group:staff#member does not count: condition `small` is false\n        \
             amount = 900 (from the request)\n        \
             most = 500 (stored with the tuple)\n        \
             pin = (secret) (from the request)\n"
        ),
        "{}",
        told.out
    );
    let json = place.run(&[&asked[..], &["--json"]].concat());
    assert!(!json.out.contains("1234"), "{}", json.out);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let lookups = &json["context"]["explanation"]["legs"][0]["relations"];
    let unmet = lookups.as_array().unwrap().iter();
    let unmet: Vec<_> = unmet.filter_map(|lookup| lookup.get("unmet")).collect();
    assert_eq!(unmet.len(), 1, "{lookups}");
    assert_eq!(
        unmet[0][0]["tuple"],
        "tool:refund#caller@group:staff#member"
    );
    assert_eq!(unmet[0][0]["condition"], "small");
    assert_eq!(unmet[0][0].get("error"), None);
    assert_eq!(
        unmet[0][0]["values"][0],
        serde_json::json!({"parameter": "amount", "value": "900", "from": "request"})
    );

    let missing = place.run(&[&SHOP[..], &["--context", r#"{"pin": "1234"}"#]].concat());
    assert!(
        missing.out.contains(
            "does not count: condition `small` has no value for `amount`: store it in the context"
        ) && missing.out.starts_with("deny: ")
            && missing.out.contains("(relation_error)"),
        "{}",
        missing.out
    );
    let held = place.run(&[&SHOP[..], &["--context", r#"{"amount": 5, "pin": "1"}"#]].concat());
    assert!(
        held.out.starts_with("permit\n") && !held.out.contains("does not count"),
        "{}",
        held.out
    );
}

#[test]
fn a_denial_says_which_tuple_would_have_permitted_it() {
    let place = Place::new();
    conditional(&place);
    let ask = |who: &str, more: &[&str]| {
        let told = place.run(&[&SHOP[..3], &[who, "call", "tool:refund"], more].concat());
        assert_eq!(told.code, 0, "{told:?}");
        let lines = told.out.lines();
        let would: Vec<String> = lines
            .filter_map(|line| line.strip_prefix("would permit: "))
            .map(str::to_owned)
            .collect();
        (told.out.lines().next().unwrap().to_owned(), would)
    };
    assert_eq!(ask("user:bob", &[]).1, ["tool:refund#caller@user:bob"]);
    assert_eq!(
        ask("user:bob/agent:a", &[]).1,
        ["tool:refund#caller@user:bob and tool:refund#caller@agent:a"],
        "each leg needs one"
    );
    assert_eq!(
        ask("user:cid", &[]).1,
        ["without tool:refund#stopped@user:cid"]
    );
    let more = ["--assume", "tool:refund#caller@user:bob"];
    assert_eq!(ask("user:bob", &more), ("permit".to_owned(), vec![]));
    assert_eq!(
        ask("user:bob/agent:a", &more).1,
        ["tool:refund#caller@agent:a"]
    );
    let less = ["--without", "tool:refund#stopped@user:cid"];
    assert_eq!(ask("user:cid", &less).0, "permit");
    let json = place.run(&[&SHOP[..3], &["user:cid", "call", "tool:refund", "--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(
        json["would_permit"],
        serde_json::json!([{"assume": [], "without": ["tool:refund#stopped@user:cid"]}])
    );
}

/// Four relations would do, and each includes the next: the last gives the least away.
#[test]
fn what_gives_the_least_away_would_permit_first() {
    let place = Place::new();
    conditional(&place);
    let model = std::fs::read_to_string(place.path("shop/schemas/shop.fga")).unwrap();
    let roles = "type role\n  relations\n    define all: [user]\n    define any: [user] or all\n    \
                 define some: [user] or any\n    define the_least: [user] or some\ntype tool\n";
    place.write(
        "shop/schemas/shop.fga",
        &model.replace("type tool\n", roles),
    );
    let named = ["all", "any", "some", "the_least"];
    let tests = named.map(|name| format!("principal in Userset::\"role:r#{name}\""));
    place.write(
        "shop/policies/shop.cedar",
        &format!(
            "@id(\"call\") permit (principal, action == Action::\"call\", resource)\n\
             when {{ {} }};\n",
            tests.join(" || ")
        ),
    );
    let told = place.run(&[&SHOP[..3], &["user:bob", "call", "tool:refund"]].concat());
    let would: Vec<_> = told
        .out
        .lines()
        .filter(|it| it.starts_with("would"))
        .collect();
    assert_eq!(
        would,
        [
            "would permit: role:r#the_least@user:bob",
            "would permit: role:r#some@user:bob",
            "would permit: role:r#any@user:bob",
        ],
        "{told:?}"
    );
}

#[test]
fn what_is_assumed_is_refused_where_the_model_does_not_allow_it() {
    let place = Place::new();
    conditional(&place);
    for (more, told) in [
        (
            ["--assume", "tool:refund#owner@user:bob"],
            "error: the tuple `tool:refund#owner@user:bob` is not allowed: ",
        ),
        (
            ["--assume", "user:bob"],
            "error: invalid value 'user:bob' for '--assume <TUPLE>'",
        ),
        (
            ["--without", "user:bob"],
            "error: invalid value 'user:bob' for '--without <TUPLE>'",
        ),
    ] {
        let refused = place.run(&[&SHOP[..], &more].concat());
        assert!(
            refused.code == 2 && refused.err.starts_with(told),
            "{refused:?}"
        );
    }
    let absent = place.run(&[&SHOP[..], &["--without", "tool:refund#caller@user:zoe"]].concat());
    assert_eq!(
        absent.err,
        "note: the bundle has no tuple `tool:refund#caller@user:zoe` that could be missing\n"
    );
    let json = r#"{"user": "user:ann", "relation": "caller", "object": "tool:refund",
        "condition": {"name": "small", "context": {"most": 1000, "pin": "x"}}}"#;
    let context = ["--context", r#"{"amount": 900, "pin": "1"}"#];
    let told = place.run(&[&SHOP[..], &["--assume", json], &context].concat());
    assert_eq!(first_line(&told), "permit", "{told:?}");
}

/// A service is asked through the endpoint of the console, which records nothing.
#[test]
fn a_service_is_asked_under_assumptions_too() {
    let place = Place::new();
    conditional(&place);
    let mut command = place.command(&["--bundle", "shop", "--listen", "127.0.0.1:0"]);
    command.env("BEHEST_ADMIN_KEY", KEY);
    let service = Service::start(command);
    let url = service.url();
    let ask = |who: &str, more: &[&str]| {
        let question = ["explain", "--url", &url, who, "call", "tool:refund"];
        place.run_with(&[&question, more].concat(), &[("BEHEST_KEY", KEY)], "")
    };
    let denied = ask("user:bob/agent:a", &[]);
    assert!(
        denied.out.contains(
            "\nwould permit: tool:refund#caller@user:bob and tool:refund#caller@agent:a\nbundle "
        ),
        "{denied:?}"
    );
    let assumed = ask("user:bob", &["--assume", "tool:refund#caller@user:bob"]);
    assert_eq!(first_line(&assumed), "permit");
    let without = ask("user:cid", &["--without", "tool:refund#stopped@user:cid"]);
    assert_eq!(first_line(&without), "permit");
    let context = ["--context", r#"{"amount": 900, "pin": "1234"}"#];
    let unmet = ask("user:ann", &context);
    assert!(
        unmet
            .out
            .contains("most = 500 (stored with the tuple)\n        pin = (secret) (from"),
        "{unmet:?}"
    );
    let refused = ask("user:bob", &["--assume", "tool:refund#owner@user:bob"]);
    assert!(
        refused.code == 1 && refused.err.contains("assume.tuples[0]"),
        "{refused:?}"
    );
    service.stop();
}
