//! Why a text holds no object.

use smol_str::SmolStr;
use std::fmt;

/// Why a text is refused. The message names what was read: [`JsonError::about`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// The text is not JSON.
    Syntax {
        /// What is wrong at this position.
        problem: &'static str,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A member occurs twice in one object (RFC 7493 section 2.3): two readers could read it as two
    /// different requests.
    Twice {
        /// The name of the member.
        name: SmolStr,
        /// The path of the member from the top, shortened where it is long.
        path: String,
    },
    /// Objects and arrays are nested more levels deep than this.
    TooDeep(usize),
    /// Arrays within arrays hold too many values.
    TooHeavy,
    /// The text is a value of this kind, and no object.
    NoObject(&'static str),
}

impl JsonError {
    /// Returns the message, in which `what` is what was read: `the body`.
    #[must_use]
    pub fn about(&self, what: &str) -> String {
        match self {
            Self::Syntax {
                problem,
                line,
                column,
            } => format!("{what} is not valid JSON: {problem} (line {line}, column {column})"),
            Self::Twice { path, .. } => {
                format!("`{path}` occurs more than once in its object: send it once")
            }
            Self::TooDeep(levels) => {
                format!("{what} is nested more than {levels} levels deep: send flatter data")
            }
            Self::TooHeavy => {
                format!("{what} holds too many values within nested arrays: send flatter data")
            }
            Self::NoObject(kind) => format!("{what} must be an object, not {kind}"),
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.about("the text"))
    }
}

impl std::error::Error for JsonError {}
