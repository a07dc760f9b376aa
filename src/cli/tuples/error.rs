//! Why an entry of a file is no tuple.

use super::MAX_ENTRY_BYTES;
use super::csv::COLUMNS;
use super::json::MAX_DEPTH;
use crate::model::TupleTextError;
use smol_str::SmolStr;

/// What is wrong with an entry, or with the header of a CSV file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EntryError {
    #[error("it has more than {MAX_ENTRY_BYTES} bytes")]
    TooLarge,
    #[error("it is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    #[error("it is not UTF-8")]
    NotUtf8,
    /// The message of the JSON reader, without the line.
    #[error("{0}")]
    Json(String),
    #[error("a tuple is a mapping, not {0}")]
    NotMapping(&'static str),
    #[error("`{0}` is missing: a tuple has `user`, `relation` and `object`")]
    NoPart(&'static str),
    #[error("`condition.name` is missing")]
    NoConditionName,
    #[error("`{member}` must be {expected}, not {found}")]
    Kind {
        member: &'static str,
        expected: &'static str,
        found: &'static str,
    },
    #[error("`{0}` is not read: a tuple has `user`, `relation`, `object` and `condition`")]
    TupleMember(SmolStr),
    #[error("`{0}` is not read: a condition has `name` and `context`")]
    ConditionMember(SmolStr),
    #[error(transparent)]
    Key(#[from] TupleTextError),

    #[error("`{0}` is not a column: there are {known}", known = COLUMNS.join(", "))]
    UnknownColumn(String),
    #[error("the column `{0}` occurs twice")]
    ColumnTwice(String),
    #[error("the header has no column `{0}`: there are {known}", known = COLUMNS.join(", "))]
    NoColumn(&'static str),
    #[error("it has {found} fields, and the header has {expected}")]
    Fields { found: usize, expected: usize },
    #[error("it has a `condition_context` and no `condition_name`")]
    NoCondition,
    #[error("in `condition_context`: {0}")]
    Context(Box<Self>),

    #[error("anchors are not read: write the value out")]
    Anchor,
    #[error("aliases are not read: write the value out")]
    Alias,
    #[error("tags are not read: write the value as JSON would")]
    Tag,
    #[error("a name must be a text")]
    Name,
    #[error("`{0}` occurs twice")]
    Twice(SmolStr),
    #[error("`{0}` can be read in two ways: quote it, or write it as JSON would")]
    Ambiguous(String),
}
