//! Agents that act for users in the world of folders: the bundle, and questions whose answers are
//! known.

use super::folders::{AGENTS, Folders, MODEL};
use serde_json::{Value, json};
use std::path::Path;

const SCHEMA: &str = "entity group;
entity team;
entity folder;
entity document;
entity user;
entity agent;
action view appliesTo { principal: [user, agent], resource: document, context: { visit?: Long } };
";

/// A policy reads `visit`, so two questions with different values of it are different questions.
const POLICIES: &str = r#"
@id("viewer")
permit (principal is user, action == Action::"view", resource is document)
when { principal in resource.viewer && context has visit && context.visit >= 0 };

@id("agent")
permit (principal is agent, action == Action::"view", resource is document)
when { context.delegation.depth > 0 && context has visit && context.visit >= 0 };

@id("grant")
@reason("delegation_missing")
forbid (principal is agent, action, resource)
when { context.delegation.depth > 0 }
unless {
  (context has delegation.from.user && principal in context.delegation.from.user.delegate) ||
  (context has delegation.from.agent && principal in context.delegation.from.agent.delegate)
};
"#;

/// Writes the bundle into a directory.
pub fn write_bundle(dir: &Path) {
    for (path, text) in [
        ("schemas/agents.fga", MODEL),
        ("schemas/agents.cedarschema", SCHEMA),
        ("policies/agents.cedar", POLICIES),
    ] {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// The answer of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every leg permits.
    Permit,
    /// The first leg does not permit.
    DenyFirst,
    /// The last leg does not permit: its agent has no grant.
    DenyLast,
}

/// Returns the question of this number that ends so, with this many legs.
pub fn question(world: Folders, number: u32, legs: u32, end: End) -> Value {
    let document = super::folders::scattered(number, world.documents());
    let owner = world.owner_of(document);
    let id = if end == End::DenyFirst {
        format!("stranger{number}")
    } else {
        format!("u{owner}")
    };
    // Every agent has a grant from the previous one and from nobody else.
    let mut actors: Vec<String> = (1..legs)
        .map(|leg| format!("a{}", (owner + leg - 1) % AGENTS))
        .collect();
    if let Some(last) = actors.last_mut().filter(|_| end == End::DenyLast) {
        *last = format!("a{}", (owner + legs) % AGENTS);
    }
    let act = actors.iter().fold(Value::Null, |inner, id| match inner {
        Value::Null => json!({"sub": id}),
        inner => json!({"sub": id, "act": inner}),
    });
    let properties = if act.is_null() {
        json!({})
    } else {
        json!({ "act": act })
    };
    json!({
        "subject": {"type": "user", "id": id, "properties": properties},
        "action": {"name": "view"},
        "resource": {"type": "document", "id": format!("d{document}")},
        "context": {"visit": 0},
    })
}
