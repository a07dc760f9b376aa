//! The text of an expression, read by the `cel` crate.
//!
//! INVARIANT: whatever the text, reading it ends, and takes no more of the stack than a thread has: brackets and
//! operators are counted before the parser, which is recursive, sees them.

use cel::common::ast::IdedExpr;
use cel::parser::Parser;

/// Words that CEL keeps for itself: no parameter can be called by one.
pub(super) const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// Deepest nesting of brackets: the parser goes through some ten calls for each, and real conditions nest three deep.
const MAX_BRACKETS: usize = 24;

/// Mistakes that are reported before the parser gives up: more do not help anybody.
const MAX_MISTAKES: u32 = 4;

/// Reads an expression; `Err` says what is wrong, with line and column within the expression.
pub(super) fn parse(text: &str) -> Result<IdedExpr, String> {
    if text.trim().is_empty() {
        return Err("the expression is empty; write one that is true or false".to_owned());
    }
    if brackets(text) > MAX_BRACKETS {
        return Err(format!("brackets are nested more than {MAX_BRACKETS} deep; simplify the expression"));
    }
    Parser::new().error_recovery_limit(MAX_MISTAKES).parse(text).map_err(|errors| {
        let said: Vec<_> = errors
            .errors
            .iter()
            .take(1)
            .map(|error| {
                format!(
                    "the expression cannot be read (line {}, column {}): {}",
                    error.pos.0,
                    error.pos.1,
                    first_line(&error.msg)
                )
            })
            .collect();
        said.into_iter().next().unwrap_or_else(|| "the expression cannot be read".to_owned())
    })
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

/// How deep brackets nest, those in strings and comments too: an upper bound is enough.
fn brackets(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
