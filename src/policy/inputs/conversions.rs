//! What the values of one question have become: converted once, for all of its legs.
//!
//! **Problem.** Each leg sees the same context and the same resource, and a set of Cedar's is
//! sorted when it is made: a body of nested sets and a chain of eight were a second of a worker.
//! **Decision.** A list or an object is converted for the first leg that reads it, and kept as long
//! as the question is decided. **Trade-off.** Questions about one member alone keep nothing.

use crate::model::Value;
use crate::policy::inputs::coerce::Findings;
use cedar_policy_core::ast::Value as Cedar;
use smol_str::SmolStr;
use std::cell::RefCell;

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
    /// What a value has become; `convert` makes it where no leg has read it yet, and where it holds
    /// points in time that are rounded otherwise now than they were.
    pub(in crate::policy) fn get(
        &self,
        origin: Origin,
        is_down: bool,
        convert: impl FnOnce() -> Fitted,
    ) -> Fitted {
        if let Some((_, known)) = self.0.borrow().iter().find(|(known, _)| *known == origin) {
            let is_exact = known.findings.between.is_empty();
            return if is_down || is_exact {
                known.clone()
            } else {
                convert()
            };
        }
        let made = convert();
        if is_down || made.findings.between.is_empty() {
            self.0.borrow_mut().push((origin, made.clone()));
        }
        made
    }
}

/// Whether a value is worth keeping: numbers and texts cost less to convert than to find.
pub(in crate::policy) fn is_compound(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Record(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_converted_once() {
        let conversions = Conversions::default();
        let fitted = |at: i64| Fitted {
            value: Some(Cedar::from(at)),
            findings: Findings::default(),
        };
        let context = || Origin::Context("a".into());
        assert_eq!(
            conversions.get(context(), true, || fitted(1)).value,
            Some(Cedar::from(1))
        );
        assert_eq!(
            conversions.get(context(), true, || fitted(2)).value,
            Some(Cedar::from(1))
        );
        assert_eq!(
            conversions
                .get(Origin::Resource("a".into()), true, || fitted(3))
                .value,
            Some(Cedar::from(3))
        );
        assert_eq!(
            conversions
                .get(Origin::Member(0, "a".into()), true, || fitted(4))
                .value,
            Some(Cedar::from(4))
        );
        assert_eq!(
            conversions
                .get(Origin::Member(1, "a".into()), true, || fitted(5))
                .value,
            Some(Cedar::from(5))
        );
    }
}
