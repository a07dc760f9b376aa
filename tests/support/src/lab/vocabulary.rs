//! The texts from which bundles are composed: one schema, one model, and the scopes and conditions
//! of policies.
//!
//! `{in}` and `{out}` open and close the namespace of the types; `{ns}` is the prefix of their
//! names outside of it.

pub const SCHEMA: &str = r#"
entity Level enum ["low", "high"];
{in}
entity squad in [squad];
entity person in [squad] {
  kind: String, level?: Long, ip?: ipaddr, ttl?: duration, since?: datetime, friends?: Set<person>,
  cards?: Set<{n: Long}>, clearance?: Level, home?: { city?: String, zip?: Long }, boss?: person,
  @request mfa?: Bool, @stored desk?: room, score?: decimal,
} tags String;
entity bot in [squad] { kind: String, level?: Long, owner?: person, ip?: ipaddr };
entity team;
entity room { open?: Bool };
entity shelf in [shelf];
entity doc in [shelf] {
  kind: String, level?: Long, owner?: person, readers?: Set<person>, source?: ipaddr, age?: duration, until?: datetime,
  price?: decimal, clearance?: Level, place?: { city?: String, zip?: Long }, marks?: Set<{n: Long}>,
  @stored room?: room, mfa?: Bool, labels?: Set<String>,
} tags Set<String>;
{out}
action all;
action read, write in [all] appliesTo {
  principal: [{ns}person, {ns}bot], resource: {ns}doc, context: { {context} exact?: { n: Long } },
};
action "read:d2" in [read] appliesTo {
  principal: [{ns}person, {ns}bot], resource: {ns}doc, context: { {context} exact: { n: Long } },
};
action greet in [all] appliesTo { principal: [{ns}person, {ns}bot], resource: [{ns}person, {ns}bot] };
"#;

pub const CONTEXT: &str = "
  limit?: Long, items?: Set<String>, window?: duration, origin?: ipaddr, at?: datetime, table?: { a?: Long, b?: Long },
  peer?: {ns}person, peers?: Set<{ns}person>, rank?: Level, request_id?: String,
  arguments?: { n?: Long, s?: String, deep?: { x?: Bool } }, action_properties?: { soft?: Bool },
";

pub const MODEL: &str = "model
  schema 1.1
type {ns}person
type {ns}bot
type {ns}team
  relations
    define member: [{ns}person, {ns}bot, {ns}team#member]
type {ns}room
  relations
    define inside: [{ns}room]
    define viewer: [{ns}person, {ns}bot, {ns}team#member, {ns}person:*] or viewer from inside
type {ns}doc
  relations
    define inside: [{ns}room]
    define viewer: [{ns}person, {ns}person with small, {ns}person with listed, {ns}person with mapped, {ns}person with short, {ns}person with near, {ns}person with timed, {ns}person with exactly, {ns}bot, {ns}bot with small, {ns}team#member, {ns}team#member with listed]
    define blocked: [{ns}person, {ns}person with mapped, {ns}bot]
    define can: viewer but not blocked
    define via: viewer from inside
condition small(limit: int) {
  limit < {small}
}
condition listed(items: list<string>, wanted: string) {
  wanted in items
}
condition mapped(table: map<int>) {
  table['a'] < 3
}
condition short(window: duration) {
  window < duration('1h')
}
condition near(origin: ipaddress, net: string) {
  origin.in_cidr(net)
}
condition timed(at: timestamp) {
  at < timestamp('2026-06-01T12:00:00Z')
}
condition exactly(action: string, resource: string, deep: any) {
  action == 'read' && resource != 'x' && deep != 'none'
}
";

/// Conditions about documents; `{ns}` is the namespace, with its colons.
pub const ABOUT_DOCS: [&str; 58] = [
    "principal in resource.viewer",
    "principal in resource.can",
    "principal in resource.via",
    "principal in resource.viewer && !(principal in resource.blocked)",
    "resource has room && principal in resource.room.viewer",
    "principal in Userset::\"{model}team:t0#member\"",
    "context has peer && context.peer in resource.viewer",
    "{has:from} && {get:from} in resource.can",
    "principal.kind == \"x\"",
    "resource.kind == \"x\"",
    "principal.kind == resource.kind",
    "principal has level && principal.level > 2",
    "resource has level && resource.level > 2",
    "principal has level && resource has level && principal.level == resource.level",
    "principal has ip && principal.ip.isInRange(ip(\"10.0.0.0/8\"))",
    "resource has source && resource.source.isInRange(ip(\"10.0.0.0/8\"))",
    "principal has ip && resource has source && principal.ip == resource.source",
    "context has origin && context.origin.isLoopback()",
    "principal is {ns}person && principal has ttl && principal.ttl < duration(\"1h\")",
    "resource has age && resource.age < duration(\"1h\")",
    "context has window && context.window < duration(\"1h\")",
    "principal is {ns}person && principal has since && principal.since < datetime(\"2026-06-01T12:00:00Z\")",
    "resource has until && context.now < resource.until",
    "context has at && context.at < datetime(\"2026-06-01T12:00:00Z\")",
    "principal is {ns}person && principal has friends && resource has owner && principal.friends.contains(resource.owner)",
    "principal is {ns}person && resource has readers && resource.readers.contains(principal)",
    "resource has readers && principal in resource.readers",
    "context has peers && resource has readers && resource.readers.containsAny(context.peers)",
    "principal is {ns}person && principal has cards && principal.cards.contains({n: 1})",
    "resource has marks && resource.marks.contains({n: 1})",
    "resource has marks && resource.marks.isEmpty()",
    "principal is {ns}person && principal has clearance && principal.clearance == Level::\"high\"",
    "resource has clearance && resource.clearance == Level::\"high\"",
    "context has rank && resource has clearance && context.rank == resource.clearance",
    "principal is {ns}person && principal has home.zip && principal.home.zip < 3",
    "resource has place.zip && resource.place.zip < 3",
    "resource has place.city && resource.place.city == \"a\"",
    "principal is {ns}person && principal has boss && principal.boss.kind == \"x\"",
    "resource has owner && resource.owner has level && resource.owner.level > 2",
    "principal is {ns}person && principal has mfa && principal.mfa",
    "resource has mfa && resource.mfa",
    "principal is {ns}person && principal has score && principal.score.lessThan(decimal(\"2.5\"))",
    "resource has price && resource.price.lessThan(decimal(\"2.5\"))",
    "principal is {ns}person && principal.hasTag(\"k\") && principal.getTag(\"k\") == \"v\"",
    "resource.hasTag(\"k\") && resource.getTag(\"k\").contains(\"v\")",
    "resource has labels && resource.labels.containsAll([\"a\"])",
    "resource in {ns}shelf::\"s0\"",
    "principal in {ns}squad::\"q0\"",
    "context has limit && context.limit < 3",
    "context has items && context.items.contains(\"a\")",
    "context has table.a && context.table.a < 3",
    "context has arguments.n && context.arguments.n < 3",
    "context has arguments.deep.x && context.arguments.deep.x",
    "context has exact && context.exact == {n: 1}",
    "context has action_properties.soft && context.action_properties.soft",
    "context.delegation.depth < 1",
    "{has:earlier} && {get:earlier}.contains({ns}person::\"p1\")",
    "{has:subject} && {get:subject}.kind == \"x\"",
];

/// Conditions about points in time, each compared with another, with the clock or with a whole
/// second, and some conditions without times.
pub const ABOUT_TIMES: [&str; 10] = [
    "principal is {ns}person && principal has since && principal.since < datetime(\"2026-06-01T12:00:00Z\")",
    "principal is {ns}person && principal has since && context.now >= principal.since",
    "principal is {ns}person && principal has since && resource has until && principal.since <= resource.until",
    "resource has until && context.now < resource.until",
    "resource has until && context.now <= resource.until",
    "resource has until && context has at && context.at < resource.until",
    "context has at && context.at < datetime(\"2026-06-01T12:00:00Z\")",
    "context has at && context.at == datetime(\"2026-06-01T12:00:00.001Z\")",
    "principal in resource.viewer",
    "resource.kind == \"x\"",
];

pub const ABOUT_ANYONE: [&str; 6] = [
    "principal == resource",
    "principal.kind == resource.kind",
    "resource has level && resource.level > 2",
    "resource has ip && resource.ip == ip(\"10.0.0.1\")",
    "principal has level && resource has level && principal.level <= resource.level",
    "resource is {ns}person && resource has boss && principal == resource.boss",
];

/// Scopes of policies about documents.
pub const SCOPES: [&str; 10] = [
    "principal, action in Action::\"all\", resource is {ns}doc",
    "principal, action in [Action::\"read\", Action::\"write\"], resource",
    "principal is {ns}person, action in Action::\"read\", resource",
    "principal is {ns}bot, action in Action::\"read\", resource is {ns}doc",
    "principal == {ns}person::\"p0\", action in Action::\"all\", resource is {ns}doc",
    "principal in {ns}squad::\"q0\", action in Action::\"read\", resource",
    "principal is {ns}person in {ns}squad::\"q1\", action in Action::\"read\", resource",
    "principal, action == Action::\"write\", resource == {ns}doc::\"d0\"",
    "principal, action in Action::\"read\", resource in {ns}shelf::\"s0\"",
    "principal, action in Action::\"read\", resource is {ns}doc in {ns}shelf::\"s1\"",
];
