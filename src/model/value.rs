//! Untyped data as a caller sent it: property values, context members, tool arguments.
//!
//! INVARIANT: numbers keep the digits of the body. They never pass through a double, so
//! `9007199254740993` and `5000.50` are compared and converted exactly; what a policy's schema
//! makes of them is decided in `policy/`.

use smol_str::SmolStr;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// One value of a request, in the shapes that JSON has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `null`: for a member, the same as not sent.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, by its digits.
    Number(Number),
    /// A string.
    Text(SmolStr),
    /// An array, in order.
    List(Vec<Value>),
    /// An object.
    Record(Record),
}

impl Value {
    /// The string, if this is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&SmolStr> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The object, if this is one.
    #[must_use]
    pub fn as_record(&self) -> Option<&Record> {
        match self {
            Self::Record(record) => Some(record),
            _ => None,
        }
    }

    /// The array, if this is one.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// What this is, with its article, as error messages say it: `a string`, `an array`.
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

    /// A string value.
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

/// The digits of a JSON number, as the body has them (RFC 8259 section 6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(SmolStr);

impl Number {
    /// LIMIT: bytes of a number that anything converts, in any spelling. Each leg reads them anew,
    /// and nobody means a longer one.
    pub const MAX_BYTES: usize = 256;

    /// Takes digits that a JSON reader has accepted as a number; `None` for anything else.
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

    /// The digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// The exact integer that the digits denote, whatever their spelling (`5`, `5.0`, `0.5e1`);
    /// `None` where they denote a fraction, lie outside of 64 bits or are too long.
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

    /// The decimal text `-12.5` without an exponent and with at least one fraction digit, if it has
    /// at most four of them (Cedar's `decimal`); `None` where it is too precise or too large to
    /// write out.
    #[must_use]
    pub fn to_decimal_text(&self) -> Option<String> {
        let (digits, scale) = self.scaled()?;
        let (mut value, mut scale) = (digits, scale);
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

    /// Compares the numbers that the digits denote, whatever their spelling; `None` where one of
    /// them does not fit 128 bits as digits of the other's scale.
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

    /// The number as an integer that does not end in 0 and a power of ten: the same pair for every
    /// spelling of it. `None` where it is so large or so precise that no attribute type holds it.
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

    /// The digits as one integer and a power of ten; `None` when that does not fit 128 bits, and
    /// where they are longer than [`Self::MAX_BYTES`].
    ///
    /// INVARIANT: whatever a number becomes is made of this. Whether its spelling is too long is
    /// decided here, so that one that is converted and one that is not never have the same pair.
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
        // LIMIT: an exponent beyond 40 cannot denote a value that any attribute type holds.
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

/// The members of an object, by name. Equal records hold equal members, whatever order they were
/// sent in.
///
/// Clones share the members: a request is read once and then stands in a question, in the items of
/// a batch that inherit it, and in what is told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record(
    /// In ascending order of their names, each once; none where there is no member.
    Option<Arc<[(SmolStr, Value)]>>,
);

/// Compares two names as [`str`] does. Most names differ in their first byte, which is read without
/// a call.
fn compare_names(a: &str, b: &str) -> Ordering {
    let first = a.as_bytes().first().cmp(&b.as_bytes().first());
    first.then_with(|| a.cmp(b))
}

/// Up to this many members are looked through one by one: most names differ in length, which is
/// told faster than which of two comes first.
const FEW_MEMBERS: usize = 8;

impl Record {
    /// An object without members.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// Builds a record from members in any order; `Err` carries a name that occurs twice.
    pub fn from_members(mut members: Vec<(SmolStr, Value)>) -> Result<Self, SmolStr> {
        Self::take_members(&mut members, 0)
    }

    /// The same from what stands behind `start`, which is taken out: who reads an object within
    /// another keeps the members of both on one stack.
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

    /// The member called `name`.
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

    /// The member called `name`, where it is present and not null.
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

    /// Takes a member away.
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

    /// The members, by name in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (&SmolStr, &Value)> {
        self.members().iter().map(|(name, value)| (name, value))
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members().len()
    }

    /// Whether both are clones of one record: then they are equal, and this is known at once.
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

impl FromIterator<(SmolStr, Value)> for Record {
    /// The last of several members with one name stays.
    fn from_iter<I: IntoIterator<Item = (SmolStr, Value)>>(members: I) -> Self {
        let mut members: Vec<(SmolStr, Value)> = members.into_iter().collect();
        members.sort_unstable_by(|(a, _), (b, _)| compare_names(a, b));
        members.reverse();
        members.dedup_by(|(later, _), (kept, _)| later == kept);
        members.reverse();
        Self::sorted(members.into_iter())
    }
}

#[cfg(test)]
mod tests;
