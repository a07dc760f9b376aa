//! Tuples that do not count because of their conditions, as the relation engine finds them and as
//! an explanation shows them.

use super::{TupleCondition, TupleKey, Value};
use smol_str::SmolStr;
use std::sync::Arc;

/// A tuple that would show that a relation holds, if its condition were true. It says which values
/// its condition was evaluated with, and holds only those of them that are small; it is not shown
/// before values that are secret are taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmetTuple {
    /// The tuple.
    pub tuple: TupleKey,
    /// Its condition, with the values that are stored with the tuple.
    pub condition: Arc<TupleCondition>,
    /// Each parameter of the condition, in the order in which they are declared, with its value
    /// where the engine supplies it. Any other is stored with the tuple, or the request's.
    pub parameters: Vec<(SmolStr, Option<Value>)>,
    /// Why the condition could not be evaluated; `None` if it is false.
    pub error: Option<String>,
}

/// A tuple that did not count, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmetCondition {
    /// The tuple: `tool:refund#caller@user:ann`.
    pub tuple: String,
    /// The name of its condition in the model.
    pub condition: String,
    /// Why the condition could not be evaluated; `None` if it is false.
    pub error: Option<String>,
    /// The values that it was evaluated with, in the order in which its parameters are declared.
    pub values: Vec<ParameterValue>,
}

/// The value of a condition's parameter, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterValue {
    /// The name of the parameter.
    pub parameter: String,
    /// The value as JSON, cut if it is long; `(secret)`, `(hidden)` or `(not declared)` where
    /// it may not be shown.
    pub value: String,
    /// Where the value comes from.
    pub origin: ParameterOrigin,
}

/// Where the value of a condition's parameter comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterOrigin {
    /// It is stored with the tuple.
    Tuple,
    /// The request's context says it.
    Request,
    /// The service supplies it: the time, the action, the resource.
    Service,
}

impl ParameterOrigin {
    /// All origins.
    pub const ALL: [Self; 3] = [Self::Tuple, Self::Request, Self::Service];

    /// Returns the word for it on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tuple => "tuple",
            Self::Request => "request",
            Self::Service => "service",
        }
    }
}
