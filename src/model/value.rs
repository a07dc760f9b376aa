//! Untyped data as a caller sent it: values of properties, members of the context, tool arguments.
//!
//! INVARIANT: numbers keep the digits of the body. They never pass through a double, so
//! `9007199254740993` and `5000.50` are compared and converted exactly. How a policy's schema
//! converts them is decided in `policy/`.

use smol_str::SmolStr;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// One value of a request, in the shapes that JSON has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `null`: a member with this value counts as not sent.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as its digits.
    Number(Number),
    /// A string.
    Text(SmolStr),
    /// An array, in order.
    List(Vec<Value>),
    /// An object.
    Record(Record),
}

impl Value {
    /// Returns `true` if an object in the value has a member that is null.
    fn has_null_member(&self) -> bool {
        match self {
            Self::Record(record) => record
                .iter()
                .any(|(_, member)| member.is_null() || member.has_null_member()),
            Self::List(items) => items.iter().any(Self::has_null_member),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => false,
        }
    }

    fn without_null_members(&self) -> Self {
        match self {
            Self::Record(record) => {
                Self::Record(record.without_nulls().unwrap_or_else(|| record.clone()))
            }
            Self::List(items) => Self::List(items.iter().map(Self::without_null_members).collect()),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => self.clone(),
        }
    }

    /// Returns the string if this is a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&SmolStr> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the object if this is an object.
    #[must_use]
    pub fn as_record(&self) -> Option<&Record> {
        match self {
            Self::Record(record) => Some(record),
            _ => None,
        }
    }

    /// Returns the array if this is an array.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// Returns `true` if this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns the kind of this value with its article, for error messages: `a string`, `an array`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Record(_) => "an object",
        }
    }

    /// Creates a string value.
    #[must_use]
    pub fn text(text: impl Into<SmolStr>) -> Self {
        Self::Text(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(Number::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<Record> for Value {
    fn from(value: Record) -> Self {
        Self::Record(value)
    }
}

/// The digits of a JSON number, as they are in the body (RFC 8259 section 6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(SmolStr);

impl Number {
    /// LIMIT: bytes of a number that can be converted, in any spelling. Each leg parses them again,
    /// and no sensible number is longer.
    pub const MAX_BYTES: usize = 256;

    /// Creates a number from the digits of a JSON number; returns `None` for anything else.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        let body = digits.strip_prefix('-').unwrap_or(digits);
        let (mantissa, exponent) = match body.find(['e', 'E']) {
            Some(at) => (body.get(..at)?, Some(body.get(at + 1..)?)),
            None => (body, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let whole_fits = all_digits(whole) && (whole.len() == 1 || !whole.starts_with('0'));
        let exponent_fits =
            exponent.is_none_or(|e| all_digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
        (whole_fits && fraction.is_none_or(all_digits) && exponent_fits)
            .then(|| Self(digits.into()))
    }

    /// Returns the digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// Returns the exact integer that the digits denote in any spelling (`5`, `5.0`, `0.5e1`), or
    /// `None` if they denote a fraction, are outside of 64 bits or are too long.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        let (digits, scale) = self.scaled()?;
        if digits == 0 {
            return Some(0);
        }
        let mut value = digits;
        let mut scale = scale;
        while scale < 0 {
            if value % 10 != 0 {
                return None;
            }
            value /= 10;
            scale += 1;
        }
        while scale > 0 {
            value = value.checked_mul(10)?;
            scale -= 1;
        }
        i64::try_from(value).ok()
    }

    /// Returns the decimal text `-12.5`, without an exponent and with one to four fraction digits
    /// (Cedar's `decimal`), or `None` if the number is too precise or too large for it.
    #[must_use]
    pub fn to_decimal_text(&self) -> Option<String> {
        let (digits, scale) = self.scaled()?;
        let mut value = digits;
        let mut scale = scale;
        while scale < -4 {
            if value % 10 != 0 {
                return None;
            }
            value /= 10;
            scale += 1;
        }
        while scale > -4 {
            value = value.checked_mul(10)?;
            scale -= 1;
        }
        let sign = if value < 0 { "-" } else { "" };
        let magnitude = value.unsigned_abs();
        Some(format!(
            "{sign}{}.{:04}",
            magnitude / 10_000,
            magnitude % 10_000
        ))
    }

    /// Compares the numbers that the digits denote in any spelling. Returns `None` if one of them
    /// does not fit 128 bits at the scale of the other.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        let ((mut one, one_scale), (mut two, two_scale)) = (self.scaled()?, other.scaled()?);
        if one == 0 || two == 0 || (one < 0) != (two < 0) {
            return Some(one.cmp(&two));
        }
        let power = |scale: i64| 10_i128.checked_pow(u32::try_from(scale).ok()?);
        if one_scale > two_scale {
            one = one.checked_mul(power(one_scale - two_scale)?)?;
        } else {
            two = two.checked_mul(power(two_scale - one_scale)?)?;
        }
        Some(one.cmp(&two))
    }

    /// Returns the number as an integer that does not end in 0 and a power of ten: the same pair
    /// for every spelling of the number. Returns `None` if the number is too large or too precise
    /// for any attribute type.
    ///
    /// INVARIANT: numbers with the same pair have the same [`Self::to_i64`] and
    /// [`Self::to_decimal_text`].
    #[must_use]
    pub fn normal(&self) -> Option<(i128, i64)> {
        let (mut value, mut scale) = self.scaled()?;
        while value != 0 && value % 10 == 0 {
            value /= 10;
            scale += 1;
        }
        Some((value, scale))
    }

    /// Returns the digits as one integer and a power of ten, or `None` if that does not fit 128
    /// bits or the digits are longer than [`Self::MAX_BYTES`].
    ///
    /// INVARIANT: every conversion of a number uses this. The limit on the length of a spelling is
    /// applied here, so a number that is converted and one that is not never have the same pair.
    fn scaled(&self) -> Option<(i128, i64)> {
        if self.0.len() > Self::MAX_BYTES {
            return None;
        }
        let (negative, body) = match self.0.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, self.0.as_str()),
        };
        let (mantissa, exponent) = match body.find(['e', 'E']) {
            Some(at) => (body.get(..at)?, body.get(at + 1..)?.parse::<i64>().ok()),
            None => (body, Some(0)),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        let mut value: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            value = value
                .checked_mul(10)?
                .checked_add(i128::from(byte.checked_sub(b'0')?))?;
        }
        if value == 0 {
            return Some((0, 0));
        }
        // LIMIT: a number with an exponent above 40 does not fit any attribute type.
        let exponent = exponent.filter(|e| (-40_000..=40).contains(e))?;
        let scale = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        Some((if negative { -value } else { value }, scale))
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(SmolStr::new(value.to_string()))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The members of an object, by name. Records with equal members are equal, in whatever order the
/// members were sent.
///
/// Clones share the members: a request is read once and then used in a question, in the items of a
/// batch that inherit it, and in records and explanations.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record(
    /// The members in ascending order of their names, each name once; `None` if there are no
    /// members.
    Option<Arc<[(SmolStr, Value)]>>,
);

/// Compares two names as [`str`] does. Most names differ in their first byte, and comparing that
/// needs no call.
fn compare_names(a: &str, b: &str) -> Ordering {
    let first = a.as_bytes().first().cmp(&b.as_bytes().first());
    first.then_with(|| a.cmp(b))
}

/// Up to this many members are searched one by one: most names differ in length, and comparing
/// lengths is faster than comparing order.
const FEW_MEMBERS: usize = 8;

impl Record {
    /// Creates an object without members.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// Creates a record from members in any order; the error is a name that occurs twice.
    pub fn from_members(mut members: Vec<(SmolStr, Value)>) -> Result<Self, SmolStr> {
        Self::take_members(&mut members, 0)
    }

    /// Creates a record from the members at and after `start`, and removes them from the stack. A
    /// parser keeps the members of nested objects on one stack.
    pub fn take_members(stack: &mut Vec<(SmolStr, Value)>, start: usize) -> Result<Self, SmolStr> {
        let start = start.min(stack.len());
        let members = stack.get_mut(start..).unwrap_or_default();
        members.sort_unstable_by(|(a, _), (b, _)| compare_names(a, b));
        if let Some([(twice, _), _]) = members
            .array_windows()
            .find(|[(first, _), (second, _)]| first == second)
        {
            return Err(twice.clone());
        }
        Ok(Self::sorted(stack.drain(start..)))
    }

    /// Returns the member called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let members = self.members();
        if members.len() <= FEW_MEMBERS {
            return members
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value);
        }
        let at = self.position(name).ok()?;
        members.get(at).map(|(_, value)| value)
    }

    /// Returns the member called `name` if it is present and not null.
    #[must_use]
    pub fn get_present(&self, name: &str) -> Option<&Value> {
        self.get(name).filter(|value| !value.is_null())
    }

    /// Sets a member.
    pub fn insert(&mut self, name: impl Into<SmolStr>, value: Value) {
        let name = name.into();
        let (before, after) = match self.position(&name) {
            Ok(at) => (at, at + 1),
            Err(at) => (at, at),
        };
        let (before, after) = (
            self.members().iter().take(before),
            self.members().iter().skip(after),
        );
        let members: Vec<_> = before
            .cloned()
            .chain([(name, value)])
            .chain(after.cloned())
            .collect();
        *self = Self::sorted(members.into_iter());
    }

    /// Removes a member and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.position(name).ok()?;
        let removed = self.members().get(at).map(|(_, value)| value.clone());
        let rest: Vec<_> = self
            .members()
            .iter()
            .enumerate()
            .filter(|(place, _)| *place != at)
            .map(|(_, kept)| kept.clone())
            .collect();
        *self = Self::sorted(rest.into_iter());
        removed
    }

    /// Returns the record without the members that are null, at every depth; `None` if there are
    /// none, and the record is the same.
    #[must_use]
    pub fn without_nulls(&self) -> Option<Self> {
        let all_count = self.iter().all(|(_, value)| !value.is_null());
        if all_count && !self.iter().any(|(_, value)| value.has_null_member()) {
            return None;
        }
        let present = self.iter().filter(|(_, value)| !value.is_null());
        let members: Vec<_> = present
            .map(|(name, value)| (name.clone(), value.without_null_members()))
            .collect();
        Some(Self::sorted(members.into_iter()))
    }

    /// Iterates over the members in ascending order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&SmolStr, &Value)> {
        self.members().iter().map(|(name, value)| (name, value))
    }

    /// Returns `true` if there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members().len()
    }

    /// Returns `true` if both are clones of one record: they are then equal without comparing
    /// members.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (one, two) => one.is_none() && two.is_none(),
        }
    }

    fn sorted(members: impl ExactSizeIterator<Item = (SmolStr, Value)>) -> Self {
        Self((members.len() > 0).then(|| members.collect()))
    }

    fn members(&self) -> &[(SmolStr, Value)] {
        self.0.as_deref().unwrap_or_default()
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.members()
            .binary_search_by(|(key, _)| key.as_str().cmp(name))
    }
}

impl Extend<(SmolStr, Value)> for Record {
    /// Sets members, in one pass: setting them one by one moves all others each time, which took
    /// seven seconds for the 16,000 members that a caller had written into an agent's name.
    fn extend<I: IntoIterator<Item = (SmolStr, Value)>>(&mut self, more: I) {
        *self = self.members().iter().cloned().chain(more).collect();
    }
}

impl FromIterator<(SmolStr, Value)> for Record {
    /// Collects members; of several with one name the last is kept.
    fn from_iter<I: IntoIterator<Item = (SmolStr, Value)>>(members: I) -> Self {
        let mut members: Vec<(SmolStr, Value)> = members.into_iter().collect();
        // Members with one name stay in their order.
        members.sort_by(|(a, _), (b, _)| compare_names(a, b));
        members.reverse();
        members.dedup_by(|(later, _), (kept, _)| later == kept);
        members.reverse();
        Self::sorted(members.into_iter())
    }
}

#[cfg(test)]
mod tests;
