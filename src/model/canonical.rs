//! Encodes values as bytes in exactly one way, for cache keys.
//!
//! INVARIANT: two different sequences of values never have the same bytes. Each item begins with a
//! tag for its kind and states its own length, so no value can be mistaken for another, for two
//! others or for an absent one; the bytes can be decoded in one way only, from the left.

use super::{EntityRef, Record, Value};

const ABSENT: u8 = 0;
const NULL: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const NUMBER: u8 = 4;
const DIGITS: u8 = 5;
const TEXT: u8 = 6;
const LIST: u8 = 7;
const RECORD: u8 = 8;
const COUNT: u8 = 9;
const MISPLACED: u8 = 10;

/// A writer that encodes values one after another.
#[derive(Debug, Default)]
pub struct CanonicalWriter(Vec<u8>);

impl CanonicalWriter {
    /// Creates a writer that appends to `bytes`.
    #[must_use]
    pub fn on(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes written so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the bytes and ends the writer.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Writes a number of things, or a position among them.
    pub fn count(&mut self, count: u64) {
        self.0.push(COUNT);
        self.varint(count.into());
    }

    /// Writes a text.
    pub fn text(&mut self, text: &str) {
        self.0.push(TEXT);
        self.spell(text);
    }

    /// Writes an entity, without its properties.
    pub fn entity(&mut self, uid: &EntityRef) {
        self.text(&uid.kind);
        self.text(&uid.id);
    }

    /// Writes that a value is absent. `depth` distinguishes what is missing: a member of a record,
    /// or the record itself.
    pub fn absent(&mut self, depth: usize) {
        self.0.push(ABSENT);
        self.size(depth);
    }

    /// Writes the value that was found at this depth instead of a record.
    pub fn misplaced(&mut self, depth: usize, value: &Value) {
        self.0.push(MISPLACED);
        self.size(depth);
        self.value(value);
    }

    /// Writes a value as policies see it: equal numbers have equal bytes in any spelling.
    pub fn value(&mut self, value: &Value) {
        self.write(value, false);
    }

    /// Writes a record as policies see it.
    pub fn record(&mut self, record: &Record) {
        self.members(record, false);
    }

    /// Writes a value as conditions on tuples see it: with the digits of numbers, since error
    /// messages show them.
    pub fn verbatim(&mut self, value: &Value) {
        self.write(value, true);
    }

    fn write(&mut self, value: &Value, verbatim: bool) {
        match value {
            Value::Null => self.0.push(NULL),
            Value::Bool(false) => self.0.push(FALSE),
            Value::Bool(true) => self.0.push(TRUE),
            Value::Number(number) => match number.normal().filter(|_| !verbatim) {
                Some((whole, tens)) => {
                    self.0.push(NUMBER);
                    self.varint(whole.unsigned_abs());
                    self.0.push(u8::from(whole < 0));
                    self.varint(tens.unsigned_abs().into());
                    self.0.push(u8::from(tens < 0));
                }
                None => {
                    self.0.push(DIGITS);
                    self.spell(number.digits());
                }
            },
            Value::Text(text) => self.text(text),
            Value::List(items) => {
                self.0.push(LIST);
                self.size(items.len());
                items.iter().for_each(|item| self.write(item, verbatim));
            }
            Value::Record(record) => self.members(record, verbatim),
        }
    }

    fn members(&mut self, record: &Record, verbatim: bool) {
        self.0.push(RECORD);
        self.size(record.len());
        // The members are in the order of their names, whatever order they were sent in.
        for (name, member) in record.iter() {
            self.spell(name);
            self.write(member, verbatim);
        }
    }

    fn spell(&mut self, text: &str) {
        self.size(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn size(&mut self, size: usize) {
        self.varint(u128::try_from(size).unwrap_or(u128::MAX));
    }

    /// Writes seven bits per byte; all bytes except the last have the eighth bit set.
    fn varint(&mut self, mut number: u128) {
        loop {
            let low = u8::try_from(number & 0x7F).unwrap_or(0);
            number >>= 7;
            if number == 0 {
                self.0.push(low);
                return;
            }
            self.0.push(low | 0x80);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Number;
    use proptest::prelude::*;

    fn number(digits: &str) -> Value {
        Value::Number(Number::parse(digits).unwrap())
    }

    fn bytes(write: impl Fn(&mut CanonicalWriter)) -> Vec<u8> {
        let mut canonical = CanonicalWriter::default();
        write(&mut canonical);
        canonical.into_bytes()
    }

    #[test]
    fn a_number_is_what_it_is_however_it_is_spelled_except_to_conditions() {
        let spellings = ["5", "5.0", "0.5e1", "50e-1", "5.000"];
        for a in spellings {
            for b in spellings {
                assert_eq!(
                    bytes(|it| it.value(&number(a))),
                    bytes(|it| it.value(&number(b)))
                );
                assert_eq!(
                    bytes(|it| it.verbatim(&number(a))) == bytes(|it| it.verbatim(&number(b))),
                    a == b
                );
            }
        }
        let different = [
            "5",
            "-5",
            "50",
            "0.5",
            "5e100",
            "5.0e100",
            "0",
            "500",
            "5e-3",
            "9007199254740993",
        ];
        for (at, a) in different.iter().enumerate() {
            for b in different.iter().skip(at + 1) {
                assert_ne!(
                    bytes(|it| it.value(&number(a))),
                    bytes(|it| it.value(&number(b))),
                    "{a} {b}"
                );
            }
        }
    }

    /// If two numbers have the same bytes, every conversion that a schema can ask for gives the
    /// same result for both.
    #[test]
    fn numbers_with_the_same_bytes_convert_alike() {
        let zeros = format!("0.{}1e46", "0".repeat(45));
        let longest = format!("1.{}", "0".repeat(254));
        let longer = format!("1.{}", "0".repeat(255));
        let exponent = format!("1e{}", "0".repeat(300));
        let nothing = format!("0e{}", "9".repeat(300));
        let all = [
            "1",
            &longest,
            &longer,
            &exponent,
            &nothing,
            "1.0",
            "10e-1",
            &zeros,
            "1e38",
            "100000000000000000000000000000000000000",
            "0e99999",
            "-0",
            "0",
        ];
        for a in all {
            for b in all {
                let (Value::Number(x), Value::Number(y)) = (number(a), number(b)) else {
                    continue;
                };
                if bytes(|it| it.value(&number(a))) == bytes(|it| it.value(&number(b))) {
                    assert_eq!(
                        (x.to_i64(), x.to_decimal_text()),
                        (y.to_i64(), y.to_decimal_text()),
                        "{a} {b}"
                    );
                }
            }
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let digits = prop_oneof![Just("1"), Just("10"), Just("1e1"), Just("-1"), Just("1e99")];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            digits.prop_map(number),
            "[ab\u{0}\u{6}]{0,3}".prop_map(Value::text),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::List),
                prop::collection::vec(("[ab]{0,2}", inner), 0..3).prop_map(
                    |members| Value::Record(
                        members
                            .into_iter()
                            .map(|(name, value)| (name.into(), value))
                            .collect()
                    )
                ),
            ]
        })
    }

    proptest! {
        /// Two sequences of values, some of them absent, have equal bytes exactly if all their
        /// items are equal.
        #[test]
        fn different_sequences_have_different_bytes(
            a in prop::collection::vec(prop::option::of(values()), 0..4),
            b in prop::collection::vec(prop::option::of(values()), 0..4),
        ) {
            let write = |items: &[Option<Value>]| bytes(|it| for item in items {
                match item { Some(value) => it.verbatim(value), None => it.absent(1) }
            });
            prop_assert_eq!(write(&a) == write(&b), a == b);
        }
    }
}
