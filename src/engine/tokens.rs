//! What the legs of a question see as `context.token`.
//!
//! INVARIANT: with several credentials that grant something, every leg is decided once with each one's facts, so that
//! no scope of one is combined with a proof of another.

use crate::model::{CredentialLine, Proven, Question, Record, Timestamp, Unproven, Value, covering};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

/// What each leg sees, turn by turn: one without or with one credential, and so without an allocation.
type Facts = SmallVec<[Option<Record>; 1]>;

/// The facts to decide each leg with, one after the other; never empty. `given` is what a case supplies in their place.
pub(super) fn facts(question: &Question, given: Option<&Record>) -> Facts {
    if let Some(given) = given {
        return smallvec![Some(given.clone())];
    }
    let granting = question.credentials.iter().filter_map(|proven| facts_of(proven, question));
    let facts: Facts = granting.map(Some).collect();
    if facts.is_empty() { smallvec![None] } else { facts }
}

/// A credential's facts, with the one object of its details that covers the question.
fn facts_of(proven: &Proven, question: &Question) -> Option<Record> {
    let mut facts = proven.facts.clone()?;
    if let Some(detail) = covering(&proven.details, &proven.rules, question) {
        let lists = ["actions", "identifiers", "locations"];
        let mut shown: Record = lists
            .iter()
            .map(|name| ((*name).into(), detail.get_present(name).cloned().unwrap_or(Value::List(Vec::new()))))
            .collect();
        shown.insert("type", detail.get("type").cloned().unwrap_or(Value::Null));
        facts.insert("detail", Value::Record(shown));
    }
    Some(facts)
}

/// Refuses a credential that has expired since it was verified: the service may have waited for another's.
pub(super) fn check_times(question: &Question, now: Timestamp) -> Result<(), Unproven> {
    if question.credentials.iter().any(|proven| proven.until <= now) {
        return Err(Unproven::expired("a credential has expired: send a fresh one"));
    }
    Ok(())
}

/// The credentials, for an explanation.
pub(super) fn lines(credentials: &[Arc<Proven>]) -> Vec<CredentialLine> {
    let line = |proven: &Arc<Proven>| CredentialLine {
        kind: proven.kind,
        issuer: proven.issuer.to_string(),
        chain: proven.chain.clone(),
        proof: proven.proof,
        until: proven.until,
    };
    credentials.iter().map(line).collect()
}
