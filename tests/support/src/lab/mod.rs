//! A wider vocabulary than those of single suites: types in a namespace, tags, enumerations,
//! required attributes, addresses, durations, sets of entities and of records, every form of scope,
//! conditions with lists and maps, encoded and long ids, cycles, and every carrier with properties
//! on every member.

pub mod bundle;
mod question;
pub mod vocabulary;

pub use self::bundle::{Bundle, bundle, bundle_about};
pub use self::question::{FINE_TIMES, Question};

use crate::dice::Dice;
use behest::model::{Record, Tuple, TupleCondition, Value};
use std::sync::Arc;

/// The time around which the clock moves: 2026-06-01T12:00:00Z, in milliseconds.
pub const NOON: i64 = 1_780_315_200_000;

/// Returns ids of documents: plain ones, one that must be encoded in a tuple, and a long one.
pub fn doc_ids() -> [String; 5] {
    [
        "d0".to_owned(),
        "d1".to_owned(),
        "d2".to_owned(),
        "urn:x#a*b".to_owned(),
        "l".repeat(180),
    ]
}

pub fn person_ids() -> [String; 4] {
    [
        "p0".to_owned(),
        "p1".to_owned(),
        "p2".to_owned(),
        "spiffe://acme/p#3".to_owned(),
    ]
}

/// Returns one of some words.
pub fn word<'t>(dice: &mut Dice, of: &[&'t str]) -> &'t str {
    of[dice.below(of.len())]
}

/// Returns a tuple that the model allows and that may or may not be stored.
pub fn tuple(dice: &mut Dice, bundle: &Bundle) -> Tuple {
    let ns = if bundle.namespaced { "Lab/" } else { "" };
    let person = format!(
        "{ns}person:{}",
        behest::model::encode_id(person_ids()[dice.below(4)].as_str())
    );
    let bot = format!("{ns}bot:b{}", dice.below(2));
    let doc = format!(
        "{ns}doc:{}",
        behest::model::encode_id(doc_ids()[dice.below(5)].as_str())
    );
    let room = |dice: &mut Dice| format!("{ns}room:r{}", dice.below(3));
    let team = |dice: &mut Dice| format!("{ns}team:t{}", dice.below(3));
    let (key, condition) = match dice.below(10) {
        0 => (format!("{}#member@{person}", team(dice)), None),
        1 => (format!("{}#member@{}#member", team(dice), team(dice)), None),
        2 => (format!("{}#inside@{}", room(dice), room(dice)), None),
        3 => (
            format!(
                "{}#viewer@{}",
                room(dice),
                dice.one(&[person, bot, format!("{ns}person:*")])
            ),
            None,
        ),
        4 => (format!("{doc}#inside@{}", room(dice)), None),
        5 => (
            format!("{doc}#viewer@{}#member", team(dice)),
            condition(dice, &["listed"]),
        ),
        6 => (format!("{doc}#viewer@{bot}"), condition(dice, &["small"])),
        7 => (
            format!("{doc}#blocked@{person}"),
            condition(dice, &["mapped"]),
        ),
        _ => (
            format!("{doc}#viewer@{person}"),
            condition(
                dice,
                &[
                    "small", "listed", "mapped", "short", "near", "timed", "exactly",
                ],
            ),
        ),
    };
    Tuple {
        key: key.parse().unwrap(),
        condition: condition.map(Arc::new),
    }
}

fn condition(dice: &mut Dice, names: &[&str]) -> Option<TupleCondition> {
    let name = dice.chance(75).then(|| word(dice, names))?;
    let member = match name {
        "listed" => Some(("wanted", Value::text(word(dice, &["a", "b"])))),
        "near" => Some(("net", Value::text(word(dice, &["10.0.0.0/8", "::1/128"])))),
        _ => None,
    };
    let context: Record = member
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect();
    Some(TupleCondition {
        name: name.into(),
        context,
    })
}

/// Returns a time for the clock, near the times with which it is compared.
pub fn time(dice: &mut Dice) -> i64 {
    NOON + dice.one(&[-2_000, -1, 0, 1, 2_999, 3_000, 3_001])
}
