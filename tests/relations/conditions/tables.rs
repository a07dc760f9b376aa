//! Values of JSON, patterns, and texts of times and durations: each against the oracle.

use super::agree::{self, Said};
use super::evaluate::Evaluation;
use super::make::{ADDRESSES, SPANS, TEXTS, TIMES};
use super::send::{self, DIGITS, NUMBERS, number};
use super::term::{self, Term};
use super::value::V;
use super::{cast, functions, pattern, times};
use behest::model::{Record, Value};
use behest::relations::condition::{CompiledCondition, ParameterType};
use std::collections::BTreeMap;
use support::dice::Dice;
use support::seed::seed;

/// Evaluates an expression over one parameter.
fn ask(expression: &str, of: &ParameterType, value: &Value) -> Said {
    let compiled = CompiledCondition::compile("c", expression, &[("v".into(), of.clone())])
        .unwrap_or_else(|problems| panic!("{expression}: {problems:?}"));
    let request: Record = [("v".into(), value.clone())].into_iter().collect();
    agree::said(compiled.evaluate(&Record::new(), &request))
}

/// Lists in lists, as many as are said, around a number.
fn nested(depth: usize, inside: Value, list: bool) -> Value {
    (0..depth).fold(inside, |value, _| {
        if list {
            return Value::List(vec![value]);
        }
        let mut record = Record::new();
        record.insert("é", value);
        Value::Record(record)
    })
}

/// Values of every kind of JSON.
fn values() -> Vec<Value> {
    let mut values: Vec<Value> = NUMBERS.iter().map(|digits| number(digits)).collect();
    let texts = [&TEXTS[..], &SPANS, &TIMES, &ADDRESSES, &DIGITS].concat();
    values.extend(texts.into_iter().map(Value::text));
    values.extend(NUMBERS.map(Value::text));
    values.extend([Value::Null, Value::Bool(true), Value::Bool(false)]);
    values.extend([Value::List(Vec::new()), Value::Record(Record::new())]);
    for depth in [1, 2, 63, 64, 65] {
        for list in [true, false] {
            for inside in [number("1"), Value::List(Vec::new()), Value::Null] {
                values.push(nested(depth, inside, list));
            }
        }
    }
    values.push(Value::List(vec![
        number("1"),
        Value::text("2"),
        number("3.0"),
    ]));
    values.push(Value::List(vec![Value::text("a"), Value::Null]));
    values
}

/// What shows a value as a bool, for each type: that it is what the oracle took it for.
fn shown(of: &V) -> Option<Term> {
    let literal = match of {
        V::Int(_) | V::Uint(_) | V::Double(_) | V::Null | V::Bool(_) | V::Text(_) => {
            Term::Literal(of.clone())
        }
        V::Span(it) => Term::Call("duration", vec![Term::Literal(V::Int(*it))]),
        V::Time(it) => Term::Call("timestamp", vec![Term::text(&times::write_time(*it))]),
        V::List(items) if items.is_empty() => Term::List(Vec::new()),
        _ => return None,
    };
    Some(Term::binary("==", Term::Name("v"), literal))
}

#[test]
fn every_value_of_json_becomes_what_the_oracle_takes_it_for() {
    let mut types: Vec<ParameterType> = send::parameters().into_iter().map(|(_, of)| of).collect();
    let list = |of: &ParameterType| ParameterType::List(Box::new(of.clone()));
    types.push(list(&list(&ParameterType::Any)));
    types.push(ParameterType::Map(Box::new(ParameterType::Double)));
    let mut taken: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for of in &types {
        let seen = taken.entry(of.to_string()).or_default();
        for value in values() {
            let wanted = cast::take(&value, of);
            let said = ask("true", of, &value);
            let Some(wanted) = wanted else {
                seen.1 += 1;
                assert_eq!(said, Said::Bad("v".into()), "{value:?} as {of}");
                continue;
            };
            seen.0 += 1;
            assert_eq!(said, Said::Is(true), "{value:?} as {of}");
            // Of an address, every bit is compared with networks.
            if let V::Ip(version, bits) = wanted {
                let width = if version == 4 { 32 } else { 128 };
                let flipped = (0..width).map(|bit| (bits ^ (1 << bit), false));
                for (bits, inside) in flipped.chain([(bits, true)]) {
                    let network = written(version, bits, width);
                    let asked = format!("v.in_cidr('{network}')");
                    assert_eq!(
                        ask(&asked, of, &value),
                        Said::Is(inside),
                        "{value:?} {network}"
                    );
                }
                continue;
            }
            if let Some(shown) = shown(&wanted) {
                let text = term::write(&shown, &mut Dice::new(1));
                assert_eq!(
                    ask(&text, of, &value),
                    Said::Is(true),
                    "{value:?} as {of}: {text}"
                );
            }
        }
    }
    assert!(
        taken.values().all(|(yes, no)| *yes >= 1 && *no >= 2),
        "{taken:?}"
    );
}

fn written(version: u8, bits: u128, width: u32) -> String {
    let group = |at: u32, size: u32| bits >> (width - size * (at + 1)) & ((1 << size) - 1);
    if version == 4 {
        let bytes: Vec<String> = (0..4).map(|at| group(at, 8).to_string()).collect();
        return format!("{}/32", bytes.join("."));
    }
    let groups: Vec<String> = (0..8).map(|at| format!("{:x}", group(at, 16))).collect();
    format!("{}/128", groups.join(":"))
}

/// Part of a pattern that RE2 accepts.
fn pattern_part(dice: &mut Dice, depth: usize) -> String {
    let plain = [
        "a", "b", "c", "-", "_", "0", "7", " ", "é", "ß", "😀", "٣", r"\.", r"\n", ".", "^", "$",
        r"\b", r"\B", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\A", r"\z", "[ab]", "[^ab]",
        "[a-c_]", r"[\d-]", r"[^\w]", "[à-ü]", "[]a]", "&&", "[a&&b]", "[a~~]", "#", "{", "a{,2}",
    ];
    match dice.below(if depth == 0 { 1 } else { 5 }) {
        0 => (*dice.one::<&str>(&plain)).to_owned(),
        1 => pattern_part(dice, depth - 1) + &pattern_part(dice, depth - 1),
        2 => format!(
            "({}|{})",
            pattern_part(dice, depth - 1),
            pattern_part(dice, depth - 1)
        ),
        3 => format!("(?:{})", pattern_part(dice, depth - 1)),
        _ => {
            let inside = pattern_part(dice, depth - 1);
            let times = ["*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "+?", "{0}"];
            format!("({inside}){}", dice.one::<&str>(&times))
        }
    }
}

/// The pattern as the `regex` crate says the same: its classes without Unicode, and its own
/// operators within classes as plain characters.
fn foreign(source: &str) -> String {
    [
        (r"\W", r"[^0-9A-Za-z_]"),
        (r"\w", r"0-9A-Za-z_"),
        (r"\D", r"[^0-9]"),
        (r"\d", r"0-9"),
        (r"\S", "[^\\t\\n\\f\\r\\x20]"),
        (r"\s", "[\\t\\n\\f\\r\\x20]"),
        (r"\b", r"(?-u:\b)"),
        (r"\B", r"(?-u:\B)"),
        ("&&", r"\x26\x26"),
        ("~~", r"\x7e\x7e"),
        ("a{,2}", r"a\x7b,2\x7d"),
    ]
    .iter()
    .fold(source.to_owned(), |text, (ours, theirs)| {
        text.replace(ours, theirs)
    })
}

#[test]
fn patterns_match_what_the_oracle_and_the_crate_match() {
    let mut dice = Dice::new(seed(7));
    let characters: Vec<char> = "abcABC-_07 é\u{df}😀٣.\n&~#{,2}ü".chars().collect();
    let mut seen: BTreeMap<Option<bool>, u32> = BTreeMap::new();
    for _ in 0..800 {
        let flags = if dice.chance(20) { "(?i)" } else { "" };
        let mut source = format!("{flags}{}", pattern_part(&mut dice, 3));
        if dice.chance(8) {
            // One that is refused, most likely.
            source
                .push_str(dice.one::<&str>(&["**", "(", ")", "[b-a]", "[", "\\", "{2}{2}", "+*"]));
        }
        // A pattern of the request is compiled with less memory, which these do not take.
        for _ in 0..4 {
            let text: String = (0..dice.below(6)).map(|_| *dice.one(&characters)).collect();
            let wanted = pattern::matches(&source, &text);
            let mut record = Record::new();
            record.insert("s", Value::text(source.as_str()));
            record.insert("t", Value::text(text.as_str()));
            let parameters = [
                ("s".into(), ParameterType::String),
                ("t".into(), ParameterType::String),
            ];
            let compiled = CompiledCondition::compile("c", "t.matches(s)", &parameters).unwrap();
            let found = agree::said(
                compiled
                    .with_max_cost(10_000)
                    .evaluate(&record, &Record::new()),
            );
            let said = wanted.map_or(Said::Failed, Said::Is);
            assert_eq!(found, said, "{source:?} in {text:?}");
            let literal = term::write(&Term::text(&source), &mut dice);
            let fixed = CompiledCondition::compile(
                "c",
                &format!("t.matches({literal})"),
                &[("t".into(), ParameterType::String)],
            );
            assert_eq!(fixed.is_ok(), wanted.is_some(), "{source:?}: {fixed:?}");
            *seen.entry(wanted).or_default() += 1;
            // Within a class, a class of the crate's needs no brackets, and elsewhere it does.
            let plain = !source.contains('\\') || !source.contains(['d', 'w']);
            if wanted.is_some() && plain && !source.contains("(?i)") && !source.contains('{') {
                let theirs = regex::Regex::new(&foreign(&source)).unwrap();
                assert_eq!(
                    Some(theirs.is_match(&text)),
                    wanted,
                    "{source:?} in {text:?}"
                );
            }
        }
    }
    for said in [Some(true), Some(false), None] {
        assert!(seen.get(&said).is_some_and(|it| *it > 100), "{seen:?}");
    }
}

/// A text that is almost one of a table: characters are taken out, doubled, or others.
fn almost(dice: &mut Dice, table: &[&str], others: &[char]) -> String {
    let mut text: Vec<char> = dice.one::<&str>(table).chars().collect();
    for _ in 0..dice.below(3) {
        let at = dice.below(text.len() + 1);
        match dice.below(3) {
            0 if at < text.len() => drop(text.remove(at)),
            1 if at < text.len() => text[at] = *dice.one(others),
            _ => text.insert(at, *dice.one(others)),
        }
    }
    text.into_iter().collect()
}

#[test]
fn texts_of_times_durations_and_addresses_are_read_as_the_oracle_reads_them() {
    let mut dice = Dice::new(seed(11));
    let tables: [(&str, ParameterType, &[&str], &str); 3] = [
        (
            "timestamp",
            ParameterType::Timestamp,
            &TIMES,
            "0123456789:-+TZ.tz é",
        ),
        (
            "duration",
            ParameterType::Duration,
            &SPANS,
            "0123456789hmsnuµ.-+ d",
        ),
        (
            "ipaddress",
            ParameterType::Ipaddress,
            &ADDRESSES,
            "0123456789abcdf:.%/ G",
        ),
    ];
    for (name, of, table, others) in tables {
        let others: Vec<char> = others.chars().collect();
        let (mut read, mut refused) = (0, 0);
        for _ in 0..3_000 {
            let text = almost(&mut dice, table, &others);
            let wanted = functions::apply(&format!("{name}()"), &[V::Text(text.clone())]);
            let value = Value::text(text.as_str());
            let Ok(wanted) = wanted else {
                refused += 1;
                assert_eq!(
                    ask("true", &of, &value),
                    Said::Bad("v".into()),
                    "{name}({text:?})"
                );
                continue;
            };
            read += 1;
            // Written again, it is the same, as a parameter and as a literal.
            let again = match &wanted {
                V::Ip(version, bits) => {
                    let width = if *version == 4 { 32 } else { 128 };
                    let network = written(*version, *bits, width);
                    format!("v.in_cidr('{network}') && v == ipaddress('{text}')")
                }
                it => {
                    let shown = Evaluation::new(&[("v", it.clone())], 100)
                        .value(&Term::Call("string", vec![Term::Name("v")]));
                    let Ok(V::Text(shown)) = shown else {
                        panic!("{shown:?}")
                    };
                    format!("string(v) == '{shown}' && v == {name}('{text}')")
                }
            };
            assert_eq!(
                ask(&again, &of, &value),
                Said::Is(true),
                "{name}({text:?}): {again}"
            );
        }
        assert!(
            read > 500 && refused > 500,
            "{name}: {read} read, {refused} refused"
        );
    }
}
