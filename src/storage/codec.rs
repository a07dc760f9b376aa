//! Encodes values as bytes, with lengths first, so that nothing has to be escaped.
//!
//! INVARIANT: equal values have equal bytes, because a record lists its members in one order.
//! Conditions are compared by their bytes.

use crate::model::{Number, Record, Value};
use smol_str::SmolStr;

/// Maximum nesting of a condition's context. Bodies nest at most 64 levels by default; twice that
/// still uses little of any stack.
pub(super) const MAX_DEPTH: usize = 128;

/// The error if a value nests deeper than [`MAX_DEPTH`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooDeep;

/// The error if bytes are not what was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damage;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const NUMBER: u8 = 3;
const TEXT: u8 = 4;
const LIST: u8 = 5;
const RECORD: u8 = 6;

/// Appends values to bytes.
#[derive(Debug, Default)]
pub(super) struct ByteWriter(pub(super) Vec<u8>);

impl ByteWriter {
    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Writes a length with seven bits in each byte, the lowest first; the eighth bit says that
    /// more bytes follow.
    pub(super) fn length(&mut self, length: usize) {
        let mut rest = length;
        loop {
            let low = u8::try_from(rest & 0x7f).unwrap_or_default();
            rest >>= 7;
            if rest == 0 {
                self.byte(low);
                return;
            }
            self.byte(low | 0x80);
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn fixed<const N: usize>(&mut self, bytes: [u8; N]) {
        self.0.extend_from_slice(&bytes);
    }

    pub(super) fn record(&mut self, record: &Record) -> Result<(), TooDeep> {
        self.record_within(record, MAX_DEPTH)
    }

    fn record_within(&mut self, record: &Record, depth: usize) -> Result<(), TooDeep> {
        let depth = depth.checked_sub(1).ok_or(TooDeep)?;
        self.length(record.len());
        for (name, value) in record.iter() {
            self.bytes(name.as_bytes());
            self.value(value, depth)?;
        }
        Ok(())
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), TooDeep> {
        match value {
            Value::Null => self.byte(NULL),
            Value::Bool(false) => self.byte(FALSE),
            Value::Bool(true) => self.byte(TRUE),
            Value::Number(number) => {
                self.byte(NUMBER);
                self.bytes(number.digits().as_bytes());
            }
            Value::Text(text) => {
                self.byte(TEXT);
                self.bytes(text.as_bytes());
            }
            Value::List(items) => {
                let depth = depth.checked_sub(1).ok_or(TooDeep)?;
                self.byte(LIST);
                self.length(items.len());
                for item in items {
                    self.value(item, depth)?;
                }
            }
            Value::Record(record) => {
                self.byte(RECORD);
                self.record_within(record, depth)?;
            }
        }
        Ok(())
    }
}

/// Takes values from the front of bytes.
#[derive(Debug)]
pub(super) struct ByteReader<'a>(pub(super) &'a [u8]);

impl<'a> ByteReader<'a> {
    pub(super) fn byte(&mut self) -> Result<u8, Damage> {
        let [byte] = self.fixed()?;
        Ok(byte)
    }

    pub(super) fn length(&mut self) -> Result<usize, Damage> {
        let mut length = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f).checked_shl(shift).ok_or(Damage)?;
            if byte & 0x80 == 0 {
                return Ok(length);
            }
        }
        Err(Damage)
    }

    /// Reads how many items follow. Each takes at least one byte, so a damaged length cannot ask
    /// for more memory than was read.
    pub(super) fn count(&mut self) -> Result<usize, Damage> {
        let count = self.length()?;
        if count <= self.0.len() {
            Ok(count)
        } else {
            Err(Damage)
        }
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Damage> {
        let length = self.length()?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Damage)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Damage)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Damage> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Damage)
    }

    /// Checks that everything was taken.
    pub(super) fn end(&self) -> Result<(), Damage> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Damage)
        }
    }

    pub(super) fn record(&mut self) -> Result<Record, Damage> {
        self.record_within(MAX_DEPTH)
    }

    fn record_within(&mut self, depth: usize) -> Result<Record, Damage> {
        let depth = depth.checked_sub(1).ok_or(Damage)?;
        let mut members = Vec::new();
        for _ in 0..self.count()? {
            let name = SmolStr::new(self.text()?);
            members.push((name, self.value(depth)?));
        }
        Record::from_members(members).map_err(|_| Damage)
    }

    fn value(&mut self, depth: usize) -> Result<Value, Damage> {
        Ok(match self.byte()? {
            NULL => Value::Null,
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            NUMBER => Value::Number(Number::parse(self.text()?).ok_or(Damage)?),
            TEXT => Value::text(self.text()?),
            LIST => {
                let depth = depth.checked_sub(1).ok_or(Damage)?;
                let count = self.count()?;
                Value::List(
                    (0..count)
                        .map(|_| self.value(depth))
                        .collect::<Result<_, _>>()?,
                )
            }
            RECORD => Value::Record(self.record_within(depth)?),
            _ => return Err(Damage),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            Just(Value::Number(Number::parse("-12.50e-3").unwrap())),
            ".*".prop_map(Value::text),
        ];
        leaf.prop_recursive(6, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                prop::collection::vec((".{0,9}", inner), 0..6).prop_map(|members| {
                    Value::Record(
                        members
                            .into_iter()
                            .map(|(name, value)| (name.into(), value))
                            .collect(),
                    )
                }),
            ]
        })
    }

    fn nested(depth: usize) -> Record {
        let mut value = Value::Null;
        for _ in 1..depth {
            value = Value::List(vec![value]);
        }
        [("deep".into(), value)].into_iter().collect()
    }

    proptest! {
        #[test]
        fn a_record_survives(value in values()) {
            let record: Record = [("value".into(), value)].into_iter().collect();
            let mut writer = ByteWriter::default();
            writer.record(&record).unwrap();
            let mut reader = ByteReader(&writer.0);
            prop_assert_eq!(reader.record().unwrap(), record);
            reader.end().unwrap();
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = ByteReader(&bytes).record();
        }

        #[test]
        fn a_length_survives(length in any::<usize>()) {
            let mut writer = ByteWriter::default();
            writer.length(length);
            prop_assert_eq!(ByteReader(&writer.0).length(), Ok(length));
        }
    }

    #[test]
    fn nesting_has_its_limit() {
        let mut writer = ByteWriter::default();
        writer.record(&nested(MAX_DEPTH)).unwrap();
        assert_eq!(ByteReader(&writer.0).record(), Ok(nested(MAX_DEPTH)));
        assert_eq!(
            ByteWriter::default().record(&nested(MAX_DEPTH + 1)),
            Err(TooDeep)
        );
    }

    #[test]
    fn a_huge_count_asks_for_no_memory() {
        let mut writer = ByteWriter::default();
        writer.length(usize::MAX);
        assert_eq!(ByteReader(&writer.0).record(), Err(Damage));
    }
}
