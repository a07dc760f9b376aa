//! Defines the examples of the OpenFGA API on the documentation page.
//!
//! INVARIANT: if they are sent one after another to a new store, each is answered with its status;
//! a test sends all of them.

use crate::http::endpoint::Endpoint;
use crate::http::openfga::{
    batch_check, check, clear, expand, list_objects, list_users, models, read, stores, stream,
    write,
};
use serde_json::{Value, json};

/// One example.
#[derive(Debug)]
pub struct FgaExample {
    /// Its name.
    pub name: &'static str,
    /// What it shows.
    pub summary: &'static str,
    /// The path that it is sent to.
    pub path: &'static str,
    /// The body that is sent.
    pub body: Value,
    /// The status of the answer.
    pub status: u16,
}

/// Returns all examples, in an order in which they work.
#[must_use]
pub fn examples() -> Vec<FgaExample> {
    let mut examples = vec![
        example(
            "1-store",
            "A store for documents",
            &stores::CREATE,
            201,
            json!({ "name": "documents" }),
        ),
        example(
            "1-model",
            "Documents, viewed by users and by the members of teams",
            &models::WRITE,
            201,
            model(),
        ),
    ];
    examples.extend(writes());
    examples.extend(questions());
    examples
}

fn writes() -> [FgaExample; 3] {
    let write = &write::ENDPOINT;
    let team =
        json!({ "user": "team:sre#member", "relation": "viewer", "object": "document:plan" });
    let alice = json!({ "user": "user:alice", "relation": "member", "object": "team:sre" });
    let until = json!({ "name": "until", "context": { "end": "2027-01-01T00:00:00Z" } });
    let bob = json!({
        "user": "user:bob",
        "relation": "viewer",
        "object": "document:plan",
        "condition": until,
    });
    [
        example(
            "1-write",
            "A team may view a document",
            write,
            200,
            json!({ "writes": { "tuple_keys": [team, alice] } }),
        ),
        example(
            "2-until",
            "… and bob, until the end of the year",
            write,
            200,
            json!({ "writes": { "tuple_keys": [bob], "on_duplicate": "ignore" } }),
        ),
        example(
            "1-document",
            "Every tuple on a document",
            &read::ENDPOINT,
            200,
            json!({ "tuple_key": { "object": "document:plan" } }),
        ),
    ]
}

fn questions() -> [FgaExample; 7] {
    let alice = json!({ "user": "user:alice", "relation": "viewer", "object": "document:plan" });
    let bob = json!({ "user": "user:bob", "relation": "viewer", "object": "document:plan" });
    let now = json!({ "now": "2026-10-01T09:00:00Z" });
    [
        example(
            "1-why",
            "May alice view it, and which tuples say so?",
            &check::ENDPOINT,
            200,
            json!({ "tuple_key": alice, "context": now, "trace": true }),
        ),
        example(
            "1-two",
            "Two checks at one revision",
            &batch_check::ENDPOINT,
            200,
            json!({ "checks": [
                { "tuple_key": alice, "context": now, "correlation_id": "alice" },
                { "tuple_key": bob, "context": now, "correlation_id": "bob" },
            ] }),
        ),
        example(
            "1-viewers",
            "Who is named as a viewer?",
            &expand::ENDPOINT,
            200,
            json!({ "tuple_key": { "relation": "viewer", "object": "document:plan" } }),
        ),
        list(&list_objects::ENDPOINT),
        list(&stream::ENDPOINT),
        example(
            "1-viewers",
            "Who may view it?",
            &list_users::ENDPOINT,
            200,
            json!({
                "object": { "type": "document", "id": "plan" },
                "relation": "viewer",
                "user_filters": [{ "type": "user" }],
                "context": now,
            }),
        ),
        example(
            "1-leaver",
            "Somebody leaves: every tuple about alice goes",
            &clear::ENDPOINT,
            200,
            json!({ "user": "user:alice" }),
        ),
    ]
}

fn list(endpoint: &Endpoint) -> FgaExample {
    let body = json!({ "type": "document", "relation": "viewer", "user": "user:alice" });
    example(
        "1-documents",
        "Which documents may alice view?",
        endpoint,
        200,
        body,
    )
}

fn example(
    name: &'static str,
    summary: &'static str,
    endpoint: &Endpoint,
    status: u16,
    body: Value,
) -> FgaExample {
    FgaExample {
        name,
        summary,
        path: endpoint.path,
        body,
        status,
    }
}

fn model() -> Value {
    let direct = json!({ "this": {} });
    json!({
        "schema_version": "1.1",
        "type_definitions": [
            { "type": "user" },
            {
                "type": "team",
                "relations": { "member": direct },
                "metadata": { "relations": { "member": { "directly_related_user_types": [
                    { "type": "user" },
                ] } } },
            },
            {
                "type": "document",
                "relations": { "viewer": direct },
                "metadata": { "relations": { "viewer": { "directly_related_user_types": [
                    { "type": "user" },
                    { "type": "user", "condition": "until" },
                    { "type": "team", "relation": "member" },
                ] } } },
            },
        ],
        "conditions": { "until": {
            "name": "until",
            "expression": "now < end",
            "parameters": {
                "now": { "type_name": "TYPE_NAME_TIMESTAMP" },
                "end": { "type_name": "TYPE_NAME_TIMESTAMP" },
            },
        } },
    })
}
