//! The static types of expressions, and the operands that operators and functions accept.
//!
//! This is CEL's standard environment as OpenFGA has it: IP addresses are the only extension, and
//! numbers of different types, such as `int` and `double`, cannot be compared.
//! INVARIANT: every function that an expression can name is in
//! [`Function::named`], every operator in [`Function::operator`]; an expression with any other is
//! refused when the model is written.

use super::types::ParameterType;
use Ty::{Bool, Bytes, Double, Duration, Int, Ip, Text, Timestamp, Uint};
use regex::Regex;
use std::fmt;

/// The type of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ty {
    /// A type that is known only at evaluation, and fits everywhere.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Duration,
    Timestamp,
    Ip,
    List(Box<Ty>),
    Map(Box<Ty>, Box<Ty>),
    Type,
}

impl From<&ParameterType> for Ty {
    fn from(parameter: &ParameterType) -> Self {
        match parameter {
            ParameterType::Any => Self::Dyn,
            ParameterType::Bool => Self::Bool,
            ParameterType::String => Self::Text,
            ParameterType::Int => Self::Int,
            ParameterType::Uint => Self::Uint,
            ParameterType::Double => Self::Double,
            ParameterType::Duration => Self::Duration,
            ParameterType::Timestamp => Self::Timestamp,
            ParameterType::Ipaddress => Self::Ip,
            ParameterType::List(element) => Self::List(Box::new(element.as_ref().into())),
            ParameterType::Map(element) => {
                Self::Map(Box::new(Self::Text), Box::new(element.as_ref().into()))
            }
        }
    }
}

impl Ty {
    /// Returns the common type of two branches or operands, if there is one.
    pub(super) fn unify(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Dyn, _) | (_, Self::Dyn) => Some(Self::Dyn),
            (Self::List(a), Self::List(b)) => Some(Self::List(Box::new(a.unify(b)?))),
            (Self::Map(a, b), Self::Map(c, d)) => {
                Some(Self::Map(Box::new(a.unify(c)?), Box::new(b.unify(d)?)))
            }
            (Self::Null, it @ (Self::Duration | Self::Timestamp | Self::Ip))
            | (it @ (Self::Duration | Self::Timestamp | Self::Ip), Self::Null) => Some(it.clone()),
            _ => (self == other).then(|| self.clone()),
        }
    }

    /// Returns the type of the elements of a literal: their common type, or [`Self::Dyn`].
    pub(super) fn join(types: &[Self]) -> Self {
        let mut types = types.iter();
        let Some(first) = types.next() else {
            return Self::Dyn;
        };
        types
            .try_fold(first.clone(), |joined, ty| joined.unify(ty))
            .unwrap_or(Self::Dyn)
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dyn => f.write_str("any"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::Text => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Duration => f.write_str("duration"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Ip => f.write_str("ipaddress"),
            Self::List(element) => write!(f, "list<{element}>"),
            Self::Map(_, element) => write!(f, "map<{element}>"),
            Self::Type => f.write_str("type"),
        }
    }
}

/// The names of types that can be used as values: `type(x) == int`.
pub(super) const TYPE_VALUES: [&str; 10] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
];

/// The functions. Operators are functions too.
#[derive(Clone, Debug)]
pub(super) enum Function {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Negate,
    Not,
    /// True unless the operand is `false`, even if it fails; this is how `all` and `exists`
    /// continue after an error.
    NotStrictlyFalse,
    In,
    Size,
    Contains,
    StartsWith,
    EndsWith,
    /// Has the compiled pattern if the pattern is a literal.
    Matches(Option<Regex>),
    ToBool,
    ToBytes,
    ToDouble,
    ToDuration,
    ToDyn,
    ToInt,
    ToText,
    ToTimestamp,
    ToUint,
    TypeOf,
    ToIp,
    InCidr,
    Part(TimePart),
}

/// A part of a timestamp or of a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimePart {
    Year,
    Month,
    DayOfYear,
    /// Counted from 0.
    DayOfMonth,
    /// Counted from 1.
    Date,
    DayOfWeek,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

impl Function {
    /// Returns the operator that the parser calls `name`.
    pub(super) fn operator(name: &str) -> Option<Self> {
        Some(match name {
            "_==_" => Self::Equal,
            "_!=_" => Self::NotEqual,
            "_<_" => Self::Less,
            "_<=_" => Self::LessEqual,
            "_>_" => Self::Greater,
            "_>=_" => Self::GreaterEqual,
            "_+_" => Self::Add,
            "_-_" => Self::Subtract,
            "_*_" => Self::Multiply,
            "_/_" => Self::Divide,
            "_%_" => Self::Modulo,
            "-_" => Self::Negate,
            "!_" => Self::Not,
            "@not_strictly_false" => Self::NotStrictlyFalse,
            "@in" => Self::In,
            _ => return None,
        })
    }

    /// Returns the function called `name`, called on a value (`x.size()`) or by itself (`size(x)`).
    pub(super) fn named(name: &str, on_value: bool) -> Option<Self> {
        Some(match (name, on_value) {
            ("size", _) => Self::Size,
            ("matches", _) => Self::Matches(None),
            ("contains", true) => Self::Contains,
            ("startsWith", true) => Self::StartsWith,
            ("endsWith", true) => Self::EndsWith,
            ("in_cidr", true) => Self::InCidr,
            ("getFullYear", true) => Self::Part(TimePart::Year),
            ("getMonth", true) => Self::Part(TimePart::Month),
            ("getDayOfYear", true) => Self::Part(TimePart::DayOfYear),
            ("getDayOfMonth", true) => Self::Part(TimePart::DayOfMonth),
            ("getDate", true) => Self::Part(TimePart::Date),
            ("getDayOfWeek", true) => Self::Part(TimePart::DayOfWeek),
            ("getHours", true) => Self::Part(TimePart::Hours),
            ("getMinutes", true) => Self::Part(TimePart::Minutes),
            ("getSeconds", true) => Self::Part(TimePart::Seconds),
            ("getMilliseconds", true) => Self::Part(TimePart::Milliseconds),
            ("bool", false) => Self::ToBool,
            ("bytes", false) => Self::ToBytes,
            ("double", false) => Self::ToDouble,
            ("duration", false) => Self::ToDuration,
            ("dyn", false) => Self::ToDyn,
            ("int", false) => Self::ToInt,
            ("string", false) => Self::ToText,
            ("timestamp", false) => Self::ToTimestamp,
            ("uint", false) => Self::ToUint,
            ("type", false) => Self::TypeOf,
            ("ipaddress", false) => Self::ToIp,
            _ => return None,
        })
    }

    /// Returns the type of the result for these operands, or `None` if the function does not accept
    /// them.
    pub(super) fn result(&self, args: &[Ty]) -> Option<Ty> {
        match (self, args) {
            (Self::Equal | Self::NotEqual, [a, b]) => a.unify(b).map(|_| Ty::Bool),
            (Self::In, [item, Ty::List(element)]) => item.unify(element).map(|_| Ty::Bool),
            (Self::In, [item, Ty::Map(key, _)]) => item.unify(key).map(|_| Ty::Bool),
            (Self::In, [_, Ty::Dyn]) | (Self::NotStrictlyFalse, [Ty::Bool | Ty::Dyn]) => {
                Some(Ty::Bool)
            }
            (Self::Add, [a @ Ty::List(_), b @ Ty::List(_)]) => a.unify(b),
            (Self::Add, [Ty::List(_), Ty::Dyn] | [Ty::Dyn, Ty::List(_)]) => {
                Some(Ty::List(Box::new(Ty::Dyn)))
            }
            (Self::Add, [Ty::Dyn, Ty::Dyn]) | (Self::ToDyn, [_]) => Some(Ty::Dyn),
            (Self::Size, [Ty::List(_) | Ty::Map(..)]) => Some(Ty::Int),
            (Self::TypeOf, [_]) => Some(Ty::Type),
            _ => pick(self.overloads(), args),
        }
    }

    fn overloads(&self) -> &'static [Overload] {
        match self {
            Self::Equal
            | Self::NotEqual
            | Self::NotStrictlyFalse
            | Self::In
            | Self::ToDyn
            | Self::TypeOf => &[],
            Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual => COMPARISON,
            Self::Add => ADD,
            Self::Subtract => SUBTRACT,
            Self::Multiply | Self::Divide => &[
                (&[Int, Int], Int),
                (&[Uint, Uint], Uint),
                (&[Double, Double], Double),
            ],
            Self::Modulo => &[(&[Int, Int], Int), (&[Uint, Uint], Uint)],
            Self::Negate => &[(&[Int], Int), (&[Double], Double)],
            Self::Not => &[(&[Bool], Bool)],
            Self::Size => &[(&[Text], Int), (&[Bytes], Int)],
            Self::Contains | Self::StartsWith | Self::EndsWith | Self::Matches(_) => {
                &[(&[Text, Text], Bool)]
            }
            Self::InCidr => &[(&[Ip, Text], Bool)],
            Self::ToBool => &[(&[Bool], Bool), (&[Text], Bool)],
            Self::ToBytes => &[(&[Bytes], Bytes), (&[Text], Bytes)],
            Self::ToDouble => TO_DOUBLE,
            Self::ToDuration => &[
                (&[Duration], Duration),
                (&[Int], Duration),
                (&[Text], Duration),
            ],
            Self::ToInt => TO_INT,
            Self::ToText => TO_TEXT,
            Self::ToTimestamp => &[
                (&[Timestamp], Timestamp),
                (&[Int], Timestamp),
                (&[Text], Timestamp),
            ],
            Self::ToUint => &[
                (&[Uint], Uint),
                (&[Int], Uint),
                (&[Double], Uint),
                (&[Text], Uint),
            ],
            Self::ToIp => &[(&[Text], Ip)],
            Self::Part(
                TimePart::Hours | TimePart::Minutes | TimePart::Seconds | TimePart::Milliseconds,
            ) => &[
                (&[Timestamp], Int),
                (&[Timestamp, Text], Int),
                (&[Duration], Int),
            ],
            Self::Part(_) => &[(&[Timestamp], Int), (&[Timestamp, Text], Int)],
        }
    }
}

/// The types of the operands, and the type of the result.
type Overload = (&'static [Ty], Ty);

const COMPARISON: &[Overload] = &[
    (&[Bool, Bool], Bool),
    (&[Int, Int], Bool),
    (&[Uint, Uint], Bool),
    (&[Double, Double], Bool),
    (&[Text, Text], Bool),
    (&[Bytes, Bytes], Bool),
    (&[Timestamp, Timestamp], Bool),
    (&[Duration, Duration], Bool),
];

const ADD: &[Overload] = &[
    (&[Int, Int], Int),
    (&[Uint, Uint], Uint),
    (&[Double, Double], Double),
    (&[Text, Text], Text),
    (&[Bytes, Bytes], Bytes),
    (&[Duration, Duration], Duration),
    (&[Timestamp, Duration], Timestamp),
    (&[Duration, Timestamp], Timestamp),
];

const SUBTRACT: &[Overload] = &[
    (&[Int, Int], Int),
    (&[Uint, Uint], Uint),
    (&[Double, Double], Double),
    (&[Duration, Duration], Duration),
    (&[Timestamp, Duration], Timestamp),
    (&[Timestamp, Timestamp], Duration),
];

const TO_DOUBLE: &[Overload] = &[
    (&[Double], Double),
    (&[Int], Double),
    (&[Uint], Double),
    (&[Text], Double),
];

const TO_INT: &[Overload] = &[
    (&[Int], Int),
    (&[Uint], Int),
    (&[Double], Int),
    (&[Text], Int),
    (&[Timestamp], Int),
    (&[Duration], Int),
];

const TO_TEXT: &[Overload] = &[
    (&[Text], Text),
    (&[Bool], Text),
    (&[Bytes], Text),
    (&[Int], Text),
    (&[Uint], Text),
    (&[Double], Text),
    (&[Timestamp], Text),
    (&[Duration], Text),
];

/// Returns the common result type of all overloads that accept the operands, or [`Ty::Dyn`] if they
/// differ.
fn pick(overloads: &[Overload], args: &[Ty]) -> Option<Ty> {
    let fits = |parameters: &[Ty]| {
        parameters.len() == args.len()
            && parameters
                .iter()
                .zip(args)
                .all(|(wanted, arg)| arg == wanted || *arg == Ty::Dyn)
    };
    let mut results = overloads
        .iter()
        .filter(|(parameters, _)| fits(parameters))
        .map(|(_, result)| result);
    let first = results.next()?;
    Some(if results.all(|result| result == first) {
        first.clone()
    } else {
        Ty::Dyn
    })
}
