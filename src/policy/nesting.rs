//! How deep a text may nest: checked before anything recurses over it.
//!
//! Cedar's parser, its validator and the destructors of its trees recurse. What would exhaust a stack is refused here,
//! with a place; what passes is read on a thread whose stack has room for it ([`STACK_BYTES`]).

use super::source::SourceFile;
use crate::model::{Problem, Problems};
use std::iter::Peekable;
use std::str::CharIndices;

/// Brackets within brackets. No policy that a person reads comes near.
const MAX_DEPTH: usize = 64;

/// Characters of operators in one policy: `||` counts two, `.` one, `if` one. A chain of them is a tree as deep as it
/// is long.
const MAX_OPERATORS: usize = 2_000;

/// Branches within branches in one policy. Of an `if` whose condition is known from types alone (`principal is user`, `action
/// == Action::"read"`), Cedar's type checker takes one branch for both, and whoever walks what it made takes twice as long for
/// each of them: 28 within one another took eight seconds, in a debug build.
const MAX_BRANCHES: usize = 16;

/// The stack that a bundle is compiled on: some hundred times what the limits need in a debug build. Only what is used
/// is ever committed.
pub const STACK_BYTES: usize = 512 * 1024 * 1024;

/// Refuses a schema that nests too deep.
pub(super) fn check_schema(file: &SourceFile) -> Result<(), Problems> {
    check(file, &['(', '[', '{', '<'], &[')', ']', '}', '>'], usize::MAX)
}

/// Refuses a file in which a policy nests too deep, or has too many operators.
pub(super) fn check_policies(file: &SourceFile) -> Result<(), Problems> {
    check(file, &['(', '[', '{'], &[')', ']', '}'], MAX_OPERATORS)
}

fn check(file: &SourceFile, open: &[char], close: &[char], max_operators: usize) -> Result<(), Problems> {
    let (mut depth, mut operators) = (0_usize, 0_usize);
    // One number for each open bracket, and one for what is outside of all: an `else` takes all that follows.
    let mut branches = vec![0_usize];
    let mut text = file.text.char_indices().peekable();
    let mut word = 0;
    while let Some((at, c)) = text.next() {
        match c {
            '"' | '/' if skip(&mut text, c) => {}
            ';' => {
                operators = 0;
                branches = vec![0];
            }
            ',' => branches.last_mut().into_iter().for_each(|count| *count = 0),
            '|' | '&' | '.' | '+' | '-' | '*' | '!' | '=' => operators += 1,
            _ => {}
        }
        if !(c.is_alphanumeric() || c == '_') {
            if file.text.get(word..at) == Some("if") {
                operators += 1;
                branches.last_mut().into_iter().for_each(|count| *count += 1);
            }
            word = at + c.len_utf8();
        }
        if open.contains(&c) {
            depth += 1;
            branches.push(0);
        } else if close.contains(&c) {
            depth = depth.saturating_sub(1);
            branches.pop();
        }
        let problem = if depth > MAX_DEPTH {
            Problem::new(format!("brackets nest more than {MAX_DEPTH} deep"))
                .help("name parts of it, or split the policy")
        } else if operators > max_operators {
            Problem::new("the policy has too many operators")
                .help("split the policy, or put what it lists into a set or into stored entities")
        } else if branches.iter().sum::<usize>() > MAX_BRANCHES && max_operators < usize::MAX {
            Problem::new(format!("more than {MAX_BRANCHES} `if` stand within one another"))
                .help("write a policy for each branch")
        } else {
            continue;
        };
        return Err(problem.at(file.place(at, c.len_utf8())).into());
    }
    Ok(())
}

/// Where policies end: after each semicolon outside of strings and comments.
pub(super) fn ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut text = text.char_indices().peekable();
    while let Some((at, c)) = text.next() {
        if c == ';' {
            ends.push(at + 1);
        }
        skip(&mut text, c);
    }
    ends
}

/// Skips the rest of a string or of a comment that begins with `c`; whether one does.
fn skip(text: &mut Peekable<CharIndices<'_>>, c: char) -> bool {
    match c {
        '"' => {
            while let Some((_, c)) = text.next() {
                match c {
                    '\\' => drop(text.next()),
                    '"' => break,
                    _ => {}
                }
            }
            true
        }
        '/' if text.peek().is_some_and(|(_, next)| *next == '/') => {
            while text.next_if(|(_, c)| *c != '\n').is_some() {}
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_and_operators_are_counted_outside_of_strings_and_comments() {
        let policy = |condition: &str| {
            SourceFile::new("p.cedar", format!("permit(principal, action, resource) when {{ {condition} }};"))
        };
        let deep = |levels: usize| policy(&format!("{}true{}", "(".repeat(levels), ")".repeat(levels)));
        assert!(check_policies(&deep(63)).is_ok());
        assert!(check_policies(&deep(64)).is_err());
        let long = |count: usize| policy(&vec!["true"; count + 1].join(" || "));
        assert!(check_policies(&long(1_000)).is_ok());
        assert!(check_policies(&long(1_001)).is_err());
        assert!(check_policies(&policy(&format!("\"{}\" == \"\"", "(".repeat(500)))).is_ok());
        assert!(check_policies(&policy(&format!("true // {}\n", "(".repeat(500)))).is_ok());
        let branches = |count: usize| format!("{}true", "if true then true else ".repeat(count));
        assert!(check_policies(&policy(&branches(16))).is_ok());
        assert!(check_policies(&policy(&branches(17))).is_err());
        assert!(check_policies(&policy(&format!("({}) && ({})", branches(16), branches(16)))).is_ok());
        assert!(check_policies(&policy(&format!("[{}, {}]", branches(16), branches(16)))).is_ok());
        let within = "(if true then ".repeat(17) + "true" + &" else true)".repeat(17);
        assert!(check_policies(&policy(&within)).is_err());
    }

    #[test]
    fn policies_end_at_semicolons_outside_of_strings_and_comments() {
        assert_eq!(ends("a; b \";\\\";\" ; // ;\n c;"), [2, 13, 22]);
        assert_eq!(ends("\"a;"), [0; 0]);
    }
}
