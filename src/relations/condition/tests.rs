//! Conditions as their authors write them; refusals word for word; hostile text and values; the crate's own evaluator as
//! the oracle.
//!
//! Longer than most: every kind of fault has its sentence here, in one place.

use super::*;
use crate::model::{Number, Value};
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// Parameters as the DSL lists them: `x: int, ips: list<ipaddress>`.
fn parameters(text: &str) -> Vec<(SmolStr, ParameterType)> {
    text.split(", ").filter(|it| !it.is_empty()).map(|it| it.split_once(": ").unwrap()).map(parameter).collect()
}

fn parameter((name, ty): (&str, &str)) -> (SmolStr, ParameterType) {
    (name.into(), type_of(ty))
}

fn type_of(text: &str) -> ParameterType {
    match text.strip_suffix('>').and_then(|text| text.split_once('<')) {
        Some(("list", element)) => ParameterType::List(Box::new(type_of(element))),
        Some(("map", element)) => ParameterType::Map(Box::new(type_of(element))),
        _ => ParameterType::scalar(text).unwrap(),
    }
}

/// Values as JSON has them.
fn record(json: &str) -> Record {
    match value(&serde_json::from_str(json).unwrap()) {
        Value::Record(record) => record,
        other => panic!("{other:?}"),
    }
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::Number(Number::parse(&number.to_string()).unwrap()),
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Array(items) => Value::List(items.iter().map(value).collect()),
        serde_json::Value::Object(members) => {
            Value::Record(members.iter().map(|(name, member)| (name.into(), value(member))).collect())
        }
    }
}

fn compile(declared: &str, expression: &str) -> Condition {
    Condition::compile("c", expression, &parameters(declared))
        .unwrap_or_else(|problems| panic!("{expression}: {problems:?}"))
}

fn holds(declared: &str, expression: &str, context: &str) -> Result<bool, String> {
    compile(declared, expression).evaluate(&Record::new(), &record(context)).map_err(|error| error.to_string())
}

#[test]
fn conditions_hold_or_do_not() {
    for (declared, expression, context, expected) in [
        ("x: int", "x < 100", r#"{"x": 99}"#, true),
        ("x: int", "x < 100", r#"{"x": "100"}"#, false),
        ("x: double", "x > 0.0", r#"{"x": 0.5}"#, true),
        ("x: string", "x == '1'", r#"{"x": "1"}"#, true),
        ("x: uint", "x == 5u", r#"{"x": 5}"#, true),
        ("a: any", "a == 10", r#"{"a": 10}"#, true),
        ("a: any", "a == 10", r#"{"a": "10"}"#, false),
        ("a: any", "a.b[1].c == null", r#"{"a": {"b": [0, {"c": null}]}}"#, true),
        ("ts: timestamp", r#"ts < timestamp("2023-10-11T10:00:00.000Z")"#, r#"{"ts": "2023-10-11T09:59:59Z"}"#, true),
        (
            "now: timestamp, start: timestamp, span: duration",
            "now < start + span",
            r#"{"now": "2026-10-01T10:00:00Z", "start": "2026-10-01T09:00:00Z", "span": "1h"}"#,
            false,
        ),
        ("ip: ipaddress, cidr: string", "ip.in_cidr(cidr)", r#"{"ip": "::ffff:10.1.2.3", "cidr": "10.0.0.0/8"}"#, true),
        ("ip: ipaddress", "ip == ipaddress('::ffff:10.1.2.3')", r#"{"ip": "10.1.2.3"}"#, true),
        ("ip: ipaddress", "!ip.in_cidr('192.168.0.0/16')", r#"{"ip": "10.1.2.3"}"#, true),
        ("l: list<string>", "'a' in l", r#"{"l": ["b", "a"]}"#, true),
        ("m: map<int>", "'a' in m && m.a == 1 && m['a'] == 1", r#"{"m": {"a": 1}}"#, true),
        ("m: map<int>", "has(m.b) || m.size() == 1", r#"{"m": {"a": 1}}"#, true),
        ("l: list<int>", "l.all(x, x > 0) && l.exists(x, x == 3)", r#"{"l": [1, 2, 3]}"#, true),
        ("l: list<int>", "l.exists_one(x, x > 2)", r#"{"l": [1, 2, 3]}"#, true),
        ("l: list<int>", "l.map(x, x * 2) == [2, 4, 6]", r#"{"l": [1, 2, 3]}"#, true),
        ("l: list<int>", "l.filter(x, x > 1).size() == 2", r#"{"l": [1, 2, 3]}"#, true),
        ("l: list<int>", "l.map(x, x > 1, x + 1)[0] == 3", r#"{"l": [1, 2, 3]}"#, true),
        ("m: map<bool>", "m.exists(k, m[k] && k.startsWith('a'))", r#"{"m": {"b": true, "ab": true}}"#, true),
        ("l: list<int>, y: int", "l.exists(x, l.exists(y, x == y * 3))", r#"{"l": [1, 3], "y": 7}"#, true),
        (
            "s: string",
            "s.matches('^[a-z]+@corp[.]com$') && s.contains('@') && s.endsWith('.com')",
            r#"{"s": "me@corp.com"}"#,
            true,
        ),
        ("s: string", "matches(s, s) && size(s) == 1", r#"{"s": "é"}"#, true),
        (
            "t: timestamp",
            "t.getHours('Europe/Berlin') == 11 && t.getHours() == 9 && t.getHours('+05:30') == 14",
            r#"{"t": "2026-10-01T09:00:00Z"}"#,
            true,
        ),
        (
            "t: timestamp",
            "t.getDayOfWeek() == 4 && t.getDayOfMonth() == 0 && t.getDate() == 1 && t.getMonth() == 9",
            r#"{"t": "2026-10-01T09:00:00Z"}"#,
            true,
        ),
        (
            "t: timestamp",
            "t.getFullYear() == 2026 && t.getDayOfYear() == 273 && t.getMilliseconds() == 120",
            r#"{"t": "2026-10-01T09:00:00.12Z"}"#,
            true,
        ),
        (
            "d: duration",
            "d.getMinutes() == 90 && d > duration('1h') && d - duration('90m') == duration('0')",
            r#"{"d": "1h30m"}"#,
            true,
        ),
        ("x: int", "x % 2 == 0 ? x / 2 == 5 : x == 7", r#"{"x": 10}"#, true),
        (
            "x: int",
            "string(x) + '!' == '5!' && int('5') == x && double(x) == 5.0 && uint(x) == 5u && -x == -5",
            r#"{"x": 5}"#,
            true,
        ),
        ("x: any", "type(x) == string || type(x) == type(1.0)", r#"{"x": 5}"#, true),
        ("x: any", "dyn(x) == 1 || dyn(x) == [1, 'a']", r#"{"x": [1, "a"]}"#, true),
        (
            "x: int",
            "{'a': x}.a == 1 && {1: 2}[1] == 2 && b'a' < b'b' && bytes('a') == b'a' && bool('true')",
            r#"{"x": 1}"#,
            true,
        ),
    ] {
        assert_eq!(holds(declared, expression, context), Ok(expected), "{expression} {context}");
    }
}

#[test]
fn never_is_a_point_in_time() {
    for expression in
        ["t.getFullYear() == 9999", "t.getHours('America/New_York') == 18", "t > timestamp('2026-01-01T00:00:00Z')"]
    {
        assert_eq!(holds("t: timestamp", expression, r#"{"t": "9999-12-31T23:59:59Z"}"#), Ok(true), "{expression}");
    }
}

#[test]
fn the_tuples_values_win_and_every_parameter_must_be_there() {
    let condition = compile("x: int, y: int", "x < 100 || y < 50");
    let evaluate = |tuple: &str, request: &str| condition.evaluate(&record(tuple), &record(request));
    assert_eq!(evaluate(r#"{"x": 200}"#, r#"{"x": 1, "y": 60, "z": true}"#), Ok(false));
    assert_eq!(
        evaluate(r#"{"x": 1}"#, "{}"),
        Err(ConditionError::Missing { condition: "c".into(), parameters: vec!["y".into()] })
    );
    assert_eq!(
        evaluate("{}", "{}").unwrap_err().to_string(),
        "condition `c` has no value for `x`, `y`: send it in the context"
    );
    assert_eq!(
        evaluate(r#"{"x": 1}"#, r#"{"y": "many"}"#).unwrap_err().to_string(),
        "condition `c` has a bad value for `y`: expected a whole number of 64 bits (or its digits in a string), found a string that is none"
    );
}

#[test]
fn stored_contexts_hold_values_for_parameters_only() {
    let condition = compile("x: int, y: int", "x < y");
    assert_eq!(condition.check_stored(&record(r#"{"x": 1}"#)), Ok(()));
    assert_eq!(
        condition.check_stored(&record(r#"{"z": 1}"#)).unwrap_err().to_string(),
        "condition `c` has no parameter `z`: remove the value from the tuple's context"
    );
    assert!(matches!(condition.check_stored(&record(r#"{"x": true}"#)), Err(ConditionError::BadValue { .. })));
}

#[test]
fn a_condition_says_which_parameters_it_names() {
    let condition =
        compile("a: int, b: map<int>, c: list<int>, d: int, e: int", "a > 1 ? has(b.x) : c.all(e, e + a > 0)");
    let read: Vec<_> = condition
        .parameters()
        .iter()
        .filter(|(name, _)| condition.reads(name))
        .map(|(name, _)| name.as_str())
        .collect();
    // `e` is the comprehension's variable there.
    assert_eq!(read, ["a", "b", "c"]);
    assert!(!condition.reads("x"));
}

#[test]
fn errors_are_absorbed_by_a_side_that_decides_and_only_by_it() {
    for (expression, expected) in [
        ("m.x == 1 || true", Ok(true)),
        ("true || m.x == 1", Ok(true)),
        ("m.x == 1 && false", Ok(false)),
        ("m.x == 1 || false", Err("condition `c` failed: there is no key `x`")),
        ("m.x == 1 && true", Err("condition `c` failed: there is no key `x`")),
        ("[0, 1].exists(i, 1 / i == 1)", Ok(true)),
        ("[0, 2].exists(i, 1 / i == 1)", Err("condition `c` failed: division by zero")),
        ("[0, 2].all(i, 1 / i == 1)", Ok(false)),
        ("[1, 0].all(i, 1 / i == 1)", Err("condition `c` failed: division by zero")),
        ("[0].map(i, 1 / i) == [1]", Err("condition `c` failed: division by zero")),
        ("9223372036854775807 + 1 > 0", Err("condition `c` failed: the result is out of range")),
        ("-9223372036854775808 / -1 > 0", Err("condition `c` failed: the result is out of range")),
        (
            "timestamp('9999-12-31T23:59:59Z') + duration('1s') > timestamp('2026-01-01T00:00:00Z')",
            Err("condition `c` failed: the result is out of range"),
        ),
        ("[1][1] == 1", Err("condition `c` failed: there is no such index in the list")),
        ("m['x'] == 1", Err("condition `c` failed: there is no such key in the map")),
        ("dyn('a') < dyn(1)", Err("condition `c` failed: `<` does not take `string`, `int`")),
        ("dyn(1) < dyn(1.5)", Ok(true)),
        (
            "ipaddress('10.1.2.3').in_cidr(m.size() == 0 ? '10.0.0.0' : '')",
            Err("condition `c` failed: the text is no network"),
        ),
        (
            "'a'.matches(m.size() == 0 ? '(' : '')",
            Err("condition `c` failed: the pattern is no regular expression (RE2), or too large"),
        ),
        (
            "timestamp('2026-01-01T00:00:00Z').getHours('Mars') == 0",
            Err("condition `c` failed: the text is no time zone"),
        ),
    ] {
        assert_eq!(
            holds("m: map<int>", expression, r#"{"m": {}}"#).as_ref().map_err(String::as_str),
            expected.as_ref().map_err(|it| *it),
            "{expression}"
        );
    }
}

#[test]
fn what_cannot_be_right_is_refused_when_it_is_written() {
    for (declared, expression, problem) in [
        ("x: int", "", "the expression is empty; write one that is true or false"),
        ("x: int", "x", "the expression is of type `int`, and a condition must be a `bool`"),
        ("x: any", "x", "the expression is of type `any`, and a condition must be a `bool`"),
        ("x: int", "y < 1", "`y` is no parameter of the condition; it declares `x`"),
        ("", "y < 1", "`y` is no parameter of the condition; it declares none"),
        ("x: int", "x < 1.0", "`<` does not take `int`, `double`; convert one, as in `int(x)` or `double(x)`"),
        ("x: int", "x == '1'", "`==` does not take `int`, `string`; convert one, as in `int(x)` or `double(x)`"),
        ("x: int", "x && true", "`&&` takes bools, not `int`, `bool`"),
        ("x: int", "!x", "`!` takes bools, not `int`"),
        ("x: int", "x ? true : false", "`? :` takes a bool and two values of one type, not `int`, `bool`, `bool`"),
        ("x: list<int>", "'a' in x", "`in` takes a value and a list or map of such, not `string`, `list<int>`"),
        (
            "x: list<int>",
            "x['a'] == 1",
            "`[ ]` takes a list and an int, or a map and a key of it, not `list<int>`, `string`",
        ),
        ("x: int", "x.y == 1", "`.y` is asked of a `int`, which has no fields"),
        ("x: int", "x.all(y, true)", "a `int` has no elements to go through; use a list or a map"),
        (
            "x: int",
            "frob(x)",
            "there is no function `frob`; conditions have CEL's standard functions, `ipaddress` and `in_cidr`",
        ),
        ("x: int", "x.in_cidr('10.0.0.0/8')", "`in_cidr` on a value does not take `int`, `string`"),
        ("x: string", "contains(x, 'a')", "`contains` is called on a value; write `value.contains(…)`"),
        ("x: string", "x.int() == 1", "`int` is not called on a value; write `int(…)`"),
        (
            "x: ipaddress",
            "x.in_cidr('10.0.0.0/99')",
            "`10.0.0.0/99` is no network; write an address and the number of its bits: `10.0.0.0/8`",
        ),
        ("x: timestamp", "x < timestamp('soon')", "`soon`: the text is no time such as `2026-10-01T09:00:00Z`"),
        ("x: duration", "x < duration('1 day')", "`1 day`: the text is no duration such as `1h30m`"),
        ("x: string", "x.matches('(')", "`(` is no regular expression (RE2), or too large"),
        (
            "x: list<int>",
            "x.map(y, y + 'a') == []",
            "`+` does not take `int`, `string`; convert one, as in `int(x)` or `double(x)`",
        ),
        ("x: int", "{1.5: x} == {}", "a `double` cannot be the key of a map; use a string, a whole number or a bool"),
        (
            "x: int",
            "google.protobuf.Duration{seconds: x} == duration('1s')",
            "`google.protobuf.Duration` cannot be built; use `duration(…)` or `timestamp(…)`",
        ),
        ("x-y: int", "true", "`x-y` cannot name a parameter; use letters, digits and `_`"),
        ("in: int", "true", "`in` means something in CEL; give the parameter another name"),
        ("int: int", "true", "`int` means something in CEL; give the parameter another name"),
        ("x: int, x: bool", "true", "the parameter `x` is declared twice; remove one"),
    ] {
        assert_eq!(Condition::compile("c", expression, &parameters(declared)).unwrap_err(), [problem], "{expression}");
    }
    let unreadable = Condition::compile("c", "x <", &parameters("x: int")).unwrap_err();
    assert!(unreadable[0].starts_with("the expression cannot be read (line 1, column 4): "), "{unreadable:?}");
}

#[test]
fn limits_hold_at_the_limit_and_not_past_it() {
    let long = |bytes: usize| Condition::compile("c", &format!("'{}' == ''", "a".repeat(bytes - 8)), &[]);
    assert!(long(MAX_EXPRESSION_BYTES).is_ok());
    assert_eq!(
        long(MAX_EXPRESSION_BYTES + 1).unwrap_err(),
        ["the expression has 513 bytes, and 512 are allowed; split the condition"]
    );
    let many = |count: usize| {
        let parameters: Vec<_> = (0..count).map(|at| (format!("p{at}").into(), ParameterType::Int)).collect();
        Condition::compile("c", "true", &parameters)
    };
    assert!(many(MAX_PARAMETERS).is_ok());
    assert_eq!(
        many(MAX_PARAMETERS + 1).unwrap_err(),
        ["there are 26 parameters, and 25 are allowed; pass related values as one map"]
    );
    let deep = |depth: usize| {
        let ty = (0..depth).fold(ParameterType::Int, |ty, _| ParameterType::List(Box::new(ty)));
        Condition::compile("c", "true", &[("x".into(), ty)])
    };
    assert!(deep(MAX_TYPE_DEPTH).is_ok());
    assert!(deep(MAX_TYPE_DEPTH + 1).is_err());
    let nested =
        |depth: usize| Condition::compile("c", &format!("{}true{}", "(".repeat(depth), ")".repeat(depth)), &[]);
    assert!(nested(24).is_ok());
    assert_eq!(nested(25).unwrap_err(), ["brackets are nested more than 24 deep; simplify the expression"]);
    let chained = |terms: usize| Condition::compile("c", &format!("1{} > 0", "+1".repeat(terms - 1)), &[]);
    assert!(chained(63).is_ok());
    assert_eq!(chained(64).unwrap_err(), ["the expression is nested more than 64 deep"]);
}

#[test]
fn costs_are_counted_as_cel_counts_them() {
    for (declared, expression, context, cost) in [
        ("x: int", "x < 100", r#"{"x": 1}"#, 2),
        ("x: int", "x < 100 || x > 200", r#"{"x": 1}"#, 2),
        ("x: int", "x < 100 || x > 200", r#"{"x": 150}"#, 4),
        ("m: map<int>", "m.a == 1", r#"{"m": {"a": 1}}"#, 3),
        ("l: list<string>", "'a' in l", r#"{"l": ["b", "c", "d"]}"#, 4),
        ("s: string", "s == 'abcdefghijk'", r#"{"s": "abcdefghijk"}"#, 3),
        ("s: string", "s.startsWith('a')", r#"{"s": "abcdefghijk"}"#, 2),
        ("s: string", "s.contains('abcdefghijk')", r#"{"s": "abcdefghijk"}"#, 5),
        ("s: string", "s.matches('abcdefgh')", r#"{"s": "abcdefghijk"}"#, 5),
        ("x: int", "[x, 1] == [1]", r#"{"x": 1}"#, 22),
        ("x: int", "{'a': x} == {'b': 1}", r#"{"x": 1}"#, 62),
        // range 1; per element: result 1, not_strictly_false 1, result 1, x 1, > 1; result 1
        ("l: list<int>", "l.all(x, x > 0)", r#"{"l": [1, 2]}"#, 12),
    ] {
        let evaluate =
            |units| compile(declared, expression).with_max_cost(units).evaluate(&record(context), &Record::new());
        assert!(evaluate(cost).is_ok(), "{expression}: {:?}", evaluate(cost));
        assert_eq!(
            evaluate(cost - 1),
            Err(ConditionError::TooCostly { condition: "c".into(), max_cost: cost - 1 }),
            "{expression}"
        );
    }
}

#[test]
fn work_that_units_do_not_count_is_bounded_too() {
    let many = format!(r#"{{"l": [{}"x"], "s": "{}"}}"#, "\"aaaa\",".repeat(60_000), "é".repeat(400_000));
    let doubled = format!("({}l).size() > 0", "l+".repeat(48));
    let begun = Instant::now();
    for expression in [
        doubled.as_str(),
        "l == l && l == l && l == l && l == l && l == l && l == l && l == l && l == l && l == l",
        "[l,l,l,l,l,l,l,l,l,l] == [l,l,l,l,l,l,l,l,l,l] && [l,l,l,l,l,l,l,l,l,l] == [l,l,l,l,l,l,l,l,l,l]",
        "l.exists(x, s == x)",
        "s.contains(s)",
        "'a'.matches(s)",
        "s == s",
        "s in l",
    ] {
        assert_eq!(
            holds("l: list<string>, s: string", expression, &many).unwrap_err(),
            "condition `c` costs more than 100 units: pass fewer or shorter values, or simplify it",
            "{expression}"
        );
    }
    for expression in
        ["l.size() > 3", "l.exists(x, x == 'aaaa')", "s.startsWith('é') && s.size() > 3", "(l + l).size() > 3"]
    {
        assert!(holds("l: list<string>, s: string", expression, &many).is_ok(), "{expression}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn no_message_shows_a_value() {
    let secret = "S3CR3T(";
    let context = format!(r#"{{"s": "{secret}", "m": {{"{secret}": [1]}}, "n": 31337, "l": []}}"#);
    for (declared, expression) in [
        ("s: int", "s > 1"),
        ("s: double", "s > 1.0"),
        ("s: bool", "s"),
        ("s: duration", "s > duration('1h')"),
        ("s: timestamp", "s > timestamp('2026-01-01T00:00:00Z')"),
        ("s: ipaddress", "s.in_cidr('10.0.0.0/8')"),
        ("s: list<string>", "s.size() > 1"),
        ("n: string", "n == ''"),
        ("n: list<int>", "n == []"),
        ("m: map<int>", "m == {}"),
        ("s: string", "int(s) > 1"),
        ("s: string", "uint(s) > 1u"),
        ("s: string", "double(s) > 1.0"),
        ("s: string", "bool(s)"),
        ("s: string", "duration(s) > duration('1h')"),
        ("s: string", "timestamp(s) > timestamp('2026-01-01T00:00:00Z')"),
        ("s: string", "ipaddress(s) == ipaddress('10.0.0.1')"),
        ("s: string", "ipaddress('10.0.0.1').in_cidr(s)"),
        ("s: string", "'a'.matches(s)"),
        ("s: string", "timestamp('2026-01-01T00:00:00Z').getHours(s) == 1"),
        ("s: string, l: list<int>", "l.map(x, x) == [1] || {'a': 1}[s] == 1"),
        ("n: int, l: list<int>", "l[n] == 1"),
        ("s: any", "s > 1"),
        ("s: any, n: int", "s + n == 1"),
        ("n: int", "n * 9223372036854775807 > 1"),
    ] {
        let Ok(condition) = Condition::compile("c", expression, &parameters(declared)) else { continue };
        let told = condition.evaluate(&Record::new(), &record(&context)).unwrap_err().to_string();
        assert!(!told.contains("S3CR3T") && !told.contains("31337"), "{expression}: {told}");
        assert!(told.starts_with("condition `c` "), "{told}");
    }
}

#[test]
fn an_exhausted_budget_is_never_absorbed() {
    let numbers = format!(r#"{{"l": [{}0]}}"#, "1, ".repeat(1_000));
    for expression in
        ["l.all(x, l.all(y, x == y)) || true", "l.exists(x, l.exists(y, x == 7)) && false", "l.map(x, l) == [] || true"]
    {
        assert_eq!(
            holds("l: list<int>", expression, &numbers).unwrap_err(),
            "condition `c` costs more than 100 units: pass fewer or shorter values, or simplify it"
        );
    }
}

#[test]
fn hostile_expressions_end_soon_and_without_a_panic() {
    let started = Instant::now();
    for piece in [
        "(", "[", "{", "-", "!", "!-", "a.", "a[", "f(", "1+", "a?", "a?b:", "a&&", "a||", "x.map(x,", "[[", "{1:",
        "'", "\"\"\"", "r'", "//", "\\", "\u{0}", "💥", "a in ", "`",
    ] {
        let text = piece.repeat(MAX_EXPRESSION_BYTES / piece.len());
        for text in [
            text.clone(),
            format!("{text}1"),
            format!("{}1", &text[..piece.len() * 20.min(MAX_EXPRESSION_BYTES / piece.len())]),
        ] {
            let _ = Condition::compile("c", &text, &parameters("a: int, x: list<int>"));
        }
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

/// Expressions that mean the same to the crate's evaluator, which knows no budget and no types.
fn oracle(expression: &str) -> Option<bool> {
    let program = cel::Program::compile(expression).ok()?;
    match program.execute(&cel::Context::default()) {
        Ok(cel::Value::Bool(value)) => Some(value),
        _ => None,
    }
}

fn integer_expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (-3_i64..4).prop_map(|it| it.to_string()),
        Just("size([1, 2])".to_owned()),
        Just("9223372036854775807".to_owned())
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let pair = (inner.clone(), inner.clone(), prop_oneof![Just("+"), Just("-"), Just("*"), Just("/"), Just("%")]);
        prop_oneof![
            pair.prop_map(|(a, b, operator)| format!("({a} {operator} {b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("[{a}, 1].map(x, x + {b})[0]")),
        ]
    })
}

fn bool_expression() -> impl Strategy<Value = String> {
    let comparison = (
        integer_expression(),
        integer_expression(),
        prop_oneof![Just("<"), Just("<="), Just("=="), Just("!="), Just(">")],
    );
    let leaf = prop_oneof![
        comparison.prop_map(|(a, b, operator)| format!("{a} {operator} {b}")),
        Just("true".to_owned()),
        Just("'abc'.startsWith('a')".to_owned()),
        Just("1 in [1, 2] && !('b' in {'a': 1})".to_owned()),
    ];
    leaf.prop_recursive(3, 16, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || ({b})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("(({a}) ? ({b}) : ({c}))")),
            inner.clone().prop_map(|a| format!("!({a})")),
            inner.clone().prop_map(|a| format!("[1, 0, 2].exists(i, ({a}) && 2 / i == 1)")),
            inner.prop_map(|a| format!("[1, 0].all(i, ({a}) || 1 / i == 1)")),
        ]
    })
}

proptest! {
    #[test]
    fn what_it_says_is_what_the_crate_says(expression in bool_expression()) {
        if let Ok(condition) = Condition::compile("c", &expression, &[]) {
            let ours = condition.with_max_cost(1_000_000).evaluate(&Record::new(), &Record::new()).ok();
            prop_assert_eq!(ours, oracle(&expression));
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _ = Condition::compile("c", &text, &parameters("a: any, x: list<int>"));
    }

    #[test]
    fn no_jumble_of_tokens_panics(tokens in proptest::collection::vec(prop_oneof![
        Just("a"), Just("x"), Just("1"), Just("1u"), Just("0.5"), Just("'s'"), Just("("), Just(")"), Just("["), Just("]"),
        Just("{"), Just("}"), Just("."), Just(","), Just("?"), Just(":"), Just("&&"), Just("=="), Just("in"), Just("-"),
        Just("!"), Just("has"), Just("x.all(a,"), Just("x.map(a.b,"), Just("null"), Just("size"), Just("type"), Just("a.size()"),
    ], 0..14)) {
        if let Ok(condition) = Condition::compile("c", &tokens.join(" "), &parameters("a: any, x: list<int>")) {
            let _ = condition.evaluate(&record(r#"{"a": {"b": 1}, "x": [1, 0]}"#), &Record::new());
        }
    }
}
