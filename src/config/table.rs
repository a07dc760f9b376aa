//! Reads a table of settings into the settings of the parts that it is for.
//!
//! A key has one place, in a part's own struct, whose default is the key's. What a key is called,
//! in which form it is written, and which numbers it takes, stands in one line of a list
//! ([`TableKey`]).

use super::{ByteSize, TokenKey};
use crate::model::Problem;
use crate::record::{Sink, WhenFull};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A struct that a table of settings is read into.
pub(super) trait SettingsTable: Clone + Default + 'static {
    /// The name of the table.
    const NAME: &'static str;

    /// Returns the keys of the table.
    fn keys() -> &'static [TableKey<Self>];

    /// Returns the names of the keys.
    fn names() -> &'static [&'static str];
}

/// A key of a table, with the place of its value.
pub(super) struct TableKey<T: 'static> {
    pub(super) name: &'static str,
    pub(super) place: ValuePlace<T>,
}

/// The place of a value in a `T`, by the form in which it is written; for a number, with the least
/// and the greatest one.
pub(super) enum ValuePlace<T: 'static> {
    /// A number of things.
    Count(fn(&mut T) -> &mut usize, RangeInclusive<usize>),
    /// A number of things that has no default.
    OptionalCount(fn(&mut T) -> &mut Option<usize>, RangeInclusive<usize>),
    /// A size.
    Bytes(fn(&mut T) -> &mut usize, RangeInclusive<usize>),
    /// A number of milliseconds.
    Milliseconds(fn(&mut T) -> &mut Duration, RangeInclusive<u64>),
    /// A number of milliseconds that has no default.
    OptionalMilliseconds(fn(&mut T) -> &mut Option<Duration>, RangeInclusive<u64>),
    /// The key that seals page tokens.
    TokenKey(fn(&mut T) -> &mut Option<TokenKey>),
    /// The destination of records.
    Sink(fn(&mut T) -> &mut Option<Sink>),
    /// A word for what happens to a record if the queue is full.
    WhenFull(fn(&mut T) -> &mut WhenFull),
}

/// Lists the names of keys.
pub(super) const fn names<T, const N: usize>(keys: &[TableKey<T>; N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut free: &mut [&'static str] = &mut names;
    let mut rest: &[TableKey<T>] = keys;
    while let ([name, free_after @ ..], [key, rest_after @ ..]) = (free, rest) {
        *name = key.name;
        free = free_after;
        rest = rest_after;
    }
    names
}

/// Reads a table. A missing key has the default; an unknown one is refused.
pub(super) fn read<'de, T: SettingsTable, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_map(TableVisitor(PhantomData))
}

/// Reports the numbers that are out of their ranges.
pub(super) fn out_of_range<T: SettingsTable>(table: &T) -> Vec<Problem> {
    let mut table = table.clone();
    let problem = |key: &TableKey<T>| {
        let (value, least, most) = key.place.number(&mut table)?;
        let is_within = (least..=most).contains(&value);
        (!is_within).then(|| {
            Problem::new(format!("`{}.{}` is {value}", T::NAME, key.name))
                .help(format!("it takes a number from {least} to {most}"))
        })
    };
    T::keys().iter().filter_map(problem).collect()
}

impl<T> ValuePlace<T> {
    /// Reads the value into its place.
    fn read<'de, D: Deserializer<'de>>(
        &self,
        table: &mut T,
        deserializer: D,
    ) -> Result<(), D::Error> {
        match self {
            Self::Count(place, _) => *place(table) = usize::deserialize(deserializer)?,
            Self::OptionalCount(place, _) => {
                *place(table) = Some(usize::deserialize(deserializer)?);
            }
            Self::Bytes(place, _) => {
                *place(table) = ByteSize::deserialize(deserializer)?.to_usize();
            }
            Self::Milliseconds(place, _) => {
                *place(table) = Duration::from_millis(u64::deserialize(deserializer)?);
            }
            Self::OptionalMilliseconds(place, _) => {
                *place(table) = Some(Duration::from_millis(u64::deserialize(deserializer)?));
            }
            Self::TokenKey(place) => *place(table) = Some(TokenKey::deserialize(deserializer)?),
            Self::Sink(place) => *place(table) = Some(Sink::deserialize(deserializer)?),
            Self::WhenFull(place) => *place(table) = WhenFull::deserialize(deserializer)?,
        }
        Ok(())
    }

    /// Returns the number, the least and the greatest one; `None` for what is no number, or is not
    /// set.
    fn number(&self, table: &mut T) -> Option<(u64, u64, u64)> {
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let within = |value: usize, range: &RangeInclusive<usize>| {
            (number(value), number(*range.start()), number(*range.end()))
        };
        match self {
            Self::Count(place, range) | Self::Bytes(place, range) => {
                Some(within(*place(table), range))
            }
            Self::OptionalCount(place, range) => place(table).map(|value| within(value, range)),
            Self::Milliseconds(place, range) => {
                Some((millis(*place(table)), *range.start(), *range.end()))
            }
            Self::OptionalMilliseconds(place, range) => {
                place(table).map(|time| (millis(time), *range.start(), *range.end()))
            }
            Self::TokenKey(_) | Self::Sink(_) | Self::WhenFull(_) => None,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A number in a table that differs from the one in another; `None` for one that is not set.
pub(super) struct ChangedNumber<T: 'static> {
    pub(super) key: &'static TableKey<T>,
    pub(super) before: Option<u64>,
    pub(super) now: Option<u64>,
}

/// Lists the numbers that differ.
pub(super) fn changed_numbers<T: SettingsTable>(before: &T, now: &T) -> Vec<ChangedNumber<T>> {
    let (mut before, mut now) = (before.clone(), now.clone());
    let changed = |key: &'static TableKey<T>| {
        let number = |table: &mut T| key.place.number(table).map(|(value, ..)| value);
        let (before, now) = (number(&mut before), number(&mut now));
        (before != now).then_some(ChangedNumber { key, before, now })
    };
    T::keys().iter().filter_map(changed).collect()
}

impl<T> ValuePlace<T> {
    /// Takes a number over from another table.
    pub(super) fn copy(&self, from: &mut T, to: &mut T) {
        match self {
            Self::Count(place, _) | Self::Bytes(place, _) => *place(to) = *place(from),
            Self::OptionalCount(place, _) => *place(to) = *place(from),
            Self::Milliseconds(place, _) => *place(to) = *place(from),
            Self::OptionalMilliseconds(place, _) => *place(to) = *place(from),
            Self::TokenKey(_) | Self::Sink(_) | Self::WhenFull(_) => {}
        }
    }
}

struct TableVisitor<T>(PhantomData<T>);

impl<'de, T: SettingsTable> Visitor<'de> for TableVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut table = T::default();
        while let Some(place) = map.next_key_seed(KeySeed(PhantomData::<T>))? {
            let table = &mut table;
            map.next_value_seed(ValueSeed { place, table })?;
        }
        Ok(table)
    }
}

/// Reads a key.
struct KeySeed<T>(PhantomData<T>);

impl<'de, T: SettingsTable> DeserializeSeed<'de> for KeySeed<T> {
    type Value = &'static ValuePlace<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<T: SettingsTable> Visitor<'_> for KeySeed<T> {
    type Value = &'static ValuePlace<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        T::keys()
            .iter()
            .find(|key| key.name == name)
            .map(|key| &key.place)
            .ok_or_else(|| E::unknown_field(name, T::names()))
    }
}

/// Reads the value of a key.
struct ValueSeed<'a, T: 'static> {
    place: &'static ValuePlace<T>,
    table: &'a mut T,
}

impl<'de, T> DeserializeSeed<'de> for ValueSeed<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.place.read(self.table, deserializer)
    }
}
