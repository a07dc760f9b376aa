//! Commands that read a bundle and end.

use support::place::{KEY, Place, Service, done, failed, refund};

#[test]
fn a_command_line_that_makes_no_sense_is_exit_code_2() {
    let place = Place::new();
    let unknown = place.run(&["--lisen", "x"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown
            .err
            .starts_with("error: unexpected argument '--lisen' found"),
        "{}",
        unknown.err
    );
    for arguments in [
        &["explain"] as &[&str],
        &["explain", "user:alice", "tools/call"],
        &[
            "explain",
            "x.json",
            "--url",
            "http://127.0.0.1:1",
            "--bundle",
            "bundle",
        ],
        &["test", "--filter", "("],
        &["pack"],
        &["--bundle", "bundle", "validate"],
    ] {
        assert_eq!(place.run(arguments).code, 2, "{arguments:?}");
    }
}

/// `behest --bundle DIR serve` is what many type first.
#[test]
fn a_flag_before_the_command_is_told_where_it_belongs() {
    let place = Place::new();
    for (arguments, told) in [
        (
            &["--bundle", "bundle", "serve"] as &[&str],
            "error: `--bundle` stands before the command: write `behest serve --bundle …`\n",
        ),
        (
            &["--bundle", "bundle", "validate"],
            "error: `--bundle` stands before the command: write `behest validate --bundle …`\n",
        ),
        (
            &["--public-url", "https://x", "serve", "--bundle", "bundle"],
            "error: `--public-url` stands before the command: write `behest serve --public-url …`\n",
        ),
        (
            &["--listen", "unix:s", "test"],
            "error: `--listen` is none of the options of `behest test`: leave it out\n",
        ),
        (
            &["--data", "data", "pack", "list"],
            "error: `--data` is none of the options of `behest pack`: leave it out\n",
        ),
    ] {
        let refused = place.run(arguments);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.starts_with(told), "{}", refused.err);
    }
}

#[test]
fn help_shows_examples_and_the_version_is_told() {
    let place = Place::new();
    assert_eq!(
        place.run(&["--version"]),
        done(&format!("behest {}\n", env!("CARGO_PKG_VERSION")))
    );
    for (arguments, example) in [
        (
            &["--help"] as &[&str],
            "behest explain 'user:alice > agent:orchestrator' tools/call tool:github/review",
        ),
        (&["explain", "--help"], "behest explain request.json"),
        (&["serve", "--help"], "--public-url <URL>"),
    ] {
        let help = place.run(arguments);
        assert!(help.code == 0 && help.out.contains(example), "{}", help.out);
    }
}

#[test]
fn validate_underlines_what_is_wrong() {
    let place = Place::new();
    let ok = place.run(&["validate", "--bundle", "bundle"]);
    assert!(
        ok.code == 0 && ok.out.starts_with("ok: the bundle in `bundle` ") && ok.err.is_empty(),
        "{ok:?}"
    );
    let unrun = "\nits 2 cases were not run: `behest test --bundle bundle` does that\n";
    assert!(ok.out.ends_with(unrun), "{}", ok.out);
    place.write_policies("\"many\"");
    let bad = place.run_with(&["validate"], &[("BEHEST_BUNDLE", "bundle")], "");
    assert!(bad.code == 4 && bad.out.is_empty(), "{bad:?}");
    assert!(bad.err.contains("policies/tools.cedar:6:"), "{}", bad.err);
    assert!(
        !bad.err.contains('\u{1b}'),
        "no colours where nobody sees them"
    );
}

/// Whoever stands in a bundle means that one. A service never takes it: it decides by what its
/// settings name.
#[test]
fn the_bundle_in_the_working_directory_is_taken_and_told() {
    let place = Place::new();
    let here = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = place.command(arguments);
        command
            .envs(variables.iter().copied())
            .current_dir(place.path("bundle"));
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    };
    let note = "note: this is about the bundle in this directory; `--bundle DIR` names another\n";
    let question = ["user:alice", "tools/call", "tool:refund"];
    for (arguments, told) in [
        (vec!["test"], "the bundle in `.` "),
        (vec!["validate"], "ok: the bundle in `.` "),
        ([&["explain"], &question[..]].concat(), "by permit `users`"),
        (
            vec!["search", "user:alice", "tool:refund"],
            "tools/call  by users",
        ),
        (vec!["schema"], "entity tool;"),
    ] {
        let (out, err) = here(&arguments, &[]);
        assert!(out.contains(told), "{arguments:?}: {out}{err}");
        assert_eq!(err, note, "{arguments:?}");
    }
    let (_, named) = here(&["validate", "."], &[]);
    assert!(!named.contains("note:"), "{named}");
    let (out, variable) = here(&["test"], &[("BEHEST_BUNDLE", ".")]);
    assert!(
        out.contains("2 passed") && variable.is_empty(),
        "{variable}"
    );
    // Beside a bundle there is none.
    let elsewhere = place.run(&["validate"]);
    assert!(
        elsewhere.out.starts_with("ok: the default bundle ") && !elsewhere.err.contains("note:"),
        "{elsewhere:?}"
    );

    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command
        .env("BEHEST_ADMIN_KEY", KEY)
        .current_dir(place.path("bundle"));
    let service = Service::start(command);
    let question = [
        "explain",
        "--url",
        &service.url(),
        "user:alice",
        "read",
        "document:runbook",
    ];
    let served = place.run_with(&question, &[("BEHEST_KEY", KEY)], "");
    assert!(
        served.code == 0 && !served.out.contains("unknown_"),
        "a service takes the default bundle: {served:?}"
    );
    service.stop();
}

#[test]
fn a_bundle_that_cannot_be_read_is_one_sentence_with_its_remedy() {
    let place = Place::new();
    place.write("file", "");
    std::os::unix::fs::symlink("/nonexistent", place.path("bundle/policies/lost.cedar")).unwrap();
    for (bundle, sentence) in [
        (
            "missing",
            "cannot read the bundle `missing`: No such file or directory",
        ),
        ("file", "holds neither `schemas/` nor `policies/`"),
        ("bundle", "policies/lost.cedar"),
    ] {
        for command in ["validate", "test", "schema", "serve"] {
            let refused = place.run(&[command, "--bundle", bundle]);
            assert!(
                refused.code == 4 && refused.err.contains(sentence),
                "{command} {bundle}: {refused:?}"
            );
        }
    }
}

#[test]
fn test_runs_the_cases_and_explains_those_that_fail() {
    let place = Place::new();
    let ok = place.run(&["test", "--bundle", "bundle"]);
    assert!(
        ok.code == 0 && ok.out.starts_with("ok: 2 passed of 2 cases\n"),
        "{ok:?}"
    );
    let one = place.run(&["test", "--bundle", "bundle", "--filter", "litt.e"]);
    assert!(
        one.code == 0 && one.out.starts_with("ok: 1 passed of 1 cases\n"),
        "{one:?}"
    );
    let none = place.run(&["test", "--bundle", "bundle", "--filter", "lots"]);
    assert_eq!(
        none,
        failed(
            "error: no case of the bundle in `bundle` has a name that matches `lots`\n  help: leave `--filter` out \
             to run them all\n"
        )
    );
    place.write_policies("3");
    let bad = place.run(&["test", "--bundle", "bundle"]);
    assert_eq!(bad.code, 1);
    for part in [
        "failed policies/cases.yaml:7: an agent refunds little",
        "expected  permit",
        "amount < 3",
        "1 failed: 1 passed of 2",
    ] {
        assert!(bad.out.contains(part), "{part}: {}", bad.out);
    }
}

#[test]
fn explain_shows_each_leg_with_what_was_missing() {
    let place = Place::new();
    let denied = place.run(&refund(
        r#"{"arguments":{"amount":500}}"#,
        &["--bundle", "bundle"],
    ));
    assert_eq!(
        (denied.code, denied.err.as_str()),
        (0, ""),
        "a denial is an answer"
    );
    let (text, bundle) = denied.out.split_once("bundle ").unwrap();
    assert_eq!(
        text,
        "deny: no policy permits `agent:copilot` to `tools/call` on `tool:refund` (not_permitted)\n  \
         asserted, not proven: user:alice, agent:copilot\n  \
         user:alice: permit\n    by permit `users` at policies/tools.cedar:1\n  agent:copilot: deny (not_permitted)\n    \
         not permit `agents-small` at policies/tools.cedar:4\n      because this does not hold (line 6): \
         context.arguments.amount < 100\n        context.arguments.amount = 500\n"
    );
    assert!(bundle.ends_with(", revision 0\n"), "{bundle}");
    let permitted = place.run(&refund(
        r#"{"arguments":{"amount":5}}"#,
        &["--bundle", "bundle"],
    ));
    assert!(
        permitted.code == 0 && permitted.out.starts_with("permit\n"),
        "{permitted:?}"
    );
}

#[test]
fn explain_takes_a_file_or_standard_input_and_answers_in_json() {
    let place = Place::new();
    let request = r#"{"subject":{"type":"user","id":"alice","properties":{"act":{"sub":"copilot"}}},
        "action":{"name":"tools/call"},"resource":{"type":"tool","id":"refund"}}"#;
    place.write("request.json", request);
    let from_file = place.run(&["explain", "--json", "--bundle", "bundle", "request.json"]);
    let from_input = place.run_with(
        &["explain", "--json", "--bundle", "bundle", "-"],
        &[],
        request,
    );
    for output in [from_file, from_input] {
        let answer: serde_json::Value = serde_json::from_str(&output.out).unwrap();
        assert_eq!(answer["decision"], false, "{output:?}");
        assert_eq!(
            answer["context"]["reason"]["principal"],
            serde_json::json!({"type": "agent", "id": "copilot"})
        );
        assert_eq!(
            answer["context"]["explanation"]["legs"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
    }
}

#[test]
fn explain_says_what_is_wrong_with_a_request() {
    let place = Place::new();
    let explain = |input: &str| {
        place
            .run_with(&["explain", "--bundle", "bundle", "-"], &[], input)
            .err
    };
    for (input, sentence) in [
        (
            r#"{"subject":{"type":"user"}}"#,
            "error: the request is not of its form: `subject.id` is missing\n",
        ),
        (
            r#"{"a":1,"a":2}"#,
            "`a` occurs more than once in its object",
        ),
        ("[]", "error: the request must be an object, not an array\n"),
        (r#"{"evaluations":[]}"#, "error: the request is a batch\n"),
        (
            r#"{"options":{"unknown":["arguments"]}}"#,
            "error: `options.unknown` cannot be explained\n",
        ),
    ] {
        let err = explain(input);
        assert!(
            err.contains(sentence) && err.contains("\n  help: "),
            "{input}: {err}"
        );
    }
    assert_eq!(
        place.run(&["explain", "nothing.json"]),
        failed(
            "error: the request `nothing.json` cannot be read: No such file or directory (os error 2)\n  help: name a \
             file with an AuthZEN request, `-`, or a chain with an action and a resource\n"
        )
    );
    assert_eq!(
        place
            .run(&["explain", "alice", "tools/call", "tool:refund"])
            .err,
        "error: `alice` is not of the form `type:id`\n  help: see the examples of `behest explain --help`\n"
    );
}

#[test]
fn the_schema_is_printed_or_written() {
    let place = Place::new();
    let printed = place.run(&["schema", "--bundle", "bundle"]);
    assert!(
        printed.code == 0 && printed.out.contains("action \"tools/call\" appliesTo {"),
        "{printed:?}"
    );
    let written = place.run(&["schema", "--bundle", "bundle", "--write", "all.cedarschema"]);
    assert_eq!((written.code, written.out.as_str()), (0, ""));
    assert_eq!(
        std::fs::read_to_string(place.path("all.cedarschema")).unwrap(),
        printed.out
    );
    let nowhere = place.run(&["schema", "--bundle", "bundle", "--write", "no/where"]);
    assert_eq!(
        nowhere,
        failed(
            "error: `no/where` cannot be written: No such file or directory (os error 2)\n  help: name a file in a \
             directory that exists and that you may write to\n"
        )
    );
}

#[test]
fn the_schemas_for_editors_are_printed_or_written() {
    let place = Place::new();
    for name in ["cases", "tuples", "bundle", "behest"] {
        let committed = format!(
            "{}/editors/schemas/{name}.schema.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let committed = std::fs::read_to_string(committed).unwrap();
        assert_eq!(
            place.run(&["schema", "--json-schema", name]),
            done(&committed)
        );
        let file = format!("{name}.json");
        let written = place.run(&["schema", "--json-schema", name, "--write", &file]);
        assert_eq!((written.code, written.out.as_str()), (0, ""));
        assert_eq!(
            std::fs::read_to_string(place.path(&file)).unwrap(),
            committed
        );
    }
    let unknown = place.run(&["schema", "--json-schema", "polices"]);
    assert!(
        unknown.code == 2
            && unknown
                .err
                .contains("possible values: cases, tuples, bundle, behest"),
        "{unknown:?}"
    );
    let both = place.run(&["schema", "bundle", "--json-schema", "cases"]);
    assert!(
        both.code == 2 && both.err.contains("cannot be used with"),
        "{both:?}"
    );
}

#[test]
fn packs_are_found_by_name() {
    let place = Place::new();
    assert_eq!(place.run(&["pack", "list"]).code, 0);
    let shown = place.run(&["pack", "show", "delegation"]).out;
    for path in [
        "policies/packs/delegation/delegation.cedar",
        "schemas/packs/delegation.fga",
    ] {
        assert!(shown.contains(&format!("==> {path} <==\n")), "{shown}");
    }
    assert!(shown.contains("condition grant_until("), "{shown}");
    assert_eq!(
        place.run(&["pack", "show", "delagation"]),
        failed(
            "error: there is no pack `delagation`\n  help: `behest pack list` names those there are\n"
        )
    );
}

#[test]
fn search_prints_a_table_or_json() {
    let place = Place::new();
    place.write(
        "bundle/policies/entities.json",
        r#"[{"uid": {"type": "tool", "id": "refund"}, "attrs": {}, "parents": []}]"#,
    );
    let search =
        |arguments: &[&str]| place.run(&[&["search", "--bundle", "bundle"], arguments].concat());
    let tools = search(&["user:alice", "tools/call", "tool"]);
    assert_eq!(tools, done("tool:refund  by users\n1 resource\n"));
    let chain = ["user:alice > agent:copilot", "tools/call", "tool"];
    let nothing = "0 resources\nnot_permitted: of what is known of the type `tool` nothing is \
                   permitted; with some arguments something is permitted: send \
                   `context.arguments`, or ask with `options.unknown: [\"arguments\"]`\n";
    assert_eq!(search(&chain), done(nothing));
    let open = search(&[&chain[..], &["--unknown-arguments"]].concat());
    assert_eq!(
        open,
        done(
            "tool:refund  by users, agents-small\n1 resource, with some arguments; no call is permitted by this\n"
        )
    );
    let with = search(
        &[
            &chain[..],
            &["--context", r#"{"arguments": {"amount": 5}}"#, "--json"],
        ]
        .concat(),
    );
    let json: serde_json::Value = serde_json::from_str(&with.out).unwrap();
    let policies = serde_json::json!(["users", "agents-small"]);
    assert_eq!(
        json,
        serde_json::json!({"results": [{"type": "tool", "id": "refund", "policies": policies}], "more": false})
    );
    assert_eq!(
        search(&["user:alice", "tool:refund"]),
        done("tools/call  by users\n1 action\n")
    );
    for (chain, kind) in [
        ("user > agent:copilot", "user"),
        ("user:alice > agent", "agent"),
    ] {
        let found = search(&[chain, "tools/call", "tool:refund"]).out;
        let (count, reason) = found.split_once('\n').unwrap();
        assert_eq!(count, "0 subjects");
        assert!(
            reason.starts_with(&format!(
                "not_permitted: nothing of the type `{kind}` is known"
            )),
            "{reason}"
        );
    }
}

#[test]
fn a_search_that_makes_no_sense_says_what_is_missing() {
    let place = Place::new();
    for (arguments, sentence) in [
        (
            &["user:alice", "tools/call", "tool:refund"] as &[&str],
            "error: nothing is searched for: put a type",
        ),
        (
            &["user", "tools/call", "tool"],
            "error: two things are searched for",
        ),
        (
            &["user > agent", "tools/call", "tool:refund"],
            "error: two things are searched for",
        ),
        (
            &["user:a > user > agent:b", "x", "tool:t"],
            "error: what is searched for stands first or last in its chain",
        ),
        (
            &["user > robot:b", "x", "tool:t"],
            "error: behind what is searched for there can only be agents",
        ),
        (
            &["user:", "x", "tool"],
            "error: `user:` is not of the form `type:id`",
        ),
        (
            &["user:a", "x", "tool", "--context", "[]"],
            "error: `--context` must be an object, not an array",
        ),
    ] {
        let refused = place.run(&[&["search"], arguments].concat());
        assert!(
            refused.code == 1 && refused.err.starts_with(sentence),
            "{arguments:?}: {refused:?}"
        );
        assert!(
            refused
                .err
                .contains("\n  help: see the examples of `behest search --help`\n"),
            "{refused:?}"
        );
    }
}
