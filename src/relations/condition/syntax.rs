//! The text of an expression, read by the `cel` crate.
//!
//! INVARIANT: whatever the text, reading it ends, and takes no more of the stack than a thread has:
//! brackets and operators are counted before the parser, which is recursive, sees them.

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

/// Deepest nesting of brackets: the parser goes through some ten calls for each, and real
/// conditions nest three deep.
const MAX_BRACKETS: usize = 24;

/// Mistakes that are reported before the parser gives up: more do not help anybody.
const MAX_MISTAKES: u32 = 4;

/// Stack of the thread that reads: in a debug build the parser takes some 100 KiB for each bracket.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Reads an expression and makes something of its tree; `Err` says what is wrong, with line and
/// column within the expression. Both happen on a thread of their own, with a stack that suffices:
/// models are seldom written.
pub(super) fn read<T: Send>(
    text: &str,
    make: impl FnOnce(&IdedExpr) -> Result<T, String> + Send,
) -> Result<T, String> {
    if text.trim().is_empty() {
        return Err("the expression is empty; write one that is true or false".to_owned());
    }
    if brackets(text) > MAX_BRACKETS {
        return Err(format!(
            "brackets are nested more than {MAX_BRACKETS} deep; simplify the expression"
        ));
    }
    let unreadable = || Err("the expression cannot be read".to_owned());
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new()
            .name("condition".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || make(&parse(text)?));
        match reader {
            Ok(reader) => reader.join().unwrap_or_else(|_| unreadable()),
            Err(_) => unreadable(),
        }
    })
}

fn parse(text: &str) -> Result<IdedExpr, String> {
    Parser::new()
        .error_recovery_limit(MAX_MISTAKES)
        .parse(text)
        .map_err(|errors| match errors.errors.first() {
            Some(error) => {
                let (line, column) = error.pos;
                format!(
                    "the expression cannot be read (line {line}, column {column}): {}",
                    first_line(&error.msg)
                )
            }
            None => "the expression cannot be read".to_owned(),
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
