//! Values as expressions see them, and how they compare.
//!
//! Equality never fails: values of two kinds differ, and numbers of two kinds are equal where they
//! are the same number, as CEL has it. Order exists within a kind, and among numbers.

use super::cast::work_of_text;
use super::time::Instant;
use smol_str::SmolStr;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// A value. Clones are cheap.
#[derive(Clone, Debug)]
pub(super) enum Val {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(SmolStr),
    Bytes(Arc<[u8]>),
    /// Nanoseconds, in the range of Go's `time.Duration`.
    Duration(i64),
    Timestamp(Instant),
    /// Never an IPv4 address that is mapped into IPv6.
    Ip(IpAddr),
    List(Arc<[Val]>),
    Map(Arc<BTreeMap<Key, Val>>),
    /// A type as a value, by its CEL name.
    Type(&'static str),
}

/// A key of a map. Whole numbers are one kind of key, whatever their type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Bool(bool),
    Whole(i128),
    Text(SmolStr),
}

impl Key {
    /// The key that a value is; `None` where it can be none.
    pub(super) fn of(value: &Val) -> Option<Self> {
        match value {
            Val::Bool(value) => Some(Self::Bool(*value)),
            Val::Int(value) => Some(Self::Whole(i128::from(*value))),
            Val::Uint(value) => Some(Self::Whole(i128::from(*value))),
            Val::Double(value) => whole(*value).map(Self::Whole),
            Val::Text(value) => Some(Self::Text(value.clone())),
            _ => None,
        }
    }

    /// What comparing it costs.
    pub(super) fn work(&self) -> u64 {
        match self {
            Self::Text(text) => work_of_text(text.len()),
            Self::Bool(_) | Self::Whole(_) => 0,
        }
    }

    /// The key as a value: what a comprehension over a map gets.
    pub(super) fn to_val(&self) -> Val {
        match self {
            Self::Bool(value) => Val::Bool(*value),
            Self::Whole(value) => match i64::try_from(*value) {
                Ok(value) => Val::Int(value),
                Err(_) => Val::Uint(u64::try_from(*value).unwrap_or(u64::MAX)),
            },
            Self::Text(value) => Val::Text(value.clone()),
        }
    }
}

impl Val {
    /// The CEL name of its type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Ip(_) => "ipaddress",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Type(_) => "type",
        }
    }

    /// Its size as costs are counted: characters, bytes, elements; 1 for what has none.
    pub(super) fn size(&self) -> u64 {
        self.size_up_to(usize::MAX)
    }

    /// The same, where no more than `most` characters are worth counting.
    pub(super) fn size_up_to(&self, most: usize) -> u64 {
        let size = match self {
            Self::Text(text) => text.chars().take(most).count(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(items) => items.len(),
            Self::Map(entries) => entries.len(),
            _ => 1,
        };
        u64::try_from(size).unwrap_or(u64::MAX)
    }

    /// How two values are ordered; `None` where they are not: other kinds, and the double that is
    /// no number.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) => Some(a.cmp(b)),
            _ => order_numbers(self, other),
        }
    }
}

impl PartialEq for Val {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Ip(a), Self::Ip(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => a == b,
            _ => self.order(other) == Some(Ordering::Equal),
        }
    }
}

fn order_numbers(a: &Val, b: &Val) -> Option<Ordering> {
    match (a, b) {
        (Val::Double(a), Val::Double(b)) => a.partial_cmp(b),
        (Val::Double(a), b) => order_double(*a, integer(b)?),
        (a, Val::Double(b)) => order_double(*b, integer(a)?).map(Ordering::reverse),
        (a, b) => Some(integer(a)?.cmp(&integer(b)?)),
    }
}

fn integer(value: &Val) -> Option<i128> {
    match value {
        Val::Int(value) => Some(i128::from(*value)),
        Val::Uint(value) => Some(i128::from(*value)),
        _ => None,
    }
}

/// Compares the numbers themselves: converting the integer to a double would make 2^53 + 1 equal to
/// 2^53.
fn order_double(double: f64, integer: i128) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    let floor = saturating_floor(double);
    Some(floor.cmp(&integer).then_with(|| {
        if double.fract() > 0.0 || double.fract() < 0.0 {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    }))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "it saturates, beyond every integer that it is compared with"
)]
fn saturating_floor(double: f64) -> i128 {
    double.floor() as i128
}

fn whole(double: f64) -> Option<i128> {
    (double.is_finite() && double.fract() == 0.0 && double.abs() < 1e19)
        .then(|| saturating_floor(double))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        let big = 1_i64 << 53;
        for (a, b, expected) in [
            (Val::Int(1), Val::Uint(1), Some(Ordering::Equal)),
            (Val::Int(-1), Val::Uint(u64::MAX), Some(Ordering::Less)),
            (Val::Int(1), Val::Double(1.5), Some(Ordering::Less)),
            (Val::Int(-1), Val::Double(-1.5), Some(Ordering::Greater)),
            (
                Val::Int(big + 1),
                Val::Double(9_007_199_254_740_992.0),
                Some(Ordering::Greater),
            ),
            (
                Val::Uint(u64::MAX),
                Val::Double(f64::INFINITY),
                Some(Ordering::Less),
            ),
            (Val::Int(0), Val::Double(f64::NAN), None),
            (Val::Double(f64::NAN), Val::Double(f64::NAN), None),
            (Val::Int(1), Val::Text("1".into()), None),
        ] {
            assert_eq!(a.order(&b), expected, "{a:?} {b:?}");
            assert_eq!(b.order(&a), expected.map(Ordering::reverse), "{b:?} {a:?}");
        }
    }
}
