//! Tests of parameters, limits and costs; outcomes, refusals and hostile text have files of their
//! own.

mod hostile;
mod outcomes;
mod refusals;

use super::*;
use crate::model::{Number, Value};
use std::time::{Duration, Instant};

/// Parses parameters as the DSL lists them: `x: int, ips: list<ipaddress>`.
fn parameters(text: &str) -> Vec<(SmolStr, ParameterType)> {
    text.split(", ")
        .filter(|it| !it.is_empty())
        .map(|it| it.split_once(": ").unwrap())
        .map(parameter)
        .collect()
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

/// Parses values from JSON.
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
        serde_json::Value::Number(number) => {
            Value::Number(Number::parse(&number.to_string()).unwrap())
        }
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Array(items) => Value::List(items.iter().map(value).collect()),
        serde_json::Value::Object(members) => Value::Record(
            members
                .iter()
                .map(|(name, member)| (name.into(), value(member)))
                .collect(),
        ),
    }
}

fn compile(declared: &str, expression: &str) -> CompiledCondition {
    CompiledCondition::compile("c", expression, &parameters(declared))
        .unwrap_or_else(|problems| panic!("{expression}: {problems:?}"))
}

fn holds(declared: &str, expression: &str, context: &str) -> Result<bool, String> {
    compile(declared, expression)
        .evaluate(&Record::new(), &record(context))
        .map_err(|error| error.to_string())
}

#[test]
fn never_is_a_point_in_time() {
    for expression in [
        "t.getFullYear() == 9999",
        "t.getHours('America/New_York') == 18",
        "t > timestamp('2026-01-01T00:00:00Z')",
    ] {
        assert_eq!(
            holds(
                "t: timestamp",
                expression,
                r#"{"t": "9999-12-31T23:59:59Z"}"#
            ),
            Ok(true),
            "{expression}"
        );
    }
}

#[test]
fn the_tuples_values_win_and_every_parameter_must_be_there() {
    let condition = compile("x: int, y: int", "x < 100 || y < 50");
    let evaluate =
        |tuple: &str, request: &str| condition.evaluate(&record(tuple), &record(request));
    assert_eq!(
        evaluate(r#"{"x": 200}"#, r#"{"x": 1, "y": 60, "z": true}"#),
        Ok(false)
    );
    assert_eq!(
        evaluate(r#"{"x": 1}"#, "{}"),
        Err(ConditionError::Missing {
            condition: "c".into(),
            parameters: vec!["y".into()]
        })
    );
    assert_eq!(
        evaluate("{}", "{}").unwrap_err().to_string(),
        "condition `c` has no value for `x`, `y`: store it in the context of \
         the tuple's condition, or send it in the request's `context`"
    );
    assert_eq!(
        evaluate(r#"{"x": 1}"#, r#"{"y": "many"}"#)
            .unwrap_err()
            .to_string(),
        "condition `c` has a bad value for `y`: expected a whole number of 64 bits (or its digits \
         in a string), found a string that is none"
    );
}

#[test]
fn stored_contexts_hold_values_for_parameters_only() {
    let condition = compile("x: int, y: int", "x < y");
    assert_eq!(condition.check_stored(&record(r#"{"x": 1}"#)), Ok(()));
    assert_eq!(
        condition
            .check_stored(&record(r#"{"z": 1}"#))
            .unwrap_err()
            .to_string(),
        "condition `c` has no parameter `z`: remove the value from the tuple's context"
    );
    assert!(matches!(
        condition.check_stored(&record(r#"{"x": true}"#)),
        Err(ConditionError::BadValue { .. })
    ));
}

#[test]
fn a_condition_says_which_parameters_it_names() {
    let condition = compile(
        "a: int, b: map<int>, c: list<int>, d: int, e: int",
        "a > 1 ? has(b.x) : c.all(e, e + a > 0)",
    );
    let read: Vec<_> = condition
        .parameters()
        .iter()
        .filter(|(name, _)| condition.reads(name))
        .map(|(name, _)| name.as_str())
        .collect();
    // In `exists`, `e` is the variable of the comprehension and no parameter.
    assert_eq!(read, ["a", "b", "c"]);
    assert!(!condition.reads("x"));
}

#[test]
fn a_condition_says_which_parts_of_its_parameters_it_reads() {
    for (expression, below) in [
        ("p.to.all(x, x == 'a')", &["p.to"][..]),
        ("has(p.a.b) && p['c'].d > 1", &["p.a.b", "p.c.d"]),
        ("'note' in p && 'x' in p.list", &["p.list.x", "p.note"]),
        ("size(p) < 3 || p.a == 1", &["p", "p.a"]),
        ("p[q] == 1", &["p"]),
        ("q == 'a'", &["p"]),
        ("p.a.exists(k, p.b[k] == k)", &["p.a", "p.b"]),
        ("(true ? p : p.a).c == 1", &["p", "p.a"]),
        ("[p.a].all(x, x.secret == 1)", &["p.a"]),
    ] {
        let condition = compile("p: map<any>, q: string", expression);
        let read: Vec<String> = condition
            .paths()
            .into_iter()
            .filter(|path| path.first().is_some_and(|name| name == "p"))
            .map(|path| path.join("."))
            .collect();
        assert_eq!(read, below, "{expression}");
    }
}

#[test]
fn limits_hold_at_the_limit_and_not_past_it() {
    let long = |bytes: usize| {
        CompiledCondition::compile("c", &format!("'{}' == ''", "a".repeat(bytes - 8)), &[])
    };
    assert!(long(MAX_EXPRESSION_BYTES).is_ok());
    assert_eq!(
        long(MAX_EXPRESSION_BYTES + 1).unwrap_err(),
        ["the expression has 513 bytes, and 512 are allowed; split the condition"]
    );
    let many = |count: usize| {
        let parameters: Vec<_> = (0..count)
            .map(|at| (format!("p{at}").into(), ParameterType::Int))
            .collect();
        CompiledCondition::compile("c", "true", &parameters)
    };
    assert!(many(MAX_PARAMETERS).is_ok());
    assert_eq!(
        many(MAX_PARAMETERS + 1).unwrap_err(),
        ["there are 26 parameters, and 25 are allowed; pass related values as one map"]
    );
    let deep = |depth: usize| {
        let ty = (0..depth).fold(ParameterType::Int, |ty, _| {
            ParameterType::List(Box::new(ty))
        });
        CompiledCondition::compile("c", "true", &[("x".into(), ty)])
    };
    assert!(deep(MAX_TYPE_DEPTH).is_ok());
    assert!(deep(MAX_TYPE_DEPTH + 1).is_err());
    let nested = |depth: usize| {
        CompiledCondition::compile(
            "c",
            &format!("{}true{}", "(".repeat(depth), ")".repeat(depth)),
            &[],
        )
    };
    assert!(nested(24).is_ok());
    assert_eq!(
        nested(25).unwrap_err(),
        ["brackets are nested more than 24 deep; simplify the expression"]
    );
    let chained = |terms: usize| {
        CompiledCondition::compile("c", &format!("1{} > 0", "+1".repeat(terms - 1)), &[])
    };
    assert!(chained(63).is_ok());
    assert_eq!(
        chained(64).unwrap_err(),
        ["the expression is nested more than 64 deep"]
    );
}

#[test]
fn costs_are_counted_as_cel_counts_them() {
    for (declared, expression, context, cost) in [
        ("x: int", "x < 100", r#"{"x": 1}"#, 2),
        ("x: int", "x < 100 || x > 200", r#"{"x": 1}"#, 2),
        ("x: int", "x < 100 || x > 200", r#"{"x": 150}"#, 4),
        ("m: map<int>", "m.a == 1", r#"{"m": {"a": 1}}"#, 3),
        (
            "l: list<string>",
            "'a' in l",
            r#"{"l": ["b", "c", "d"]}"#,
            4,
        ),
        (
            "s: string",
            "s == 'abcdefghijk'",
            r#"{"s": "abcdefghijk"}"#,
            3,
        ),
        (
            "s: string",
            "s.startsWith('a')",
            r#"{"s": "abcdefghijk"}"#,
            2,
        ),
        (
            "s: string",
            "s.contains('abcdefghijk')",
            r#"{"s": "abcdefghijk"}"#,
            5,
        ),
        (
            "s: string",
            "s.matches('abcdefgh')",
            r#"{"s": "abcdefghijk"}"#,
            5,
        ),
        ("x: int", "[x, 1] == [1]", r#"{"x": 1}"#, 22),
        ("x: int", "{'a': x} == {'b': 1}", r#"{"x": 1}"#, 62),
        // range 1; per element: result 1, not_strictly_false 1, result 1, x 1, > 1; result 1
        ("l: list<int>", "l.all(x, x > 0)", r#"{"l": [1, 2]}"#, 12),
    ] {
        let evaluate = |units| {
            compile(declared, expression)
                .with_max_cost(units)
                .evaluate(&record(context), &Record::new())
        };
        assert!(evaluate(cost).is_ok(), "{expression}: {:?}", evaluate(cost));
        assert_eq!(
            evaluate(cost - 1),
            Err(ConditionError::TooCostly {
                condition: "c".into(),
                max_cost: cost - 1
            }),
            "{expression}"
        );
    }
}

#[test]
fn work_that_units_do_not_count_is_bounded_too() {
    let many = format!(
        r#"{{"l": [{}"x"], "s": "{}"}}"#,
        "\"aaaa\",".repeat(60_000),
        "é".repeat(400_000)
    );
    let doubled = format!("({}l).size() > 0", "l+".repeat(48));
    let begun = Instant::now();
    for expression in [
        doubled.as_str(),
        "l == l && l == l && l == l && l == l && l == l && l == l && l == l && l == l && l == l",
        "[l,l,l,l,l,l,l,l,l,l] == [l,l,l,l,l,l,l,l,l,l] && [l,l,l,l,l,l,l,l,l,l] \
         == [l,l,l,l,l,l,l,l,l,l]",
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
    for expression in [
        "l.size() > 3",
        "l.exists(x, x == 'aaaa')",
        "s.startsWith('é') && s.size() > 3",
        "(l + l).size() > 3",
    ] {
        assert!(
            holds("l: list<string>, s: string", expression, &many).is_ok(),
            "{expression}"
        );
    }
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn an_exhausted_budget_is_never_absorbed() {
    let numbers = format!(r#"{{"l": [{}0]}}"#, "1, ".repeat(1_000));
    for expression in [
        "l.all(x, l.all(y, x == y)) || true",
        "l.exists(x, l.exists(y, x == 7)) && false",
        "l.map(x, l) == [] || true",
    ] {
        assert_eq!(
            holds("l: list<int>", expression, &numbers).unwrap_err(),
            "condition `c` costs more than 100 units: pass fewer or shorter values, or simplify it"
        );
    }
}
