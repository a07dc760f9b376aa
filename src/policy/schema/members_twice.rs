//! Refuses a record in a schema that declares a member twice: Cedar keeps the last and says
//! nothing, so that the first would be overlooked.

use crate::model::Problem;
use crate::policy::load::lexer::{CedarToken, CedarTokens};
use crate::policy::load::source::SourceFile;
use std::collections::HashMap;

/// Returns a problem for each member that stands before in its record. In a schema, a name before a
/// single colon is a member's, and nothing else is.
pub(super) fn problems(file: &SourceFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut records: Vec<HashMap<&str, usize>> = Vec::new();
    let mut tokens = CedarTokens::of(&file.text).peekable();
    let mut name: Option<(usize, &str)> = None;
    while let Some((at, token)) = tokens.next() {
        let next = tokens.peek().map(|(_, next)| *next);
        match token {
            CedarToken::Word(_) | CedarToken::Text => {
                let end = tokens.peek().map_or(file.text.len(), |(end, _)| *end);
                name = file.text.get(at..end).map(|text| (at, first_word(text)));
            }
            CedarToken::Mark('?') => {}
            CedarToken::Mark(':') if next == Some(CedarToken::Mark(':')) => {
                tokens.next();
                name = None;
            }
            CedarToken::Mark(':') => {
                let record = records.last_mut();
                if let (Some((at, name)), Some(record)) = (name.take(), record)
                    && let Some(first) = record.insert(name.trim_matches('"'), at)
                {
                    problems.push(
                        Problem::new(format!("`{}` is declared twice", name.trim_matches('"')))
                            .at(file.place(at, name.len()))
                            .and_at(file.place(first, name.len()))
                            .help("keep one of the two declarations"),
                    );
                }
            }
            CedarToken::Mark(mark) => {
                name = None;
                match mark {
                    '{' => records.push(HashMap::new()),
                    '}' => drop(records.pop()),
                    _ => {}
                }
            }
        }
    }
    problems
}

/// Returns a name or a string without what stands behind it up to the next token.
fn first_word(text: &str) -> &str {
    let end = match text.strip_prefix('"') {
        Some(rest) => rest.find('"').map_or(text.len(), |at| at + 2),
        None => text
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(text.len()),
    };
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_stands_once_in_its_record() {
        for (schema, twice) in [
            ("entity a { x?: Long, y: String };", &[] as &[&str]),
            ("entity a { x?: Long, x: String };", &["x"]),
            ("entity a { x?: Long, \"x\": String };", &["x"]),
            ("entity a { x /* */: Long };", &[]),
            ("entity a { x: { y: Long, z: Long }, y: Long };", &[]),
            (
                "entity a { x: { y: Long, y: Long }, x: Long };",
                &["y", "x"],
            ),
            ("entity a { x: Ns::T, T: Ns::T };", &[]),
            (
                "entity a { @doc(\"x: y\") x: Long, // x: Long\n y: Long };",
                &[],
            ),
            (
                "namespace N { entity a { x: Long }; entity b { x: Long }; }",
                &[],
            ),
            (
                "action r appliesTo { principal: a, resource: [a, b], context: { x: Long, x: Long \
                 } };",
                &["x"],
            ),
            (
                "action r appliesTo { principal: a, principal: b };",
                &["principal"],
            ),
        ] {
            let file = SourceFile::new("s.cedarschema", schema);
            let found: Vec<String> = problems(&file)
                .into_iter()
                .map(|problem| problem.message)
                .collect();
            let expected: Vec<String> = twice
                .iter()
                .map(|name| format!("`{name}` is declared twice"))
                .collect();
            assert_eq!(found, expected, "{schema}");
        }
    }
}
