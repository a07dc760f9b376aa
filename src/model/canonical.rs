//! Values as bytes in one way only: what a key of kept outcomes is made of.
//!
//! INVARIANT: two different sequences of what is written here never have the same bytes. Everything
//! begins with a tag of what it is and says its own length, so no value can pass for another, for
//! two others or for one that is absent; bytes can be read in one way, from the left.

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

/// Writes values one after another.
#[derive(Debug, Default)]
pub struct Canonical(Vec<u8>);

impl Canonical {
    /// Goes on behind what `bytes` hold.
    #[must_use]
    pub fn on(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// What was written.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Gives the bytes back.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A number of things, or a place among them.
    pub fn count(&mut self, count: u64) {
        self.0.push(COUNT);
        self.varint(count.into());
    }

    /// A text.
    pub fn text(&mut self, text: &str) {
        self.0.push(TEXT);
        self.spell(text);
    }

    /// An entity, without its properties.
    pub fn entity(&mut self, uid: &EntityRef) {
        self.text(&uid.kind);
        self.text(&uid.id);
    }

    /// That a value is not there. `depth` tells the places apart at which it can be missing: a
    /// member of a record, and the record itself.
    pub fn absent(&mut self, depth: usize) {
        self.0.push(ABSENT);
        self.size(depth);
    }

    /// What stands where a record was to be looked into, at which depth.
    pub fn misplaced(&mut self, depth: usize, value: &Value) {
        self.0.push(MISPLACED);
        self.size(depth);
        self.value(value);
    }

    /// A value as policies see it: numbers by what they are, whatever their spelling.
    pub fn value(&mut self, value: &Value) {
        self.write(value, false);
    }

    /// A record as policies see it.
    pub fn record(&mut self, record: &Record) {
        self.members(record, false);
    }

    /// A value as conditions on tuples see it: to the digit, for their errors show what they were
    /// given.
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
        // In the order of their names, whatever order they were sent in.
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

    /// Seven bits to a byte, the last one without the eighth.
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

    fn bytes(write: impl Fn(&mut Canonical)) -> Vec<u8> {
        let mut canonical = Canonical::default();
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

    /// What two numbers share, every conversion that a schema can ask for shares too.
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
        /// Sequences of values, some of them absent: equal to the byte exactly where they are equal
        /// one by one.
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
