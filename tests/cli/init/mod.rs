//! `behest init`: every bundle that it writes loads without a warning and passes its cases.

mod hostile;
mod server;

use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use support::place::Place;

/// Real tool lists, and how many of their tools only read.
const LISTS: [(&str, &str, usize, usize); 5] = [
    (
        "filesystem",
        include_str!("../tools/filesystem.json"),
        14,
        10,
    ),
    (
        "everything",
        include_str!("../tools/everything.json"),
        13,
        9,
    ),
    ("memory", include_str!("../tools/memory.json"), 9, 3),
    ("git", include_str!("../tools/git.json"), 12, 7),
    ("fetch", include_str!("../tools/fetch.json"), 1, 1),
];

/// Every file below a directory, by its path.
fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let path = path.strip_prefix(dir).unwrap();
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Checks that a bundle loads without a warning, passes its cases, and has so many policies.
fn passes(place: &Place, dir: &str, policies: Option<usize>) {
    let valid = place.run(&["validate", "--bundle", dir]);
    assert!(valid.code == 0 && valid.err.is_empty(), "{dir}: {valid:?}");
    if let Some(policies) = policies {
        let counted = format!(", {policies} policies, ");
        assert!(valid.out.contains(&counted), "{counted}: {}", valid.out);
    }
    let tested = place.run(&["test", "--bundle", dir]);
    assert!(tested.code == 0 && tested.err.is_empty(), "{tested:?}");
    assert!(tested.out.contains("ok: "), "{tested:?}");
}

/// How many policies a bundle for so many tools has: one for each, those about the server, agents
/// and changes, and four of the packs.
fn policies(tools: usize, changes: bool) -> usize {
    tools + 2 + usize::from(changes) + 4
}

#[test]
fn every_template_loads_without_a_warning_and_passes_its_cases() {
    let place = Place::new();
    for template in ["notes", "mcp", "saas"] {
        let dir = format!("made/{template}");
        let made = place.run(&["init", &dir, "--template", template]);
        assert!(made.code == 0 && made.err.is_empty(), "{made:?}");
        passes(&place, &dir, None);
        let readme = fs::read_to_string(place.path(&dir).join("README.md")).unwrap();
        let files = files(&place.path(&dir));
        for file in &files {
            let told = format!("  {dir}/{file}\n");
            assert!(made.out.contains(&told), "{told}{}", made.out);
            let row = format!("| `{file}` |");
            assert!(
                file == "README.md" || readme.contains(&row),
                "{template}: {row}"
            );
        }
        for kind in [".cedarschema", ".cedar", "cases.yaml", "bundle.toml"] {
            assert!(files.iter().any(|file| file.ends_with(kind)), "{files:?}");
        }
        let path = place.path(&dir).join(".github/workflows/behest.yml");
        let ci = fs::read_to_string(path).unwrap();
        assert!(ci.contains("run: behest test --bundle .\n"), "{ci}");
    }
    let usual = place.run(&["init", "usual"]);
    assert_eq!(usual.code, 0, "{usual:?}");
    assert_eq!(
        files(&place.path("usual")),
        files(&place.path("made/notes"))
    );
}

#[test]
fn nothing_that_exists_is_written_over() {
    let place = Place::new();
    for (taken, told) in [
        ("a/README.md", "`a/README.md` exists: nothing was written"),
        (
            "b/policies/mine.cedar",
            "`b/policies` exists: nothing was written",
        ),
        (
            "c/.github/workflows/behest.yml",
            "`c/.github/workflows/behest.yml` exists: nothing was written",
        ),
    ] {
        place.write(taken, "mine");
        let dir = &taken[..1];
        let refused = place.run(&["init", dir]);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.err.contains(told), "{}", refused.err);
        assert!(
            refused.err.contains("help: name a directory"),
            "{}",
            refused.err
        );
        assert_eq!(files(&place.path(dir)), [&taken[2..]]);
        assert_eq!(fs::read_to_string(place.path(taken)).unwrap(), "mine");
    }
    place.write("d/kept.txt", "mine");
    assert_eq!(place.run(&["init", "d"]).code, 0);
    let again = place.run(&["init", "d"]);
    assert!(
        again.err.contains(
            "`d/.github/workflows/behest.yml`, `d/README.md`, `d/policies`, `d/schemas` exist"
        ),
        "{}",
        again.err
    );
}

#[test]
fn options_that_do_not_go_together_are_exit_code_2() {
    let place = Place::new();
    for arguments in [
        &["init", "x", "--template", "blog"] as &[&str],
        &["init", "x", "--template", "mcp", "--from-tools", "-"],
        &["init", "x", "--server", "files"],
    ] {
        assert_eq!(place.run(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn the_tools_of_real_servers_become_a_bundle_that_passes() {
    let place = Place::new();
    for (name, list, tools, reading) in LISTS {
        place.write("tools.json", list);
        let dir = format!("made-{name}");
        let made = place.run(&["init", &dir, "--from-tools", "tools.json", "--server", name]);
        assert!(made.code == 0 && made.err.is_empty(), "{name}: {made:?}");
        passes(&place, &dir, Some(policies(tools, reading < tools)));
        let path = place.path(&dir).join("schemas/tools.cedarschema");
        let schema = fs::read_to_string(path).unwrap();
        let group = |group: &str| {
            schema
                .matches(&format!("\", \"{group}\"] appliesTo"))
                .count()
        };
        let in_tools = schema
            .matches("in [\"tools/call\", \"tools.read\"]")
            .count();
        assert_eq!(in_tools, reading, "{name}: {schema}");
        assert_eq!(group("tools.read") + group("tools.change"), tools, "{name}");
        let readme = fs::read_to_string(place.path(&dir).join("README.md")).unwrap();
        for file in files(&place.path(&dir)) {
            let row = format!("| `{file}` |");
            assert!(file == "README.md" || readme.contains(&row), "{row}");
        }
    }
    let schema = |name: &str| {
        let path = format!("made-{name}/schemas/tools.cedarschema");
        fs::read_to_string(place.path(&path)).unwrap()
    };
    for (name, part) in [
        (
            "filesystem",
            "    arguments: {\n      head?: decimal,\n      path: String,\n",
        ),
        ("filesystem", "paths: Set<String>,"),
        (
            "git",
            "      context_lines?: Long,\n      repo_path: String,\n",
        ),
        ("everything", "action \"tools/call:everything/get-sum\" in"),
    ] {
        assert!(schema(name).contains(part), "{part}\n{}", schema(name));
    }
}

/// A permit is a permit of that tool for these people, and what is typed decides.
#[test]
fn a_rule_on_an_argument_of_a_generated_action_decides() {
    let place = Place::new();
    place.write("tools.json", LISTS[3].1);
    let made = place.run(&[
        "init",
        "git",
        "--from-tools",
        "tools.json",
        "--server",
        "git",
    ]);
    assert_eq!(made.code, 0, "{made:?}");
    place.write(
        "git/policies/limit.cedar",
        "@id(\"limit\") @reason(\"too_many\")\n\
         forbid (principal, action == Action::\"tools/call:git/git_log\", resource)\n\
         when { context.arguments has max_count && context.arguments.max_count > 10 };\n",
    );
    let ask = |who: &str, count: u32| {
        let context = json!({ "arguments": { "repo_path": "/r", "max_count": count } }).to_string();
        let tool = "tool:git/git_log";
        let arguments = ["explain", who, "tools/call", tool, "--bundle", "git"];
        let asked = place.run(&[&arguments as &[&str], &["--context", &context]].concat());
        asked.out.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(ask("user:ann > agent:assistant", 10), "permit");
    assert!(ask("user:ann > agent:assistant", 11).ends_with("(too_many)"));
    assert!(ask("user:eve", 10).ends_with("(tool_not_granted)"));
}

#[test]
fn the_answer_its_result_and_the_bare_list_are_the_same() {
    let place = Place::new();
    let answer: Value = serde_json::from_str(LISTS[0].1).unwrap();
    let forms = [
        answer.clone(),
        answer["result"].clone(),
        answer["result"]["tools"].clone(),
    ];
    let mut made = Vec::new();
    for (at, form) in forms.iter().enumerate() {
        let dir = format!("form{at}");
        let arguments = ["init", &dir, "--from-tools", "-"];
        let done = place.run_with(&arguments, &[], &form.to_string());
        assert_eq!(done.code, 0, "{done:?}");
        let folder = place.path(&dir);
        let texts = files(&folder).into_iter().map(|file| {
            let text = fs::read_to_string(folder.join(&file)).unwrap();
            (file, text)
        });
        made.push(texts.collect::<Vec<_>>());
    }
    assert!(made[0] == made[1] && made[1] == made[2]);
    let schema = fs::read_to_string(place.path("form0/schemas/tools.cedarschema")).unwrap();
    assert!(
        schema.contains("action \"tools/call:server/read_file\" in"),
        "{schema}"
    );
}

#[test]
fn what_is_no_list_of_tools_is_one_sentence_with_its_remedy() {
    let place = Place::new();
    let deep = format!(
        "[{{\"name\": \"a\", \"inputSchema\": {}{}}}]",
        "{\"properties\":".repeat(300),
        "}".repeat(300)
    );
    for (text, told) in [
        ("", "the list of tools"),
        ("[", "the list of tools"),
        ("7", "the list of tools"),
        ("{}", "the list has no member `tools`"),
        ("[]", "the list has no tools"),
        ("{\"tools\": 7}", "`tools` is a number, and no array"),
        ("[7]", "`tools[0]` is a number, and no object"),
        ("[{}]", "`tools[0]` has no `name` that is a string"),
        (
            "[{\"name\": \"\"}]",
            "a name that no policy can be about: ``",
        ),
        (
            "[{\"name\": \"a\\u001b[2J\"}]",
            "a name that no policy can be about: `a\\u{1b}[2J`",
        ),
        (
            "[{\"name\": \"a\", \"inputSchema\": []}]",
            "`tools[0]` has an `inputSchema` that is an array, and no object",
        ),
        (
            "[{\"name\": \"a\"}, {\"name\": \"a\"}]",
            "the list has two tools of the name `a`",
        ),
        (
            "[{\"name\": \"a\", \"name\": \"b\"}]",
            "occurs more than once",
        ),
        (
            "{\"error\": {\"code\": 1, \"message\": \"sign in\"}}",
            "the answer is an error: `sign in`",
        ),
        (
            "{\"tools\": [{\"name\": \"a\"}], \"nextCursor\": 5}",
            "`nextCursor` is a number, and no string",
        ),
        (&deep, "the list of tools"),
    ] {
        let refused = place.run_with(&["init", "x", "--from-tools", "-"], &[], text);
        assert_eq!(refused.code, 1, "{text}: {refused:?}");
        assert!(refused.err.contains(told), "{text}: {}", refused.err);
        assert!(
            refused.err.contains("\n  help: "),
            "{text}: {}",
            refused.err
        );
        assert!(!place.path("x").exists(), "{text}");
    }
    let missing = place.run(&["init", "x", "--from-tools", "missing.json"]);
    assert!(
        missing.code == 1 && missing.err.contains("cannot read `missing.json`"),
        "{missing:?}"
    );
    place.write("tools.json", LISTS[4].1);
    for name in ["", "a/b", "a:b", "a\"b", &"x".repeat(65)] {
        let named = ["init", "x", "--from-tools", "tools.json", "--server", name];
        let refused = place.run(&named);
        let told = "cannot be the name of a server";
        assert!(
            refused.code == 1 && refused.err.contains(told),
            "{refused:?}"
        );
    }
}

#[test]
fn a_page_of_several_is_taken_with_a_warning() {
    let place = Place::new();
    let page = json!({ "tools": [{ "name": "a" }], "nextCursor": "2" }).to_string();
    let made = place.run_with(&["init", "x", "--from-tools", "-"], &[], &page);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(
        made.err.starts_with("warning: the list has a `nextCursor`"),
        "{}",
        made.err
    );
    passes(&place, "x", Some(policies(1, true)));
}
