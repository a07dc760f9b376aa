//! Tests with hostile expressions and values, and with the `cel` crate's own evaluator as an
//! oracle.

use super::*;
use proptest::prelude::*;
use proptest::sample::select;

#[test]
fn hostile_expressions_end_soon_and_without_a_panic() {
    let started = Instant::now();
    for piece in [
        "(", "[", "{", "-", "!", "!-", "a.", "a[", "f(", "1+", "a?", "a?b:", "a&&", "a||",
        "x.map(x,", "[[", "{1:", "'", "\"\"\"", "r'", "//", "\\", "\u{0}", "💥", "a in ", "`",
    ] {
        let text = piece.repeat(MAX_EXPRESSION_BYTES / piece.len());
        for text in [
            text.clone(),
            format!("{text}1"),
            format!(
                "{}1",
                &text[..piece.len() * 20.min(MAX_EXPRESSION_BYTES / piece.len())]
            ),
        ] {
            let _ = CompiledCondition::compile("c", &text, &parameters("a: int, x: list<int>"));
        }
    }
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}

/// Evaluates with the crate's own evaluator, which has neither a budget nor static types.
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
        let pair = (
            inner.clone(),
            inner.clone(),
            prop_oneof![Just("+"), Just("-"), Just("*"), Just("/"), Just("%")],
        );
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
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("(({a}) ? ({b}) : ({c}))")),
            inner.clone().prop_map(|a| format!("!({a})")),
            inner
                .clone()
                .prop_map(|a| format!("[1, 0, 2].exists(i, ({a}) && 2 / i == 1)")),
            inner.prop_map(|a| format!("[1, 0].all(i, ({a}) || 1 / i == 1)")),
        ]
    })
}

/// Parts of conditions.
fn tokens() -> impl Strategy<Value = &'static str> {
    select(TOKENS.split(' ').collect::<Vec<_>>())
}

const TOKENS: &str = "a x 1 1u 0.5 's' ( ) [ ] { } . , ? : && == in - ! has \
    x.all(a, x.map(a.b, null size type a.size()";

proptest! {
    #[test]
    fn what_it_says_is_what_the_crate_says(expression in bool_expression()) {
        if let Ok(condition) = CompiledCondition::compile("c", &expression, &[]) {
            let costly = condition.with_max_cost(1_000_000);
            let ours = costly.evaluate(&Record::new(), &Record::new()).ok();
            prop_assert_eq!(ours, oracle(&expression));
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _ = CompiledCondition::compile("c", &text, &parameters("a: any, x: list<int>"));
    }

    #[test]
    fn no_jumble_of_tokens_panics(tokens in proptest::collection::vec(tokens(), 0..14)) {
        let parameters = parameters("a: any, x: list<int>");
        if let Ok(condition) = CompiledCondition::compile("c", &tokens.join(" "), &parameters) {
            let _ = condition.evaluate(&record(r#"{"a": {"b": 1}, "x": [1, 0]}"#), &Record::new());
        }
    }
}
