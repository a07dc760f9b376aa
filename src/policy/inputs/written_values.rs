//! Reads values that were written as Cedar writes them, for whoever asks a recorded question again.

use super::properties::sent_as;
use crate::model::Value;
use crate::policy::SourceFile;
use crate::policy::load::nesting::{STACK_BYTES, check_policies};
use cedar_policy_core::ast::RestrictedExpr;
use cedar_policy_core::evaluator::RestrictedEvaluator;
use cedar_policy_core::extensions::Extensions;

/// Returns each text's value in the form in which a request would send it; `None` for a text that
/// is no value, or that was cut.
#[must_use]
pub fn read_written_values(texts: &[&str]) -> Vec<Option<Value>> {
    // Cedar's parser is recursive, so it runs on a stack that has room for the deepest text.
    let read = || texts.iter().map(|text| read(text)).collect();
    let all = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
        builder.spawn_scoped(scope, read).ok()?.join().ok()
    });
    all.unwrap_or_else(|| vec![None; texts.len()])
}

fn read(text: &str) -> Option<Value> {
    check_policies(&SourceFile::new("", text)).ok()?;
    let written: RestrictedExpr = text.parse().ok()?;
    let evaluator = RestrictedEvaluator::new(Extensions::all_available());
    let value = evaluator.interpret(written.as_borrowed()).ok()?;
    Some(sent_as(&value)).filter(is_whole)
}

/// Whether every part of the value has a form in which it can be sent.
fn is_whole(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::List(items) => items.iter().all(is_whole),
        Value::Record(members) => members.iter().all(|(_, member)| is_whole(member)),
        Value::Bool(_) | Value::Number(_) | Value::Text(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cedar_writes_is_read_as_a_request_would_send_it() {
        for (text, json) in [
            ("true", "true"),
            ("-7", "-7"),
            (r#""a\"b\u{e9}""#, r#""a\"bé""#),
            (r#"decimal("249.9000")"#, r#""249.9000""#),
            (
                r#"datetime("2026-01-01T00:00:00.000Z")"#,
                r#""2026-01-01T00:00:00.000Z""#,
            ),
            (r#"user::"alice""#, r#""alice""#),
            (r#"[1, {"a b": "c", d: []}]"#, r#"[1,{"a b":"c","d":[]}]"#),
        ] {
            let read = read_written_values(&[text]);
            let expected = crate::json::read_object(format!(r#"{{"v":{json}}}"#).as_bytes(), 64);
            assert_eq!(read[0].as_ref(), expected.unwrap().get("v"), "{text}");
        }
    }

    #[test]
    fn what_was_cut_or_is_an_expression_is_no_value() {
        let deep = "[".repeat(100_000);
        let long = "-".repeat(100_000);
        for text in [
            "",
            "[1, 2",
            "\"abc…",
            "principal",
            "1 + 2",
            "a(1)",
            &deep,
            &long,
        ] {
            assert_eq!(read_written_values(&[text]), [None]);
        }
    }
}
