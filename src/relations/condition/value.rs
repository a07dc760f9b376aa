//! The values of expressions, and how they compare.
//!
//! Equality never fails: values of two kinds differ, but numbers of two kinds are equal if they are
//! the same number, as in CEL. Values have an order within their kind, and among numbers.

use super::cast::work_of_text;
use super::time::TimePoint;
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
    /// In nanoseconds, in the range of Go's `time.Duration`.
    Duration(i64),
    Timestamp(TimePoint),
    /// Never an IPv4-mapped IPv6 address.
    Ip(IpAddr),
    List(Arc<[Val]>),
    Map(Arc<BTreeMap<MapKey, Val>>),
    /// A type as a value, by its CEL name.
    Type(&'static str),
}

/// A key of a map. A whole number is the same key whatever its numeric type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MapKey {
    Bool(bool),
    Whole(WholeKey),
    Text(SmolStr),
}

/// A whole number as a key. Keys compare as numbers, and remember the type that a macro over the
/// map gives them.
#[derive(Clone, Copy, Debug)]
pub(super) struct WholeKey {
    pub(super) number: i128,
    unsigned: bool,
}

impl PartialEq for WholeKey {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for WholeKey {}

impl PartialOrd for WholeKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for WholeKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number.cmp(&other.number)
    }
}

impl MapKey {
    fn whole(number: i128, unsigned: bool) -> Self {
        Self::Whole(WholeKey { number, unsigned })
    }

    /// Converts a value to a key, or returns `None` if it cannot be one.
    pub(super) fn of(value: &Val) -> Option<Self> {
        match value {
            Val::Bool(value) => Some(Self::Bool(*value)),
            Val::Int(value) => Some(Self::whole(i128::from(*value), false)),
            Val::Uint(value) => Some(Self::whole(i128::from(*value), true)),
            Val::Double(value) => whole_number(*value)
                .map(|number| Self::whole(number, i64::try_from(number).is_err())),
            Val::Text(value) => Some(Self::Text(value.clone())),
            _ => None,
        }
    }

    /// Returns the work of comparing this key.
    pub(super) fn work(&self) -> u64 {
        match self {
            Self::Text(text) => work_of_text(text.len()),
            Self::Bool(_) | Self::Whole(_) => 0,
        }
    }

    /// Converts the key to a value, which a comprehension over a map iterates over.
    pub(super) fn to_val(&self) -> Val {
        match self {
            Self::Bool(value) => Val::Bool(*value),
            Self::Whole(key) if key.unsigned => {
                Val::Uint(u64::try_from(key.number).unwrap_or(u64::MAX))
            }
            Self::Whole(key) => Val::Int(i64::try_from(key.number).unwrap_or(i64::MIN)),
            Self::Text(value) => Val::Text(value.clone()),
        }
    }
}

impl Val {
    /// Returns the CEL name of the value's type.
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

    /// Returns the size that costs are computed from: characters, bytes or elements, and 1 for
    /// other values.
    pub(super) fn size(&self) -> u64 {
        self.size_up_to(usize::MAX)
    }

    /// Returns the same, but counts at most `most` characters of a text.
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

    /// Returns the order of two values, or `None` if they have none: values of two kinds, and NaN.
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

/// Compares the numbers exactly: if the integer were converted to a double, 2^53 + 1 would equal
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

/// Returns the integer of 64 bits, signed or unsigned, that the double is.
fn whole_number(double: f64) -> Option<i128> {
    let whole = (double.fract() == 0.0).then(|| saturating_floor(double))?;
    (i128::from(i64::MIN)..=i128::from(u64::MAX))
        .contains(&whole)
        .then_some(whole)
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
