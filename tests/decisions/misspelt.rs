//! Names that are misspelt wherever they stand in a bundle, and bundles that permit nothing.

use behest::bundle::{self, BundleFiles};

const OPEN: &str = "@id(\"open\") permit (principal, action, resource);\n";

/// What is said of a bundle that loads, in one line.
fn warnings(texts: &[(&str, &str)]) -> String {
    let own = texts
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let mut files = BundleFiles::from_texts(own);
    let bundle = match bundle::compile(&mut files) {
        Ok(bundle) => bundle,
        Err(problems) => panic!("{}", bundle::render(&problems, &files, false)),
    };
    let report = bundle::render_warnings(bundle.warnings(), &files, false);
    let words = report.split_whitespace().filter(|word| *word != "│");
    words.collect::<Vec<_>>().join(" ")
}

fn of_tools(actions: &[&str], tools: &[&str]) -> String {
    let declared = actions.iter().map(|id| {
        format!(
            "action \"tools/call:{id}\" in [\"tools/call\"] appliesTo {{ principal: user, resource: tool }};\n"
        )
    });
    let general = "entity user, tool;\naction \"tools/call\" appliesTo { principal: user, resource: tool };\n";
    let schema = format!("{general}{}", declared.collect::<String>());
    let entity = |id: &&str| {
        format!(
            "{{\"uid\": {{\"type\": \"tool\", \"id\": \"{id}\"}}, \"attrs\": {{}}, \"parents\": []}}"
        )
    };
    let entities: Vec<String> = tools.iter().map(entity).collect();
    let entities = format!("[{}]", entities.join(","));
    warnings(&[
        ("schemas/s.cedarschema", &schema),
        ("policies/p.cedar", OPEN),
        ("policies/entities.json", &entities),
    ])
}

#[test]
fn a_specialised_action_whose_tool_is_misspelt_is_a_warning() {
    for (actions, tools, meant) in [
        (
            &["tickets/raed"][..],
            &["tickets/read"][..],
            "did you mean `tickets/read`?",
        ),
        (
            &["tickts/read"],
            &["tickets/read"],
            "did you mean `tickets/read`?",
        ),
        (
            &["tickts/read"],
            &["tickets/list"],
            "did you mean the `tickets` of `tickets/list`?",
        ),
        (
            &["tickts/read", "tickets/list"],
            &[],
            "did you mean the `tickets` of `tickets/list`?",
        ),
    ] {
        let report = of_tools(actions, tools);
        let action = format!("the action `tools/call:{}`", actions[0]);
        for part in [action.as_str(), meant, "schemas/s.cedarschema:3:"] {
            assert!(
                report.contains(part),
                "{actions:?} {tools:?}: {part}: {report}"
            );
        }
    }
}

#[test]
fn tools_that_nothing_near_is_known_of_are_not_told() {
    for (actions, tools) in [
        (&["tickets/read"][..], &[][..]),
        (&["tickets/read"], &["tickets/read", "tickets/raed"]),
        (&["tickets/read"], &["payments/read"]),
        (&["tickets/read", "tickets/reads"], &["tickets/reads"]),
        (&["search/v1", "search/v2"], &["search/v2"]),
        (&["search/v1"], &["search/v2"]),
        (&["db1/query", "db2/query"], &["db2/query"]),
        (&["mall/read", "mail/list"], &[]),
        (&["read"], &["raed/x"]),
    ] {
        assert_eq!(of_tools(actions, tools), "", "{actions:?} {tools:?}");
    }
}

const SCHEMA: &str =
    "entity user, org, doc;\naction read appliesTo { principal: user, resource: doc };\n";

#[test]
fn a_tuple_on_an_object_about_which_no_policy_asks_is_a_warning() {
    let of = |object: &str| {
        let tuples =
            format!("- {{ user: 'user:a', relation: suspended, object: 'platform:{object}' }}\n");
        warnings(&[
            ("schemas/s.cedarschema", SCHEMA),
            ("policies/p.cedar", OPEN),
            ("policies/bundle.toml", "packs = [\"revocation\"]\n"),
            ("policies/tuples.yaml", &tuples),
        ])
    };
    assert_eq!(of("main"), "");
    for (object, help) in [
        ("mian", "did you mean `platform:main`?"),
        ("europe", "policies ask about `platform:main`"),
    ] {
        let report = of(object);
        let what = format!("no policy asks who stands in which relation to `platform:{object}`");
        for part in [what.as_str(), help, "policies/tuples.yaml:1:"] {
            assert!(report.contains(part), "{part}: {report}");
        }
    }
}

#[test]
fn a_tuple_that_a_decision_may_read_is_not_told() {
    let asks = "@id(\"org\") forbid (principal, action, resource) when { principal in Userset::\"org:main#member\" };\n";
    let org = "model\n  schema 1.1\ntype user\ntype org\n  relations\n    define member: [user]\n";
    let led_to =
        "type doc\n  relations\n    define org: [org]\n    define member_of_org: member from org\n";
    let in_team = "type team\n  relations\n    define part: [org#member]\n";
    let resource = "action visit appliesTo { principal: user, resource: org };\n";
    let by_path = "@id(\"path\") forbid (principal, action, resource is doc) when { principal in resource.member };\n";
    let of_doc = "type doc\n  relations\n    define member: [user]\n";
    for (schema, model, policies) in [
        ("", led_to, asks),
        ("", in_team, asks),
        (resource, "", asks),
        ("", of_doc, &format!("{asks}{by_path}")),
        ("", "", ""),
    ] {
        let report = warnings(&[
            ("schemas/s.cedarschema", &format!("{SCHEMA}{schema}")),
            ("schemas/m.fga", &format!("{org}{model}")),
            ("policies/p.cedar", &format!("{OPEN}{policies}")),
            (
                "policies/tuples.yaml",
                "- { user: 'user:a', relation: member, object: 'org:mian' }\n",
            ),
        ]);
        assert_eq!(report, "", "{schema} {model} {policies}");
    }
}

#[test]
fn a_bundle_by_which_every_request_is_denied_is_a_warning() {
    let forbid = "@id(\"x\") forbid (principal, action, resource);\n";
    for (schema, policies, why) in [
        (SCHEMA, "", "the bundle has no policy that permits anything"),
        (
            SCHEMA,
            forbid,
            "the bundle has no policy that permits anything",
        ),
        (
            "entity user;\n",
            "",
            "the schema declares no action that applies to anything",
        ),
    ] {
        let report = warnings(&[
            ("schemas/s.cedarschema", schema),
            ("policies/p.cedar", policies),
        ]);
        assert!(
            report.contains(&format!("{why}: every request is denied")),
            "{report}"
        );
    }
    let open = warnings(&[
        ("schemas/s.cedarschema", SCHEMA),
        ("policies/p.cedar", OPEN),
    ]);
    assert_eq!(open, "");
}
