//! Parses the text of an expression with the `cel` crate.
//!
//! INVARIANT: parsing ends for any text, and uses no more stack than the thread has: brackets are
//! counted before the recursive parser sees the text.

use super::error::ExpressionError;
use cel::common::ast::IdedExpr;
use cel::parser::Parser;

/// Reserved words of CEL, which cannot name a parameter.
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

/// Maximum nesting of brackets: the parser makes about ten nested calls for each, and real
/// conditions nest three deep.
pub(super) const MAX_BRACKETS: usize = 24;

/// The number of mistakes after which the parser gives up: more would not help anybody.
const MAX_MISTAKES: u32 = 4;

/// The stack of the parsing thread, in bytes. In a debug build the parser takes about 100 KiB for
/// each bracket.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Parses an expression and calls `make` with its tree. Both run on a thread of their own with a
/// sufficient stack; models are rarely written.
pub(super) fn read<T: Send>(
    text: &str,
    make: impl FnOnce(&IdedExpr) -> Result<T, ExpressionError> + Send,
) -> Result<T, ExpressionError> {
    if text.trim().is_empty() {
        return Err(ExpressionError::Empty);
    }
    if brackets(text) > MAX_BRACKETS {
        return Err(ExpressionError::TooManyBrackets);
    }
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new()
            .name("condition".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || make(&parse(text)?));
        match reader {
            Ok(reader) => reader.join().unwrap_or(Err(ExpressionError::Unreadable)),
            Err(_) => Err(ExpressionError::Unreadable),
        }
    })
}

fn parse(text: &str) -> Result<IdedExpr, ExpressionError> {
    Parser::new()
        .error_recovery_limit(MAX_MISTAKES)
        .parse(text)
        .map_err(|errors| match errors.errors.first() {
            Some(error) => ExpressionError::Syntax {
                line: error.pos.0,
                column: error.pos.1,
                message: first_line(&error.msg).to_owned(),
            },
            None => ExpressionError::Unreadable,
        })
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

/// Returns how deep brackets nest. Those in strings and comments count too: an upper bound is
/// enough.
fn brackets(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0_usize;
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
