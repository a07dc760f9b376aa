//! Tests of the outcomes of conditions, and of the errors that are absorbed.

use super::*;

/// A condition's parameters, its expression, a context, and whether it holds there.
type OutcomeCase = (&'static str, &'static str, &'static str, bool);

fn check(cases: &[OutcomeCase]) {
    for (declared, expression, context, expected) in cases {
        assert_eq!(
            holds(declared, expression, context),
            Ok(*expected),
            "{expression} {context}"
        );
    }
}

#[test]
fn values_are_compared_by_their_types() {
    check(&[
        ("x: int", "x < 100", r#"{"x": 99}"#, true),
        ("x: int", "x < 100", r#"{"x": "100"}"#, false),
        ("x: double", "x > 0.0", r#"{"x": 0.5}"#, true),
        ("x: string", "x == '1'", r#"{"x": "1"}"#, true),
        ("x: uint", "x == 5u", r#"{"x": 5}"#, true),
        ("a: any", "a == 10", r#"{"a": 10}"#, true),
        ("a: any", "a == 10", r#"{"a": "10"}"#, false),
        (
            "a: any",
            "a.b[1].c == null",
            r#"{"a": {"b": [0, {"c": null}]}}"#,
            true,
        ),
        (
            "ts: timestamp",
            r#"ts < timestamp("2023-10-11T10:00:00.000Z")"#,
            r#"{"ts": "2023-10-11T09:59:59Z"}"#,
            true,
        ),
        (
            "now: timestamp, start: timestamp, span: duration",
            "now < start + span",
            r#"{"now": "2026-10-01T10:00:00Z", "start": "2026-10-01T09:00:00Z", "span": "1h"}"#,
            false,
        ),
        (
            "ip: ipaddress, cidr: string",
            "ip.in_cidr(cidr)",
            r#"{"ip": "::ffff:10.1.2.3", "cidr": "10.0.0.0/8"}"#,
            true,
        ),
        (
            "ip: ipaddress",
            "ip == ipaddress('::ffff:10.1.2.3')",
            r#"{"ip": "10.1.2.3"}"#,
            true,
        ),
        (
            "ip: ipaddress",
            "!ip.in_cidr('192.168.0.0/16')",
            r#"{"ip": "10.1.2.3"}"#,
            true,
        ),
    ]);
}

#[test]
fn lists_and_maps_are_searched() {
    check(&[
        ("l: list<string>", "'a' in l", r#"{"l": ["b", "a"]}"#, true),
        (
            "m: map<int>",
            "'a' in m && m.a == 1 && m['a'] == 1",
            r#"{"m": {"a": 1}}"#,
            true,
        ),
        (
            "m: map<int>",
            "has(m.b) || m.size() == 1",
            r#"{"m": {"a": 1}}"#,
            true,
        ),
        (
            "l: list<int>",
            "l.all(x, x > 0) && l.exists(x, x == 3)",
            r#"{"l": [1, 2, 3]}"#,
            true,
        ),
        (
            "l: list<int>",
            "l.exists_one(x, x > 2)",
            r#"{"l": [1, 2, 3]}"#,
            true,
        ),
        (
            "l: list<int>",
            "l.map(x, x * 2) == [2, 4, 6]",
            r#"{"l": [1, 2, 3]}"#,
            true,
        ),
        (
            "l: list<int>",
            "l.filter(x, x > 1).size() == 2",
            r#"{"l": [1, 2, 3]}"#,
            true,
        ),
        (
            "l: list<int>",
            "l.map(x, x > 1, x + 1)[0] == 3",
            r#"{"l": [1, 2, 3]}"#,
            true,
        ),
        (
            "m: map<bool>",
            "m.exists(k, m[k] && k.startsWith('a'))",
            r#"{"m": {"b": true, "ab": true}}"#,
            true,
        ),
        (
            "l: list<int>, y: int",
            "l.exists(x, l.exists(y, x == y * 3))",
            r#"{"l": [1, 3], "y": 7}"#,
            true,
        ),
    ]);
}

#[test]
fn texts_and_times_are_taken_apart() {
    check(&[
        (
            "s: string",
            "s.matches('^[a-z]+@corp[.]com$') && s.contains('@') && s.endsWith('.com')",
            r#"{"s": "me@corp.com"}"#,
            true,
        ),
        (
            "s: string",
            "matches(s, s) && size(s) == 1",
            r#"{"s": "é"}"#,
            true,
        ),
        (
            "t: timestamp",
            "t.getHours('Europe/Berlin') == 11 && t.getHours() == 9 && t.getHours('+05:30') == 14",
            r#"{"t": "2026-10-01T09:00:00Z"}"#,
            true,
        ),
        (
            "t: timestamp",
            "t.getDayOfWeek() == 4 && t.getDayOfMonth() == 0 && t.getDate() == \
             1 && t.getMonth() == 9",
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
    ]);
}

#[test]
fn values_are_converted_and_told_apart() {
    check(&[
        (
            "x: int",
            "x % 2 == 0 ? x / 2 == 5 : x == 7",
            r#"{"x": 10}"#,
            true,
        ),
        (
            "x: int",
            "string(x) + '!' == '5!' && int('5') == x && double(x) == 5.0 && \
             uint(x) == 5u && -x == -5",
            r#"{"x": 5}"#,
            true,
        ),
        (
            "x: any",
            "type(x) == string || type(x) == type(1.0)",
            r#"{"x": 5}"#,
            true,
        ),
        (
            "x: any",
            "dyn(x) == 1 || dyn(x) == [1, 'a']",
            r#"{"x": [1, "a"]}"#,
            true,
        ),
        (
            "x: int",
            "{'a': x}.a == 1 && {1: 2}[1] == 2 && b'a' < b'b' && bytes('a') \
             == b'a' && bool('true')",
            r#"{"x": 1}"#,
            true,
        ),
    ]);
}

#[test]
fn errors_are_absorbed_by_a_side_that_decides_and_only_by_it() {
    for (expression, expected) in [
        ("m.x == 1 || true", Ok(true)),
        ("true || m.x == 1", Ok(true)),
        ("m.x == 1 && false", Ok(false)),
        (
            "m.x == 1 || false",
            Err("condition `c` failed: there is no key `x`"),
        ),
        (
            "m.x == 1 && true",
            Err("condition `c` failed: there is no key `x`"),
        ),
        ("{1u: 'a', 7u: 'b'}.all(k, k + 1u > k)", Ok(true)),
        ("{1u: 'a'}.map(k, type(k)) == [uint]", Ok(true)),
        (
            "{1: 'a'}.map(k, type(k)) == [int] && dyn(1u) in {1: 'a'}",
            Ok(true),
        ),
        ("{18446744073709551615u: 1}.all(k, k - 1u > 0u)", Ok(true)),
        (
            "ipaddress('1.2.3.4') == dyn('1.2.3.4')",
            Err("condition `c` failed: `==` does not take `ipaddress`, `string`"),
        ),
        ("ipaddress('1.2.3.4') != dyn('1.2.3.4')", Ok(true)),
        ("dyn('1.2.3.4') == ipaddress('1.2.3.4')", Ok(false)),
        ("ipaddress('1.2.3.4') == null", Ok(false)),
        ("dyn(ipaddress('1.2.3.4')) in dyn(['1.2.3.4'])", Ok(false)),
        (
            "dyn([ipaddress('1.2.3.4')]) != dyn(['1.2.3.4'])",
            Err("condition `c` failed: `==` does not take `ipaddress`, `string`"),
        ),
        (
            "timestamp('2026-01-01T00:00:00Z').getHours('Europe/Berlin') == 1",
            Ok(true),
        ),
        (
            "timestamp('2026-01-01T00:00:00Z').getHours('europe/berlin') == 1",
            Err("condition `c` failed: the text is no time zone"),
        ),
        ("[0, 1].exists(i, 1 / i == 1)", Ok(true)),
        (
            "[0, 2].exists(i, 1 / i == 1)",
            Err("condition `c` failed: division by zero"),
        ),
        ("[0, 2].all(i, 1 / i == 1)", Ok(false)),
        (
            "[1, 0].all(i, 1 / i == 1)",
            Err("condition `c` failed: division by zero"),
        ),
        (
            "[0].map(i, 1 / i) == [1]",
            Err("condition `c` failed: division by zero"),
        ),
        (
            "9223372036854775807 + 1 > 0",
            Err("condition `c` failed: the result is out of range"),
        ),
        (
            "-9223372036854775808 / -1 > 0",
            Err("condition `c` failed: the result is out of range"),
        ),
        (
            "timestamp('9999-12-31T23:59:59Z') + duration('1s') > \
             timestamp('2026-01-01T00:00:00Z')",
            Err("condition `c` failed: the result is out of range"),
        ),
        (
            "[1][1] == 1",
            Err("condition `c` failed: there is no such index in the list"),
        ),
        (
            "m['x'] == 1",
            Err("condition `c` failed: there is no such key in the map"),
        ),
        (
            "dyn('a') < dyn(1)",
            Err("condition `c` failed: `<` does not take `string`, `int`"),
        ),
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
            holds("m: map<int>", expression, r#"{"m": {}}"#)
                .as_ref()
                .map_err(String::as_str),
            expected.as_ref().map_err(|it| *it),
            "{expression}"
        );
    }
}
