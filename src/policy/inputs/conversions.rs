//! What the values of one question have become: converted once, for all of its legs.
//!
//! **Problem.** Each leg sees the same context and the same resource, and a set of Cedar's is sorted when it is made: a body
//! of nested sets and a chain of eight were a second of a worker.
//! **Decision.** A list or an object is converted for the first leg that reads it, and kept as long as the question is
//! decided; its weight is counted before. **Trade-off.** Questions about one member alone keep nothing.

use crate::model::Value;
use crate::policy::inputs::coerce::Findings;
use cedar_policy_core::ast::Value as Cedar;
use smol_str::SmolStr;
use std::cell::RefCell;

/// Most that one value may weigh. Each value in it weighs as much as there are lists around it: so often it is sorted. A
/// body of 1 MiB weighs more only where it nests deeply.
pub(in crate::policy) const MAX_WEIGHT: usize = 4_000_000;

/// Conversions of one question's values. INVARIANT: of one question only, with one action.
#[derive(Debug, Default)]
pub struct Conversions(RefCell<Vec<(Origin, Fitted)>>);

/// Where in a question a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Origin {
    /// A member of the context.
    Context(SmolStr),
    /// A property of the resource.
    Resource(SmolStr),
    /// A property of a member of the chain.
    Member(usize, SmolStr),
}

/// A converted value, and what was found on the way.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Fitted {
    pub(in crate::policy) value: Option<Cedar>,
    pub(in crate::policy) findings: Findings,
}

impl Conversions {
    /// What a value has become; `convert` makes it where no leg has read it yet.
    pub(in crate::policy) fn get(&self, origin: Origin, convert: impl FnOnce() -> Fitted) -> Fitted {
        if let Some((_, known)) = self.0.borrow().iter().find(|(known, _)| *known == origin) {
            return known.clone();
        }
        let made = convert();
        self.0.borrow_mut().push((origin, made.clone()));
        made
    }
}

/// Whether a value is worth keeping: numbers and texts cost less to convert than to find.
pub(in crate::policy) fn is_compound(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Record(_))
}

/// Whether a value weighs too much to be converted.
pub(in crate::policy) fn is_too_heavy(value: &Value) -> bool {
    let mut weight = 0_usize;
    let mut open = vec![(value, 1_usize)];
    while let Some((next, lists)) = open.pop() {
        weight += lists;
        if weight > MAX_WEIGHT {
            return true;
        }
        match next {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
            Value::List(items) => open.extend(items.iter().map(|item| (item, lists + 1))),
            Value::Record(record) => open.extend(record.iter().map(|(_, member)| (member, lists))),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nests_weighs_more_than_what_is_long() {
        let numbers = |count: i64| Value::List((0..count).map(Value::from).collect());
        assert!(!is_too_heavy(&numbers(500_000)));
        assert!(!is_too_heavy(&Value::List(vec![numbers(2); 170_000])));
        let deep = (0..60).fold(Value::from(1), |inside, _| Value::List(vec![inside]));
        assert!(!is_too_heavy(&Value::List(vec![deep.clone(); 1_000])));
        assert!(is_too_heavy(&Value::List(vec![deep; 8_000])));
    }

    #[test]
    fn a_value_is_converted_once() {
        let conversions = Conversions::default();
        let fitted = |at: i64| Fitted { value: Some(Cedar::from(at)), findings: Findings::default() };
        let context = || Origin::Context("a".into());
        assert_eq!(conversions.get(context(), || fitted(1)).value, Some(Cedar::from(1)));
        assert_eq!(conversions.get(context(), || fitted(2)).value, Some(Cedar::from(1)));
        assert_eq!(conversions.get(Origin::Resource("a".into()), || fitted(3)).value, Some(Cedar::from(3)));
        assert_eq!(conversions.get(Origin::Member(0, "a".into()), || fitted(4)).value, Some(Cedar::from(4)));
        assert_eq!(conversions.get(Origin::Member(1, "a".into()), || fitted(5)).value, Some(Cedar::from(5)));
    }
}
