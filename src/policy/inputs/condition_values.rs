//! Makes what the conditions of tuples see of a member of the context that the schema declares.
//!
//! **Problem.** A condition reads the request, and a policy reads values of the declared type. One
//! value of a type can be written in several ways: an address mapped into IPv6, a decimal as text,
//! a set with an element twice, a reference with its type. A rule that compares one of them would
//! hold for the others.
//! **Decision.** A condition sees each value in one form of its declared type: a set has each
//! element once and in order, a decimal is a number, a reference is its id, a point in time is in
//! UTC, a duration is in milliseconds. What it does not read is left out.
//! **Trade-off.** A number that a condition could hold only nearly denies; ids of more than 53 bits
//! are texts.
//!
//! INVARIANT: two values that are equal for a policy are equal for a condition, and two that differ
//! for a policy differ for a condition. Only points in time, which a policy sees to a millisecond,
//! differ by less.

use crate::model::{Number, Record, Value, duration_nanos, mapped_network, request_instant_nanos};
use crate::policy::explanation::shown::undeclared_name;
use crate::policy::index::ScopePolicies;
use crate::policy::schema::Vocabulary;
use cedar_policy_core::ast::Name;
use cedar_policy_core::validator::types::Type;
use jiff::Timestamp;
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The largest whole number up to which each one has a double of its own: 2^53.
const MAX_EXACT: i128 = 1 << 53;

const NANOS_PER_MS: i128 = 1_000_000;

const NANOS_PER_DAY: i128 = 86_400_000 * NANOS_PER_MS;

/// Makes the values of one leg's conditions.
pub(super) struct ConditionValues<'a> {
    pub(super) scope: &'a ScopePolicies,
    pub(super) vocabulary: &'a Vocabulary,
    /// Why values deny.
    pub(super) bad: &'a mut Vec<String>,
}

impl ConditionValues<'_> {
    /// Returns what conditions see of a member of the context.
    ///
    /// INVARIANT: a value that is read and cannot be written denies. Left out, it would count as
    /// not sent.
    pub(super) fn member(mut self, name: &SmolStr, value: &Value, ty: &Type) -> Option<Value> {
        self.seen(value, ty, &mut vec![name.clone()])
    }

    /// Returns what conditions see of a value at this path.
    fn seen(&mut self, value: &Value, ty: &Type, at: &mut Vec<SmolStr>) -> Option<Value> {
        let written = self.written(value, ty, at);
        // What does not fit its type has been told already.
        if written.is_none() && self.bad.is_empty() {
            let path = at.join(".");
            self.bad.push(format!(
                "`context.{path}`: a condition of a relation reads it, and takes it in no such form"
            ));
        }
        written
    }

    fn written(&mut self, value: &Value, ty: &Type, at: &mut Vec<SmolStr>) -> Option<Value> {
        match (ty, value) {
            (Type::Record { attrs, .. }, Value::Record(record)) => {
                let mut members = Vec::new();
                for (name, member) in record.iter().filter(|(_, member)| !member.is_null()) {
                    at.push(name.clone());
                    if self.scope.condition_reads(at) {
                        let seen = match attrs.get_attr(name) {
                            Some(declared) => self.seen(member, &declared.attr_type, at),
                            None => self.undeclared(at, attrs.iter().map(|(name, _)| name)),
                        };
                        members.extend(seen.map(|seen| (name.clone(), seen)));
                    }
                    at.pop();
                }
                Record::from_members(members).ok().map(Value::Record)
            }
            (
                Type::Set {
                    element_type: Some(ty),
                },
                Value::List(items),
            ) => {
                let elements: Option<BTreeSet<Value>> =
                    items.iter().map(|item| self.seen(item, ty, at)).collect();
                Some(Value::List(elements?.into_iter().collect()))
            }
            (Type::Bool(_), Value::Bool(_)) | (Type::String | Type::Entity(_), Value::Text(_)) => {
                Some(value.clone())
            }
            (Type::Long, Value::Number(number)) => {
                let whole = number.to_i64()?;
                self.exact(whole.into(), at)?;
                Some(Value::Number(Number::from(whole)))
            }
            (Type::Entity(_), Value::Record(reference)) => reference.get("id").cloned(),
            (Type::ExtensionType { name }, value) => self.extension(name, value, at),
            _ => None,
        }
    }

    fn extension(&mut self, name: &Name, value: &Value, at: &[SmolStr]) -> Option<Value> {
        let text = value.as_text();
        let written = match name.basename_as_ref().as_ref() {
            "decimal" => return self.decimal(value, at),
            "ipaddr" => address(text?),
            "datetime" => instant(text?),
            "duration" => duration(text?),
            _ => None,
        };
        written.map(Value::text)
    }

    /// Returns a decimal as a number, without zeros at its end.
    fn decimal(&mut self, value: &Value, at: &[SmolStr]) -> Option<Value> {
        let text = match value {
            Value::Number(number) => number.to_decimal_text(),
            Value::Text(text) => Number::parse(text)?.to_decimal_text(),
            _ => None,
        }?;
        let (whole, fraction) = text.split_once('.')?;
        let units: i128 = format!("{whole}{fraction}").parse().ok()?;
        self.exact(units, at)?;
        let fraction = fraction.trim_end_matches('0');
        let short = match (units, fraction) {
            (0, _) => "0".to_owned(),
            (_, "") => whole.to_owned(),
            (_, fraction) => format!("{whole}.{fraction}"),
        };
        Number::parse(&short).map(Value::Number)
    }

    /// Refuses a number that a condition could hold only nearly; conditions compute with doubles
    /// where no type of a parameter says otherwise.
    fn exact(&mut self, units: i128, at: &[SmolStr]) -> Option<()> {
        if units.abs() <= MAX_EXACT {
            return Some(());
        }
        self.bad.push(format!(
            "`context.{}`: a condition of a relation reads it, and would hold a number of so many \
             digits only nearly: declare it as a String",
            at.join(".")
        ));
        None
    }

    /// Refuses a member of this path that is not among the declared ones. It is told once, however
    /// many there are.
    fn undeclared<'n>(
        &mut self,
        at: &[SmolStr],
        declared: impl Iterator<Item = &'n SmolStr>,
    ) -> Option<Value> {
        if let ([before @ .., name], true) = (at, self.bad.is_empty()) {
            let shown = undeclared_name(name, declared, self.vocabulary);
            let path: Vec<&str> = before.iter().chain([&shown]).map(SmolStr::as_str).collect();
            self.bad.push(format!(
                "`context.{}`: a condition of a relation reads it, and the schema does not declare \
                 it",
                path.join(".")
            ));
        }
        None
    }
}

/// Writes an address or a network; a network of one address is that address.
fn address(text: &str) -> Option<String> {
    let mapped = mapped_network(text);
    let text = mapped.as_deref().unwrap_or(text);
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    Some(match bits.filter(|bits| *bits != most) {
        Some(bits) => format!("{address}/{bits}"),
        None => address.to_string(),
    })
}

/// Writes a point in time in UTC, with the digits of its fraction that are not zero.
fn instant(text: &str) -> Option<String> {
    let nanos =
        request_instant_nanos(text).or_else(|| request_instant_nanos(&format!("{text}T00:00Z")))?;
    Timestamp::from_nanosecond(nanos)
        .ok()
        .map(|instant| instant.to_string())
}

/// Writes a duration in milliseconds. Cedar's form has days, too (`1d2h`).
fn duration(text: &str) -> Option<String> {
    let (sign, unsigned) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let nanos = match unsigned.split_once('d') {
        Some((days, "")) => days.parse::<i128>().ok()?.checked_mul(NANOS_PER_DAY)?,
        Some((days, rest)) => {
            let days = days.parse::<i128>().ok()?.checked_mul(NANOS_PER_DAY)?;
            days.checked_add(duration_nanos(rest)?)?
        }
        None => duration_nanos(unsigned)?,
    };
    Some(format!("{}ms", sign * nanos / NANOS_PER_MS))
}
