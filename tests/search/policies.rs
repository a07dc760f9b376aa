//! Generated policies for the worlds of [`crate::world`].

use proptest::prelude::*;
use proptest::sample::select;

/// Conditions that hold, fail or err, and name what is searched for in every way that a search
/// understands, and in some that it does not.
const CONDITIONS: [&str; 54] = [
    "principal in resource.viewer",
    "principal in resource.reader",
    "principal in resource.editor",
    "principal in resource.viewer || principal in resource.editor",
    "resource has folder && principal in resource.folder.viewer",
    "principal in Userset::\"group:g0#member\"",
    "principal in Userset::\"doc:d0#viewer\"",
    "resource has owner && resource.owner == principal",
    "resource has owner && principal in resource.owner",
    "resource has public && resource.public",
    "resource has public && !resource.public",
    "resource has level && resource.level > 1",
    "resource has level && resource.level == 2",
    "resource has labels && resource.labels.contains(\"x\")",
    "resource has labels && resource.labels.containsAny([\"y\", \"z\"])",
    "principal is user && resource has readers && resource.readers.contains(principal)",
    "principal is agent && principal has tools && principal.tools.contains(resource)",
    "principal is agent && principal has mirrors && principal.mirrors && context.delegation.depth > 0",
    "[doc::\"d0\", doc::\"lit\"].contains(resource)",
    "resource == doc::\"d2\"",
    "resource in team::\"t0\"",
    "principal in team::\"t0\"",
    "context has limit && context.limit < 3",
    "context has arguments && context.arguments has limit && context.arguments.limit < 3",
    "context has arguments.limit && context.arguments.limit > 1 && principal in resource.viewer",
    "context has delegation.from.user && context.delegation.from.user has level && context.delegation.from.user.level > 1",
    "context has delegation.from.user && resource has owner && resource.owner == context.delegation.from.user",
    "context has delegation.from.user && context.delegation.from.user in resource.viewer",
    "context has delegation.from.agent",
    "context.delegation.depth == 0",
    "context has delegation.earlier.user && context.delegation.earlier.user.contains(user::\"u1\")",
    "resource has owner && resource.owner has boss && resource.owner.boss == user::\"u0\"",
    "context.now < datetime(\"2027-01-01\") && (if principal is agent then resource has public && resource.public else true)",
    "resource has level && principal is user && principal has level && principal.level <= resource.level",
    "!(principal in resource.viewer)",
    "(if principal in resource.viewer then resource has public && resource.public else resource has owner && resource.owner == principal)",
    "!(principal in resource.reader && resource has public)",
    "resource.hasTag(\"k\") && resource.getTag(\"k\") == \"v\"",
    "resource has labels && resource.labels.containsAll([\"x\", \"y\"])",
    "resource has labels && [\"x\", \"y\"].containsAll(resource.labels)",
    "resource has labels && resource.labels == [\"y\", \"x\"]",
    "resource has level && !(resource.level == 2)",
    "resource has level && [1, 3].contains(resource.level)",
    "resource has folder && resource.folder has open && resource.folder.open",
    "resource has folder && [folder::\"f0\"].contains(resource.folder)",
    "resource in [team::\"t1\", team::\"none\"]",
    "principal in [team::\"t1\", team::\"t0\"]",
    "resource has owner && resource.owner in team::\"t0\"",
    "principal is user && resource has readers && principal in resource.readers",
    "principal is user && principal has boss && resource has owner && principal.boss == resource.owner",
    "principal == user::\"u0\" || (principal is agent && principal has owner && principal.owner == user::\"u1\")",
    "principal is user && [user::\"u0\", user::\"lit\"].contains(principal)",
    "context has delegation.subject.user && context.delegation.subject.user in Userset::\"group:g1#member\"",
    "context has delegation.subject.user && resource has readers && resource.readers.contains(context.delegation.subject.user)",
];

/// Conditions about other types of resources, by action and type: users, who may be the principal
/// too, the members of an enumeration, folders, and what has a namespace.
const OTHERS: [(&str, &str, &[&str]); 4] = [
    (
        "follow",
        "resource",
        &[
            "principal == resource",
            "resource has boss && resource.boss == principal",
            "principal is user && principal has boss && principal.boss == resource",
            "principal is agent && principal has owner && principal.owner == resource",
            "resource in team::\"t0\"",
            "resource has level && principal is user && principal has level && resource.level <= principal.level",
            "resource in Userset::\"group:g0#member\"",
            "context has delegation.from.user && context.delegation.from.user == resource",
            "context has delegation.from.user && context.delegation.from.user != resource",
        ],
    ),
    (
        "pick",
        "resource",
        &[
            "resource == mode::\"fast\"",
            "principal in Userset::\"group:g0#member\"",
            "principal has level",
        ],
    ),
    (
        "audit",
        "resource is folder",
        &[
            "principal in resource.viewer",
            "resource has open && resource.open",
            "resource == folder::\"lit\"",
        ],
    ),
    (
        "test",
        "resource",
        &[
            "principal in resource.tester",
            "resource has owner && resource.owner == principal",
            "resource == Lab::probe::\"p1\"",
        ],
    ),
];

pub(crate) fn policy() -> impl Strategy<Value = String> {
    prop_oneof![4 => about_documents(), 1 => about_others()]
}

fn about_others() -> impl Strategy<Value = String> {
    let effect = prop_oneof![4 => Just("permit"), 1 => Just("forbid")];
    (effect, select(&OTHERS[..]), any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0u8..8).prop_map(
        |(effect, (action, resource, conditions), one, other, form)| {
            let (one, other) = (one.get(conditions), other.get(conditions));
            let condition = match form {
                0 => format!("!({one})"),
                1 => format!("({one}) || ({other})"),
                2 => format!("({one}) && !({other})"),
                _ => format!("({one})"),
            };
            format!("{effect} (principal, action == Action::\"{action}\", {resource}) when {{ {condition} }};")
        },
    )
}

fn about_documents() -> impl Strategy<Value = String> {
    let effect = prop_oneof![4 => Just("permit"), 1 => Just("forbid")];
    let principal = select(vec![
        "principal",
        "principal",
        "principal is user",
        "principal is agent",
        "principal in team::\"t0\"",
        "principal == user::\"u0\"",
        "principal is agent in team::\"t1\"",
    ]);
    let action = select(vec![
        "action in [Action::\"read\", Action::\"write\"]",
        "action in Action::\"read\"",
        "action == Action::\"read:d1\"",
        "action == Action::\"write\"",
    ]);
    let resource = select(vec![
        "resource",
        "resource",
        "resource is doc",
        "resource == doc::\"d0\"",
        "resource in team::\"t1\"",
    ]);
    let condition = (select(CONDITIONS.to_vec()), 0u8..10).prop_map(|(text, form)| match form {
        0 => format!("!({text})"),
        1 => format!("(({text}) || resource == doc::\"d3\")"),
        2 => format!("((resource has level) && ({text}))"),
        _ => format!("({text})"),
    });
    let conditions = prop::collection::vec(condition, 0..3);
    (effect, principal, action, resource, conditions, 0u8..4).prop_map(
        |(effect, principal, action, resource, conditions, form)| {
            let join = if form == 3 { " || " } else { " && " };
            let clause = match (conditions.is_empty(), form) {
                (true, _) => String::new(),
                (false, 0) => format!(" unless {{ {} }}", conditions.join(join)),
                (false, _) => format!(" when {{ {} }}", conditions.join(join)),
            };
            format!("{effect} ({principal}, {action}, {resource}){clause};")
        },
    )
}
