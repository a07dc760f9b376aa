//! What a request sends to conditions, and what the conditions of one request share.
//!
//! **Problem.** Thousands of tuples on one object can carry one condition, and its parameter can be
//! a megabyte of the request. Converted for each of them, one question holds a core for half a
//! minute.
//! **Decision.** A value of the request is converted once for each parameter that takes it, and
//! what was done is counted ([`Evaluations::take_work`]), so that it is paid for like tuples that
//! are read.

use super::cast;
use super::types::ParameterType;
use super::value::Val;
use crate::model::{Record, Value};
use foldhash::HashMap;
use smol_str::SmolStr;

/// The values that a request sends: the engine's own win over those of its context.
#[derive(Clone, Copy, Debug)]
pub(in crate::relations) struct Sent<'a> {
    context: &'a Record,
    supplied: Option<&'a Record>,
}

impl<'a> Sent<'a> {
    /// The values of a context alone.
    pub(in crate::relations) fn of(context: &'a Record) -> Self {
        Self {
            context,
            supplied: None,
        }
    }

    /// The values of a context, below those that the engine supplies.
    pub(in crate::relations) fn below(self, supplied: Option<&'a Record>) -> Self {
        Self { supplied, ..self }
    }

    /// The value of a parameter.
    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        self.supplied
            .and_then(|supplied| supplied.get(name))
            .or_else(|| self.context.get(name))
    }
}

/// What the evaluations for one request share: values of the request that are converted, and the
/// work that was done.
///
/// INVARIANT: it serves one request only. Values are found by the parameter that they are for, not
/// by what they are.
#[derive(Debug, Default)]
pub struct Evaluations {
    /// By condition and place of the parameter.
    converted: HashMap<SmolStr, Vec<Option<Result<Val, String>>>>,
    work: u64,
}

impl Evaluations {
    /// The work since the last call, in values looked at and sixteenths of a text's bytes.
    pub(in crate::relations) fn take_work(&mut self) -> u64 {
        std::mem::take(&mut self.work)
    }

    /// Counts work that was done.
    pub(super) fn work(&mut self, work: u64) {
        self.work = self.work.saturating_add(work);
    }

    /// The request's value for a parameter of a condition, converted by whichever evaluation comes
    /// first.
    pub(super) fn convert(
        &mut self,
        (condition, at): (&SmolStr, usize),
        value: &Value,
        wanted: &ParameterType,
    ) -> Result<Val, String> {
        // Most are as quickly converted as found.
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
