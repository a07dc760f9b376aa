//! Limits how deep a text may nest, before anything recurses over it.
//!
//! Cedar's parser, its validator and the destructors of its trees recurse. A text that would
//! exhaust a stack is refused here, with a place; any other is read on a thread whose stack has
//! room for it ([`STACK_BYTES`]).
//!
//! INVARIANT: the tree that Cedar makes of a policy is no deeper than its operators plus four times
//! its brackets. Whatever deepens a tree without nesting brackets counts as an operator here. A
//! property test compares the two.

use crate::model::{Problem, Problems};
use crate::policy::load::lexer::{CedarToken, CedarTokens};
use crate::policy::load::source::SourceFile;

/// The most nested brackets. No policy that a person reads comes near.
const MAX_DEPTH: usize = 64;

/// The most operators in one policy: `||` counts two, `.` one, `if` one, `["name"]` one, `when` and
/// `unless` two. A chain of operators is a tree as deep as the chain is long.
const MAX_OPERATORS: usize = 2_000;

/// The most nested branches in one policy. If types alone decide the condition of an `if`
/// (`principal is user`, `action == Action::"read"`), Cedar's type checker uses one branch for
/// both, and a walk over its result takes twice as long for each of them: 28 nested ones took eight
/// seconds, in a debug build.
const MAX_BRANCHES: usize = 16;

/// The stack on which a bundle is compiled: some hundred times what the limits need in a debug
/// build. Only what is used is ever committed.
pub const STACK_BYTES: usize = 512 * 1024 * 1024;

/// Refuses a schema that nests too deeply.
pub(in crate::policy) fn check_schema(file: &SourceFile) -> Result<(), Problems> {
    check(
        file,
        &NestingLimits {
            has_angles: true,
            operators: usize::MAX,
            branches: usize::MAX,
        },
    )
}

/// Refuses a file with a policy that nests too deeply or has too many operators.
pub(in crate::policy) fn check_policies(file: &SourceFile) -> Result<(), Problems> {
    check(
        file,
        &NestingLimits {
            has_angles: false,
            operators: MAX_OPERATORS,
            branches: MAX_BRANCHES,
        },
    )
}

/// Returns where policies end: after each semicolon outside strings and comments.
pub(in crate::policy) fn ends(text: &str) -> Vec<usize> {
    CedarTokens::of(text)
        .filter(|(_, token)| *token == CedarToken::Mark(';'))
        .map(|(at, _)| at + 1)
        .collect()
}

struct NestingLimits {
    /// Whether `<` and `>` are brackets.
    has_angles: bool,
    operators: usize,
    branches: usize,
}

fn check(file: &SourceFile, limits: &NestingLimits) -> Result<(), Problems> {
    let mut meter = NestingMeter::new(limits.has_angles);
    for (at, token) in CedarTokens::of(&file.text) {
        meter.take(token);
        let problem = if meter.depth > MAX_DEPTH {
            Problem::new(format!("brackets nest more than {MAX_DEPTH} deep"))
                .help("name parts of it, or split the policy")
        } else if meter.operators > limits.operators {
            Problem::new("the policy has too many operators")
                .help("split the policy, or put what it lists into a set or into stored entities")
        } else if meter.branches.iter().sum::<usize>() > limits.branches {
            Problem::new(format!(
                "more than {MAX_BRANCHES} `if` stand within one another"
            ))
            .help("write a policy for each branch")
        } else {
            continue;
        };
        let len = match token {
            CedarToken::Word(word) => word.len(),
            CedarToken::Text => 1,
            CedarToken::Mark(mark) => mark.len_utf8(),
        };
        return Err(problem.at(file.place(at, len)).into());
    }
    Ok(())
}

/// Counts the nesting in one policy.
struct NestingMeter {
    has_angles: bool,
    depth: usize,
    operators: usize,
    /// The branches counted in each open bracket, and outside all brackets: an `else` includes all
    /// that follows.
    branches: Vec<usize>,
    /// Whether the previous token can be a value that `["name"]` indexes.
    is_after_value: bool,
}

impl NestingMeter {
    fn new(has_angles: bool) -> Self {
        Self {
            has_angles,
            depth: 0,
            operators: 0,
            branches: vec![0],
            is_after_value: false,
        }
    }

    fn take(&mut self, token: CedarToken<'_>) {
        match token {
            CedarToken::Word("if") => {
                self.operators += 1;
                self.branches
                    .last_mut()
                    .into_iter()
                    .for_each(|count| *count += 1);
            }
            // Cedar joins the conditions of a policy one by one.
            CedarToken::Word("when" | "unless") => self.operators += 2,
            CedarToken::Word(_) | CedarToken::Text => {}
            CedarToken::Mark(mark) => self.mark(mark),
        }
        self.is_after_value = match token {
            CedarToken::Word(_) | CedarToken::Text => true,
            CedarToken::Mark(mark) => matches!(mark, ')' | ']' | '}'),
        };
    }

    fn mark(&mut self, mark: char) {
        match mark {
            ';' => {
                self.operators = 0;
                self.branches = vec![0];
            }
            ',' => self
                .branches
                .last_mut()
                .into_iter()
                .for_each(|count| *count = 0),
            '|' | '&' | '.' | '+' | '-' | '*' | '!' | '=' => self.operators += 1,
            '[' if self.is_after_value => self.operators += 1,
            _ => {}
        }
        match mark {
            '(' | '[' | '{' => self.open(),
            '<' if self.has_angles => self.open(),
            ')' | ']' | '}' => self.close(),
            '>' if self.has_angles => self.close(),
            _ => {}
        }
    }

    fn open(&mut self) {
        self.depth += 1;
        self.branches.push(0);
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        // The count for what is outside all brackets stays.
        if self.branches.len() > 1 {
            self.branches.pop();
        }
    }
}

#[cfg(test)]
mod tests;
