//! What authors and their CI see: the forms of results, coverage, lints, and where mistakes are.

use support::place::{Output, Place};

const SCHEMA: &str = "entity user;\nentity agent;\nentity doc { owner?: user, @stored kind?: String };\n\
    action read, erase appliesTo { principal: [user, agent], resource: doc };\n";

const POLICIES: &str = "@id(\"owner\")\npermit (principal is user, action, resource)\nwhen {\n  \
    resource has owner &&\n  resource.owner == principal\n};\n\
    @id(\"by-day\")\nforbid (principal, action == Action::\"erase\", resource)\nwhen {\n  \
    resource has kind && (resource.kind != \"draft\" || principal is agent)\n};\n";

const CASES: &str = "given:\n  entities:\n    - { uid: { type: doc, id: a }, attrs: { owner: \
    { type: user, id: ann } }, parents: [] }\ncases:\n  - name: hers\n    who: user:ann\n    does: read\n    \
    to: doc:a\n    expect: permit\n";

fn place(more_cases: &str) -> Place {
    let place = Place::new();
    place.write("b/schemas/b.cedarschema", SCHEMA);
    place.write("b/policies/b.cedar", POLICIES);
    place.write("b/policies/cases.yaml", &format!("{CASES}{more_cases}"));
    place
}

/// Two cases that fail, one of them in a table, with names that each form has to escape.
const WRONG: &str = "  - name: \"100 %, <b> & #todo \\e[0m\"\n    like: hers\n    who: user:ben\n    \
    expect: { permit: true, policies: [owner] }\n  - name: table\n    does: read\n    table:\n      \
    who: [\"user:ann\", \"user:ben\"]\n      to: [\"doc:a\"]\n      expect: [[permit],\n        [permit]]\n";

#[test]
fn a_failed_case_shows_its_line_what_was_expected_what_came_and_why() {
    let run = place(WRONG).run(&["test", "b"]);
    assert_eq!(run.code, 1, "{run:?}");
    for part in [
        "failed policies/cases.yaml:10: 100 %, <b> & #todo",
        "\n  expected  permit by owner\n  got       deny not_permitted by no policy\n  why\n    deny",
        "failed policies/cases.yaml:20: table [user:ben, doc:a]\n",
        "policies that decided no case:\n  by-day\n",
        "2 failed: 2 passed of 4 cases\n",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
}

#[test]
fn junit_is_well_formed_and_in_the_order_of_the_file() {
    let place = place(WRONG);
    let run = place.run(&["test", "b", "--format", "junit"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(
        run.out.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"behest\" tests=\"4\" failures=\"2\" errors=\"0\">"),
        "{}",
        run.out
    );
    let names = [
        "classname=\"policies/cases\" name=\"hers\" file=\"b/policies/cases.yaml\" line=\"5\"/>",
        "name=\"100 %, &lt;b&gt; &amp; #todo \u{fffd}[0m\" file=\"b/policies/cases.yaml\" line=\"10\">",
        "<failure message=\"expected permit by owner, got deny not_permitted by no policy\">",
        "name=\"table [user:ann, doc:a]\"",
        "name=\"table [user:ben, doc:a]\" file=\"b/policies/cases.yaml\" line=\"20\">",
        "</testsuites>\n",
    ];
    let mut rest = run.out.as_str();
    for name in names {
        let at = rest
            .find(name)
            .unwrap_or_else(|| panic!("{name}: {}", run.out));
        rest = &rest[at..];
    }
    assert_eq!(run.out, place.run(&["test", "b", "--format", "junit"]).out);
}

#[test]
fn tap_says_each_case_in_a_line_without_a_directive() {
    let run = place(WRONG).run(&["test", "b", "--format", "tap"]);
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(
        lines[..3],
        ["TAP version 14", "1..4", "ok 1 - policies/cases.yaml: hers"]
    );
    assert_eq!(
        lines[3],
        "not ok 2 - policies/cases.yaml: 100 %, <b> & \\#todo  [0m"
    );
    assert_eq!(lines[4..6], ["  ---", "  at: \"policies/cases.yaml:10\""]);
    assert!(
        run.out
            .contains("\n  got: \"deny not_permitted by no policy\"\n"),
        "{}",
        run.out
    );
    assert!(
        run.out
            .contains("\nok 3 - policies/cases.yaml: table [user:ann, doc:a]\n"),
        "{}",
        run.out
    );
}

#[test]
fn github_gets_an_annotation_on_the_line_from_the_root_of_the_repository() {
    let place = place(WRONG);
    let root = place.0.path().to_str().unwrap().to_owned();
    let arguments = ["test", &format!("{root}/b"), "--format", "github"];
    let run = place.run_with(&arguments, &[("GITHUB_WORKSPACE", &root)], "");
    let commands: Vec<&str> = run
        .out
        .lines()
        .filter(|line| line.starts_with("::"))
        .collect();
    assert_eq!(commands.len(), 3, "{}", run.out);
    assert!(
        commands[0].starts_with("::error file=b/policies/cases.yaml,line=10,col=11,title=failed%3A 100 %25%2C <b> & #todo "),
        "{}",
        commands[0]
    );
    assert!(
        commands[0]
            .contains("::expected permit by owner%0Agot deny not_permitted by no policy%0Adeny")
    );
    assert!(commands[1].contains("line=20,"), "{}", commands[1]);
    assert!(
        commands[2].starts_with(
            "::warning file=b/policies/b.cedar,line=4,col=3,title=request-attribute::"
        ),
        "{}",
        commands[2]
    );
}

#[test]
fn json_holds_cases_lints_and_coverage() {
    let run = place(WRONG).run(&["test", "b", "--format", "json", "--coverage"]);
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let at = |pointer: &str| {
        report
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{pointer}: {report}"))
    };
    assert_eq!(at("/result"), "failed");
    assert_eq!((at("/ran"), at("/failed")), (&4.into(), &2.into()));
    assert_eq!(at("/cases/0/result"), "passed");
    assert_eq!(
        (at("/cases/1/line"), at("/cases/1/expected/policies/0")),
        (&10.into(), &"owner".into())
    );
    assert_eq!(at("/cases/1/got/code"), "not_permitted");
    assert_eq!(
        (at("/lints/0/lint"), at("/lints/0/level")),
        (&"request-attribute".into(), &"warning".into())
    );
    assert_eq!(
        (
            at("/coverage/policies/covered"),
            at("/coverage/policies/of")
        ),
        (&1.into(), &2.into())
    );
    assert_eq!(
        (at("/coverage/clauses/covered"), at("/coverage/clauses/of")),
        (&2.into(), &5.into())
    );
    assert_eq!(
        (
            at("/coverage/by_policy/1/id"),
            at("/coverage/by_policy/1/cases")
        ),
        (&"by-day".into(), &0.into())
    );
    assert_eq!(
        (
            at("/coverage/by_policy/0/clauses/1/held"),
            at("/coverage/by_policy/0/clauses/1/not_held")
        ),
        (&2.into(), &2.into())
    );
}

#[test]
fn a_file_gets_the_form_and_the_terminal_the_text() {
    let place = place("");
    let run = place.run(&["test", "b", "--format", "junit", "--output", "r.xml"]);
    assert!(
        run.code == 0 && run.out.starts_with("policies that decided no case:"),
        "{run:?}"
    );
    let written = std::fs::read_to_string(place.path("r.xml")).unwrap();
    assert!(
        written.starts_with("<?xml") && written.ends_with("</testsuites>\n"),
        "{written}"
    );
    let none = place.run(&["test", "b", "--output", "nowhere/r.xml"]);
    assert!(
        none.code == 1
            && none
                .err
                .contains("error: `nowhere/r.xml` cannot be written"),
        "{none:?}"
    );
}

#[test]
fn a_broken_bundle_is_told_in_every_form() {
    let place = place("");
    place.write(
        "b/policies/broken.cedar",
        "@id(\"x\") permit (principal, action, resource) when { resource.ownr };",
    );
    for (form, told) in [
        ("text", ""),
        (
            "junit",
            "<error message=\"policies/broken.cedar: for policy `x`, attribute `ownr`",
        ),
        (
            "tap",
            "Bail out! the bundle is refused: policies/broken.cedar: for policy `x`",
        ),
        ("json", "\"result\": \"refused\""),
        (
            "github",
            "::error file=b/policies/broken.cedar,line=1,col=54,title=broken bundle::for policy `x`",
        ),
    ] {
        let run = place.run(&["test", "b", "--format", form]);
        assert!(run.code == 4 && run.out.contains(told), "{form}: {run:?}");
        assert!(
            run.err.contains("did you mean `owner`?"),
            "{form}: {}",
            run.err
        );
    }
}

#[test]
fn coverage_names_what_no_case_reaches_and_has_an_exit_code() {
    let place = place("");
    let run = place.run(&["test", "b", "--coverage", "--allow", "all"]);
    assert!(run.code == 0 && run.err.is_empty(), "{run:?}");
    let told = "coverage: 50 % (1 of 2) of the policies decide a case, 40 % (2 of 5) of their clauses \
        are reached\n  policies/b.cedar:7: no case is in the scope of `by-day`\n";
    assert!(run.out.contains(told), "{}", run.out);
    place.write(
        "b/policies/more.cases.yaml",
        &CASES
            .replace("hers", "kept")
            .replace("read", "erase")
            .replace("permit", "deny")
            .replace("{ owner:", "{ kind: final, owner:"),
    );
    let more = place.run(&["test", "b", "--coverage", "--allow", "all"]);
    let told = "80 % (4 of 5) of their clauses are reached\n  \
        policies/b.cedar:10: no case reaches `principal is agent` of `by-day`\n";
    assert!(more.out.contains(told), "{}", more.out);
    for (least, code) in [("80", 0), ("80.1", 6), ("100%", 6), ("0", 0)] {
        let run = place.run(&["test", "b", "--min-coverage", least, "--allow", "all"]);
        assert_eq!(run.code, code, "{least}: {run:?}");
        assert_eq!(
            run.err.contains("`--min-coverage` takes"),
            code == 6,
            "{}",
            run.err
        );
    }
    for wrong in ["101", "x", "1.55", "-1", ""] {
        let run = place.run(&["test", "b", &format!("--min-coverage={wrong}")]);
        assert_eq!(run.code, 2, "{wrong}: {run:?}");
    }
    assert_eq!(
        place
            .run(&["test", "b", "--coverage", "--filter", "x"])
            .code,
        2
    );
}

fn lints(run: &Output) -> Vec<&str> {
    let heads = run
        .err
        .lines()
        .filter_map(|line| line.trim_start().split_once(' '));
    heads
        .filter(|(mark, _)| ["×", "⚠"].contains(mark))
        .filter_map(|(_, rest)| Some(rest.split_once(':')?.0))
        .collect()
}

#[test]
fn each_lint_is_told_by_name_at_its_place_and_can_be_denied_and_allowed() {
    let place = place("");
    place.write(
        "b/policies/open.cedar",
        "@id(\"open\")\npermit (principal, action, resource) when { true };\n",
    );
    place.write("b/policies/bundle.toml", "optional = [\"scopes\"]\n");
    let validated = place.run(&["validate", "b"]);
    assert_eq!(
        lints(&validated),
        ["request-attribute", "permit-all"],
        "{}",
        validated.err
    );
    assert_eq!(validated.code, 0);
    for part in [
        "policies/b.cedar:4:3",
        "`@stored`",
        "policies/open.cedar:1:1",
    ] {
        assert!(validated.err.contains(part), "{part}: {}", validated.err);
    }
    for (arguments, code, told) in [
        (
            &["validate", "b", "--deny", "permit-all"] as &[&str],
            7,
            &["request-attribute", "permit-all"] as &[&str],
        ),
        (
            &["validate", "b", "--deny", "unpermitted", "--allow", "all"],
            0,
            &[],
        ),
        (
            &[
                "validate",
                "b",
                "--deny",
                "all",
                "--allow",
                "request-attribute,permit-all",
            ],
            7,
            &["optional-pack"],
        ),
        (
            &["validate", "b", "--allow", "permit-all"],
            0,
            &["request-attribute"],
        ),
        (&["validate", "b", "--allow", "all"], 0, &[]),
        (&["test", "b", "--allow", "all"], 0, &[]),
        (
            &["test", "b", "--allow", "all", "--deny", "untested-policy"],
            7,
            &["untested-policy"],
        ),
        (
            &["test", "b", "--deny", "all", "--filter", "hers"],
            7,
            &["request-attribute", "optional-pack", "permit-all"],
        ),
        (&["validate", "b", "--deny", "untested-policy"], 2, &[]),
        (
            &["test", "b", "--deny", "untested-policy", "--filter", "x"],
            2,
            &[],
        ),
        (
            &["test", "b", "--deny", "permit-all", "--allow", "permit-all"],
            2,
            &[],
        ),
        (&["test", "b", "--deny", "permit-al"], 2, &[]),
    ] {
        let run = place.run(arguments);
        assert_eq!(run.code, code, "{arguments:?}: {run:?}");
        if code != 2 {
            let mut found = lints(&run);
            let mut told = told.to_vec();
            found.sort_unstable();
            told.sort_unstable();
            assert_eq!(found, told, "{arguments:?}: {}", run.err);
        }
    }
    let summary = place.run(&["test", "b"]).out;
    assert!(
        summary.contains("with the optional pack `scopes`, which is not applied: "),
        "{summary}"
    );
}

#[test]
fn a_tool_and_an_action_without_a_permit_are_told() {
    let place = Place::new();
    place.write(
        "b/schemas/b.cedarschema",
        "entity user;\nentity group;\nentity tool in [group];\n\
         action \"tools/call\" appliesTo { principal: user, resource: tool };\n\
         action \"tools/call:s/close\" in [\"tools/call\"] appliesTo { principal: user, resource: tool };\n\
         action \"list\" appliesTo { principal: user, resource: group };\n",
    );
    place.write(
        "b/policies/entities.json",
        "[{ \"uid\": { \"type\": \"tool\", \"id\": \"s/find\" }, \"attrs\": {}, \"parents\": [{ \"type\": \"group\", \"id\": \"g\" }] },\n\
         { \"uid\": { \"type\": \"tool\", \"id\": \"s/lone\" }, \"attrs\": {}, \"parents\": [] },\n\
         { \"uid\": { \"type\": \"tool\", \"id\": \"s/close\" }, \"attrs\": {}, \"parents\": [] }]\n",
    );
    place.write(
        "b/policies/b.cedar",
        "@id(\"g\") permit (principal is user, action, resource in group::\"g\");\n\
         @id(\"other\") permit (principal is user, action == Action::\"tools/call:s/close\", resource == tool::\"s/close\");\n",
    );
    let run = place.run(&["validate", "b"]);
    assert_eq!(lints(&run), ["unpermitted"], "{}", run.err);
    assert!(
        run.err.contains("no permit is meant for `tool:s/lone`"),
        "{}",
        run.err
    );
    assert!(run.err.contains("policies/entities.json:2:"), "{}", run.err);
    place.write(
        "b/policies/b.cedar",
        "@id(\"g\") permit (principal is user, action in Action::\"tools/call\", resource == tool::\"s/lone\");\n",
    );
    let run = place.run(&["validate", "b", "--deny", "unpermitted"]);
    assert_eq!(run.code, 7);
    for told in [
        "the action `list`",
        "the action `tools/call:s/close`",
        "`tool:s/find`",
    ] {
        assert!(
            run.err.contains(&format!("no permit is meant for {told}")),
            "{told}: {}",
            run.err
        );
    }
    assert_eq!(lints(&run).len(), 3, "{}", run.err);
    assert!(run.err.contains("schemas/b.cedarschema:5:8"), "{}", run.err);
}

/// Texts that occur earlier in the file, letters of two bytes, and mistakes in things that several
/// cases share: each has its own line, and is told once.
#[test]
fn mistakes_in_cases_and_tuples_are_told_once_in_order_at_their_lines() {
    let place = Place::new();
    place.write("b/schemas/b.cedarschema", SCHEMA);
    place.write(
        "b/schemas/b.fga",
        "model\n  schema 1.1\ntype user\ntype agent\ntype doc\n  relations\n    define viewer: [user, agent]\n",
    );
    place.write("b/policies/b.cedar", POLICIES);
    place.write(
        "b/policies/a.tuples.yaml",
        "# user:ann viewr doc:é\n- { user: \"user:ann\", relation: viewer, object: \"doc:é\" }\n\
         - user: user:ann\n  relation: viewr\n  object: doc:a\n- { user: \"team:x\", relation: viewer, object: \"doc:é\" }\n",
    );
    place.write(
        "b/policies/cases.yaml",
        "# bad worse like: hers\ngiven:\n  tuples:\n    - { user: \"user:ben\", relation: viewr, object: \"doc:a\" }\n\
         cases:\n  - name: bad é\n    who: user:ann\n    does: read\n    to: \"doc\"\n    expect: permit\n\
         \x20 - name: worse\n    like: bad\n    expect: permit\n  - { name: third, like: bad é, expect: maybe }\n\
         \x20 - name: fourth\n    who: user:ann\n    does: read\n    to: doc:a\n    given: { tuples: [] }\n    expect: deny\n",
    );
    let run = place.run(&["validate", "b"]);
    assert_eq!(run.code, 4, "{run:?}");
    let places: Vec<&str> = run
        .err
        .lines()
        .filter_map(|line| Some(line.split_once("╭─[policies/")?.1.split_once(']')?.0))
        .collect();
    let told = [
        "a.tuples.yaml:4:13",
        "a.tuples.yaml:6:11",
        "cases.yaml:4:37",
        "cases.yaml:12:11",
        "cases.yaml:19:22",
    ];
    assert_eq!(places, told, "{}", run.err);
    assert!(
        run.err
            .contains("is an empty list, which takes nothing away"),
        "{}",
        run.err
    );
    // What the tuple hid is told once that is right.
    let cases = std::fs::read_to_string(place.path("b/policies/cases.yaml")).unwrap();
    place.write(
        "b/policies/cases.yaml",
        &cases.replace("relation: viewr", "relation: viewer"),
    );
    let run = place.run(&["validate", "b"]);
    for told in ["cases.yaml:9:9", "cases.yaml:14:42"] {
        assert_eq!(run.err.matches(told).count(), 1, "{told}: {}", run.err);
    }
}

#[test]
fn remedies_are_in_the_words_of_the_author() {
    let place = Place::new();
    place.write(
        "b/schemas/b.cedarschema",
        "entity user;\nentity doc { owner?: user };\naction read appliesTo { principal: user, resource: doc,\n\
         context: { arguments?: { ticket?: String } } };\n",
    );
    place.write(
        "b/schemas/b.fga",
        "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n    define editor: [user]\n",
    );
    for (condition, told) in [
        (
            "context.arguments.ticket == \"x\"",
            "write `context has arguments.ticket && …` before it",
        ),
        (
            "resource.owner == principal",
            "write `resource has owner && …` before it",
        ),
        (
            "principal in resource.viewr",
            "type `doc` has no relation `viewr`|did you mean `viewer`?",
        ),
        (
            "principal in resource.reader",
            "type `doc` has no relation `reader`|its relations are `editor`, `viewer`",
        ),
        (
            "resource.zone == \"x\"",
            "the attributes of `doc` are `owner`",
        ),
        ("context.zone == \"x\"", "the context has `arguments`"),
        (
            "principal in Userset::\"doc:a#viewr\"",
            "type `doc` has no relation `viewr`|did you mean `Userset::\"doc:a#viewer\"`?",
        ),
        (
            "principal in Userset::\"dok:a#viewer\"",
            "the relation model has no type `dok`|did you mean `Userset::\"doc:a#viewer\"`?",
        ),
        (
            "principal in Userset::\"doc:a#owner\"",
            "its relations are `editor`, `viewer`",
        ),
        (
            "principal in Userset::\"doc:a\"",
            "it names no relation|write `Userset::\"doc:a#",
        ),
        (
            "resource.viewer",
            "a relation is no value: `resource.viewer`|`principal in resource.viewer`",
        ),
        ("resource.viewer == principal", "say `X in resource.viewer`"),
    ] {
        place.write(
            "b/policies/b.cedar",
            &format!("@id(\"p\") permit (principal, action, resource) when {{ {condition} }};"),
        );
        let run = place.run(&["validate", "b"]);
        let text = run.err.replace("\n  │ ", " ").replace("\n        ", " ");
        for told in told.split('|') {
            assert!(text.contains(told), "{condition}: {told}: {}", run.err);
        }
        assert_eq!(run.err.matches('×').count(), 1, "{condition}: {}", run.err);
    }
}

/// The script of the action for GitHub, with what its inputs become.
#[test]
fn the_action_for_github_runs_the_program_that_it_is_given() {
    let place = place("");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let action = std::fs::read_to_string(root.join("action.yml")).unwrap();
    let (_, script) = action.split_once("      run: |\n").unwrap();
    let script: String = script
        .lines()
        .map(|line| format!("{}\n", line.trim_start_matches("        ")))
        .collect();
    let run = |variables: &[(&str, &str)]| {
        let mut command = std::process::Command::new("bash");
        command
            .args(["-c", &script])
            .current_dir(place.0.path())
            .env("BUNDLE", "b");
        for name in [
            "PROGRAM",
            "MIN_COVERAGE",
            "DENY",
            "ALLOW",
            "JUNIT",
            "RELEASE",
        ] {
            command.env(name, "");
        }
        command.envs(variables.iter().copied());
        let output = command.output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let program = env!("CARGO_BIN_EXE_behest");
    let (code, out) = run(&[("PROGRAM", program), ("JUNIT", "r.xml")]);
    assert!(
        code == 0 && out.contains("::warning file=b/policies/b.cedar,line=4,"),
        "{out}"
    );
    assert!(
        std::fs::read_to_string(place.path("r.xml"))
            .unwrap()
            .contains("<testsuites")
    );
    assert_eq!(
        run(&[
            ("PROGRAM", program),
            ("MIN_COVERAGE", "90"),
            ("ALLOW", "all")
        ])
        .0,
        6
    );
    assert_eq!(run(&[("PROGRAM", program), ("DENY", "all; touch x")]).0, 2);
    assert!(!place.path("x").exists());
    let (code, out) = run(&[("RELEASE", "main")]);
    assert!(
        code == 2 && out.starts_with("::error title=behest::use the action at a release"),
        "{out}"
    );
}

/// An id that nothing else knows is told where one is a slip away that something does know.
#[expect(
    clippy::too_many_lines,
    reason = "one bundle, and each place where an id can stand"
)]
#[test]
fn a_misspelt_id_in_a_policy_or_a_tuple_is_told() {
    let place = Place::new();
    place.write(
        "m/schemas/m.cedarschema",
        "entity user in group;\nentity group;\nentity tool;\n\
         action call appliesTo { principal: user, resource: tool };\n",
    );
    place.write(
        "m/schemas/m.fga",
        "model\n  schema 1.1\ntype user\ntype team\n  relations\n    \
         define member: [user]\ntype tool\n  relations\n    define caller: [user, team#member]\n",
    );
    place.write("m/policies/bundle.toml", "packs = []\n");
    let policies = |tool: &str, group: &str, team: &str| {
        place.write(
            "m/policies/m.cedar",
            &format!(
                "@id(\"send\")\npermit (principal, action, resource == tool::\"{tool}\")\n\
                 when {{ principal in group::\"{group}\" ||\n  \
                 principal in Userset::\"team:{team}#member\" }};\n"
            ),
        );
    };
    let tuples = |userset: &str, object: &str| {
        place.write(
            "m/policies/tuples.yaml",
            &format!(
                "- {{ user: \"user:ann\", relation: member, object: \"team:office\" }}\n\
                 - {{ user: \"team:{userset}#member\", relation: caller, object: \"tool:{object}\" }}\n"
            ),
        );
    };
    place.write(
        "m/policies/entities.json",
        "[{\"uid\": {\"type\": \"group\", \"id\": \"staff\"}, \"attrs\": {}, \"parents\": []}]",
    );
    place.write(
        "m/policies/cases.yaml",
        "cases:\n  - name: someone else\n    who: user:bob\n    does: call\n    \
         to: tool:office/mail.send\n    expect: deny\n",
    );
    let run = || {
        place.run(&[
            "validate",
            "m",
            "--deny",
            "misspelt-id",
            "--allow",
            "unpermitted",
        ])
    };
    policies("office/mail.send", "staff", "office");
    tuples("office", "office/mail.send");
    let clean = run();
    assert!(clean.code == 0 && clean.err.is_empty(), "{clean:?}");
    for (tool, group, team, userset, object, told, place_told) in [
        (
            "office/mail.sned",
            "staff",
            "office",
            "office",
            "office/mail.send",
            "the policy `send` names `tool:office/mail.sned`, which is",
            "policies/m.cedar:2:",
        ),
        (
            "office/mail.send",
            "stafff",
            "office",
            "office",
            "office/mail.send",
            "the policy `send` names `group:stafff`, which is",
            "policies/m.cedar:3:",
        ),
        (
            "office/mail.send",
            "staff",
            "ofice",
            "office",
            "office/mail.send",
            "the policy `send` names `team:ofice`, which is",
            "policies/m.cedar:4:",
        ),
        (
            "office/mail.send",
            "staff",
            "office",
            "offcie",
            "office/mail.send",
            "a tuple names `team:offcie`, which is",
            "policies/tuples.yaml:2:",
        ),
        (
            "office/mail.send",
            "staff",
            "office",
            "office",
            "office/mail.snd",
            "a tuple names `tool:office/mail.snd`, which is",
            "policies/tuples.yaml:2:",
        ),
    ] {
        policies(tool, group, team);
        tuples(userset, object);
        let found = run();
        assert_eq!(found.code, 7, "{found:?}");
        assert_eq!(lints(&found), ["misspelt-id"], "{}", found.err);
        for part in [told, place_told, "did you mean `"] {
            assert!(found.err.contains(part), "{part}: {}", found.err);
        }
    }
    // Names that differ much, or in a number, or are short, are other names.
    policies("office/calendar", "staff", "office");
    tuples("office", "office/mail2.send");
    let other = run();
    assert_eq!(other.code, 0, "{other:?}");
}

#[test]
fn nothing_is_misspelt_in_what_comes_with_the_program() {
    let place = Place::new();
    let deny = ["--deny", "misspelt-id", "--allow", "all"];
    let default = place.run(&[&["validate"], &deny[..]].concat());
    assert!(default.code == 0 && default.err.is_empty(), "{default:?}");
    for template in ["notes", "mcp", "saas"] {
        place.run(&["init", template, "--template", template]);
        let told = place.run(&[&["validate", template], &deny[..]].concat());
        assert!(told.code == 0 && told.err.is_empty(), "{told:?}");
    }
}
