//! The values that a request sends to conditions, and the state that its evaluations share.
//!
//! **Problem.** Thousands of tuples on one object can have the same condition, whose parameter can
//! be a megabyte of the request. If that were converted for each tuple, one question would keep a
//! core busy for half a minute.
//! **Decision.** A value of the request is converted once for each parameter that uses it, and the
//! work is counted ([`ConditionCache::take_work`]), so that it is metered like tuples that are
//! read.

use super::cast::{self, CastError};
use super::types::ParameterType;
use super::value::Val;
use crate::model::{Record, Value};
use foldhash::HashMap;
use smol_str::SmolStr;

/// The values that a request sends. The values that the engine supplies take precedence over those
/// of the context.
#[derive(Clone, Copy, Debug)]
pub(in crate::relations) struct RequestValues<'a> {
    context: &'a Record,
    supplied: Option<&'a Record>,
}

impl<'a> RequestValues<'a> {
    /// Returns the values of a context alone.
    pub(in crate::relations) fn of(context: &'a Record) -> Self {
        Self {
            context,
            supplied: None,
        }
    }

    /// Adds the values that the engine supplies, which take precedence.
    pub(in crate::relations) fn with_supplied(self, supplied: Option<&'a Record>) -> Self {
        Self { supplied, ..self }
    }

    /// Returns the value of a parameter.
    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        self.supplied
            .and_then(|supplied| supplied.get(name))
            .or_else(|| self.context.get(name))
    }
}

/// The state that the evaluations of one request share: converted values of the request, and the
/// work that was done.
///
/// INVARIANT: it serves one request only, because values are found by their parameter and not by
/// their content.
#[derive(Debug, Default)]
pub struct ConditionCache {
    /// The converted values, by condition and position of the parameter.
    converted: HashMap<SmolStr, Vec<Option<Result<Val, CastError>>>>,
    work: u64,
}

impl ConditionCache {
    /// Returns the work since the last call: one for each value, and one for sixteen bytes of text.
    pub(in crate::relations) fn take_work(&mut self) -> u64 {
        std::mem::take(&mut self.work)
    }

    /// Counts work that was done.
    pub(super) fn work(&mut self, work: u64) {
        self.work = self.work.saturating_add(work);
    }

    /// Returns the request's value for a parameter of a condition. The first evaluation converts
    /// it.
    pub(super) fn convert(
        &mut self,
        (condition, at): (&SmolStr, usize),
        value: &Value,
        wanted: &ParameterType,
    ) -> Result<Val, CastError> {
        // Other values are converted as quickly as they would be found.
        if !matches!(value, Value::List(_) | Value::Record(_) | Value::Text(_)) {
            self.work(1);
            return cast::cast(value, wanted);
        }
        if let Some(known) = self
            .converted
            .get(condition)
            .and_then(|places| places.get(at)?.as_ref())
        {
            return known.clone();
        }
        self.work(cast::work(value));
        let converted = cast::cast(value, wanted);
        let places = self.converted.entry(condition.clone()).or_default();
        if places.len() <= at {
            places.resize_with(at + 1, || None);
        }
        if let Some(place) = places.get_mut(at) {
            *place = Some(converted.clone());
        }
        converted
    }
}
