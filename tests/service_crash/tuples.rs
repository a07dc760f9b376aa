//! The world of these tests, and the oracle: what a set of tuples means, written down as plainly as
//! possible.

use std::collections::{BTreeMap, BTreeSet};
use support::place::Place;
use support::random::Random;

const MODEL: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type document
  relations
    define blocked: [user]
    define viewer: [user, user with small, group#member]
    define reader: viewer but not blocked
condition small(amount: int, limit: int) {
  amount < limit
}
";

const SCHEMA: &str = "entity group;
entity document;
action read appliesTo { principal: user, resource: document, context: { amount?: Long } };
";

const POLICY: &str = "@id(\"readers\")
permit (principal is user, action == Action::\"read\", resource is document) when { principal in resource.reader };
";

pub(crate) const USERS: u64 = 6;
pub(crate) const DOCUMENTS: u64 = 8;
const GROUPS: u64 = 4;

/// A place whose bundle decides by relations.
pub(crate) fn place() -> Place {
    let place = Place::new();
    place.write("bundle/schemas/documents.fga", MODEL);
    place.write("bundle/schemas/documents.cedarschema", SCHEMA);
    place.write("bundle/policies/documents.cedar", POLICY);
    place
}

/// Tuples as `object#relation@user`, each with the limit in its condition, where it has one.
pub(crate) type Tuples = BTreeMap<String, Option<i64>>;

/// A key of those that answers depend on, and a condition that it may have.
pub(crate) fn some_tuple(random: &mut Random) -> (String, Option<i64>) {
    let (user, group, document) = (
        random.below(USERS),
        random.below(GROUPS),
        random.below(DOCUMENTS),
    );
    match random.below(6) {
        0 => (format!("group:g{group}#member@user:u{user}"), None),
        // Circles among groups are meant to arise; a group in itself is refused.
        1 => (
            format!(
                "group:g{group}#member@group:g{}#member",
                (group + 1 + random.below(GROUPS - 1)) % GROUPS
            ),
            None,
        ),
        2 => (format!("document:d{document}#blocked@user:u{user}"), None),
        3 => (
            format!("document:d{document}#viewer@group:g{group}#member"),
            None,
        ),
        4 => (format!("document:d{document}#viewer@user:u{user}"), None),
        _ => (
            format!("document:d{document}#viewer@user:u{user}"),
            Some(random.below(10).try_into().unwrap()),
        ),
    }
}

/// Whether a user is a document's reader.
pub(crate) fn is_reader(tuples: &Tuples, user: &str, document: &str, amount: i64) -> bool {
    is_viewer(tuples, user, document, amount)
        && !tuples.contains_key(&format!("document:{document}#blocked@user:{user}"))
}

fn is_viewer(tuples: &Tuples, user: &str, document: &str, amount: i64) -> bool {
    let directly = tuples.get(&format!("document:{document}#viewer@user:{user}"));
    let by_group = |group: &String| {
        tuples.contains_key(&format!("document:{document}#viewer@group:{group}#member"))
    };
    directly.is_some_and(|limit| limit.is_none_or(|limit| amount < limit))
        || groups_of(tuples, user).iter().any(by_group)
}

fn groups_of(tuples: &Tuples, user: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    loop {
        let joined = (0..GROUPS).map(|at| format!("g{at}")).filter(|group| {
            let has = |member: &str| tuples.contains_key(&format!("group:{group}#member@{member}"));
            has(&format!("user:{user}"))
                || found
                    .iter()
                    .any(|inner| has(&format!("group:{inner}#member")))
        });
        let joined: BTreeSet<String> = joined.collect();
        if joined == found {
            return found;
        }
        found = joined;
    }
}
