//! Tests that never hold, in policies that apply for another reason: each is told, and none that
//! holds for anything is.

use crate::idle;
use behest::bundle::{self, BundleFiles};
use serde_json::json;
use std::collections::BTreeSet;
use support::dice::Dice;

const SCHEMA: &str = "
entity team;
entity mode enum [\"open\", \"shut\"];
entity user in [team] { status?: String, boss?: user, profile?: { level?: Long, home?: { city?: String } } };
entity robot { serial?: String };
entity doc { owner?: user, mode?: mode } tags String;
entity note;
action read appliesTo { principal: [user, robot], resource: [doc, note], context: { mfa?: Bool } };
action write appliesTo { principal: user, resource: doc };
";

/// What is said of a policy, and whether the bundle is refused for it.
fn said(policy: &str) -> (bool, String) {
    let policies = format!("@id(\"open\") permit (principal, action, resource);\n\n{policy}\n");
    let texts = [
        ("schemas/s.cedarschema", SCHEMA),
        ("policies/p.cedar", policies.as_str()),
    ];
    let own = |(path, text): (&str, &str)| (path.to_owned(), text.to_owned());
    let mut files = BundleFiles::from_texts(texts.map(own));
    match bundle::compile(&mut files) {
        Ok(bundle) => {
            let report = bundle::render_warnings(bundle.warnings(), &files, false);
            (false, in_one_line(&report))
        }
        Err(problems) => (true, in_one_line(&bundle::render(&problems, &files, false))),
    }
}

/// A report without the ends of its lines, which may stand anywhere in a sentence.
fn in_one_line(report: &str) -> String {
    let words = report.split_whitespace().filter(|word| *word != "│");
    words.collect::<Vec<_>>().join(" ")
}

/// Tests that never hold, with what is said of them.
const NEVER: [(&str, &[&str]); 15] = [
    (
        "principal has stauts",
        &[
            "no `stauts` for `robot` or `user`",
            "did you mean `status`?",
        ],
    ),
    (
        "principal has suspended_by",
        &["no `suspended_by` for `robot` or `user`", "declare it"],
    ),
    (
        "principal has profile.levle",
        &["no `levle` for this record", "`level`?"],
    ),
    (
        "principal has profile.home.ctiy",
        &["no `ctiy` for this record", "`city`?"],
    ),
    (
        "principal has boss.stauts",
        &["no `stauts` for `user`", "`status`?"],
    ),
    (
        "principal is user && principal has serial",
        &["no `serial` for `user`"],
    ),
    (
        "context has mfaa",
        &[
            "no `mfaa` for the context of `read` or the context of `write`",
            "`mfa`?",
        ],
    ),
    (
        "context has delegation.form",
        &["no `form` for this record", "`from`?"],
    ),
    (
        "context has on_behalf_of",
        &["in a request it says who acts"],
    ),
    ("principal has act", &["in a request it says who acts"]),
    (
        "resource is note && resource.hasTag(\"x\")",
        &["no tags for `note`"],
    ),
    (
        "principal.hasTag(\"x\")",
        &["no tags for `robot` or `user`"],
    ),
    ("principal == team::\"a\"", &["the two are never the same"]),
    (
        "resource in team::\"a\"",
        &["never in what is on the right"],
    ),
    (
        "principal is robot && action == Action::\"write\"",
        &["the two are never the same"],
    ),
];

/// Ways to rest on a test beside others, each with what it makes of a test that never holds: a
/// forbid of less, or a permit of more.
const LESS: [&str; 6] = [
    "when { ($) || context.delegation.depth > 9 }",
    "when { context.delegation.depth > 9 || (context.delegation.depth < 5 && ($)) }",
    "unless { !($) && context.delegation.depth < 9 }",
    "when { if $ then true else context.delegation.depth > 9 }",
    "when { [$, context.delegation.depth > 9].contains(true) }",
    "when { ($) == true || context.delegation.depth > 9 }",
];

#[test]
fn a_forbid_of_which_a_part_never_applies_is_refused_with_its_place_and_the_nearest_name() {
    for clause in LESS {
        for (test, parts) in NEVER {
            let policy = format!(
                "@id(\"x\")\nforbid (principal, action, resource)\n{};",
                clause.replace('$', test)
            );
            let (is_refused, report) = said(&policy);
            assert!(is_refused, "{policy}: {report}");
            for part in parts
                .iter()
                .chain(&["in the policy `x`", "p.cedar:5:", "is not forbidden"])
            {
                assert!(report.contains(part), "{policy}: {part}: {report}");
            }
        }
    }
}

#[test]
fn a_test_that_never_holds_and_whose_policy_is_stricter_for_it_is_a_warning() {
    for (test, parts) in NEVER {
        for policy in [
            format!(
                "permit (principal, action, resource) when {{ ({test}) || context.delegation.depth > 9 }}"
            ),
            format!(
                "forbid (principal, action, resource) unless {{ ({test}) || context.delegation.depth < 9 }}"
            ),
        ] {
            let (is_refused, report) = said(&format!("@id(\"x\") {policy};"));
            assert!(!is_refused, "{policy}: {report}");
            for part in parts
                .iter()
                .chain(&["in the policy `x`", "p.cedar:3:", "never holds: "])
            {
                assert!(report.contains(part), "{policy}: {part}: {report}");
            }
        }
    }
    let (is_refused, report) = said(
        "@id(\"x\") forbid (principal, action, resource) when { principal is team || context.delegation.depth > 9 };",
    );
    assert!(
        !is_refused && report.contains("of another type here"),
        "{report}"
    );
}

#[test]
fn an_exception_of_a_permit_that_is_misspelt_is_refused() {
    let policy =
        |clause: &str| format!("@id(\"x\") permit (principal, action, resource) {clause};");
    for clause in [
        "unless { principal has stauts && context.delegation.depth < 5 }",
        "when { !(principal has stauts) }",
        "when { if principal has stauts then false else true }",
    ] {
        let (is_refused, report) = said(&policy(clause));
        assert!(is_refused, "{clause}: {report}");
        for part in ["should keep out is permitted", "did you mean `status`?"] {
            assert!(report.contains(part), "{clause}: {report}");
        }
    }
    let (is_refused, report) = said(&policy("unless { principal has suspended_by }"));
    assert!(
        !is_refused && report.contains("no `suspended_by` for"),
        "{report}"
    );
}

#[test]
fn a_forbid_that_forbids_nothing_names_what_is_misspelt_in_it() {
    let (is_refused, report) = said(
        "@id(\"x\") forbid (principal, action, resource) when { principal has stauts && principal.stauts == \"x\" };",
    );
    assert!(is_refused, "{report}");
    for part in ["the policy `x` forbids nothing", "did you mean `status`?"] {
        assert!(report.contains(part), "{part}: {report}");
    }
}

#[test]
fn an_empty_id_beside_other_ways_to_apply_is_a_warning() {
    for test in [
        "principal == user::\"\"",
        "resource is doc && [doc::\"\", doc::\"d\"].contains(resource)",
    ] {
        for policy in [
            format!(
                "forbid (principal, action, resource) when {{ ({test}) || context.delegation.depth > 9 }}"
            ),
            format!(
                "permit (principal, action, resource) unless {{ {test} && context.delegation.depth < 9 }}"
            ),
        ] {
            let (is_refused, report) = said(&format!("@id(\"x\") {policy};"));
            assert!(!is_refused, "{policy}: {report}");
            for part in [
                "in the policy `x`, nothing is the",
                "whose id is empty",
                "p.cedar:3:",
            ] {
                assert!(report.contains(part), "{policy}: {part}: {report}");
            }
        }
    }
}

#[test]
fn entities_that_cannot_be_are_told() {
    for (test, part) in [
        (
            "resource has mode && resource.mode == mode::\"opne\"",
            "opne",
        ),
        (
            "action == Action::\"raed\"",
            "did you mean `Action::\"read\"`?",
        ),
        (
            "action in [Action::\"raed\"]",
            "did you mean `Action::\"read\"`?",
        ),
        ("principal == usr::\"a\"", "did you mean `user`?"),
        (
            "resource has owner && [team::\"a\"].contains(resource.owner)",
            "type",
        ),
    ] {
        let policy = format!(
            "@id(\"x\") forbid (principal, action, resource is doc) when {{ ({test}) || context.delegation.depth > 9 }};"
        );
        let (is_refused, report) = said(&policy);
        assert!(is_refused && report.contains(part), "{test}: {report}");
    }
}

#[test]
fn a_test_that_holds_for_some_is_not_told() {
    for test in [
        "principal has status",
        "principal has serial",
        "principal has profile.home.city",
        "principal has boss.boss",
        "context has mfa && context.mfa",
        "context has token",
        "context has token.kind",
        "context has delegation.from.robot",
        "context has delegation.subject.user && context.delegation.subject.user has status",
        "resource has owner && resource.owner == principal",
        "resource has owner && principal in resource.owner",
        "resource has owner.boss",
        "resource.hasTag(\"x\") && resource.getTag(\"x\") == \"y\"",
        "principal in team::\"a\"",
        "principal in [team::\"a\", team::\"b\"]",
        "principal == robot::\"r\"",
        "principal is robot && principal has serial",
        "action == Action::\"write\"",
        "action in [Action::\"write\", Action::\"read\"]",
        "if principal is user then principal has status else principal has serial",
        "(if principal is user then principal has status else false) == true",
        "resource has mode && resource.mode == mode::\"open\"",
    ] {
        for policy in [
            format!(
                "forbid (principal, action, resource) when {{ ({test}) || context.delegation.depth > 9 }}"
            ),
            format!(
                "permit (principal, action, resource) unless {{ ({test}) && context.delegation.depth < 9 }}"
            ),
        ] {
            let found = said(&format!("@id(\"x\") {policy};"));
            assert_eq!(found, (false, String::new()), "{policy}");
        }
    }
}

/// Whoever asks for what, a policy decides as if false stood in place of what is said never to hold.
#[test]
fn what_is_said_never_to_hold_never_holds() {
    let mut dice = Dice::new(15);
    let mut told = 0;
    let pattern = regex::Regex::new("in the policy `x`, `([^`]+)` never holds").expect("a pattern");
    for _ in 0..120 {
        let depth = 1 + dice.below(2);
        let scope = *dice.one(&idle::SCOPES);
        let condition = idle::condition(&mut dice, depth);
        let permit =
            |condition: &str| format!("@id(\"x\") permit ({scope}) when {{ {condition} }};");
        let refused = idle::load(&permit(&condition).replace("permit", "forbid"));
        let Err(report) = refused else { continue };
        let report = in_one_line(&report);
        let tests: BTreeSet<&str> = pattern
            .captures_iter(&report)
            .map(|found| found.get(1).expect("a test").as_str())
            .collect();
        let (Ok(one), false) = (idle::load(&permit(&condition)), tests.is_empty()) else {
            continue;
        };
        told += tests.len();
        let without = tests.iter().fold(condition.clone(), |text, test| {
            assert!(text.contains(test), "{test}: {condition}");
            text.replace(test, "false")
        });
        let other = idle::load(&permit(&without)).unwrap_or_else(|report| panic!("{report}"));
        for who in [
            ("user", "alice"),
            ("user", "bob"),
            ("robot", "r1"),
            ("robot", "r2"),
        ] {
            for (action, doc) in [
                ("read", "d1"),
                ("read", "d2"),
                ("call", "d1"),
                ("call", "d2"),
            ] {
                for properties in [json!({}), json!({"dept": "ext", "badge": "on"})] {
                    let ask = |engine| idle::ask(engine, who, &properties, action, doc);
                    assert_eq!(
                        ask(&one),
                        ask(&other),
                        "{who:?} {action} {doc}: {condition}"
                    );
                }
            }
        }
    }
    assert!(told >= 20, "{told} tests were told");
}
