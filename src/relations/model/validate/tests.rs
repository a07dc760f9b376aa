//! Tests of each validation rule with its exact message, and of models that would exhaust a naive
//! walk.

use super::super::{AuthorizationModel, ModelFile, from_json, line_and_column, read_dsl};
use super::*;
use serde_json::json;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Returns the problems of a model with these types, each as `line message; help`.
fn problems(types: &str) -> Vec<String> {
    let text = format!("model\n  schema 1.1\ntype user\n{types}");
    let source = read_dsl(ModelFile {
        name: "model.fga",
        text: &text,
    })
    .unwrap_or_else(|it| panic!("{text}\n{it:?}"));
    let Err(refusal) = AuthorizationModel::of_source(source) else {
        return Vec::new();
    };
    assert_eq!(refusal.code, RefusalCode::InvalidAuthorizationModel);
    let line =
        |it: &crate::model::Problem| line_and_column(&text, it.place.as_ref().unwrap().offset).0;
    refusal
        .problems
        .0
        .iter()
        .map(|it| {
            format!(
                "{} {}; {}",
                line(it),
                it.message,
                it.help.as_deref().unwrap()
            )
        })
        .collect()
}

/// Returns a type `doc` with these relations.
fn doc(relations: &[&str]) -> String {
    format!(
        "type doc\n  relations\n    define {}\n",
        relations.join("\n    define ")
    )
}

#[test]
fn names_lead_somewhere() {
    for (relations, expected) in [
        (
            vec!["a: [usr]"],
            "6 relation `a` of `doc` allows `usr`, which is no type; \
             define `type usr`, or correct the name",
        ),
        (
            vec!["a: [user, user#b]"],
            "6 relation `a` of `doc` allows `user#b`, but `user` has no relation `b`; \
             define it below `type user`, or correct the name",
        ),
        (
            vec!["a: [user with c]"],
            "6 relation `a` of `doc` names the condition `c`, which is not defined; \
             define `condition c(…) { … }`, or correct the name",
        ),
        (
            vec!["b: [user]", "a: b or c"],
            "7 relation `a` of `doc` names `c`, but `doc` has no such relation; \
             define it below `type doc`, or correct the name",
        ),
        (
            vec!["a: [user] or a"],
            "6 relation `a` of `doc` is defined as itself; \
             name another relation, or remove that part",
        ),
        (
            vec!["a: [user] or a from p"],
            "6 relation `a` of `doc` names `p`, but `doc` has no such relation; \
             define it below `type doc`, or correct the name",
        ),
        (
            vec!["o: [doc]", "p: [doc] or o", "a: [user] or a from p"],
            "8 relation `a` of `doc` follows `p`, which is more than its own tuples; \
             define `p` as types in brackets only, as in `define p: [folder]`",
        ),
        (
            vec!["p: [doc, doc#a]", "a: [user] or a from p"],
            "7 relation `a` of `doc` follows `p`, which allows usersets or everyone of a type; \
             allow plain types only in `p`: there must be objects to go on from",
        ),
        (
            vec!["p: [doc:*]", "a: [user] or a from p"],
            "7 relation `a` of `doc` follows `p`, which allows usersets or everyone of a type; \
             allow plain types only in `p`: there must be objects to go on from",
        ),
        (
            vec!["p: [user]", "a: [user] or a from p"],
            "7 relation `a` of `doc` asks for `a` of what `p` leads to, and no type there has it; \
             define `a` in one of the types that `p` allows, or correct the name",
        ),
        (
            vec!["this: [user]"],
            "6 relation `this` of `doc` has a name that nothing can have; \
             a name is not empty, and neither `self` nor `this`",
        ),
    ] {
        assert_eq!(problems(&doc(&relations)), [expected], "{relations:?}");
    }
    assert!(
        problems(&doc(&["p: [doc, user]", "a: [user] or a from p"])).is_empty(),
        "types without the relation are left out"
    );
}

#[test]
fn every_relation_has_a_way_in_and_no_loop() {
    for (relations, expected) in [
        (
            vec!["a: b", "b: [user] or a"],
            vec![
                "6 relation `a` of `doc` is defined through itself: `a` -> `b` -> `a`; \
                 remove one of these steps",
            ],
        ),
        (
            vec![
                "a: [user] or b",
                "b: c but not d",
                "c: [user]",
                "d: [user] and b",
            ],
            vec![
                "7 relation `b` of `doc` is defined through itself: `b` -> `d` -> `b`; \
                 remove one of these steps",
            ],
        ),
        (
            vec!["p: [doc]", "a: a from p"],
            vec![
                "7 nobody can ever be in relation `a` of `doc`: it only leads back to itself; \
                 allow a type directly in it, or in what it is defined by: `[user] or …`",
            ],
        ),
        (
            vec!["a: [doc#a]"],
            vec![
                "6 nobody can ever be in relation `a` of `doc`: it only leads back to itself; \
                 allow a type directly in it, or in what it is defined by: `[user] or …`",
            ],
        ),
        (
            vec!["a: [doc#b]", "b: [doc#a]", "c: [user] or a"],
            vec![
                "6 nobody can ever be in relation `a` of `doc`; \
                 allow a type directly in it, or in what it is defined by: `[user] or …`",
                "7 nobody can ever be in relation `b` of `doc`; \
                 allow a type directly in it, or in what it is defined by: `[user] or …`",
            ],
        ),
        (
            vec!["a: [doc#a]", "b: [user] and a"],
            vec![
                "6 nobody can ever be in relation `a` of `doc`: it only leads back to itself; \
                 allow a type directly in it, or in what it is defined by: `[user] or …`",
                "7 nobody can ever be in relation `b` of `doc`; \
                 allow a type directly in it, or in what it is defined by: `[user] or …`",
            ],
        ),
    ] {
        assert_eq!(problems(&doc(&relations)), expected, "{relations:?}");
    }
    for relations in [
        vec!["p: [doc]", "a: [user] or a from p"],
        vec!["a: [user:*, doc#a]"],
        vec!["a: [doc#b]", "b: [user, doc#a]"],
        vec!["p: [doc]", "a: b from p", "b: [user] or a"],
    ] {
        assert!(problems(&doc(&relations)).is_empty(), "{relations:?}");
    }
}

#[test]
fn conditions_compile() {
    let with = |condition: &str| {
        problems(&format!(
            "type doc\n  relations\n    define a: [user with c]\n{condition}"
        ))
    };
    assert!(with("condition c(x: int) { x < 100 }").is_empty());
    assert_eq!(
        with("condition c(x: int) { x + 1 }"),
        [
            "7 condition `c`: the expression is of type `int`, and a condition must be a \
             `bool`; correct the condition"
        ]
    );
    assert_eq!(
        with("condition c(int: int) { y }"),
        [
            "7 condition `c`: `int` means something in CEL; give the parameter another name",
            "7 condition `c`: `y` is no parameter of the condition; it declares `int`",
        ]
    );
}

#[test]
fn json_has_no_rule_to_itself() {
    let check = |types: serde_json::Value| {
        let definition =
            from_json(&json!({ "schema_version": "1.1", "type_definitions": types })).unwrap();
        let refusal = AuthorizationModel::new(definition).unwrap_err();
        (refusal.code, refusal.problems.0[0].message.clone())
    };
    let invalid = RefusalCode::InvalidAuthorizationModel;
    let long = "r".repeat(51);
    for (types, code, message) in [
        (
            json!([]),
            RefusalCode::TypeDefinitionsTooFewItems,
            "the model defines no type".to_owned(),
        ),
        (
            json!([{ "type": "" }]),
            invalid,
            "type `` has a name that nothing can have".to_owned(),
        ),
        (
            json!([{ "type": "self" }]),
            invalid,
            "type `self` has a name that nothing can have".to_owned(),
        ),
        (
            json!([{ "type": "a b" }]),
            RefusalCode::TypeInvalidPattern,
            "type `a b` has a name that is too long, or has a character that names cannot have"
                .to_owned(),
        ),
        (
            json!([{ "type": "a", "relations": { (long.clone()): { "this": {} } } }]),
            RefusalCode::RelationsInvalidPattern,
            format!(
                "relation `{long}` of `a` has a name that is too long, \
                 or has a character that names cannot have"
            ),
        ),
        (
            json!([{ "type": "a" }, { "type": "a" }]),
            invalid,
            "type `a` is defined twice".to_owned(),
        ),
        (
            json!([{ "type": "a", "relations": { "r": { "this": {} } } }]),
            invalid,
            "relation `r` of `a` does not say whom its tuples may name".to_owned(),
        ),
        (
            json!([{
                "type": "a",
                "relations": { "r": { "computedUserset": { "relation": "r" } } },
                "metadata": { "relations": {
                    "r": { "directly_related_user_types": [{ "type": "a" }] },
                } },
            }]),
            invalid,
            "relation `r` of `a` names types, but takes no tuples".to_owned(),
        ),
    ] {
        assert_eq!(check(types), (code, message));
    }
}

#[test]
fn limits_hold_at_the_limit_and_not_past_it() {
    let refused =
        |definition: ModelDefinition| AuthorizationModel::new(definition).err().map(|it| it.code);
    let read = |text: &str| read_dsl(ModelFile { name: "m", text }).unwrap().definition;
    let types = |count: usize| {
        read(
            &(0..count).fold("model\n  schema 1.1\n".to_owned(), |text, at| {
                text + &format!("type t{at}\n")
            }),
        )
    };
    assert_eq!(refused(types(MAX_TYPES)), None);
    assert_eq!(
        refused(types(MAX_TYPES + 1)),
        Some(RefusalCode::ExceededEntityLimit)
    );

    let conditions = |count: usize| {
        let text = (0..count).fold("model\n  schema 1.1\ntype t\n".to_owned(), |text, at| {
            text + &format!("condition c{at}(x: bool) {{ x }}\n")
        });
        refused(read(&text))
    };
    assert_eq!(conditions(MAX_CONDITIONS), None);
    assert_eq!(
        conditions(MAX_CONDITIONS + 1),
        Some(RefusalCode::ValidationError)
    );

    let chain = |length: usize| {
        let text = (1..length).fold(
            "type doc\n  relations\n    define r0: [user]\n".to_owned(),
            |text, at| text + &format!("    define r{at}: r{}\n", at - 1),
        );
        problems(&text)
    };
    assert!(chain(100).is_empty());
    assert_eq!(
        chain(101),
        [
            "106 relation `r100` of `doc` is defined through more than 100 others; \
             name the last of them directly"
        ]
    );

    // The expected size is that of protobuf's own encoder: 64 bytes with an id of 26.
    let small =
        read("model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define a: [user]\n");
    assert_eq!(
        size::bytes(&small),
        28 + 5 + (2 + 6) + (2 + 5 + (2 + 3 + 2 + 2) + (2 + (2 + 3 + 2 + (2 + 6))))
    );
    let mut large = small;
    large.types[0].origin.file = Some("f".repeat(MAX_MODEL_BYTES).into());
    assert_eq!(
        refused(large.clone()),
        Some(RefusalCode::ExceededEntityLimit)
    );
    let over = size::bytes(&large) - MAX_MODEL_BYTES;
    large.types[0].origin.file = Some("f".repeat(MAX_MODEL_BYTES - over).into());
    assert_eq!(size::bytes(&large), MAX_MODEL_BYTES);
    assert_eq!(refused(large), None);
}

#[test]
fn models_with_more_paths_than_can_be_walked_are_checked_soon() {
    let started = Instant::now();
    // Each relation names the two before it, which makes about 2^90 paths.
    let mut text = "type doc\n  \
        relations\n    define p: [doc]\n    define r0: [user]\n    define r1: [user]\n"
        .to_owned();
    for at in 2..90 {
        let _ = writeln!(
            text,
            "    define r{at}: (r{} and r{}) or (r{} from p and r{} from p)",
            at - 1,
            at - 2,
            at - 1,
            at - 2
        );
    }
    assert!(problems(&text).is_empty());
    let mut text = "type doc\n  relations\n    define p: [doc]\n".to_owned();
    for at in 0..2_000 {
        let _ = writeln!(
            text,
            "    define r{at}: [doc#r{}] or r{} from p",
            (at + 1) % 2_000,
            (at + 7) % 2_000
        );
    }
    assert_eq!(problems(&text).len(), 2_000);
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
}
