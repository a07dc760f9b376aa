//! The oracle's values, and how they compare.

use std::cmp::Ordering;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum V {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// In nanoseconds.
    Span(i64),
    /// In nanoseconds since 1970.
    Time(i128),
    /// The version and the bits.
    Ip(u8, u128),
    List(Vec<V>),
    /// In the order in which macros go through it.
    Map(Vec<(V, V)>),
    Type(&'static str),
}

impl V {
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Span(_) => "google.protobuf.Duration",
            Self::Time(_) => "google.protobuf.Timestamp",
            Self::Ip(..) => "ipaddress",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Type(_) => "type",
        }
    }

    /// Characters, bytes or elements, and 1 of other values.
    pub(super) fn size(&self) -> u64 {
        let size = match self {
            Self::Text(text) => text.chars().count(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(items) => items.len(),
            Self::Map(entries) => entries.len(),
            _ => 1,
        };
        u64::try_from(size).unwrap()
    }

    /// The order of two values of a kind, or of two numbers.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.chars().cmp(b.chars())),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Span(a), Self::Span(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            _ => {
                let (a, a_rest) = exact(self)?;
                let (b, b_rest) = exact(other)?;
                a.cmp(&b).then(a_rest.partial_cmp(&b_rest)?).into()
            }
        }
    }

    /// Whether two values are equal; numbers are if they are the same number.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Ip(a, bits), Self::Ip(b, other)) => a == b && bits == other,
            (Self::Type(a), Self::Type(b)) => a == b,
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is(b))
            }
            (Self::Map(a), Self::Map(b)) => {
                let has = |entry: &(V, V)| {
                    b.iter()
                        .any(|(key, value)| key.is(&entry.0) && value.is(&entry.1))
                };
                a.len() == b.len() && a.iter().all(has)
            }
            _ => self.order(other) == Some(Ordering::Equal),
        }
    }

    /// Whether it is an address, and the other is neither an address nor null.
    pub(super) fn is_foreign_to(&self, other: &Self) -> bool {
        matches!(self, Self::Ip(..)) && !matches!(other, Self::Ip(..) | Self::Null)
    }

    /// Whether two values are equal, or none where an address would be compared with another kind
    /// before two elements differ.
    pub(super) fn equals(&self, other: &Self) -> Option<bool> {
        let mut pairs: Vec<(&Self, &Self)> = Vec::new();
        match (self, other) {
            _ if self.is_foreign_to(other) => return None,
            (Self::List(a), Self::List(b)) if a.len() == b.len() => pairs.extend(a.iter().zip(b)),
            (Self::Map(a), Self::Map(b)) if a.len() == b.len() => {
                for ((key, value), (other_key, other)) in a.iter().zip(b) {
                    pairs.extend([(key, other_key), (value, other)]);
                }
            }
            _ => return Some(self.is(other)),
        }
        for (a, b) in pairs {
            if !a.equals(b)? {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Whether it can be the key of a map: a string, a bool, a number that an integer can be too.
    pub(super) fn is_key(&self) -> bool {
        match self {
            Self::Bool(_) | Self::Int(_) | Self::Uint(_) | Self::Text(_) => true,
            Self::Double(_) => exact(self).is_some_and(|(whole, rest)| {
                rest == 0.0 && (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&whole)
            }),
            _ => false,
        }
    }
}

/// A number as a whole one and a fraction from 0 below 1; none for NaN. What is beyond every
/// integer stays there.
fn exact(number: &V) -> Option<(i128, f64)> {
    match number {
        V::Int(it) => Some((i128::from(*it), 0.0)),
        V::Uint(it) => Some((i128::from(*it), 0.0)),
        V::Double(it) if it.is_nan() => None,
        V::Double(it) if it.abs() >= 1e30 => {
            let beyond = if *it > 0.0 { i128::MAX } else { i128::MIN };
            // Two doubles beyond all integers differ by more than their signs.
            Some((beyond, *it))
        }
        V::Double(it) => Some((
            format!("{:.0}", it.floor()).parse().unwrap(),
            it - it.floor(),
        )),
        _ => None,
    }
}

/// The entries of a map in the order in which macros go through them; none if a key is there twice.
pub(super) fn map_of(entries: Vec<(V, V)>) -> Option<V> {
    let rank = |key: &V| match key {
        V::Bool(_) => 0,
        V::Text(_) => 2,
        _ => 1,
    };
    let mut sorted: Vec<(V, V)> = Vec::new();
    for (key, value) in entries {
        if sorted.iter().any(|(other, _)| other.is(&key)) {
            return None;
        }
        sorted.push((key, value));
    }
    sorted.sort_by(|(a, _), (b, _)| {
        rank(a)
            .cmp(&rank(b))
            .then_with(|| a.order(b).unwrap_or(Ordering::Equal))
    });
    Some(V::Map(sorted))
}
