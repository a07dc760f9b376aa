//! What a question about relations comes to, straight from the definitions: recursion over a list
//! of tuples, without numbers, indexes, pruning, memory or short circuits. Slow, and meant to be
//! read.

use behest::model::{ObjectRef, Record, Tuple, TupleUser};
use behest::relations::RelationError;
use behest::relations::model::{
    AuthorizationModel, RelationDefinition, Restriction, RestrictionForm, Rewrite,
};
use smol_str::SmolStr;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// A sub-problem about some user: an object and a relation.
pub(crate) type Sub = (ObjectRef, SmolStr);

/// What a sub-problem comes to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Holds,
    Lacks,
    /// It comes back to a sub-problem that it is part of.
    Cycle,
    Error(RelationError),
}

pub(crate) struct Oracle<'a> {
    pub(crate) model: &'a AuthorizationModel,
    pub(crate) tuples: &'a [Tuple],
    pub(crate) context: &'a Record,
    pub(crate) max_depth: u32,
    /// Evaluations left. Where it reaches zero the world is too tangled for a naive evaluator, and
    /// nothing is compared.
    pub(crate) patience: Cell<u32>,
}

impl Oracle<'_> {
    pub(crate) fn check(&self, user: &TupleUser, root: &Sub) -> Value {
        if !self.can_find(user, &root.0, &root.1) {
            return Value::Lacks;
        }
        self.value(user, root, &self.distances(user, root), &mut Vec::new())
    }

    pub(crate) fn relation(&self, kind: &str, relation: &str) -> Option<&RelationDefinition> {
        self.model.relation(kind, relation)
    }

    /// Whether the model has any path from the relation to the user's type.
    fn can_find(&self, user: &TupleUser, object: &ObjectRef, relation: &str) -> bool {
        let mut seen = BTreeSet::new();
        self.finds(user, &(object.kind().clone(), relation.into()), &mut seen)
    }

    fn finds(
        &self,
        user: &TupleUser,
        at: &(SmolStr, SmolStr),
        seen: &mut BTreeSet<(SmolStr, SmolStr)>,
    ) -> bool {
        let Some(relation) = self
            .relation(&at.0, &at.1)
            .filter(|_| seen.insert(at.clone()))
        else {
            return false;
        };
        if let TupleUser::Userset { object, relation } = user
            && (object.kind(), relation) == (&at.0, &at.1)
        {
            return true;
        }
        let names_it = relation.restrictions.iter().any(|restriction| match user {
            TupleUser::Object(object) => {
                restriction.kind == *object.kind()
                    && !matches!(restriction.form, RestrictionForm::Userset(_))
            }
            TupleUser::Wildcard(kind) => {
                restriction.kind == *kind && restriction.form == RestrictionForm::Wildcard
            }
            TupleUser::Userset { object, relation } => {
                restriction.kind == *object.kind()
                    && restriction.form == RestrictionForm::Userset(relation.clone())
            }
        });
        names_it
            || self
                .below(&at.0, relation)
                .iter()
                .any(|below| self.finds(user, below, seen))
    }

    /// The relations that contribute to one.
    fn below(&self, kind: &SmolStr, relation: &RelationDefinition) -> Vec<(SmolStr, SmolStr)> {
        let usersets =
            relation
                .restrictions
                .iter()
                .filter_map(|restriction| match &restriction.form {
                    RestrictionForm::Userset(name) => {
                        Some((restriction.kind.clone(), name.clone()))
                    }
                    _ => None,
                });
        let mut found: Vec<_> = usersets.collect();
        let mut left = vec![&relation.rewrite];
        while let Some(rewrite) = left.pop() {
            match rewrite {
                Rewrite::This => {}
                Rewrite::Computed(name) => found.push((kind.clone(), name.clone())),
                Rewrite::FromTupleset { tupleset, computed } => {
                    let parents = self.relation(kind, tupleset).unwrap().restrictions.iter();
                    found.extend(parents.map(|parent| (parent.kind.clone(), computed.clone())));
                }
                _ => left.extend(rewrite.children()),
            }
        }
        found
    }

    /// Whether the model allows a tuple.
    pub(crate) fn admits(&self, tuple: &Tuple) -> bool {
        let key = &tuple.key;
        let name = tuple.condition.as_ref().map(|condition| &condition.name);
        self.relation(key.object.kind(), &key.relation)
            .is_some_and(|relation| {
                relation.restrictions.iter().any(
                    |Restriction {
                         kind,
                         form,
                         condition,
                     }| {
                        kind == key.user.kind()
                            && condition.as_ref() == name
                            && match (&key.user, form) {
                                (TupleUser::Object(_), RestrictionForm::Object)
                                | (TupleUser::Wildcard(_), RestrictionForm::Wildcard) => true,
                                (
                                    TupleUser::Userset { relation, .. },
                                    RestrictionForm::Userset(name),
                                ) => relation == name,
                                _ => false,
                            }
                    },
                )
            })
    }

    pub(crate) fn applies(&self, tuple: &Tuple) -> Result<bool, RelationError> {
        let Some(stored) = &tuple.condition else {
            return Ok(true);
        };
        let condition = self.model.condition(&stored.name).unwrap();
        condition
            .evaluate(&stored.context, self.context)
            .map_err(|error| RelationError::Condition {
                tuple: Box::new(tuple.key.clone()),
                error,
            })
    }

    /// The tuples on `object#relation` that the model allows.
    pub(crate) fn tuples_on(&self, object: &ObjectRef, relation: &str) -> Vec<&Tuple> {
        let on = |tuple: &&Tuple| tuple.key.object == *object && tuple.key.relation == relation;
        self.tuples
            .iter()
            .filter(on)
            .filter(|tuple| self.admits(tuple))
            .collect()
    }

    /// The sub-problems to which a leaf of a rewrite leads, each with the tuple that leads there.
    fn leads(
        &self,
        user: &TupleUser,
        (object, relation): &Sub,
        leaf: &Rewrite,
    ) -> Vec<(Sub, Option<&Tuple>)> {
        let found: Vec<(Sub, Option<&Tuple>)> = match leaf {
            Rewrite::This => self
                .tuples_on(object, relation)
                .into_iter()
                .filter_map(|tuple| match &tuple.key.user {
                    TupleUser::Userset { object, relation } => {
                        Some(((object.clone(), relation.clone()), Some(tuple)))
                    }
                    _ => None,
                })
                .collect(),
            Rewrite::Computed(name) => vec![((object.clone(), name.clone()), None)],
            Rewrite::FromTupleset { tupleset, computed } => self
                .tuples_on(object, tupleset)
                .into_iter()
                .filter_map(|tuple| match &tuple.key.user {
                    TupleUser::Object(parent) => {
                        Some(((parent.clone(), computed.clone()), Some(tuple)))
                    }
                    _ => None,
                })
                .collect(),
            _ => unreachable!("a leaf"),
        };
        let known = |sub: &Sub| {
            self.relation(sub.0.kind(), &sub.1).is_some() && self.can_find(user, &sub.0, &sub.1)
        };
        found.into_iter().filter(|(sub, _)| known(sub)).collect()
    }

    /// Whether the model has any path from a sub-problem to users of this form.
    pub(crate) fn finds_at(&self, user: &TupleUser, sub: &Sub) -> bool {
        self.can_find(user, &sub.0, &sub.1)
    }

    /// The sub-problems of which a relation consists, for users of this form; none of them is the
    /// user itself.
    pub(crate) fn expansion(&self, form: &TupleUser, root: &Sub) -> BTreeMap<Sub, u32> {
        self.distances(form, root)
    }

    /// The tuples that an expansion reads at one sub-problem, and whether they are the relation's
    /// own. An arrow that leads nowhere for users of this form is not read.
    pub(crate) fn tuples_met(
        &self,
        form: &TupleUser,
        (object, relation): &Sub,
    ) -> Vec<(&Tuple, bool)> {
        let mut met = Vec::new();
        let mut left = vec![&self.relation(object.kind(), relation).unwrap().rewrite];
        while let Some(rewrite) = left.pop() {
            match rewrite {
                Rewrite::This => met.extend(
                    self.tuples_on(object, relation)
                        .into_iter()
                        .map(|tuple| (tuple, true)),
                ),
                Rewrite::FromTupleset { tupleset, computed } => {
                    let parents = &self.relation(object.kind(), tupleset).unwrap().restrictions;
                    let leads = |kind: &SmolStr| {
                        self.finds(
                            form,
                            &(kind.clone(), computed.clone()),
                            &mut BTreeSet::new(),
                        )
                    };
                    if parents.iter().any(|parent| leads(&parent.kind)) {
                        met.extend(
                            self.tuples_on(object, tupleset)
                                .into_iter()
                                .map(|tuple| (tuple, false)),
                        );
                    }
                }
                _ => left.extend(rewrite.children()),
            }
        }
        met
    }

    /// How deep each sub-problem lies, by the shortest way: a tuple is one dispatch, the same
    /// object none.
    fn distances(&self, user: &TupleUser, root: &Sub) -> BTreeMap<Sub, u32> {
        let mut known = BTreeMap::from([(root.clone(), 0)]);
        loop {
            let mut next = known.clone();
            for (sub, distance) in &known {
                if is_itself(user, sub) || *distance > self.max_depth {
                    continue;
                }
                let mut left = vec![&self.relation(sub.0.kind(), &sub.1).unwrap().rewrite];
                while let Some(rewrite) = left.pop() {
                    if !rewrite.children().is_empty() {
                        left.extend(rewrite.children());
                        continue;
                    }
                    for (to, by) in self.leads(user, sub, rewrite) {
                        if by.is_none_or(|tuple| self.applies(tuple) == Ok(true)) {
                            let further = distance + u32::from(by.is_some());
                            let entry = next.entry(to).or_insert(further);
                            *entry = further.min(*entry);
                        }
                    }
                }
            }
            if next == known {
                return known;
            }
            known = next;
        }
    }

    fn value(
        &self,
        user: &TupleUser,
        sub: &Sub,
        distances: &BTreeMap<Sub, u32>,
        path: &mut Vec<Sub>,
    ) -> Value {
        if distances
            .get(sub)
            .is_none_or(|distance| *distance > self.max_depth)
        {
            return Value::Error(RelationError::TooDeep(self.max_depth));
        }
        if is_itself(user, sub) {
            return Value::Holds;
        }
        if path.contains(sub) {
            return Value::Cycle;
        }
        if self.patience.get() == 0 {
            return Value::Lacks;
        }
        self.patience.set(self.patience.get() - 1);
        path.push(sub.clone());
        let rewrite = &self.relation(sub.0.kind(), &sub.1).unwrap().rewrite;
        let value = self.rewrite(user, sub, rewrite, distances, path);
        path.pop();
        value
    }

    fn rewrite(
        &self,
        user: &TupleUser,
        sub: &Sub,
        rewrite: &Rewrite,
        distances: &BTreeMap<Sub, u32>,
        path: &mut Vec<Sub>,
    ) -> Value {
        let mut all = |children: &[Rewrite]| -> Vec<Value> {
            children
                .iter()
                .map(|child| self.rewrite(user, sub, child, distances, path))
                .collect()
        };
        match rewrite {
            Rewrite::Union(children) => union(&all(children)),
            Rewrite::Intersection(children) => intersection(&all(children)),
            Rewrite::Difference { base, subtract } => {
                let base = self.rewrite(user, sub, base, distances, path);
                let subtract = self.rewrite(user, sub, subtract, distances, path);
                difference(base, subtract)
            }
            Rewrite::This | Rewrite::Computed(_) | Rewrite::FromTupleset { .. } => {
                let mut values = Vec::new();
                if *rewrite == Rewrite::This {
                    for tuple in self.tuples_on(&sub.0, &sub.1) {
                        if names(&tuple.key.user, user) {
                            values.push(match self.applies(tuple) {
                                Ok(true) => Value::Holds,
                                Ok(false) => Value::Lacks,
                                Err(error) => Value::Error(error),
                            });
                        }
                    }
                }
                for (to, by) in self.leads(user, sub, rewrite) {
                    values.push(match by.map_or(Ok(true), |tuple| self.applies(tuple)) {
                        Ok(true) => self.value(user, &to, distances, path),
                        Ok(false) => Value::Lacks,
                        Err(error) => Value::Error(error),
                    });
                }
                union(&values)
            }
        }
    }
}

/// Whether a tuple's user is this user, or everyone of its type.
pub(crate) fn names(named: &TupleUser, user: &TupleUser) -> bool {
    named == user
        || matches!((named, user), (TupleUser::Wildcard(kind), TupleUser::Object(object)) if kind == object.kind())
}

fn is_itself(user: &TupleUser, sub: &Sub) -> bool {
    matches!(user, TupleUser::Userset { object, relation } if (object, relation) == (&sub.0, &sub.1))
}

/// `Holds` wins over errors, an error over false; the mark of a cycle stays.
fn union(values: &[Value]) -> Value {
    if values.contains(&Value::Holds) {
        return Value::Holds;
    }
    let marked = if values.contains(&Value::Cycle) {
        Value::Cycle
    } else {
        Value::Lacks
    };
    foremost(values).map_or(marked, Value::Error)
}

/// False wins over errors, and a cycle is false.
fn intersection(values: &[Value]) -> Value {
    if values.contains(&Value::Lacks) {
        return Value::Lacks;
    }
    if values.contains(&Value::Cycle) {
        return Value::Cycle;
    }
    foremost(values).map_or(Value::Holds, Value::Error)
}

/// A false base or a true subtract wins over the other side; a cycle on either side is false; then
/// the base's error.
fn difference(base: Value, subtract: Value) -> Value {
    if base == Value::Lacks || subtract == Value::Holds {
        return Value::Lacks;
    }
    if base == Value::Cycle || subtract == Value::Cycle {
        return Value::Cycle;
    }
    match (base, subtract) {
        (Value::Error(error), _) | (_, Value::Error(error)) => Value::Error(error),
        _ => Value::Holds,
    }
}

/// The error that is reported of several: of a condition before the depth, of the lesser tuple
/// first.
pub(crate) fn foremost(values: &[Value]) -> Option<RelationError> {
    let errors = values.iter().filter_map(|value| match value {
        Value::Error(error) => Some(error.clone()),
        _ => None,
    });
    errors.min_by_key(|error| match error {
        RelationError::Condition { tuple, .. } => (0, Some(tuple.clone()), error.to_string()),
        _ => (1, None, error.to_string()),
    })
}
