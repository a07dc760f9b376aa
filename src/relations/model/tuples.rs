//! Decides which tuples may be written under a model, and which stored tuples count when they are
//! read.
//!
//! Models change and tuples stay, so a stored tuple that the current model does not allow is
//! ignored when it is read. [`AuthorizationModel::allows`] is that filter;
//! [`AuthorizationModel::check_tuple`] applies the same rule to a tuple that is to be written or is
//! contextual, and reports what is wrong.

use super::authorization::AuthorizationModel;
use super::definition::{Restriction, RestrictionForm};
use crate::model::{Record, Tuple, TupleCondition, TupleKey, TupleUser, Value, shown};
use crate::relations::condition::ConditionError;
use crate::relations::error::meant;
use smol_str::SmolStr;

/// Maximum size in bytes of the condition context stored with a tuple; the same limit as OpenFGA's.
pub const MAX_TUPLE_CONTEXT_BYTES: usize = 32 * 1024;

/// Why a model does not allow a tuple.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TupleRefusal {
    /// The object's or the user's type is not defined.
    #[error("the model has no type `{0}`: correct the type, or define it")]
    UnknownType(SmolStr),
    /// The type has no such relation.
    #[error(
        "type `{kind}` has no relation `{relation}`: correct the relation, or define it{}",
        meant(near.as_deref())
    )]
    UnknownRelation {
        /// The type.
        kind: SmolStr,
        /// The relation.
        relation: SmolStr,
        /// The relation that was probably meant, if some name is similar.
        near: Option<SmolStr>,
    },
    /// The relation is defined by other relations only, and takes no tuples.
    #[error(
        "relation `{relation}` of `{kind}` takes no tuples: it is defined by others; \
         write to one of those, or allow types in it"
    )]
    NotAssignable {
        /// The type.
        kind: SmolStr,
        /// The relation.
        relation: SmolStr,
    },
    /// The relation does not allow this form of user.
    #[error(
        "relation `{relation}` of `{kind}` does not allow the user `{user}`: it allows {allowed}"
    )]
    UserNotAllowed {
        /// The object's type.
        kind: SmolStr,
        /// The relation.
        relation: SmolStr,
        /// The user.
        user: String,
        /// The restrictions of the relation, as the DSL writes them.
        allowed: String,
    },
    /// The relation allows the user, but not with this condition, or not without one.
    #[error("relation `{relation}` of `{kind}` allows `{user}` {allowed}, not {found}")]
    WrongCondition {
        /// The object's type.
        kind: SmolStr,
        /// The relation.
        relation: SmolStr,
        /// The user.
        user: String,
        /// The conditions under which the relation allows the user.
        allowed: String,
        /// The condition that the tuple has, or that it has none.
        found: String,
    },
    /// The tuple states that a userset is a member of itself.
    #[error("`{0}` is true without a tuple: do not write it")]
    Implicit(String),
    /// The stored context does not fit the condition.
    #[error(transparent)]
    Condition(#[from] ConditionError),
    /// The stored context is too large.
    #[error(
        "the context of condition `{0}` has more than {MAX_TUPLE_CONTEXT_BYTES} bytes: \
         store less beside the tuple"
    )]
    ContextTooLarge(SmolStr),
    /// The stored context has a control character.
    #[error("the context of condition `{0}` has a control character: remove it")]
    ControlCharacter(SmolStr),
}

impl AuthorizationModel {
    /// Returns `true` if a stored tuple counts: its types and its relation exist, and some
    /// restriction allows its user and names the same condition, or none if the tuple has none.
    #[must_use]
    pub fn allows(&self, key: &TupleKey, condition: Option<&str>) -> bool {
        let Some(relation) = self.relation(key.object.kind(), &key.relation) else {
            return false;
        };
        relation
            .restrictions
            .iter()
            .any(|it| names(it, &key.user) && it.condition.as_deref() == condition)
    }

    /// Refuses a tuple that must neither be written nor be contextual.
    pub fn check_tuple(&self, tuple: &Tuple) -> Result<(), TupleRefusal> {
        let key = &tuple.key;
        if self.type_named(key.object.kind()).is_none() {
            return Err(TupleRefusal::UnknownType(key.object.kind().clone()));
        }
        let kind = key.object.kind().clone();
        let relation = key.relation.clone();
        let Some(definition) = self.relation(&kind, &relation) else {
            let near = self.nearest_relation(&kind, &relation);
            return Err(TupleRefusal::UnknownRelation {
                kind,
                relation,
                near,
            });
        };
        self.check_user(&key.user)?;
        if key.is_implicit() {
            return Err(TupleRefusal::Implicit(key.to_string()));
        }
        if definition.restrictions.is_empty() {
            return Err(TupleRefusal::NotAssignable { kind, relation });
        }
        let named: Vec<_> = definition
            .restrictions
            .iter()
            .filter(|it| names(it, &key.user))
            .collect();
        let user = key.user.to_string();
        if named.is_empty() {
            let allowed = list(definition.restrictions.iter().map(|it| format!("`{it}`")));
            return Err(TupleRefusal::UserNotAllowed {
                kind,
                relation,
                user,
                allowed,
            });
        }
        let condition = tuple.condition.as_deref();
        if !named
            .iter()
            .any(|it| it.condition.as_ref() == condition.map(|it| &it.name))
        {
            let allowed = list(named.iter().map(|it| with(it.condition.as_ref())));
            let found = with(condition.map(|it| &it.name));
            return Err(TupleRefusal::WrongCondition {
                kind,
                relation,
                user,
                allowed,
                found,
            });
        }
        condition.map_or(Ok(()), |condition| self.check_condition(condition))
    }

    fn check_user(&self, user: &TupleUser) -> Result<(), TupleRefusal> {
        if self.type_named(user.kind()).is_none() {
            return Err(TupleRefusal::UnknownType(user.kind().clone()));
        }
        match user {
            TupleUser::Userset { object, relation }
                if self.relation(object.kind(), relation).is_none() =>
            {
                let near = self.nearest_relation(object.kind(), relation);
                Err(TupleRefusal::UnknownRelation {
                    kind: object.kind().clone(),
                    relation: relation.clone(),
                    near,
                })
            }
            _ => Ok(()),
        }
    }

    fn check_condition(&self, condition: &TupleCondition) -> Result<(), TupleRefusal> {
        if size(&condition.context, 0) > MAX_TUPLE_CONTEXT_BYTES {
            return Err(TupleRefusal::ContextTooLarge(condition.name.clone()));
        }
        if has_control(&condition.context) {
            return Err(TupleRefusal::ControlCharacter(condition.name.clone()));
        }
        // A restriction names this condition, so the model defines it.
        self.condition(&condition.name)
            .map_or(Ok(()), |it| Ok(it.check_stored(&condition.context)?))
    }
}

/// Returns `true` if a restriction allows this form of user, conditions aside.
fn names(restriction: &Restriction, user: &TupleUser) -> bool {
    restriction.kind == *user.kind()
        && match (&restriction.form, user) {
            (RestrictionForm::Object, TupleUser::Object(_))
            | (RestrictionForm::Wildcard, TupleUser::Wildcard(_)) => true,
            (RestrictionForm::Userset(wanted), TupleUser::Userset { relation, .. }) => {
                wanted == relation
            }
            _ => false,
        }
}

fn with(condition: Option<&SmolStr>) -> String {
    condition.map_or_else(
        || "without a condition".to_owned(),
        |name| format!("with `{}`", shown(name)),
    )
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(" or ")
}

/// Returns the approximate size of a context in bytes: its names and values, plus an estimate for
/// the encoding around them.
fn size(record: &Record, depth: usize) -> usize {
    record
        .iter()
        .map(|(name, value)| name.len() + 4 + value_size(value, depth))
        .sum()
}

fn value_size(value: &Value, depth: usize) -> usize {
    const NUMBER_BYTES: usize = 9;
    // LIMIT: 64 is also the default maximum depth of a request body; a deeper context counts as too
    // large.
    if depth > 64 {
        return MAX_TUPLE_CONTEXT_BYTES + 1;
    }
    match value {
        Value::Null | Value::Bool(_) => 2,
        Value::Number(number) => number.digits().len().max(NUMBER_BYTES),
        Value::Text(text) => text.len() + 2,
        Value::List(items) => items
            .iter()
            .map(|item| 2 + value_size(item, depth + 1))
            .sum(),
        Value::Record(record) => size(record, depth + 1),
    }
}

fn has_control(record: &Record) -> bool {
    record
        .iter()
        .any(|(name, value)| name.contains(char::is_control) || value_has_control(value))
}

fn value_has_control(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::Text(text) => text.contains(char::is_control),
        Value::List(items) => items.iter().any(value_has_control),
        Value::Record(record) => has_control(record),
    }
}

#[cfg(test)]
mod tests;
