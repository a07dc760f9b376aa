//! Conditions on tuples: an expression over declared parameters, compiled and evaluated.
//!
//! The first line of an input declares parameters (`x: int, ips: list<ipaddress>`), the second is
//! the request's values as JSON, and the rest is the expression.

use behest::json::read_object;
use behest::model::Record;
use behest::relations::condition::{CompiledCondition, ParameterType};
use smol_str::SmolStr;

/// Levels of objects and arrays that values may have.
const MAX_DEPTH: usize = 16;

/// Compiles a condition, and evaluates it twice. The same values have the same outcome.
pub fn conditions(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Some((declared, rest)) = text.split_once('\n') else {
        return;
    };
    let Some((values, expression)) = rest.split_once('\n') else {
        return;
    };
    let Some(parameters) = parameters(declared) else {
        return;
    };
    let Ok(condition) = CompiledCondition::compile("c", expression, &parameters) else {
        return;
    };
    let values = read_object(values.as_bytes(), MAX_DEPTH).unwrap_or_default();
    let none = Record::new();
    let outcome = condition.evaluate(&none, &values);
    assert_eq!(outcome, condition.evaluate(&none, &values));
    // What a tuple stores wins over the request: alone it has the same outcome.
    if condition.check_stored(&values).is_ok() {
        let _ = condition.evaluate(&values, &none);
    }
}

fn parameters(text: &str) -> Option<Vec<(SmolStr, ParameterType)>> {
    text.split(", ")
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            let (name, kind) = parameter.split_once(": ")?;
            Some((name.into(), type_of(kind, 0)?))
        })
        .collect()
}

fn type_of(text: &str, depth: usize) -> Option<ParameterType> {
    if depth > MAX_DEPTH {
        return None;
    }
    match text.strip_suffix('>').and_then(|text| text.split_once('<')) {
        Some(("list", element)) => {
            Some(ParameterType::List(Box::new(type_of(element, depth + 1)?)))
        }
        Some(("map", element)) => Some(ParameterType::Map(Box::new(type_of(element, depth + 1)?))),
        _ => ParameterType::scalar(text),
    }
}
