//! Parameters, and the values that are sent for them.

use super::make::{ADDRESSES, FIELDS, SPANS, TEXTS, TIMES};
use behest::model::{Number, Record, Value};
use behest::relations::condition::ParameterType;
use smol_str::SmolStr;
use support::dice::Dice;

/// What is declared of a parameter.
pub(super) type Declared = (&'static str, ParameterType);

/// Parameters of every type.
pub(super) fn parameters() -> Vec<Declared> {
    use ParameterType::{
        Any, Bool, Double, Duration, Int, Ipaddress, List, Map, String, Timestamp, Uint,
    };
    vec![
        ("x", Int),
        ("u", Uint),
        ("d", Double),
        ("b", Bool),
        ("s", String),
        ("w", Duration),
        ("t", Timestamp),
        ("p", Ipaddress),
        ("a", Any),
        ("l", List(Box::new(Int))),
        ("n", List(Box::new(String))),
        ("m", Map(Box::new(Int))),
        ("k", Map(Box::new(List(Box::new(Bool))))),
        ("times", List(Box::new(Timestamp))),
        ("things", List(Box::new(Any))),
    ]
}

/// Some of the parameters.
pub(super) fn some_parameters(dice: &mut Dice) -> Vec<Declared> {
    let mut all = parameters();
    for at in (1..all.len()).rev() {
        all.swap(at, dice.below(at + 1));
    }
    all.truncate(1 + dice.below(6));
    all
}

pub(super) fn owned(declared: &[Declared]) -> Vec<(SmolStr, ParameterType)> {
    declared
        .iter()
        .map(|(name, of)| ((*name).into(), of.clone()))
        .collect()
}

/// Numbers in every spelling of JSON.
pub(super) const NUMBERS: [&str; 18] = [
    "0",
    "-0",
    "1",
    "-1",
    "7",
    "60",
    "5.0",
    "50e-1",
    "0.05E+2",
    "5.5",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "1e19",
    "1e400",
    "0e999999999999999999999",
];

/// Texts that numbers are read from.
pub(super) const DIGITS: [&str; 12] = [
    "5", "+007.", ".5e1", "-7", "1e2", "", ".", "+", "0x5", "1_0", "NaN", " 5",
];

pub(super) fn number(digits: &str) -> Value {
    Value::Number(Number::parse(digits).unwrap())
}

/// A value for a parameter of a type, and sometimes of another.
pub(super) fn value(dice: &mut Dice, of: &ParameterType, depth: usize) -> Value {
    if dice.chance(2) || depth > 3 {
        return odd(dice);
    }
    match of {
        ParameterType::Any => match dice.below(6) {
            0 => Value::List(
                (0..dice.below(3))
                    .map(|_| value(dice, of, depth + 1))
                    .collect(),
            ),
            1 | 2 => value(dice, &ParameterType::Map(Box::new(of.clone())), depth),
            3 => number(dice.one::<&'static str>(&NUMBERS[..10])),
            _ => odd(dice),
        },
        ParameterType::Bool => Value::Bool(dice.chance(50)),
        ParameterType::String => Value::text(*dice.one(&TEXTS)),
        ParameterType::Int | ParameterType::Uint | ParameterType::Double => match dice.below(20) {
            0 => number(dice.one::<&'static str>(&NUMBERS)),
            1 => Value::text(*dice.one(&DIGITS)),
            2 | 3 => number(dice.one::<&'static str>(&["9223372036854775807", "5.0", "0"])),
            _ => number(dice.one::<&'static str>(&["0", "1", "2", "7", "60"])),
        },
        ParameterType::Duration => Value::text(*dice.one(&SPANS[..11])),
        ParameterType::Timestamp => Value::text(*dice.one(&TIMES[..9])),
        ParameterType::Ipaddress => Value::text(*dice.one(&ADDRESSES[..9])),
        ParameterType::List(element) => Value::List(
            (0..dice.below(4))
                .map(|_| value(dice, element, depth + 1))
                .collect(),
        ),
        ParameterType::Map(element) => {
            let mut record = Record::new();
            for _ in 0..dice.below(4) {
                record.insert(*dice.one(&FIELDS), value(dice, element, depth + 1));
            }
            Value::Record(record)
        }
    }
}

/// A value that few parameters take.
fn odd(dice: &mut Dice) -> Value {
    match dice.below(7) {
        0 => Value::Null,
        1 => Value::Bool(dice.chance(50)),
        2 => number(dice.one::<&'static str>(&NUMBERS)),
        3 => Value::text(*dice.one(&TEXTS)),
        4 => Value::text(*dice.one(&DIGITS)),
        5 => Value::List(vec![Value::Null]),
        _ => Value::Record(Record::new()),
    }
}
