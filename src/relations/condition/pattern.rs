//! Compiles the regular expressions of `matches`, which are RE2's, with the `regex` crate.
//!
//! **Problem.** The two languages are alike, but the same text can mean something else to this
//! crate than to the model's author: `\d` matches Unicode digits, `(?x)` ignores spaces, `[a&&b]`
//! is an intersection, and `\u0061` is a letter. A pattern that OpenFGA refuses, or reads in
//! another way, must not permit here.
//! **Decision.** A pattern is parsed as Go's `regexp/syntax` does ([`read`]), with which OpenFGA
//! compiles, and is written again in the one form that this crate cannot misread. A pattern that Go
//! refuses is refused.
//! **Trade-off.** Some patterns that Go accepts are refused too: `\<` and `\>`, which are a plain
//! `<` and `>` in Go and word boundaries elsewhere; a repetition that follows only flags; and names
//! of scripts that this crate does not know.

mod class;
mod read;

use regex::{Regex, RegexBuilder};

/// Maximum memory of a compiled pattern of a model: about a hundred times as much as patterns of
/// real models take.
const MAX_COMPILED_BYTES: usize = 1024 * 1024;

/// Maximum memory of a pattern that comes with a tuple or a request, which is compiled for each
/// evaluation.
const MAX_SENT_BYTES: usize = 64 * 1024;

/// Compiles a pattern of a model. Returns `None` if it is invalid or takes too much memory.
pub(super) fn compile(pattern: &str) -> Option<Regex> {
    build(pattern, MAX_COMPILED_BYTES)
}

/// Compiles a pattern that comes with a tuple or a request.
pub(super) fn compile_sent(pattern: &str) -> Option<Regex> {
    build(pattern, MAX_SENT_BYTES)
}

fn build(pattern: &str, bytes: usize) -> Option<Regex> {
    RegexBuilder::new(&read::rewrite(pattern)?)
        .size_limit(bytes)
        .dfa_size_limit(bytes)
        .build()
        .ok()
}

#[cfg(test)]
mod tests;
