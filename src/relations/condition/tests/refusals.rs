//! Tests of the exact messages for wrong conditions, and that no message reveals a value.

use super::*;

/// Parameters, an expression, and the problem with it.
type RefusalCase = (&'static str, &'static str, &'static str);

fn check(cases: &[RefusalCase]) {
    for (declared, expression, problem) in cases {
        let problems =
            CompiledCondition::compile("c", expression, &parameters(declared)).unwrap_err();
        assert_eq!(problems, [*problem], "{expression}");
    }
}

#[test]
fn operands_of_other_types_are_refused_when_they_are_written() {
    check(&[
        (
            "x: int",
            "",
            "the expression is empty; write one that is true or false",
        ),
        (
            "x: int",
            "x",
            "the expression is of type `int`, and a condition must be a `bool`",
        ),
        (
            "x: any",
            "x",
            "the expression is of type `any`, and a condition must be a `bool`",
        ),
        (
            "x: int",
            "y < 1",
            "`y` is no parameter of the condition; it declares `x`",
        ),
        (
            "",
            "y < 1",
            "`y` is no parameter of the condition; it declares none",
        ),
        (
            "x: int",
            "x < 1.0",
            "`<` does not take `int`, `double`; convert one, as in `int(x)` or `double(x)`",
        ),
        (
            "x: int",
            "x == '1'",
            "`==` does not take `int`, `string`; convert one, as in `int(x)` or `double(x)`",
        ),
        ("x: int", "x && true", "`&&` takes bools, not `int`, `bool`"),
        ("x: int", "!x", "`!` takes bools, not `int`"),
        (
            "x: int",
            "x ? true : false",
            "`? :` takes a bool and two values of one type, not `int`, `bool`, `bool`",
        ),
        (
            "x: list<int>",
            "'a' in x",
            "`in` takes a value and a list or map of such, not `string`, `list<int>`",
        ),
        (
            "x: list<int>",
            "x['a'] == 1",
            "`[ ]` takes a list and an int, or a map and a key of it, not `list<int>`, `string`",
        ),
        (
            "x: int",
            "x.y == 1",
            "`.y` is asked of a `int`, which has no fields",
        ),
        (
            "x: int",
            "x.all(y, true)",
            "a `int` has no elements to go through; use a list or a map",
        ),
    ]);
}

#[test]
fn functions_and_literals_that_cannot_be_right_are_refused_when_they_are_written() {
    check(&[
        (
            "x: int",
            "frob(x)",
            "there is no function `frob`; conditions have CEL's standard functions, \
             `ipaddress` and `in_cidr`",
        ),
        (
            "x: int",
            "x.in_cidr('10.0.0.0/8')",
            "`in_cidr` on a value does not take `int`, `string`",
        ),
        (
            "x: string",
            "contains(x, 'a')",
            "`contains` is called on a value; write `value.contains(…)`",
        ),
        (
            "x: string",
            "x.int() == 1",
            "`int` is not called on a value; write `int(…)`",
        ),
        (
            "x: ipaddress",
            "x.in_cidr('10.0.0.0/99')",
            "`10.0.0.0/99` is no network; write an address and the number of \
             its bits: `10.0.0.0/8`",
        ),
        (
            "x: timestamp",
            "x < timestamp('soon')",
            "`soon`: the text is no time such as `2026-10-01T09:00:00Z`",
        ),
        (
            "x: duration",
            "x < duration('1 day')",
            "`1 day`: the text is no duration such as `1h30m`",
        ),
        (
            "x: string",
            "x.matches('(')",
            "`(` is no regular expression (RE2), or too large",
        ),
        (
            "x: list<int>",
            "x.map(y, y + 'a') == []",
            "`+` does not take `int`, `string`; convert one, as in `int(x)` or `double(x)`",
        ),
        (
            "x: int",
            "{1.5: x} == {}",
            "a `double` cannot be the key of a map; use a string, a whole number or a bool",
        ),
        (
            "x: int",
            "google.protobuf.Duration{seconds: x} == duration('1s')",
            "`google.protobuf.Duration` cannot be built; use `duration(…)` or `timestamp(…)`",
        ),
    ]);
}

#[test]
fn parameters_that_cannot_be_named_are_refused_when_they_are_written() {
    check(&[
        (
            "x-y: int",
            "true",
            "`x-y` cannot name a parameter; use letters, digits and `_`",
        ),
        (
            "in: int",
            "true",
            "`in` means something in CEL; give the parameter another name",
        ),
        (
            "int: int",
            "true",
            "`int` means something in CEL; give the parameter another name",
        ),
        (
            "x: int, x: bool",
            "true",
            "the parameter `x` is declared twice; remove one",
        ),
    ]);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let unreadable = CompiledCondition::compile("c", "x <", &parameters("x: int")).unwrap_err();
    assert!(
        unreadable[0].starts_with("the expression cannot be read (line 1, column 4): "),
        "{unreadable:?}"
    );
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
        (
            "s: string",
            "timestamp(s) > timestamp('2026-01-01T00:00:00Z')",
        ),
        ("s: string", "ipaddress(s) == ipaddress('10.0.0.1')"),
        ("s: string", "ipaddress('10.0.0.1').in_cidr(s)"),
        ("s: string", "'a'.matches(s)"),
        (
            "s: string",
            "timestamp('2026-01-01T00:00:00Z').getHours(s) == 1",
        ),
        (
            "s: string, l: list<int>",
            "l.map(x, x) == [1] || {'a': 1}[s] == 1",
        ),
        ("n: int, l: list<int>", "l[n] == 1"),
        ("s: any", "s > 1"),
        ("s: any, n: int", "s + n == 1"),
        ("n: int", "n * 9223372036854775807 > 1"),
    ] {
        let Ok(condition) = CompiledCondition::compile("c", expression, &parameters(declared))
        else {
            continue;
        };
        let told = condition
            .evaluate(&Record::new(), &record(&context))
            .unwrap_err()
            .to_string();
        assert!(
            !told.contains("S3CR3T") && !told.contains("31337"),
            "{expression}: {told}"
        );
        assert!(told.starts_with("condition `c` "), "{told}");
    }
}
