//! Refuses a record in a schema that declares a member twice: Cedar keeps the last and says
//! nothing, so that the first would be overlooked.

use crate::model::Problem;
use crate::policy::load::lexer::{CedarToken, CedarTokens};
use crate::policy::load::source::SourceFile;
use cedar_policy_core::parser::unescape::to_unescaped_string;
use smol_str::SmolStr;
use std::collections::HashMap;

/// Returns a problem for each member that stands before in its record. In a schema, a name before a
/// single colon is a member's, and nothing else is.
pub(super) fn problems(file: &SourceFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut records: Vec<HashMap<SmolStr, (usize, usize)>> = Vec::new();
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
                if let (Some((at, written)), Some(record)) = (name.take(), record) {
                    let name = member_name(written);
                    let message = format!("`{name}` is declared twice");
                    if let Some((first, len)) = record.insert(name, (at, written.len())) {
                        problems.push(
                            Problem::new(message)
                                .at(file.place(at, written.len()))
                                .and_at(file.place(first, len))
                                .help("keep one of the two declarations"),
                        );
                    }
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
    let Some(rest) = text.strip_prefix('"') else {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        return text.get(..end.unwrap_or(text.len())).unwrap_or(text);
    };
    let mut is_escaped = false;
    let end = rest.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    text.get(..end.map_or(text.len(), |at| at + 2))
        .unwrap_or(text)
}

/// Returns the name that Cedar gives to a member: a string's escapes are read as it reads them. A
/// name that Cedar cannot read is refused by Cedar itself, and stays here as it is written.
fn member_name(written: &str) -> SmolStr {
    let quoted = written
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    quoted.map_or_else(
        || written.into(),
        |text| to_unescaped_string(text).unwrap_or_else(|_| text.into()),
    )
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
            (r#"entity a { x?: Long, "\u{78}"?: String };"#, &["x"]),
            (r#"entity a { "\x78"?: Long, x?: String };"#, &["x"]),
            (r#"entity a { "\u{78}": Long, "\x78": String };"#, &["x"]),
            (
                r#"action r appliesTo { context: { x: Long, "\u{78}": Long } };"#,
                &["x"],
            ),
            (r#"entity a { "x\"y"?: Long, "x\"z"?: Long };"#, &[]),
            (r#"entity a { "x\"y": Long, "x\u{22}y": Long };"#, &["x\"y"]),
            (r#"entity a { "x\\": Long, "x": Long };"#, &[]),
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
