//! Which room of `http/` and of `policy/` may use which.
//!
//! A room is a file or a folder, or a part of one that others use apart from the rest. The tables
//! are in order: a room uses rooms that stand before it, and of those the ones that it lists. What
//! of `policy/` points the other way is in a list of its own, with why.

mod http;
mod policy;

use crate::paths::{Path, Uses};
use crate::source::sources;
use std::collections::BTreeSet;

/// A room, those that it uses, and what it is for.
type Room = (&'static str, &'static [&'static str], &'static str);

/// A use that points against the order.
type Against = (&'static str, &'static str, &'static str);

/// Every room that uses another, with an example.
fn arrows(folder: &str, table: &[Room]) -> BTreeSet<(&'static str, &'static str, String)> {
    let sources = sources();
    let uses = Uses::of(&sources);
    let mut found = BTreeSet::new();
    for source in sources
        .iter()
        .filter(|source| source.folder() == folder && source.module.len() > 1)
    {
        let Some(room) = room_of(folder, table, &source.module) else {
            panic!("{} is in no room of the table", source.path.display());
        };
        for path in uses.by(source) {
            if let Some(other) = room_of(folder, table, &path).filter(|other| *other != room) {
                found.insert((
                    room,
                    other,
                    format!("{}: {}", source.path.display(), path.join("::")),
                ));
            }
        }
    }
    found
}

/// The room with the longest name that a path begins with.
fn room_of(folder: &str, table: &[Room], path: &Path) -> Option<&'static str> {
    let inside = path.strip_prefix(&[folder.to_owned()][..])?.join("::");
    let holds = |name: &str| inside == name || inside.starts_with(&format!("{name}::"));
    table
        .iter()
        .map(|(name, ..)| *name)
        .filter(|name| holds(name))
        .max_by_key(|name| name.len())
}

fn check(folder: &str, table: &[Room], against: &[Against]) {
    let at = |room: &str| table.iter().position(|(name, ..)| *name == room);
    let is_against = |room: &str, other: &str| {
        against
            .iter()
            .any(|(from, to, _)| *from == room && *to == other)
    };
    let mut wrong = Vec::new();
    for (room, listed, _) in table {
        let later = listed.iter().filter(|other| at(other) >= at(room));
        wrong.extend(
            later.map(|other| format!("`{room}` lists `{other}`, which does not stand before it")),
        );
    }
    let arrows = arrows(folder, table);
    for (room, other, example) in &arrows {
        let listed = table
            .iter()
            .find(|(name, ..)| name == room)
            .map_or(&[][..], |(_, listed, _)| *listed);
        if !listed.contains(other) && !is_against(room, other) {
            wrong.push(format!("`{room}` uses `{other}`: {example}"));
        }
    }
    let is_used = |room: &str, other: &str| {
        arrows
            .iter()
            .any(|(from, to, _)| *from == room && *to == other)
    };
    for (room, listed, _) in table {
        let unused = listed.iter().filter(|other| !is_used(room, other));
        wrong.extend(
            unused.map(|other| {
                format!("`{room}` no longer uses `{other}`: take it out of the table")
            }),
        );
    }
    let unused = against.iter().filter(|(from, to, _)| !is_used(from, to));
    wrong.extend(
        unused.map(|(from, to, _)| format!("`{from}` no longer uses `{to}` against the order")),
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_room_of_http_uses_only_what_the_table_lists() {
    check("http", &http::HTTP, &[]);
}

#[test]
fn a_room_of_policy_uses_only_what_the_table_lists() {
    check("policy", &policy::POLICY, &policy::POLICY_AGAINST);
}
