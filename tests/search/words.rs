//! The vocabulary of [`crate::wide`]: what it declares, and what its policies say.

/// What a search looks up is declared beside the world's own schema, for the same types.
pub(crate) const SCHEMA: &str = r#"
{in}
entity room { @stored wing?: String, @stored keeper?: person };
entity doc { @stored one?: Action, @stored some?: Set<Action>, @stored rooms?: Set<room> };
action peers;
action peek, open in [peers] appliesTo { principal: [person, bot], resource: doc };
action "peek:d1" in [peek] appliesTo { principal: [person, bot], resource: doc };
action join appliesTo { principal: [person, bot], resource: team };
{out}
action probe;
action "probe:d0" in [probe] appliesTo { principal: [{ns}person, {ns}bot], resource: {ns}doc };
action rate appliesTo { principal: [{ns}person, {ns}bot], resource: Level };
"#;

/// An action of the same id in another namespace: each is asked for by its whole name.
pub(crate) const SECOND: &str = "namespace Other { action open appliesTo { principal: [Lab::person, Lab::bot], resource: Lab::doc }; }\n";

/// An action for types that the packs bring, beside those of a namespace.
pub(crate) const VISIT: &str =
    "action visit appliesTo { principal: [user, agent, {ns}person], resource: {ns}doc };\n";

/// Conditions about documents, whatever the action.
pub(crate) const ABOUT_DOCS: [&str; 53] = [
    "resource has place.zip && resource.place.zip > 0",
    "resource has place.city && resource.place.city == \"a\"",
    "[{ns}doc::\"d0\", {ns}doc::\"lit\"].contains(resource)",
    "resource == {ns}doc::\"lit\" || principal in resource.via",
    "!(principal in resource.viewer)",
    "!(principal in resource.can && resource has level)",
    "(if principal in resource.viewer then resource.kind == \"x\" else resource has owner && resource.owner == principal)",
    "(if resource has mfa && resource.mfa then principal in resource.viewer else principal in resource.can)",
    "resource has owner && resource.owner == principal",
    "resource has owner && principal in resource.owner",
    "resource has owner && resource.owner in {ns}squad::\"q0\"",
    "resource has owner && resource.owner has mfa && resource.owner.mfa",
    "resource has owner && resource.owner.kind == \"y\"",
    "resource has owner && resource.owner has level && resource.owner.level == 2",
    "resource has mfa && !resource.mfa",
    "resource has readers && resource.readers.containsAny([{ns}person::\"p0\", {ns}person::\"lit\"])",
    "resource has readers && resource.readers == [{ns}person::\"p0\"]",
    "resource has clearance && [Level::\"high\"].contains(resource.clearance)",
    "resource has clearance && !(resource.clearance == Level::\"high\")",
    "resource has room && principal in resource.room.viewer",
    "resource has room && principal in resource.room.viewer && resource.kind == \"x\"",
    "resource has room && (principal in resource.room.viewer || resource.kind == \"y\")",
    "resource has room && resource.room == {ns}room::\"r0\"",
    "resource has room && resource.room has wing && resource.room.wing == \"east\"",
    "resource has room && resource.room has keeper && resource.room.keeper == principal",
    "resource has rooms && resource.rooms.contains({ns}room::\"r0\")",
    "resource has rooms && resource has room && resource.rooms.contains(resource.room)",
    "resource has source && resource.source == ip(\"10.0.0.1\")",
    "resource has source && [ip(\"10.0.0.1\"), ip(\"::1\")].contains(resource.source)",
    "resource has age && resource.age == duration(\"30m\")",
    "resource has age && !(resource.age < duration(\"1h\"))",
    "resource has price && [decimal(\"2.5\"), decimal(\"1.0\")].contains(resource.price)",
    "resource has marks && resource.marks == [{n: 1}, {n: 2}]",
    "resource has marks && resource.marks.containsAny([{n: 2}, {n: 3}])",
    "resource has labels && [\"a\", \"b\"].containsAll(resource.labels)",
    "resource has labels && resource.labels.containsAny([\"b\", \"c\"])",
    "resource has level && [1, 3].contains(resource.level)",
    "resource.hasTag(principal.kind)",
    "resource.hasTag(\"k\") && !resource.getTag(\"k\").contains(\"v\")",
    "resource.kind like \"x*\"",
    "!(resource.kind == \"x\")",
    "resource is {ns}doc in {ns}shelf::\"s1\"",
    "resource in [{ns}shelf::\"s1\", {ns}shelf::\"none\"]",
    "principal is {ns}bot && principal has owner && resource has owner && principal.owner == resource.owner",
    "principal is {ns}bot && principal has owner && principal.owner has level && principal.owner.level > 2",
    "principal is {ns}person && principal has desk && resource has room && principal.desk == resource.room",
    "principal is {ns}person && principal has friends && principal in principal.friends",
    "principal is {ns}person && [{ns}person::\"p0\", {ns}person::\"lit\"].contains(principal)",
    "principal == {ns}person::\"p1\" || principal in Userset::\"{model}team:t1#member\"",
    "principal in [{ns}squad::\"q0\", {ns}squad::\"none\"]",
    "!(principal in {ns}squad::\"q1\")",
    "principal is {ns}person && principal has home.zip && resource has place.zip && principal.home.zip == resource.place.zip",
    "principal is {ns}person && principal.hasTag(\"k\") && resource.hasTag(\"k\") && resource.getTag(\"k\").contains(principal.getTag(\"k\"))",
];

/// Conditions about documents, and about what only an action of
/// [`SCOPES`](support::lab::vocabulary::SCOPES) is told: facts and arguments.
pub(crate) const ABOUT_FACTS: [&str; 16] = [
    "(if {has:earlier} then {get:earlier}.contains({ns}person::\"p0\") else true)",
    "(if {has:earlier} then {get:earlier}.containsAny([{ns}person::\"p0\", {ns}person::\"p1\"]) else principal.kind == \"x\")",
    "(if {has:earlier} && resource has readers then resource.readers.containsAny({get:earlier}) else resource.kind == \"x\")",
    "{has:from} && resource has readers && resource.readers.contains({get:from})",
    "{has:from} && {get:from} in resource.viewer",
    "{has:from} && {get:from} has level && {get:from}.level > 2",
    "{has:earlier} && resource has readers && resource.readers.containsAny({get:earlier})",
    "{has:subject} && {get:subject} in resource.viewer",
    "{has:subject} && resource has owner && resource.owner == {get:subject}",
    "{has:subject} && {get:subject} in Userset::\"{model}team:t1#member\"",
    "{has:from} && principal in {ns}squad::\"q1\"",
    "context has arguments.n && context.arguments.n < 3 && principal in resource.viewer",
    "context has arguments.n && context.arguments.n > 3 && resource has level",
    "{has:subject} && {get:subject} == {ns}person::\"p0\"",
    "{has:subject} && {get:subject} in {ns}squad::\"q1\"",
    "{has:from} && {get:from} == {ns}person::\"p1\"",
];

/// Conditions about an action that an attribute holds, and about what the packs' own types may do.
pub(crate) const ABOUT_ACTIONS: [&str; 6] = [
    "resource has one && resource.one in {ns}Action::\"peers\"",
    "resource has one && action in resource.one",
    "resource has one && resource.one == action",
    "resource has some && resource.some.contains(action)",
    "resource has some && action in resource.some",
    "resource has one && !(resource.one == {ns}Action::\"open\")",
];

/// Scopes about other types of resources, with conditions for each.
pub(crate) const OTHERS: [(&str, &[&str]); 4] = [
    (
        "principal, action == Action::\"greet\", resource",
        &[
            "{has:from} && {get:from} == resource",
            "{has:from} && {get:from} != resource",
            "resource in {ns}squad::\"q0\"",
            "resource is {ns}person in {ns}squad::\"q1\"",
            "resource in Userset::\"{model}team:t0#member\"",
            "principal is {ns}person && principal has boss && principal.boss == resource",
            "resource is {ns}bot && resource has owner && resource.owner == principal",
            "resource is {ns}person && resource has friends && resource.friends.contains({ns}person::\"p1\")",
            "resource is {ns}person && resource has cards && resource.cards.contains({n: 1})",
            "resource is {ns}person && resource has clearance && resource.clearance == Level::\"high\"",
            "resource is {ns}person && resource has mfa && resource.mfa",
        ],
    ),
    (
        "principal, action == Action::\"rate\", resource",
        &[
            "resource == Level::\"high\"",
            "principal is {ns}person && principal has clearance && principal.clearance == resource",
            "principal in Userset::\"{model}team:t0#member\"",
        ],
    ),
    (
        "principal, action == {ns}Action::\"join\", resource",
        &[
            "principal in resource.member",
            "!(principal in resource.member)",
            "{has:from} && {get:from} in resource.member",
            "resource == {ns}team::\"t2\"",
        ],
    ),
    (
        "principal, action == Action::\"visit\", resource",
        &[
            "principal in resource.visitor",
            "principal is user && resource.kind == \"x\"",
            "context has delegation.from.user && context.delegation.from.user in resource.visitor",
            "resource has room && resource.room == {ns}room::\"r0\"",
        ],
    ),
];

/// Templates, each with the texts that can stand in its slots.
pub(crate) const TEMPLATES: [(&str, &[&str], &[&str]); 4] = [
    (
        "permit (principal == ?principal, action in Action::\"all\", resource in ?resource)",
        &["person::\"p0\"", "person::\"linked\""],
        &["shelf::\"s0\"", "shelf::\"s1\""],
    ),
    (
        "permit (principal in ?principal, action in Action::\"read\", resource == ?resource)",
        &["squad::\"q0\"", "squad::\"q1\"", "person::\"p1\""],
        &["doc::\"d0\"", "doc::\"linked\"", "doc::\"urn:x#a*b\""],
    ),
    (
        "permit (principal is {ns}person in ?principal, action == Action::\"write\", resource is {ns}doc in ?resource)",
        &["squad::\"q0\"", "squad::\"q1\""],
        &["shelf::\"s0\"", "shelf::\"s1\""],
    ),
    (
        "forbid (principal == ?principal, action in Action::\"all\", resource is {ns}doc in ?resource)",
        &["person::\"p1\"", "bot::\"b0\""],
        &["shelf::\"s1\""],
    ),
];
