//! Tests of what the language accepts, of what it refuses and where, and of round trips through
//! JSON.

use super::super::{from_json, line_and_column, to_json};
use super::*;
use proptest::prelude::*;
use proptest::sample::select;
use std::fmt::Write as _;

const FILE: &str = "model.fga";

fn source(text: &str) -> ModelSource {
    read_dsl(ModelFile { name: FILE, text }).unwrap_or_else(|refusal| panic!("{text}\n{refusal:?}"))
}

/// Returns every problem as `line:column message; help`.
fn problems(text: &str) -> Vec<String> {
    let refusal = read_dsl(ModelFile { name: FILE, text }).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::InvalidAuthorizationModel);
    let at = |problem: &Problem| line_and_column(text, problem.place.as_ref().unwrap().offset);
    refusal
        .problems
        .0
        .iter()
        .map(|it| {
            format!(
                "{}:{} {}; {}",
                at(it).0,
                at(it).1,
                it.message,
                it.help.as_deref().unwrap()
            )
        })
        .collect()
}

/// A model that uses the whole language, laid out as the writer does.
const EVERYTHING: &str = "model
  schema 1.1

type user

type team
  relations
    define member: [user, user:*, team#member, user with in_hours]

type folder
  relations
    define parent: [folder]
    define viewer: [user] or viewer from parent

type doc.v1/x-y
  relations
    define parent: [folder]
    define blocked: [user]
    define type: [user]
    define editor: ([user] or type) but not blocked
    define viewer: ([user, team#member with in_hours] or editor or viewer from parent) \
and (type or blocked)
    define either: type or (editor and viewer) or (editor but not (type or blocked))

condition in_hours(now: timestamp, days: list<string>, limits: map<int>) {
  now.getHours() < limits[\"}\"] && '{' in days
}
";

#[test]
fn a_model_survives_the_way_through_json() {
    let definition = source(EVERYTHING).definition;
    let json = to_json(&definition);
    assert_eq!(from_json(&json).unwrap(), definition);
    assert_eq!(to_dsl(&definition).unwrap(), EVERYTHING);
    // Blanks, line ends and comments do not change a declaration.
    let loose = "# a comment\r
 model
schema 1.1 # the version

type   user # people
  # between

type team
relations
define member:[
    user,   # everybody
    user:*, team#member,
    user   with in_hours ]

";
    assert_eq!(source(loose).definition.types[1], definition.types[1]);
}

#[test]
fn keywords_can_be_names() {
    let text = "model
  schema 1.1
type type
  relations
    define from: [type, define#define]
    define relations: from or type
    define type: [type]
type define
  relations
    define model: [type]
    define define: define from model or or or module
    define or: [type]
    define module: but but not not
    define but: [type]
    define not: [type]
";
    let definition = source(text).definition;
    assert_eq!(source(&to_dsl(&definition).unwrap()).definition, definition);
    let module = &definition.types[1].relations[3];
    assert!(
        matches!(
            &module.rewrite,
            crate::relations::model::Rewrite::Difference { .. }
        ),
        "{module:?}"
    );
}

#[test]
fn names_as_cedar_writes_them_are_one_mistake() {
    let text = "model
  schema 1.1
type Notes::User
  relations
    define delegate: [Notes::Agent, Notes::Agent with soon]
type Notes::Agent
type Notes::Deep::Note
  relations
    define viewer: [Notes::User:*, Notes::Agent#peer] or viewer from parent
condition soon(now: timestamp) {
  now < timestamp('2026-01-01T00:00:00Z') && 'A::B' != ''
}
";
    let refused = read_dsl(ModelFile { name: FILE, text })
        .unwrap_err()
        .problems
        .0;
    let [problem] = refused.as_slice() else {
        panic!("{refused:?}")
    };
    assert_eq!(
        problem.message,
        "`Notes::User` is written as in Cedar, and a relation model has no `::`"
    );
    assert_eq!(
        problem.help.as_deref(),
        Some("write `Notes/User`, here and wherever a name has `::`")
    );
    let place = problem.place.as_ref().unwrap();
    assert_eq!(&text[place.offset..place.offset + place.len], "Notes::User");
}

#[test]
fn mistakes_are_shown_at_their_place_with_a_remedy() {
    for (text, expected) in [
        (
            "",
            "1:1 expected `model` or `module`, found the end of the text; \
             begin with `model` and, on the next line, `schema 1.1`; or with `module` and a name",
        ),
        (
            "model\n  schema 1.0",
            "2:10 there is no schema `1.0`; write `schema 1.1` or `schema 1.2`",
        ),
        (
            "model\ntype user",
            "2:1 expected `schema`, found `type`; write `schema 1.1` below `model`",
        ),
        (
            "module core",
            "1:1 a module is a part of a model; read it together with the other modules, \
             or begin with `model` and `schema 1.1`",
        ),
        (
            "model\n  schema 1.1\ntype",
            "3:5 expected the name of the type, found the end of the text; write `type document`",
        ),
        (
            "model\n  schema 1.1\ntype a b",
            "3:8 expected the end of the line, found `b`; \
             begin a new line for the next declaration",
        ),
        (
            "model\n  schema 1.1\nextend type a",
            "3:1 a model has nothing to extend; only a module extends a type of another: \
             begin with `module` and a name",
        ),
        (
            "model\n  schema 1.1\ntype a\n  relations\ntype b",
            "5:1 expected `define`, found `type`; \
             define a relation, as in `define viewer: [user]`, or remove `relations`",
        ),
        (
            "model\n  schema 1.1\ntype a\n  define x: [a]",
            "4:3 `define` stands outside of a type; \
             relations stand below `type NAME` and `relations`",
        ),
        (
            "model\n  schema 1.1\ntype a\ntype a",
            "4:6 type `a` is defined twice; remove one, or give it another name",
        ),
        (
            "model\n  schema 1.1\ncondition c(x: text) { x }",
            "3:16 there is no type `text`; a parameter is `any`, `bool`, `string`, `int`, `uint`, \
             `double`, `duration`, `timestamp`, `ipaddress`, `list<…>` or `map<…>`",
        ),
        (
            "model\n  schema 1.1\ncondition c(x: list<list>) { x }",
            "3:21 a `list` cannot hold `list`; use `any` for what is nested deeper",
        ),
        (
            "model\n  schema 1.1\ncondition c(x: int) {\n  x == '}'",
            "3:21 this `{` is never closed; end the condition with `}`",
        ),
        (
            "model\n  schema 1.1\ncondition c(x: int y: int) { x }",
            "3:20 expected `,` or `)`, found `y`; write `condition in_hours(now: timestamp) { … }`",
        ),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
    }
}

#[test]
fn mistakes_in_a_relation_are_shown_too() {
    for (relation, expected) in [
        (
            "x",
            "4:13 expected `:`, found the end of the text; write `define viewer: [user]`",
        ),
        (
            "x:",
            "4:14 expected a relation, found the end of the text; name a relation, \
             as in `editor` or `viewer from parent`, or types in brackets: `[user]`",
        ),
        (
            "x: a or b and c",
            "4:22 `and` follows `or` without parentheses; put one of them in parentheses, \
             as in `(a or b) and c`: nothing binds tighter",
        ),
        (
            "x: a but not b but not c",
            "4:27 `but not` follows `but not` without parentheses; \
             put one of them in parentheses, as in `(a or b) and c`: nothing binds tighter",
        ),
        (
            "x: a but b",
            "4:21 expected `not`, found `b`; write `a but not b`",
        ),
        (
            "x: a or [user]",
            "4:20 `[` stands behind another part; write the direct part once, \
             before everything else: `[user] or editor`",
        ),
        (
            "x: a from",
            "4:21 expected the relation that leads there, found the end of the text; \
             write `viewer from parent`",
        ),
        (
            "x: (a or b",
            "4:22 expected `)`, found the end of the text; close the parenthesis",
        ),
        (
            "x: []",
            "4:16 expected a type, found `]`; name a type: `user`, `user:*` or `team#member`, \
             `with` a condition or without",
        ),
        (
            "x: [user:a]",
            "4:21 expected `*`, found `a`; after a type and a colon stands \
             `*`: everyone of that type",
        ),
        (
            "x: [user#]",
            "4:21 expected a relation, found `]`; \
             write the relation behind `#`, as in `team#member`",
        ),
        (
            "x: [user with]",
            "4:25 expected the name of a condition, found `]`; write `[user with in_hours]`",
        ),
        (
            "x: [user team]",
            "4:21 expected `]`, found `team`; part types by `,` and end them with `]`",
        ),
        (
            "x: a | b",
            "4:17 expected the end of the line, found `|`; \
             begin a new line for the next declaration",
        ),
        (
            "é: a",
            "4:12 expected the name of the relation, found `é`; write `define viewer: [user]`",
        ),
    ] {
        let text = format!("model schema 1.1\ntype t\n  relations\n    define {relation}");
        assert_eq!(problems(&text), [expected], "{text}");
    }
}

#[test]
fn all_mistakes_come_in_one_report() {
    let text = "model\n  schema 1.1\n\
        type a\n  relations\n    define x [a]\n    define y: a b\n    define z: [a]\ntype\n";
    let lines: Vec<_> = problems(text)
        .iter()
        .map(|it| it.split_once(' ').unwrap().0.to_owned())
        .collect();
    assert_eq!(lines, ["5:14", "6:17", "8:5"]);
}

#[test]
fn bodies_of_conditions_end_at_their_brace() {
    for (body, expected) in [
        ("{ x < 100 }", "x < 100"),
        ("{\n  x < 100 &&\n  y # why\n}", "x < 100 &&\n  y"),
        ("{ m == {'a': {}} }", "m == {'a': {}}"),
        ("{ s == '}' + \"}\" }", "s == '}' + \"}\""),
        ("{ s == 'it\\'s }' }", "s == 'it\\'s }'"),
        ("{ s == r'\\' }", "s == r'\\'"),
        ("{ s == '''it's }''' }", "s == '''it's }'''"),
        ("{ s == ' # }' }", "s == ' # }'"),
        ("{ true // it's }\n }", "true // it's }"),
    ] {
        let text = format!("model\n  schema 1.1\ntype a\ncondition c(s: any) {body}\n\ntype b\n");
        let definition = source(&text).definition;
        assert_eq!(definition.conditions[0].expression, expected, "{body}");
        assert_eq!(definition.types.len(), 2, "{body}");
    }
}

#[test]
fn what_only_json_can_say_is_not_written_wrongly() {
    let json = |relation: &str, restricted: bool| {
        let types = if restricted {
            r#"[{"type": "user"}]"#
        } else {
            "[]"
        };
        let about = format!(r#"{{"a": {{"directly_related_user_types": {types}}}}}"#);
        let text = format!(
            r#"{{"schema_version": "1.1", "type_definitions": [
                {{"type": "user", "relations": {{"a": {relation}}},
                  "metadata": {{"relations": {about}}}}}]}}"#
        );
        from_json(&serde_json::from_str(&text).unwrap()).unwrap()
    };
    let this = r#"{"this": {}}"#;
    let b = r#"{"computedUserset": {"relation": "b"}}"#;
    let direct_last = json(&format!(r#"{{"union": {{"child": [{b}, {this}]}}}}"#), true);
    assert!(
        to_dsl(&direct_last)
            .unwrap()
            .ends_with("define a: [user] or b\n")
    );
    let subtracted = json(
        &format!(r#"{{"difference": {{"base": {b}, "subtract": {this}}}}}"#),
        true,
    );
    assert_eq!(
        to_dsl(&subtracted).unwrap_err().to_string(),
        "the direct part of relation `a` of `user` cannot be written in DSL; \
         move it to the front, once"
    );
    let named = json(r#"{"computedUserset": {"relation": "b|c"}}"#, false);
    assert_eq!(
        to_dsl(&named).unwrap_err().to_string(),
        "the name `b|c` cannot be written in DSL; use letters, digits, `_`, `-`, `.` and `/`"
    );
}

#[test]
fn limits_hold_at_the_limit_and_not_past_it() {
    let nested = |depth: usize| {
        let relation = format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        format!(
            "model\n  schema 1.1\ntype t\n  relations\n    define a: [t]\n    define x: {relation}"
        )
    };
    assert!(
        read_dsl(ModelFile {
            name: FILE,
            text: &nested(23)
        })
        .is_ok()
    );
    assert_eq!(
        problems(&nested(24)),
        ["6:38 parentheses are nested more than 23 deep; \
            give a part a name of its own, as another relation"]
    );
    let long = " ".repeat(MAX_DSL_BYTES - 5) + "model";
    assert_eq!(
        read_dsl(ModelFile {
            name: FILE,
            text: &long
        })
        .unwrap_err()
        .code,
        RefusalCode::InvalidAuthorizationModel
    );
    let longer = " ".repeat(MAX_DSL_BYTES - 4) + "model";
    assert_eq!(
        read_dsl(ModelFile {
            name: FILE,
            text: &longer
        })
        .unwrap_err()
        .code,
        RefusalCode::ExceededEntityLimit
    );
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("a"),
        Just("b"),
        Just("from"),
        Just("or"),
        Just("type"),
        Just("x-1.y/z")
    ]
    .prop_map(str::to_owned)
}

fn tail() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        names(),
        (names(), names()).prop_map(|(a, b)| format!("{a} from {b}"))
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4)
                .prop_map(|it| format!("({})", it.join(" or "))),
            proptest::collection::vec(inner.clone(), 2..4)
                .prop_map(|it| format!("({})", it.join(" and "))),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a} but not {b})")),
        ]
    })
}

/// Parts of models.
fn tokens() -> impl Strategy<Value = &'static str> {
    select(TOKENS.split('|').collect::<Vec<_>>())
}

const TOKENS: &str = "model|schema 1.1|module m|type|extend|relations|define|a|:|[|]|(|)|\
    or|and|but not|but|from|with|*|#| #|,|\n|condition|c(x: int) {|}|'|é|\r\n|\u{feff}";

proptest! {
    #[test]
    fn what_is_written_reads_back(parts in proptest::collection::vec((names(), tail()), 1..4)) {
        let mut text = "model\n  schema 1.2\ntype t\n  relations\n".to_owned();
        for (at, (kind, tail)) in parts.iter().enumerate() {
            writeln!(text, "    define r{at}: [{kind}, {kind}:*] or {tail}").unwrap();
        }
        let definition = source(&text).definition;
        let text = to_dsl(&definition).unwrap();
        prop_assert_eq!(&source(&text).definition, &definition, "{}", text);
        prop_assert_eq!(from_json(&to_json(&definition)).unwrap(), definition);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        let _ = read_dsl(ModelFile { name: FILE, text: &text });
    }

    #[test]
    fn no_jumble_of_tokens_panics_and_every_place_is_in_the_text(
        tokens in proptest::collection::vec(tokens(), 0..30),
    ) {
        let text = format!("model\nschema 1.1\n{}", tokens.join(" "));
        for text in [&text, &tokens.concat()] {
            if let Err(refusal) = read_dsl(ModelFile { name: FILE, text }) {
                for problem in refusal.problems.0 {
                    let place = problem.place.unwrap();
                    let end = place.offset + place.len;
                    prop_assert!(text.get(place.offset..end).is_some(), "{:?}", place);
                }
            }
        }
    }
}
