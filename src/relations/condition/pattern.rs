//! Regular expressions of `matches`: RE2's, on the `regex` crate.
//!
//! **Problem.** The two languages are alike, and the same text can mean more here than the model's
//! author was told: `\d` is Unicode's, `(?x)` drops spaces, `[a&&b]` is an intersection, `\u0061` a
//! letter. A pattern that OpenFGA refuses, or reads in another way, must not permit here.
//! **Decision.** A pattern is read as Go's `regexp/syntax` reads it ([`read`]), which is what
//! OpenFGA compiles with, and is written anew in the one spelling that this crate cannot take for
//! anything else. What Go refuses is refused.
//! **Trade-off.** Some patterns that Go takes are refused too: `\<` and `\>`, which are a plain `<`
//! and `>` there and the ends of a word elsewhere, a repetition that follows nothing but flags, and
//! names of scripts that this crate does not know.

mod class;
mod read;

use regex::{Regex, RegexBuilder};

/// Memory for one compiled pattern of a model: some hundred times what the patterns of real models
/// take.
const MAX_COMPILED_BYTES: usize = 1024 * 1024;

/// The same for a pattern that comes with a tuple or a request, and is compiled for each
/// evaluation.
const MAX_SENT_BYTES: usize = 64 * 1024;

/// Compiles a pattern of a model; `None` where it is none, or takes too much memory.
pub(super) fn compile(pattern: &str) -> Option<Regex> {
    build(pattern, MAX_COMPILED_BYTES)
}

/// Compiles a pattern that came with a tuple or a request.
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
