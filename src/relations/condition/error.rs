//! The errors of conditions: those of an expression when its model is written, and those of an
//! evaluation.
//!
//! INVARIANT: no message shows a value of the tuple or of the request.

use super::cast::CastError;
use super::evaluate::Halt;
use super::lower::MAX_DEPTH;
use super::signature::Ty;
use super::syntax::MAX_BRACKETS;
use crate::model::shown;
use smol_str::SmolStr;

/// Why a condition cannot be evaluated. Each error is deterministic: the same values fail in the
/// same way.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConditionError {
    /// Some parameters have no value, neither in the tuple nor in the request.
    #[error(
        "condition `{condition}` has no value for `{}`: store it in the context of the tuple's \
         condition, or send it in the request's `context`",
        parameters.join("`, `")
    )]
    Missing {
        /// The condition.
        condition: SmolStr,
        /// The parameters, in the order in which they were declared.
        parameters: Vec<SmolStr>,
    },
    /// A value does not fit its parameter.
    #[error("condition `{condition}` has a bad value for `{parameter}`: {error}")]
    BadValue {
        /// The condition.
        condition: SmolStr,
        /// The parameter.
        parameter: SmolStr,
        /// Why the value does not fit the parameter's type.
        error: CastError,
    },
    /// A tuple stores a value for a parameter that the condition does not have.
    #[error(
        "condition `{condition}` has no parameter `{}`: remove the value from the tuple's context",
        shown(.parameter)
    )]
    Undeclared {
        /// The condition.
        condition: SmolStr,
        /// The name of the value.
        parameter: SmolStr,
    },
    /// The expression fails for these values, for example by an index out of range or a division by
    /// zero.
    #[error("condition `{condition}` failed: {message}")]
    Failed {
        /// The condition.
        condition: SmolStr,
        /// What failed.
        message: String,
    },
    /// The evaluation costs more than the limit allows.
    #[error(
        "condition `{condition}` costs more than {max_cost} units: pass fewer or shorter values, \
         or simplify it"
    )]
    TooCostly {
        /// The condition.
        condition: SmolStr,
        /// The maximum cost.
        max_cost: u64,
    },
}

/// Why an expression is refused; the remedy follows the semicolon.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExpressionError {
    #[error("the expression is empty; write one that is true or false")]
    Empty,
    #[error("brackets are nested more than {MAX_BRACKETS} deep; simplify the expression")]
    TooManyBrackets,
    #[error("the expression cannot be read")]
    Unreadable,
    #[error("the expression cannot be read (line {line}, column {column}): {message}")]
    Syntax {
        line: isize,
        column: isize,
        message: String,
    },
    #[error("the expression is nested more than {MAX_DEPTH} deep")]
    TooDeep,
    #[error("the expression uses syntax that conditions do not have")]
    ForeignSyntax,
    #[error("`{0}` cannot be built; use `duration(…)` or `timestamp(…)`")]
    Construction(String),
    #[error("a map literal takes `key: value` entries")]
    MapEntry,
    #[error("a comprehension takes one variable")]
    TwoVariables,
    #[error(
        "`{name}` is no parameter of the condition; it declares {}",
        listed(declared, "none")
    )]
    UnknownName {
        name: String,
        declared: Vec<SmolStr>,
    },
    #[error(
        "there is no function `{0}`; conditions have CEL's standard functions, `ipaddress` and \
         `in_cidr`"
    )]
    UnknownFunction(String),
    #[error("`{0}` is called on a value; write `value.{0}(…)`")]
    Method(String),
    #[error("`{0}` is not called on a value; write `{0}(…)`")]
    NoMethod(String),
    #[error("the expression is of type `{0}`, and a condition must be a `bool`")]
    NotBool(Ty),
    #[error("`.{field}` is asked of a `{of}`, which has no fields")]
    NoFields { field: String, of: Ty },
    #[error("a `{0}` cannot be the key of a map; use a string, a whole number or a bool")]
    MapKey(Ty),
    #[error("a `{0}` has no elements to go through; use a list or a map")]
    NoElements(Ty),
    #[error("{}", refuse_operands(function, *on_value, &listed(types, "")))]
    Operands {
        function: String,
        on_value: bool,
        types: Vec<Ty>,
    },
    #[error("`{0}` is no regular expression (RE2), or too large")]
    Pattern(SmolStr),
    #[error("`{0}` is no network; write an address and the number of its bits: `10.0.0.0/8`")]
    Network(SmolStr),
    #[error("`{0}`: {1}")]
    Text(SmolStr, Halt),
    #[error("{0}")]
    Constant(Halt),
}

fn refuse_operands(function: &str, on_value: bool, operands: &str) -> String {
    match function.trim_matches('_') {
        operator @ ("&&" | "||" | "!") => format!("`{operator}` takes bools, not {operands}"),
        "?_:" => format!("`? :` takes a bool and two values of one type, not {operands}"),
        "[_]" => format!("`[ ]` takes a list and an int, or a map and a key of it, not {operands}"),
        "@in" => format!("`in` takes a value and a list or map of such, not {operands}"),
        operator if !operator.starts_with(char::is_alphabetic) => {
            format!(
                "`{operator}` does not take {operands}; convert one, as in `int(x)` or `double(x)`"
            )
        }
        name if on_value => format!("`{name}` on a value does not take {operands}"),
        name => format!("`{name}` does not take {operands}"),
    }
}

/// Lists items, each in backticks; returns `none` if there are no items.
fn listed(items: &[impl std::fmt::Display], none: &str) -> String {
    if items.is_empty() {
        return none.to_owned();
    }
    let items: Vec<_> = items.iter().map(|item| format!("`{item}`")).collect();
    items.join(", ")
}
