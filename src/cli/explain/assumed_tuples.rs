//! Tuples that a question assumes, beside those that are there.

use crate::model::{Record, Tuple, TupleKey, Value};

/// Tuples that are assumed to be there, and not to be there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct AssumedTuples {
    pub(super) tuples: Vec<Tuple>,
    pub(super) without: Vec<TupleKey>,
}

impl AssumedTuples {
    pub(super) fn is_empty(&self) -> bool {
        self.tuples.is_empty() && self.without.is_empty()
    }

    /// Returns these with more.
    pub(super) fn with(&self, more: &Self) -> Self {
        let (tuples, without) = (self.tuples.iter(), self.without.iter());
        Self {
            tuples: tuples.chain(&more.tuples).cloned().collect(),
            without: without.chain(&more.without).cloned().collect(),
        }
    }

    /// Returns the member `assume` of a question to a service.
    pub(super) fn record(&self) -> Record {
        let mut record = Record::new();
        if !self.tuples.is_empty() {
            let tuples = self.tuples.iter().map(|tuple| {
                let mut written = of_key(&tuple.key);
                if let Some(condition) = &tuple.condition {
                    let named = [
                        ("name".into(), Value::text(condition.name.clone())),
                        ("context".into(), Value::Record(condition.context.clone())),
                    ];
                    written.insert("condition", Value::Record(Record::from_iter(named)));
                }
                Value::Record(written)
            });
            record.insert("tuples", Value::List(tuples.collect()));
        }
        if !self.without.is_empty() {
            let without = self.without.iter().map(|key| Value::Record(of_key(key)));
            record.insert("without", Value::List(without.collect()));
        }
        record
    }
}

fn of_key(key: &TupleKey) -> Record {
    Record::from_iter([
        ("user".into(), Value::text(key.user.to_string())),
        ("relation".into(), Value::text(key.relation.clone())),
        ("object".into(), Value::text(key.object.to_string())),
    ])
}
