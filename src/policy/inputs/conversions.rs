//! Keeps the converted values of one question, so that each is converted once for all legs.
//!
//! **Problem.** Each leg sees the same context and the same resource, and Cedar sorts a set when it
//! is made: a body of nested sets and a chain of eight took a worker a second. **Decision.** A list
//! or an object is converted for the first leg that reads it, and kept as long as the question is
//! being decided. **Trade-off.** Questions about one member alone keep nothing.

use crate::model::Value;
use crate::policy::inputs::coerce::{CoercionFindings, EpochNanos};
use cedar_policy_core::ast::Value as Cedar;
use smol_str::SmolStr;
use std::cell::RefCell;

/// The converted values of one question. INVARIANT: they belong to one question, with one action.
#[derive(Debug, Default)]
pub struct Conversions {
    all: RefCell<Vec<(ValueOrigin, Conversion)>>,
    /// Values with some points in time read as the millisecond after.
    rounded: RefCell<Vec<(Way, Option<Cedar>)>>,
}

/// How a value was converted again: its origin, the paths of the points in time in it, and the
/// points that are read as the millisecond after.
type Way = (ValueOrigin, Vec<Vec<SmolStr>>, Vec<EpochNanos>);

/// The part of a question that a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) enum ValueOrigin {
    /// A member of the context.
    Context(SmolStr),
    /// A property of the resource.
    Resource(SmolStr),
    /// A property of a member of the chain.
    Member(usize, SmolStr),
}

/// A converted value, with what was found during the conversion.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Conversion {
    pub(in crate::policy) value: Option<Cedar>,
    pub(in crate::policy) findings: CoercionFindings,
}

impl Conversions {
    /// Returns a converted value; calls `convert` if no leg has read the value yet.
    pub(in crate::policy) fn get(
        &self,
        origin: ValueOrigin,
        convert: impl FnOnce() -> Conversion,
    ) -> Conversion {
        if let Some((_, known)) = self.all.borrow().iter().find(|(known, _)| *known == origin) {
            return known.clone();
        }
        let made = convert();
        self.all.borrow_mut().push((origin, made.clone()));
        made
    }

    /// Returns a value with some points in time read as the millisecond after; calls `convert` if
    /// no leg has needed it yet.
    pub(in crate::policy) fn rounded(
        &self,
        origin: &ValueOrigin,
        paths: &[Vec<SmolStr>],
        up: &[EpochNanos],
        convert: impl FnOnce() -> Option<Cedar>,
    ) -> Option<Cedar> {
        let is_same = |(of, at, behind): &Way| of == origin && at == paths && behind == up;
        if let Some((_, known)) = self.rounded.borrow().iter().find(|(way, _)| is_same(way)) {
            return known.clone();
        }
        let made = convert();
        let way = (origin.clone(), paths.to_vec(), up.to_vec());
        self.rounded.borrow_mut().push((way, made.clone()));
        made
    }
}

/// Returns `true` if a converted value is worth keeping: numbers and texts cost less to convert
/// than to look up.
pub(in crate::policy) fn is_compound(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Record(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_converted_once() {
        let conversions = Conversions::default();
        let fitted = |at: i64| Conversion {
            value: Some(Cedar::from(at)),
            findings: CoercionFindings::default(),
        };
        let context = || ValueOrigin::Context("a".into());
        assert_eq!(
            conversions.get(context(), || fitted(1)).value,
            Some(Cedar::from(1))
        );
        assert_eq!(
            conversions.get(context(), || fitted(2)).value,
            Some(Cedar::from(1))
        );
        assert_eq!(
            conversions
                .get(ValueOrigin::Resource("a".into()), || fitted(3))
                .value,
            Some(Cedar::from(3))
        );
        assert_eq!(
            conversions
                .get(ValueOrigin::Member(0, "a".into()), || fitted(4))
                .value,
            Some(Cedar::from(4))
        );
        assert_eq!(
            conversions
                .get(ValueOrigin::Member(1, "a".into()), || fitted(5))
                .value,
            Some(Cedar::from(5))
        );
    }
    #[test]
    fn a_value_is_rounded_once_for_each_way_to_read_its_points() {
        let conversions = Conversions::default();
        let (one, other) = (
            ValueOrigin::Context("a".into()),
            ValueOrigin::Context("b".into()),
        );
        let path = |name: &str| vec![vec![SmolStr::new(name)]];
        let made = |at: i64| Some(Cedar::from(at));
        let ways: [(&ValueOrigin, &str, &[EpochNanos]); 5] = [
            (&one, "a", &[1]),
            (&one, "a", &[1, 2]),
            (&one, "a", &[2]),
            (&one, "c", &[1]),
            (&other, "a", &[1]),
        ];
        for (at, (origin, name, up)) in (0..).zip(ways) {
            let found = conversions.rounded(origin, &path(name), up, || made(at));
            assert_eq!(found, made(at));
        }
        for (at, (origin, name, up)) in (0..).zip(ways) {
            let found = conversions.rounded(origin, &path(name), up, || made(9));
            assert_eq!(found, made(at));
        }
    }
}
