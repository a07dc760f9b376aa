//! A property of generated lists: whatever a server says, the bundle for it loads, has the policies
//! that it should have and passes its cases, or the list is refused in one sentence.

use super::{passes, policies};
use serde_json::{Map, Value, json};
use support::dice::Dice;
use support::place::Place;
use support::seed::seed;

/// What breaks out of a string, a comment or a line, or means something where it stands.
const PARTS: [&str; 42] = [
    "\"",
    "'",
    "\\",
    "\\\"",
    "\n",
    "\r\n",
    "*/",
    "/*",
    "//",
    "#",
    "};",
    "\"); permit (principal, action, resource);",
    "\npermit (principal, action, resource);\n",
    "@id(\"x\")",
    "{{server}}",
    "{principal}",
    "${x}",
    "%0a",
    ": ",
    " #",
    "- ",
    "&a",
    "*a",
    "!!str",
    "|",
    ">",
    "\t",
    "\u{0}",
    "\u{1b}[2J",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{202e}",
    "\u{feff}",
    "\u{200b}",
    "e\u{301}",
    "é",
    "漢字",
    "\u{1f600}",
    "if",
    "in",
    "tools/call:server/a",
];

/// Names that mean something to Cedar, to JSON Schema or in a request.
const NAMES: [&str; 40] = [
    "a",
    "path",
    "if",
    "in",
    "is",
    "has",
    "like",
    "true",
    "false",
    "then",
    "else",
    "principal",
    "action",
    "resource",
    "context",
    "entity",
    "type",
    "namespace",
    "tags",
    "Set",
    "String",
    "Long",
    "__cedar",
    "__entity",
    "__extn",
    "act",
    "agent",
    "user",
    "delegation",
    "on_behalf_of",
    "client_id",
    "credentials",
    "token",
    "now",
    "arguments",
    "id",
    "$ref",
    "properties",
    "decimal",
    "_meta",
];

fn text(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..=dice.below(4) {
        let parts: &[&str] = if dice.chance(50) { &PARTS } else { &NAMES };
        text.push_str(dice.one::<&str>(parts));
    }
    text
}

fn schema(dice: &mut Dice, depth: usize) -> Value {
    let kinds = [
        "string", "integer", "number", "boolean", "null", "any", "\"};",
    ];
    match dice.below(if depth == 0 { 7 } else { 12 }) {
        0..=3 => json!({ "type": dice.one(&kinds), "description": text(dice) }),
        4 => json!({ "enum": [text(dice), text(dice)] }),
        5 => json!({ "type": ["string", "null"], "default": null }),
        6 => {
            json!({ "$ref": dice.one(&["#", "#/properties/a", "#/$defs/a", "#/$defs/b", "x", "#/"]) })
        }
        7 => json!({ "anyOf": [schema(dice, depth - 1), { "type": "null" }] }),
        8 => json!({ "type": "array", "items": schema(dice, depth - 1) }),
        9 => json!(dice.one(&[json!(true), json!(7), json!([]), json!("x"), Value::Null])),
        _ => object(dice, depth - 1),
    }
}

fn object(dice: &mut Dice, depth: usize) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for _ in 0..dice.below(6) {
        let name = if dice.chance(60) {
            (*dice.one(&NAMES)).to_owned()
        } else {
            text(dice)
        };
        if dice.chance(50) {
            required.push(json!(name));
        }
        properties.insert(name, schema(dice, depth));
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

fn tool(dice: &mut Dice, name: String) -> Value {
    let mut input = object(dice, 10);
    if dice.chance(50) {
        input["$defs"] = json!({ "a": schema(dice, 3), "b": { "$ref": "#/$defs/a" } });
    }
    let hint = |dice: &mut Dice| {
        dice.one(&[json!(true), json!(false), json!("true"), json!(1)])
            .clone()
    };
    json!({
        "name": name,
        "description": text(dice),
        "inputSchema": input,
        "annotations": { "readOnlyHint": hint(dice), "destructiveHint": hint(dice) },
    })
}

fn only_reads(tool: &Value) -> bool {
    let hint = |name: &str| &tool["annotations"][name];
    let destroys = hint("destructiveHint");
    *hint("readOnlyHint") == json!(true) && (destroys.is_null() || *destroys == json!(false))
}

/// Whether no policy can be about a tool of this name.
fn is_refused(name: &str) -> bool {
    let is_plain = |c: char| c == ' ' || c.is_ascii_graphic();
    name.trim() != name || !name.chars().all(is_plain)
}

#[test]
fn a_hostile_list_becomes_a_bundle_that_passes_or_is_refused() {
    let seed = seed(17);
    let mut dice = Dice::new(seed);
    let mut refused = 0;
    for round in 0..16 {
        let place = Place::new();
        // Most lists hold no name that is refused, so that whatever else they hold is loaded.
        let takes_all = round % 8 == 0;
        let mut names: Vec<String> = (0..=dice.below(20)).map(|_| text(&mut dice)).collect();
        if !takes_all {
            names.retain(|name| !is_refused(name));
            names.sort();
            names.dedup();
            names.push("plain".to_owned());
        }
        let tools: Vec<Value> = names
            .iter()
            .map(|name| tool(&mut dice, name.clone()))
            .collect();
        let input = json!({ "tools": tools }).to_string();
        let made = place.run_with(&["init", "x", "--from-tools", "-"], &[], &input);
        let mut distinct = names.clone();
        distinct.sort();
        distinct.dedup();
        if distinct.len() < names.len() || names.iter().any(|name| is_refused(name)) {
            refused += 1;
            assert_eq!(made.code, 1, "seed {seed}, {input}: {made:?}");
            assert!(made.err.contains("\n  help: "), "{made:?}");
            assert!(!place.path("x").exists());
            continue;
        }
        assert!(
            made.code == 0 && made.err.is_empty(),
            "seed {seed}, {input}: {made:?}"
        );
        let changes = !tools.iter().all(only_reads);
        passes(&place, "x", Some(policies(tools.len(), changes)));
    }
    assert!((1..8).contains(&refused), "{refused}");
}

#[test]
fn many_tools_are_a_bundle_and_too_many_are_refused() {
    let place = Place::new();
    let list = |count: usize| {
        let tools: Vec<Value> = (0..count)
            .map(|at| {
                json!({
                    "name": format!("tool_{at}"),
                    "inputSchema": {
                        "properties": { "path": { "type": "string" } }, "required": ["path"],
                    },
                })
            })
            .collect();
        json!(tools).to_string()
    };
    let made = place.run_with(&["init", "x", "--from-tools", "-"], &[], &list(60));
    assert_eq!(made.code, 0, "{made:?}");
    passes(&place, "x", Some(policies(60, true)));
    for count in [501, 2_000] {
        let refused = place.run_with(&["init", "y", "--from-tools", "-"], &[], &list(count));
        assert!(
            refused.code == 1 && refused.err.contains("the list has more than 500 tools"),
            "{refused:?}"
        );
        assert!(!place.path("y").exists());
    }
}
