//! Tests of models in JSON: that `snake_case` and `camelCase` are read alike, that a refusal names
//! the path of the problem, and that modules and files of definitions are kept.

use super::super::{ModelFile, RefusalCode, merge_modules};
use super::*;
use serde_json::{Value, json};

fn refuse(json: &Value) -> (RefusalCode, String) {
    let refusal = from_json(json).unwrap_err();
    (refusal.code, refusal.problems.0[0].message.clone())
}

#[test]
fn both_spellings_null_and_unknown_members_are_read() {
    let snake = json!({
        "id": "01", "schema_version": "1.1", "conditions": null,
        "type_definitions": [
            { "type": "user", "relations": {}, "metadata": null },
            { "type": "doc",
              "relations": { "parent": { "this": {} }, "viewer": { "tuple_to_userset": {
                  "tupleset": { "object": "", "relation": "parent" },
                  "computed_userset": { "object": "", "relation": "viewer" } } } },
              "metadata": { "module": "", "source_info": null, "relations": {
                  "parent": { "directly_related_user_types": [
                      { "type": "doc", "condition": "" },
                      { "type": "user", "relation": "" },
                      { "type": "user", "wildcard": {} }
                  ] } } } },
        ],
    });
    let camel = json!({
        "schemaVersion": "1.1",
        "typeDefinitions": [
            { "type": "user" },
            { "type": "doc",
              "relations": { "parent": { "this": {} }, "viewer": { "tupleToUserset": {
                  "tupleset": { "relation": "parent" },
                  "computedUserset": { "relation": "viewer" } } } },
              "metadata": { "relations": { "parent": { "directlyRelatedUserTypes": [
                  { "type": "doc" }, { "type": "user" }, { "type": "user", "wildcard": {} }
              ] } } } },
        ],
    });
    let read = from_json(&snake).unwrap();
    assert_eq!(from_json(&camel).unwrap(), read);
    let written = to_json(&read);
    assert_eq!(
        written["type_definitions"][0],
        json!({ "type": "user", "relations": {} })
    );
    assert_eq!(
        written["type_definitions"][1]["metadata"]["relations"]["viewer"],
        json!({ "directly_related_user_types": [] })
    );
    assert_eq!(from_json(&written).unwrap(), read);
}

/// A model with one relation.
fn with(relation: Value) -> Value {
    json!({
        "schema_version": "1.1",
        "type_definitions": [{ "type": "t", "relations": { "r": relation } }],
    })
}

#[test]
fn the_form_is_refused_with_its_path() {
    let condition = |condition: Value| {
        json!({
            "schema_version": "1.1",
            "type_definitions": [],
            "conditions": { "c": condition },
        })
    };
    for (json, message) in [
        (json!([]), "the model is not an object"),
        (json!({}), "`schema_version` is ``"),
        (json!({ "schema_version": "2" }), "`schema_version` is `2`"),
        (
            json!({ "schema_version": 1.1 }),
            "`schema_version` is not a string",
        ),
        (
            json!({ "schema_version": "1.1", "type_definitions": {} }),
            "`type_definitions` is not an array",
        ),
        (
            json!({ "schema_version": "1.1", "type_definitions": ["user"] }),
            "`type_definitions[0]` is not an object",
        ),
        (
            with(json!({})),
            "`type_definitions[0].relations.r` is not an object with `this`, `computedUserset`, \
             `tupleToUserset`, `union`, `intersection` or `difference`",
        ),
        (
            with(json!({ "union": { "child": [] } })),
            "`type_definitions[0].relations.r.union` is not a list of at least one `child`",
        ),
        (
            with(json!({ "difference": { "base": { "this": {} } } })),
            "`type_definitions[0].relations.r.difference` is not an object with `subtract`",
        ),
        (
            with(json!({ "union": { "child": [{ "computedUserset": { "relation": 7 } }] } })),
            "`type_definitions[0].relations.r.union.child[0].computedUserset.relation` is not a \
             string",
        ),
        (
            condition(
                json!({ "name": "c", "parameters": { "x": { "type_name": "TYPE_NAME_TEXT" } } }),
            ),
            "`conditions.c.parameters.x` is not an object with a `type_name`, \
             such as `TYPE_NAME_STRING`",
        ),
        (
            condition(
                json!({ "name": "c", "parameters": { "x": { "type_name": "TYPE_NAME_LIST" } } }),
            ),
            "`conditions.c.parameters.x` is not a type with one of \
             `generic_types`: what the `list` holds",
        ),
    ] {
        assert_eq!(
            refuse(&json),
            (RefusalCode::ValidationError, message.to_owned())
        );
    }
    for (json, message) in [
        (
            json!({ "schema_version": "1.0" }),
            "`schema_version` is `1.0`",
        ),
        (
            condition(json!({ "name": "d" })),
            "condition `c` is named `d`",
        ),
        (
            json!({
                "schema_version": "1.1",
                "type_definitions": [{ "type": "t", "metadata": { "relations": { "r": {} } } }],
            }),
            "`type_definitions[0].metadata.relations.r` is about a relation `r` that \
             the type does not have",
        ),
    ] {
        assert_eq!(
            refuse(&json),
            (RefusalCode::InvalidAuthorizationModel, message.to_owned())
        );
    }
}

#[test]
fn what_nobody_would_read_is_refused() {
    let of_relation = |relation: Value, about: Value| {
        json!({ "schema_version": "1.1", "type_definitions": [
            {
                "type": "t",
                "relations": { "r": relation },
                "metadata": { "relations": { "r": about } },
            },
        ] })
    };
    let this = || json!({ "this": {} });
    let restricted = |restriction: Value| {
        of_relation(
            this(),
            json!({ "directly_related_user_types": [restriction] }),
        )
    };
    let with = |relation: Value| of_relation(relation, json!({}));
    assert!(from_json(&restricted(json!({ "type": "t", "condition": "c" }))).is_ok());
    for json in [
        restricted(json!({ "type": "t", "Condition": "c" })),
        restricted(json!({ "type": "t", "conditon": "c" })),
        restricted(json!({ "type": "t", "expression": "x > 1" })),
        of_relation(this(), json!({ "directly_related_user_type": [] })),
        of_relation(
            this(),
            json!({
                "directly_related_user_types": [],
                "directlyRelatedUserTypes": [{ "type": "t" }],
            }),
        ),
        with(json!({ "this": {}, "difference": { "base": this(), "subtract": this() } })),
        with(json!({ "this": {}, "Difference": { "base": this(), "subtract": this() } })),
        with(json!({ "difference": { "base": this(), "subtract": this(), "Subtract": this() } })),
        with(json!({ "intersection": { "child": [this()], "children": [this()] } })),
        with(json!({ "computedUserset": { "relation": "r", "Relation": "s" } })),
        json!({ "schema_version": "1.1", "type_definitions": [], "Conditions": {} }),
        json!({ "schema_version": "1.1", "type_definitions": [{ "type": "t", "relation": {} }] }),
        json!({
            "schema_version": "1.1",
            "type_definitions": [],
            "typeDefinitions": [{ "type": "t" }],
        }),
        json!({ "schema_version": "1.1", "type_definitions": [], "conditions": { "c": {
            "name": "c", "expression": "true", "Parameters": {} } } }),
    ] {
        assert_eq!(refuse(&json).0, RefusalCode::ValidationError, "{json}");
    }
    let (_, message) = refuse(&restricted(json!({ "type": "t", "Condition": "c" })));
    assert_eq!(
        message,
        "`Condition` is not read in \
         `type_definitions[0].metadata.relations.r.directly_related_user_types[0]`"
    );
    let passed_over = json!({
        "schema_version": "1.1",
        "comment": "",
        "type_definitions": [{ "type": "t", "doc": "" }],
    });
    assert!(from_json(&passed_over).is_ok());
}

#[test]
fn operators_nest_to_the_limit_and_not_past_it() {
    let nested = |depth: usize| {
        let relation = (0..depth).fold(
            json!({ "this": {} }),
            |it, _| json!({ "union": { "child": [it] } }),
        );
        from_json(&with(relation))
    };
    assert!(nested(super::super::MAX_REWRITE_DEPTH).is_ok());
    assert_eq!(
        nested(super::super::MAX_REWRITE_DEPTH + 1)
            .unwrap_err()
            .code,
        RefusalCode::InvalidAuthorizationModel
    );
}

#[test]
fn modules_and_files_are_kept() {
    let core = ModelFile {
        name: "core.fga",
        text: "module core\ntype user\ntype doc\n  relations\n    define owner: [user]\n",
    };
    let wiki = ModelFile {
        name: "wiki.fga",
        text: "module wiki\nextend type doc\n  \
            relations\n    define reader: [user with c]\ncondition c(x: int) { x > 1 }\n",
    };
    let definition = merge_modules(&[core, wiki]).unwrap().definition;
    let json = to_json(&definition);
    assert_eq!(
        json,
        json!({
            "schema_version": "1.2",
            "type_definitions": [
                {
                    "type": "user",
                    "relations": {},
                    "metadata": { "module": "core", "source_info": { "file": "core.fga" } },
                },
                {
                    "type": "doc",
                    "relations": { "owner": { "this": {} }, "reader": { "this": {} } },
                    "metadata": {
                        "relations": {
                            "owner": { "directly_related_user_types": [{ "type": "user" }] },
                            "reader": {
                                "directly_related_user_types": [
                                    { "type": "user", "condition": "c" },
                                ],
                                "module": "wiki", "source_info": { "file": "wiki.fga" },
                            },
                        },
                        "module": "core", "source_info": { "file": "core.fga" },
                    },
                },
            ],
            "conditions": { "c": {
                "name": "c",
                "expression": "x > 1",
                "parameters": { "x": { "type_name": "TYPE_NAME_INT" } },
                "metadata": { "module": "wiki", "source_info": { "file": "wiki.fga" } },
            } },
        })
    );
    assert_eq!(from_json(&json).unwrap(), definition);
}
